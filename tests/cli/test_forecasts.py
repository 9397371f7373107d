"""The list of revenue at risk on the command line, read from a simulated Stripe."""

from pathlib import Path
from typing import Any

import pytest

from dunning.core.clock import WallClock
from dunning.sandbox import Sandbox, serve


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Any:
    """A Stripe with a subscriber whose card expires first, one whose card is good, and how to reach it."""
    sandbox = Sandbox(clock=WallClock(), seed=7)
    expiring = sandbox.customer(bill=False)
    sandbox.customer(bill=False, amount=1000)
    card = sandbox.world.tables["payment_methods"][expiring["payment_method"]]["card"]
    card |= {"exp_month": 1, "exp_year": WallClock().now().year}
    server = serve(sandbox, host="127.0.0.1", port=0)
    yield {
        "DATABASE_URL": sqlite_url,
        "STRIPE_API_KEY": "sk_test_x",
        "STRIPE_API_BASE": server.url,
        "DUNNING_DATA_DIR": str(tmp_path),
    }
    server.stop()


def test_revenue_at_risk_is_read_on_demand_and_listed_with_its_reason(cli: Any, settings: Any) -> None:
    assert "No renewal is known yet" in cli("report", "at-risk", **settings).out
    ended = cli("report", "at-risk", "--read", **settings)
    assert ended.code == 0, ended.err
    assert "USD: 29.00 of 39.00 (2 renewals) at risk" in ended.out
    assert "the card expires before" in ended.out
    import json

    told = json.loads(cli("report", "at-risk", "--json", **settings).out)
    assert told["at_risk"] == {"usd": 2900}
    assert [one["risk"] for one in told["renewals"]] == ["card_expires"]
