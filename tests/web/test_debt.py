"""What a subscription owes, and cancelling it: on the page, in the API and on the command line."""

import html
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from scenarios.link import no_receiver
from scenarios.stage import Stage
from scenarios.stage_fixtures import quick_stage, stage, switchboard
from signed_in import signed_in
from starlette.testclient import TestClient

from dunning.core.policy import Drafts, LastResort
from dunning.core.vocabulary import Status
from dunning.sandbox import billing
from dunning.web.site import create_site

__all__ = ["quick_stage", "stage", "switchboard"]
LOCAL = ("127.0.0.1", 50000)


def staff_browser(stage: Stage) -> TestClient:
    return TestClient(
        signed_in(create_site(stage.house, no_receiver), stage.house),
        client=LOCAL,
        base_url="http://127.0.0.1:8000",
    )


def unpaid_with_drafts(stage: Stage) -> dict[str, Any]:
    """Return a customer whose subscription is unpaid, with a bill of the cycle and one begun by hand."""
    world, ids = stage.sandbox.world, stage.sandbox.customer(fail="lost_card", country="GB")
    with world.lock:
        stage.subscription(ids)["status"] = "unpaid"
    stage.settle()
    stage.clock.advance_to(stage.clock.now() + timedelta(days=1))
    with world.lock:
        billing.bill(world, ids["subscription"], 5, again=False)
        owner = world.tables["customers"][ids["customer"]]
        billing.begin_draft(world, owner, stage.subscription(ids), amount=700, reason="manual")
    stage.settle()
    return ids


def test_the_page_shows_what_is_owed_before_anything_is_cancelled(stage: Stage) -> None:
    robin = unpaid_with_drafts(stage)
    browser, home = staff_browser(stage), f"/recoveries/{stage.recovery(robin).id}"
    page = html.unescape(browser.get(home).text)
    assert "Drafts while unpaid" in page
    assert "begun by hand" in page
    debt = html.unescape(browser.get(f"{home}/debt").text)
    for part in (
        "$29.00",
        "$36.00",
        "begun by hand",
        "stay owed",
        "never charged",
        "Cancel the subscription",
    ):
        assert part in debt
    assert stage.subscription(robin)["status"] == "unpaid"

    after = html.unescape(browser.post(f"{home}/cancel").text)
    assert "being cancelled" in after
    stage.settle()
    assert stage.subscription(robin)["status"] == "canceled"
    assert "The subscription was cancelled" in html.unescape(browser.get(home).text)
    assert "already" in html.unescape(browser.get(f"{home}/debt").text)


def test_the_page_works_without_stripe_and_says_so(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = unpaid_with_drafts(stage)
    browser, home = staff_browser(stage), f"/recoveries/{stage.recovery(robin).id}"
    stage.sandbox.faults.add(path="/v1/subscriptions/*", method="GET", status=500, times=None)
    assert "Stripe could not be asked" in browser.get(home).text
    assert browser.get(f"{home}/debt").status_code == 503


def test_the_api_tells_the_debt_and_cancels(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = unpaid_with_drafts(stage)
    browser, home = staff_browser(stage), f"/api/v1/recoveries/{stage.recovery(robin).id}"
    debt = browser.get(f"{home}/debt").json()
    assert debt["open_amounts"] == {"usd": 2900}
    assert debt["draft_amounts"] == {"usd": 3600}
    assert [bill["why_not_owed"] is None for bill in debt["drafts"]] == [True, False]
    assert debt["if_cancelled"]
    done = browser.post(f"{home}/cancel")
    assert done.status_code == 200
    assert done.json()["recovery"]["status"] == "stopped"
    assert browser.post(f"{home}/cancel").status_code == 409
    stage.settle()
    [errand] = browser.get(home).json()["errands"]
    assert (errand["kind"], errand["state"], errand["by"]) == (
        "cancel_subscription",
        "done",
        "admin@juniper.example",
    )


def test_a_one_off_invoice_has_no_debt_of_a_subscription(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card", one_off=True)
    browser, recovery_id = staff_browser(stage), stage.recovery(robin).id
    assert browser.get(f"/recoveries/{recovery_id}/debt").status_code == 404
    assert browser.get(f"/api/v1/recoveries/{recovery_id}/debt").status_code == 409
    assert browser.post(f"/api/v1/recoveries/{recovery_id}/cancel").status_code == 409
    assert browser.get("/api/v1/recoveries/rec_nobody/debt").status_code == 404


def test_settings_show_the_policy_in_force(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.policy(last_resort=LastResort.PAUSE_SUBSCRIPTION, drafts=Drafts.COLLECT, window=timedelta(days=21))
    page = html.unescape(staff_browser(stage).get("/settings").text)
    for part in ("Policy", "21 d", "pause subscription", "collect", "dunning policy export"):
        assert part in page


@pytest.fixture
def command(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Any]:
    """Runs a command line on the stage's database and sandbox."""
    from dunning.cli import run

    monkeypatch.setenv("DATABASE_URL", stage.house.settings.database)
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_stage")
    monkeypatch.setenv("STRIPE_API_BASE", stage.url)

    def call(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(words)
        return code, capsys.readouterr().out

    yield call
    structlog.reset_defaults()


def test_the_command_line_previews_and_cancels(stage: Stage, command: Any) -> None:
    robin = unpaid_with_drafts(stage)
    recovery_id = stage.recovery(robin).id
    code, out = command("recoveries", "cancel", recovery_id, "--preview")
    assert code == 0
    for part in ("29.00 USD", "36.00 USD", "begun by hand", "stay owed"):
        assert part in out
    told = json.loads(command("recoveries", "debt", recovery_id, "--json")[1])
    assert told["draft_amounts"] == {"usd": 3600}
    assert stage.recovery(robin).status is not Status.STOPPED, "a preview changes nothing"

    code, out = command("recoveries", "cancel", recovery_id)
    assert code == 0
    assert stage.errands(robin) == [("cancel_subscription", "planned")], "the clock rings for it"
    code, out = command("recoveries", "show", recovery_id)
    assert "cancel_subscription" in out
    assert command("recoveries", "cancel", recovery_id)[0] == 1
