"""A platform's connected accounts: each invoice is collected where it belongs."""

from scenarios.stage import Stage

from dunning.core.billing import Whose
from dunning.core.vocabulary import Status
from dunning.store import recoveries


def test_a_platform_and_its_account_are_recovered_side_by_side(stage: Stage) -> None:
    ours = stage.fails("insufficient_funds", clears_after_hours=11)
    theirs = stage.fails("insufficient_funds", clears_after_hours=11, account="acct_acme")
    stage.pass_time(days=9)
    assert stage.recovery(ours).reason == "our_retry"
    with stage.house.store.read() as connection:
        found = recoveries.newest_of_invoice(connection, Whose("acct_acme"), theirs["invoice"])
    assert found is not None
    assert (found.status, found.reason) == (Status.RECOVERED, "our_retry")
    keys = [line["idempotency_key"] for line in stage.sandbox.books() if line["made_by"] == "dunning"]
    assert sorted(keys) == sorted(
        [f"v1:pay:acct_acme:{theirs['invoice']}:1", f"v1:pay:self:{ours['invoice']}:1"]
    )
    assert stage.invoice(theirs)["status"] == "paid"
