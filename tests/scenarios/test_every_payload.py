"""One diary, told by Stripe in every way it has: what comes of it is always the same."""

from typing import Any

import pytest
from scenarios.stage import Stage

WAYS: dict[str, dict[str, Any]] = {
    "before basil": {"api_version": "2020-03-02", "hybrid": False},
    "hybrid": {"api_version": "2024-10-28.acacia", "hybrid": True},
    "basil": {"api_version": "2025-03-31.basil"},
    "thin": {"payloads": "thin"},
    "both": {"payloads": "both"},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_decline_that_clears_and_a_card_that_is_changed(quick_stage: Stage, way: str) -> None:
    stage = quick_stage
    stage.sandbox.do("set", **WAYS[way])
    robin = stage.fails("insufficient_funds", clears_after_hours=30)
    kim = stage.fails("expired_card")
    stage.pass_time(days=1)
    stage.sandbox.do("change_card", customer=kim["customer"])
    stage.pass_time(days=8)
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]
    assert stage.ledger(kim) == [("recovered", 2900, "customer_card_update")]
