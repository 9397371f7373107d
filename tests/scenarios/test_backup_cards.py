"""Diaries: the customer has another card on file, and the policy lets us use it, or does not."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from scenarios.stage import Stage

from dunning.core.policy import BackupCards
from dunning.core.vocabulary import AttemptState, Status
from dunning.flows import switches
from dunning.sandbox import billing
from dunning.sandbox.state import Trouble
from dunning.sandbox.wallet import detach_card

ON = BackupCards.NEWEST_FIRST


def used_cards(stage: Stage, ids: dict[str, Any]) -> list[str]:
    """The cards that were charged, in order, from the sandbox's own books."""
    lines = (line for line in stage.sandbox.books() if line["invoice"] == ids["invoice"])
    return [line["payment_method"] for line in lines if line["kind"] == "charge"]


def fails_with_bad_backup(stage: Stage, code: str, backup_code: str, **more: Any) -> dict[str, Any]:
    """Bill a customer whose card answers `code`, and whose other card would answer `backup_code`."""
    ids = stage.sandbox.customer(fail=code, country="GB", backup=True, bill=False, **more)
    with stage.sandbox.world.lock:
        file = stage.sandbox.world.cards[ids["backup_payment_method"]]
        file.trouble = Trouble("scripted", backup_code, stage.clock.now())
        billing.bill(stage.sandbox.world, ids["subscription"], 5, again=False)
    stage.settle()
    return ids | {"invoice": stage.subscription(ids)["latest_invoice"]}


def test_a_lost_card_is_replaced_by_the_backup_card_that_the_policy_allows(stage: Stage) -> None:
    stage.policy(backup_cards=ON)

    # Monday: the card is reported lost, and never tried again. The customer has saved another one, which no
    # bank has refused yet: it is charged at once, and pays.
    robin = stage.fails("lost_card", backup=True)
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.reason) == (Status.RECOVERED, "backup_card")
    assert used_cards(stage, robin) == [robin["payment_method"], robin["backup_payment_method"]]
    assert any("another card of the customer" in sentence for sentence in stage.sentences(robin))
    assert stage.ledger(robin) == [("recovered", 2900, "backup_card")]

    # The simulated Stripe's own books name the same reason; nothing more is charged.
    stage.pass_time(days=20)
    charges = [line for line in stage.sandbox.books() if line["kind"] == "charge"]
    assert [line["credited_to"] for line in charges] == [None, "backup_card"]


def test_without_a_word_in_the_policy_no_other_card_is_touched(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card", backup=True)
    stage.pass_time(days=15)
    assert stage.charges(robin) == ["declined"]
    assert stage.recovery(robin).status is Status.LOST


def test_from_the_nth_refusal_on_the_backup_card_comes_first(stage: Stage) -> None:
    stage.policy(backup_cards=ON, backup_after=3)
    robin = stage.fails("insufficient_funds", backup=True)
    stage.pass_time(days=14)
    assert used_cards(stage, robin) == [robin["payment_method"]] * 3 + [robin["backup_payment_method"]]
    assert stage.recovery(robin).reason == "backup_card"


def test_a_backup_card_that_is_refused_too_leaves_the_own_card_its_retries(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.policy(backup_cards=ON, backup_after=1)
    robin = fails_with_bad_backup(stage, "insufficient_funds", "stolen_card", clears_after_hours=24 * 6)
    stage.pass_time(days=14)
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.reason) == (Status.RECOVERED, "our_retry")
    assert used_cards(stage, robin).count(robin["backup_payment_method"]) == 1, (
        "a stolen card is never tried twice"
    )
    assert recovery.decline_code == "insufficient_funds", "the own card's word, not the backup card's"


@pytest.mark.parametrize("code", ["fraudulent", "authentication_required", "stop_payment_order"])
def test_where_the_customer_must_be_asked_no_other_card_is_charged(quick_stage: Stage, code: str) -> None:
    stage = quick_stage
    stage.policy(backup_cards=ON, backup_after=1)
    robin = stage.fails(code, backup=True)
    stage.pass_time(days=15)
    assert len(stage.charges(robin)) == 1


def test_a_backup_card_that_was_removed_meanwhile_is_not_charged(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.policy(backup_cards=ON, backup_after=2)
    robin = stage.fails("insufficient_funds", backup=True)
    world = stage.sandbox.world
    with world.lock:
        merchant = stage._dashboard()
        detach_card(world, world.tables["payment_methods"][robin["backup_payment_method"]], merchant)
    stage.pass_time(days=15)
    assert set(used_cards(stage, robin)) == {robin["payment_method"]}
    assert stage.recovery(robin).status is Status.LOST


def test_the_same_card_saved_twice_is_no_backup(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.policy(backup_cards=ON)
    ids = stage.sandbox.customer(fail="lost_card", country="GB", backup=True, bill=False)
    cards = stage.sandbox.world.tables["payment_methods"]
    twin = cards[ids["backup_payment_method"]]
    twin["card"] = twin["card"] | {"fingerprint": cards[ids["payment_method"]]["card"]["fingerprint"]}
    with stage.sandbox.world.lock:
        billing.bill(stage.sandbox.world, ids["subscription"], 5, again=False)
        ids["invoice"] = stage.subscription(ids)["latest_invoice"]
    stage.pass_time(days=15)
    assert stage.charges(ids) == ["declined"]


def test_while_the_network_says_wait_the_backup_card_is_charged_and_not_the_own(stage: Stage) -> None:
    # Mastercard's advice 30: not before ten days, and the window ends sooner. The other card has its turn.
    stage.policy(backup_cards=ON, backup_after=9, window=timedelta(days=5))
    robin = stage.fails("insufficient_funds", brand="mastercard", network_advice_code="30", backup=True)
    stage.pass_time(days=6)
    assert used_cards(stage, robin) == [robin["payment_method"], robin["backup_payment_method"]]
    assert stage.recovery(robin).reason == "backup_card"


def test_a_backup_card_that_goes_before_its_turn_leaves_the_own_card_to_the_networks_word(
    stage: Stage,
) -> None:
    stage.policy(backup_cards=ON, backup_after=9, window=timedelta(days=5))
    switches.pause_all(stage.house, "not today", by="ada")
    robin = stage.fails("insufficient_funds", brand="mastercard", network_advice_code="30", backup=True)
    assert stage.recovery(robin).backup_card_id == robin["backup_payment_method"]
    world = stage.sandbox.world
    with world.lock:
        detach_card(
            world, world.tables["payment_methods"][robin["backup_payment_method"]], stage._dashboard()
        )
    stage.settle()
    switches.resume_all(stage.house, by="ada")
    stage.pass_time(days=6)
    assert stage.charges(robin) == ["declined"]
    assert stage.recovery(robin).status is Status.LOST


def test_each_card_keeps_its_own_budget(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.policy(backup_cards=ON, backup_after=1, attempts_per_card_a_day=1)
    robin = fails_with_bad_backup(stage, "insufficient_funds", "insufficient_funds")
    stage.pass_time(days=14)
    tries = [(a.card_id, a.at) for a in stage.attempts(robin) if a.state is AttemptState.DECLINED]
    assert {card for card, _ in tries} == {robin["payment_method"], robin["backup_payment_method"]}
    for card in {card for card, _ in tries}:
        own = [at for used, at in tries if used == card]
        assert all(later - earlier >= timedelta(days=1) for earlier, later in pairwise(own))
    assert len(stage.ours(robin)) <= 8
