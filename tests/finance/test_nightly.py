"""What the clock does for finance at night: the proof, the census of subscriptions, the monthly mail."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from scenarios.stage import Stage

from dunning.core.billing import Whose
from dunning.flows import finance_mail, outlook, proving
from dunning.flows.pacing import Pace
from dunning.sandbox.actions import named
from dunning.store import balance, tables

FAST = Pace(10_000)


def recovered(stage: Stage) -> dict[str, str]:
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(days=9)
    assert stage.recovery(robin).reason == "our_retry"
    return robin


def breaks(stage: Stage) -> list[tuple[str, str, int, int]]:
    with stage.house.store.read() as connection:
        rows = balance.all_breaks(connection, livemode=False)
    return [(row["source_id"][:2], row["direction"], row["ledger"], row["stripe"]) for row in rows]


def test_a_payment_that_failed_after_all_is_taken_back_by_a_reversing_row(stage: Stage) -> None:
    robin = recovered(stage)
    named("late_failure")(stage.sandbox, {"invoice": robin["invoice"]})
    stage.pass_time(days=2)
    assert proving.prove_all(stage.house, pace=FAST) == 0
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry"), ("reversal", -2900, None)]
    proving.prove_all(stage.house, pace=FAST)
    assert len(stage.ledger(robin)) == 2


def test_a_refund_that_no_webhook_told_is_a_difference_until_it_is_fetched(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = recovered(stage)
    stage.hold_events = True
    named("refund")(stage.sandbox, {"invoice": robin["invoice"], "amount": 900})
    stage.pass_time(days=2)
    assert proving.prove_all(stage.house, pace=FAST) == 1
    assert breaks(stage) == [("re", "out", 0, -900)]
    stage.receive(stage.held)
    stage.hold_events = False
    stage.settle()
    assert proving.prove_all(stage.house, pace=FAST) == 0


def test_stripes_fees_are_known_from_its_balance(quick_stage: Stage) -> None:
    stage = quick_stage
    recovered(stage)
    stage.pass_time(days=2)
    proving.prove_all(stage.house, pace=FAST)
    with stage.house.store.read() as connection:
        [line] = connection.execute(tables.balance_lines.select()).mappings().all()
        [proof] = [row for row in balance.proofs(connection, livemode=False) if row["compared"]]
    assert (line["amount"], line["fee"], line["net"]) == (2900, 114, 2786)
    assert proof["totals"] == {"usd": {"ledger": 2900, "stripe": 2900}}
    assert Whose().account_id == line["account_id"]


def test_the_census_keeps_who_was_a_customer_and_what_was_saved(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = recovered(stage)
    stage.clock.advance_to(stage.clock.now() + timedelta(days=70))
    assert outlook.census(stage.house, pace=FAST) == 1
    named("cancel")(stage.sandbox, {"customer": robin["customer"]})
    outlook.census(stage.house, pace=FAST)
    with stage.house.store.read(steady=True) as connection:
        found = outlook.look(connection, ZoneInfo("UTC"), stage.clock.now(), livemode=False)
    month, weights = found.churn[0]
    assert month == f"{stage.clock.now():%Y-%m}"
    assert weights["usd"].start == 2900
    assert (found.saved["usd"].months, found.saved["usd"].value) == (2, 5800)


def test_finance_is_mailed_each_month_once(quick_stage: Stage) -> None:
    stage = quick_stage
    recovered(stage)
    stage.clock.advance_to(stage.clock.now() + timedelta(days=30))
    assert not finance_mail.mail_month(stage.house)
    house = replace(
        stage.house, settings=stage.house.settings.model_copy(update={"finance_mail": "f@x.example"})
    )
    assert finance_mail.mail_month(house)
    assert not finance_mail.mail_month(house)
    [(_, outgoing)] = [one for one in stage.mails.sent if one[1].recipient == "f@x.example"]
    assert outgoing.subject == "Recovered revenue of 2026-01"
    assert "recovered 29.00 USD" in outgoing.text
