"""Diaries: Stripe gave up, the subscription is unpaid, and its bills pile up as drafts."""

from typing import Any

import pytest
from flows.stopping import steps
from scenarios.link import pay_on_page
from scenarios.stage import Stage

from dunning.core.policy import Drafts
from dunning.core.vocabulary import Retries, Status
from dunning.flows import carrying_out, staff, switches
from dunning.sandbox import billing, money


def unpaid(stage: Stage, drafts: Drafts = Drafts.COLLECT) -> dict[str, Any]:
    """Return a customer whose subscription Stripe has marked unpaid, two bills ago.

    Stripe retried for two weeks, and we in the gaps.
    """
    stage.policy(drafts=drafts)
    switches.set_mode(stage.house, retries=Retries.WEAVE, by="ada")
    stage.sandbox.final_subscription = "unpaid"
    robin = stage.fails("lost_card")
    stage.pass_time(days=15)
    assert stage.subscription(robin)["status"] == "unpaid"
    for _ in range(2):
        stage.pass_time(days=30)
        with stage.sandbox.world.lock:
            billing.bill(stage.sandbox.world, robin["subscription"], 5, again=False)
        stage.settle()
    return robin


def draft_ids(stage: Stage, ids: dict[str, Any]) -> list[str]:
    found = stage.sandbox.world.invoices_of[ids["customer"]]
    invoices = stage.sandbox.world.tables["invoices"]
    return [one for one in found if invoices[one]["status"] == "draft"]


def works_again(stage: Stage, ids: dict[str, Any]) -> None:
    """The bank finds the card: it is the same one, and works again."""
    with stage.sandbox.world.lock:
        stage.sandbox.world.cards[ids["payment_method"]].trouble = None


def test_drafts_are_collected_one_after_the_other_once_a_card_works_again(stage: Stage) -> None:
    robin = unpaid(stage)
    first, second = draft_ids(stage, robin)
    assert stage.recovery(robin).status is Status.LOST

    # In March the customer pays the old invoice on its page.
    works_again(stage, robin)
    pay_on_page(stage.invoice(robin)["hosted_invoice_url"])
    stage.settle()
    assert (stage.recovery(robin).status, stage.recovery(robin).late) == (Status.RECOVERED, True)

    # The older draft is finalised, and Stripe charges it like any bill; the younger one waits for it.
    invoices = stage.sandbox.world.tables["invoices"]
    assert (invoices[first]["status"], invoices[second]["status"]) == ("paid", "draft")
    stage.pass_time(hours=1)
    assert invoices[second]["status"] == "paid"
    stage.pass_time(hours=2)
    assert stage.errands(robin) == [("collect_drafts", "done")]
    for draft in (first, second):
        assert sum(draft in sentence for sentence in stage.sentences(robin)) == 1
        charges = [line for line in stage.sandbox.books() if line["invoice"] == draft]
        assert [line["outcome"] for line in charges] == ["paid"], "once, and not twice"


def test_the_built_in_policy_lists_drafts_and_leaves_them(stage: Stage) -> None:
    robin = unpaid(stage, Drafts.LEAVE)
    found = staff.debt(stage.house, stage.recovery(robin).id)
    assert found is not None
    assert [draft.invoice.id for draft in found.owed_drafts] == draft_ids(stage, robin)
    assert found.draft_amounts == {"usd": 5800}
    works_again(stage, robin)
    pay_on_page(stage.invoice(robin)["hosted_invoice_url"])
    stage.pass_time(days=2)
    assert len(draft_ids(stage, robin)) == 2
    assert stage.errands(robin) == []


def test_a_draft_that_fails_is_a_recovery_and_the_next_one_waits_for_it(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = unpaid(stage)
    first, second = draft_ids(stage, robin)
    pay_on_page(
        stage.invoice(robin)["hosted_invoice_url"], "new"
    )  # a card used once: the old one is still lost
    stage.pass_time(hours=3)
    invoices = stage.sandbox.world.tables["invoices"]
    assert (invoices[first]["status"], invoices[second]["status"]) == ("open", "draft")
    failed = robin | {"invoice": first}
    assert stage.recovery(failed).status in {Status.WAITING, Status.WATCHING, Status.SCHEDULED}
    assert stage.errands(robin) == [("collect_drafts", "done")]

    # A new card pays it, and then the draft that waited.
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    stage.settle()
    assert invoices[first]["status"] == "paid"
    added = stage.attempts(failed)[-1].card_id
    assert added is not None
    stage.merchant(
        "POST",
        f"/v1/customers/{robin['customer']}",
        **{"invoice_settings[default_payment_method]": added},
    )
    stage.pass_time(hours=2)
    assert invoices[second]["status"] in {"paid", "open"}


def test_what_is_not_owed_is_left_and_named(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = unpaid(stage)
    world = stage.sandbox.world
    with world.lock:
        owner, subscription = world.tables["customers"][robin["customer"]], stage.subscription(robin)
        by_hand = billing.begin_draft(world, owner, subscription, amount=99900, reason="manual")
    works_again(stage, robin)
    pay_on_page(stage.invoice(robin)["hosted_invoice_url"])
    stage.pass_time(hours=4)
    assert draft_ids(stage, robin) == [by_hand["id"]]
    assert any(
        by_hand["id"] in sentence and "begun by hand" in sentence for sentence in stage.sentences(robin)
    )
    assert stage.errands(robin) == [("collect_drafts", "dropped")]


def test_money_from_outside_stripe_says_nothing_of_a_card(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = unpaid(stage)
    stage.pays_out_of_band(robin)
    stage.pass_time(hours=3)
    assert stage.recovery(robin).reason == "out_of_band"
    assert len(draft_ids(stage, robin)) == 2


def test_a_dispute_stops_the_drafts_that_are_left(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = unpaid(stage)
    _, second = draft_ids(stage, robin)
    works_again(stage, robin)
    pay_on_page(stage.invoice(robin)["hosted_invoice_url"])
    stage.settle()
    world = stage.sandbox.world
    with world.lock:
        money.dispute(world, next(c for c in world.tables["charges"].values() if c["paid"]))
    stage.pass_time(hours=3)
    assert draft_ids(stage, robin) == [second]
    assert stage.errands(robin) == [("collect_drafts", "dropped")]


def test_a_dispute_stops_the_draft_that_stripe_was_too_busy_to_finalise(stage: Stage) -> None:
    robin = unpaid(stage)
    drafts = draft_ids(stage, robin)
    works_again(stage, robin)
    finalize = "/v1/invoices/*/finalize"
    stage.sandbox.faults.add(path=finalize, status=429, code="rate_limit", times=None)
    pay_on_page(stage.invoice(robin)["hosted_invoice_url"])
    stage.settle()
    assert stage.errands(robin) == [("collect_drafts", "asking")]
    world = stage.sandbox.world
    with world.lock:
        money.dispute(world, next(c for c in world.tables["charges"].values() if c["paid"]))
    stage.settle()
    stage.sandbox.faults.rules.clear()
    stage.pass_time(hours=3)
    assert draft_ids(stage, robin) == drafts
    assert stage.errands(robin) == [("collect_drafts", "dropped")]


@pytest.mark.parametrize("done", [1, 2], ids=["before Stripe was asked", "after it was finalised"])
def test_a_worker_that_dies_while_finalising_charges_nothing_twice(quick_stage: Stage, done: int) -> None:
    stage = quick_stage
    robin = unpaid(stage)
    drafts = draft_ids(stage, robin)
    works_again(stage, robin)
    switches.pause_all(stage.house, "a bad day", by="ada")
    pay_on_page(stage.invoice(robin)["hosted_invoice_url"])
    stage.settle()
    switches.resume_all(stage.house, by="ada")
    [errand] = stage.rows("errands", robin)
    for step in steps(carrying_out.carry_out(stage.house, errand["id"]))[:done]:
        step()
    stage.pass_time(hours=4)
    for draft in drafts:
        charges = [line for line in stage.sandbox.books() if line["invoice"] == draft]
        assert [line["outcome"] for line in charges] == ["paid"]
    assert stage.errands(robin) == [("collect_drafts", "done")]
