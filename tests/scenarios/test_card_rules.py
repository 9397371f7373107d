"""Diaries: what a refusal means and how often a card may be tried, by the networks and the merchant."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from flows.test_card_limits import bill_again, charges_of
from scenarios.stage import OURS, Stage
from sqlalchemy import select

from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import AttemptState, Status, WithheldBy
from dunning.flows import card_budget, card_rules, staff
from dunning.store import objects, tables, withheld


def withheld_of(stage: Stage, ids: dict[str, Any]) -> list[tuple[str, WithheldBy, str]]:
    """Return what was withheld of a recovery: network, cause, and the attempt it would have followed."""
    query = select(tables.withheld).where(tables.withheld.c.recovery_id == stage.recovery(ids).id)
    with stage.house.store.read() as connection:
        rows = connection.execute(query.order_by(tables.withheld.c.at)).all()
    return [(row.network, row.cause, row.after) for row in rows]


def used(stage: Stage, ids: dict[str, Any]) -> list[tuple[int, datetime | None]]:
    with stage.house.store.read() as connection:
        card = objects.card(connection, OURS, ids["payment_method"])
        uses = card_budget.use(connection, OURS, card, stage.clock.now())
    return [(use.used, use.free_at) for use in uses]


def bounced(stage: Stage, ids: dict[str, Any]) -> int:
    """Return how many debits the bank sent back; each was `processing` before."""
    return stage.charges(ids).count("declined")


@pytest.mark.parametrize(
    ("code", "told_as", "decline_class", "reason"),
    [
        ("fraudulent", "fraudulent", DeclineClass.FRAUD, "highest_risk_level"),
        ("rule", "generic_decline", DeclineClass.FRAUD, "rule"),
        (
            "previously_declined_do_not_retry",
            "generic_decline",
            DeclineClass.HARD,
            "previously_declined_do_not_retry",
        ),
    ],
)
def test_a_block_of_stripes_is_told_from_the_banks_no(
    stage: Stage, code: str, told_as: str, decline_class: DeclineClass, reason: str
) -> None:
    robin = stage.fails(code)

    # Monday: the code alone names no reason; the charge's outcome does. The bank never heard of it.
    [blocked] = stage.attempts(robin)
    assert (blocked.decline_code, blocked.decline_class) == (told_as, decline_class)
    assert (blocked.outcome_type, blocked.outcome_reason) == ("blocked", reason)
    assert blocked.network_status == "not_sent_to_network"
    assert stage.recovery(robin).status is Status.WAITING

    # It used nothing of the network's budget, and no network would have charged for another try.
    assert used(stage, robin) == [(0, None)]
    assert withheld_of(stage, robin) == []

    # In the whole window it is not tried again; another card collects.
    stage.pass_time(days=3)
    assert stage.charges(robin) == ["declined"]
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    stage.settle()
    assert stage.recovery(robin).status is Status.RECOVERED
    assert stage.charges(robin) == ["declined", "paid"]


def test_a_block_during_our_own_retry_is_read_as_one(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    trouble = stage.sandbox.world.cards[robin["payment_method"]].trouble
    assert trouble is not None
    trouble.decline_code = "rule"
    stage.pass_time(days=14)
    assert stage.ours(robin) == [AttemptState.DECLINED]
    assert stage.attempts(robin)[-1].decline_class is DeclineClass.FRAUD
    assert used(stage, robin) == [(1, None)]


def test_a_charge_that_cannot_be_read_leaves_the_decline_as_it_was_told(stage: Stage) -> None:
    stage.sandbox.faults.add(status=500, path="/v1/charges/*", method="GET", times=None)
    robin = stage.fails("rule")
    [told] = stage.attempts(robin)
    assert (told.decline_code, told.decline_class) == ("generic_decline", DeclineClass.SOFT_ISSUER)
    assert told.outcome_type is None
    assert stage.recovery(robin).status is Status.SCHEDULED


@pytest.mark.parametrize(
    ("advice", "hours"),
    [("02", 72), ("24", 1), ("25", 24), ("26", 48), ("27", 96), ("28", 144), ("29", 192), ("30", 240)],
)
def test_mastercards_delay_is_kept_to_the_hour(stage: Stage, advice: str, hours: int) -> None:
    robin = stage.fails("insufficient_funds", brand="mastercard", network_advice_code=advice)
    stage.pass_time(days=14)
    times = charges_of(stage, robin["payment_method"])
    assert len(times) > 1
    assert all(late - early >= timedelta(hours=hours) for early, late in pairwise(times))


@pytest.mark.parametrize("advice", ["03", "21"])
def test_do_not_try_again_holds_across_two_invoices_of_one_card(stage: Stage, advice: str) -> None:
    # Two invoices wait for their retry on one card.
    robin = stage.fails("insufficient_funds", brand="mastercard")
    [other] = bill_again(stage, robin, 1)
    assert {stage.recovery(ids).status for ids in (robin, other)} == {Status.SCHEDULED}

    # On the first of the two, Mastercard says: do not try again.
    trouble = stage.sandbox.world.cards[robin["payment_method"]].trouble
    assert trouble is not None
    trouble.network_advice_code = advice
    stage.pass_time(days=13)
    asked = [stage.charges(ids, by="dunning") for ids in (robin, other)]
    assert sorted(asked) == [[], ["declined"]]
    assert {stage.recovery(ids).status for ids in (robin, other)} == {Status.WAITING}

    # Both next attempts were withheld, and each is counted once, however often staff ask.
    for ids in (robin, other):
        [(network, cause, after)] = withheld_of(stage, ids)
        assert (network, cause) == ("mastercard", WithheldBy.STOP_CODE)
        answered = [attempt for attempt in stage.attempts(ids) if attempt.state is AttemptState.DECLINED]
        assert after == answered[-1].id
        assert not staff.retry(stage.house, stage.recovery(ids).id, by="ada").done
        assert len(withheld_of(stage, ids)) == 1
    with stage.house.store.read() as connection:
        counted = withheld.counts(connection, livemode=False)
    assert counted == {("mastercard", WithheldBy.STOP_CODE): 2}


@pytest.mark.parametrize(
    ("debit", "days"),
    [("sepa_debit", 30), ("bacs_debit", 30), ("au_becs_debit", 30), ("us_bank_account", 40)],
)
def test_a_bank_debit_is_asked_twice_and_no_more(stage: Stage, debit: str, days: int) -> None:
    # The first debit bounced: one of two is used.
    robin = stage.fails("insufficient_funds", debit=debit, settles_after_hours=0)
    first = stage.clock.now()
    assert used(stage, robin) == [(1, None)]

    # Our one retry is the second. The third would fit only when the first has left the window.
    stage.pass_time(days=13)
    assert bounced(stage, robin) == 2
    assert used(stage, robin) == [(2, first + timedelta(days=days))]
    [(network, cause, _)] = withheld_of(stage, robin)
    assert (network, cause) == (debit, WithheldBy.BUDGET)
    assert stage.recovery(robin).status is Status.WAITING

    # Staff cannot pass it either, and it is not counted twice.
    staff.retry(stage.house, stage.recovery(robin).id, by="ada")
    stage.settle()
    assert bounced(stage, robin) == 2
    assert len(withheld_of(stage, robin)) == 1


def test_the_merchants_row_changes_class_and_plan_and_older_versions_stay(stage: Stage) -> None:
    # By the built-in table `not_permitted` is the end of a card.
    before = stage.fails("not_permitted")
    assert stage.recovery(before).status is Status.WAITING

    # This merchant knows better, and publishes version 1.
    row = {"class": "soft_funds", "retries": 2}
    assert card_rules.set_row(stage.house, "not_permitted", row, by="ada").version == 1
    robin = stage.fails("not_permitted")
    assert stage.recovery(robin).decline_class is DeclineClass.SOFT_FUNDS
    assert stage.recovery(robin).status is Status.SCHEDULED

    # Two retries, as the row says, and no third. What was classified before keeps its class.
    stage.pass_time(days=15)
    assert stage.charges(robin, by="dunning") == ["declined", "declined"]
    assert {attempt.rules_version for attempt in stage.attempts(robin)} == {1}
    assert stage.charges(before, by="dunning") == []
    [old] = stage.attempts(before)
    assert (old.decline_class, old.rules_version) == (DeclineClass.HARD, 0)

    # Version 2 makes a soft code the end of a card, whatever the bank advises: no retry at all.
    assert card_rules.set_row(stage.house, "do_not_honor", {"class": "hard"}, by="ada").version == 2
    hardened = stage.fails("do_not_honor")
    assert stage.recovery(hardened).status is Status.WAITING
    stage.pass_time(days=13)
    assert stage.charges(hardened) == ["declined"]
    assert stage.attempts(hardened)[0].rules_version == 2


def test_a_budget_of_the_merchants_own_is_kept(stage: Stage) -> None:
    assert card_rules.set_budgets(stage.house, "visa", ["2 in 10d"], by="ada").changed
    robin = stage.fails("insufficient_funds")
    stage.pass_time(days=13)
    times = charges_of(stage, robin["payment_method"])
    assert len(times) >= 3
    spans = zip(times, times[2:], strict=False)
    assert all(late - early >= timedelta(days=10) for early, late in spans)


@pytest.mark.parametrize(
    ("code", "brand", "cause"),
    [
        ("lost_card", "visa", WithheldBy.STOP_CODE),
        ("lost_card", "amex", WithheldBy.HARD_DECLINE),
        ("not_permitted", "visa", WithheldBy.HARD_DECLINE),
    ],
)
def test_a_refusal_for_good_is_a_stop_code_only_where_the_network_says_so(
    quick_stage: Stage, code: str, brand: str, cause: WithheldBy
) -> None:
    robin = quick_stage.fails(code, brand=brand)
    quick_stage.pass_time(days=20)
    [(network, told, _)] = withheld_of(quick_stage, robin)
    assert (network, told) == (brand, cause)


def test_what_needs_the_customer_is_not_withheld(quick_stage: Stage) -> None:
    for code in ("expired_card", "authentication_required", "insufficient_funds"):
        robin = quick_stage.fails(code)
        quick_stage.pass_time(days=20)
        assert withheld_of(quick_stage, robin) == []


def test_while_stripe_retries_nothing_of_ours_is_withheld(watching_stage: Stage) -> None:
    robin = watching_stage.fails("lost_card")
    watching_stage.pass_time(days=20)
    assert withheld_of(watching_stage, robin) == []


def test_one_account_behind_two_customers_has_one_budget(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds", debit="sepa_debit", settles_after_hours=0)
    world = stage.sandbox.world
    twin = stage.sandbox.customer(
        fail="insufficient_funds", debit="sepa_debit", settles_after_hours=0, bill=False
    )
    methods = world.tables["payment_methods"]
    methods[twin["payment_method"]]["sepa_debit"] = methods[robin["payment_method"]]["sepa_debit"]

    # The twin's first bill is the second try on the same account: nothing is left for us.
    [bill] = bill_again(stage, twin, 1)
    stage.pass_time(days=13)
    assert [bounced(stage, ids) for ids in (robin, bill)] == [1, 1]
    causes = [cause for ids in (robin, bill) for _, cause, _ in withheld_of(stage, ids)]
    assert causes == [WithheldBy.BUDGET, WithheldBy.BUDGET]


def test_a_budget_that_others_use_up_after_the_plan_withholds_the_attempt_when_it_is_due(
    stage: Stage,
) -> None:
    robin = stage.fails("insufficient_funds", debit="sepa_debit", settles_after_hours=0)
    due = stage.recovery(robin).next_attempt_at
    assert due is not None
    assert withheld_of(stage, robin) == []
    bill_again(stage, robin, 1)  # Stripe's own first try of it is the second on this account
    stage.pass_time(seconds=(due - stage.clock.now()).total_seconds())
    assert stage.charges(robin, by="dunning") == []
    assert stage.attempts(robin)[-1].state is AttemptState.CANCELLED
    [(network, cause, _)] = withheld_of(stage, robin)
    assert (network, cause) == ("sepa_debit", WithheldBy.BUDGET)
