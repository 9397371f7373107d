"""Diaries: a card comes, is renewed or works again, and all that its customer owes is tried at once."""

from datetime import timedelta
from typing import Any

import pytest
from flows.stopping import steps
from scenarios.link import pay_on_page, press, save_card
from scenarios.stage import Stage

from dunning.core.vocabulary import AttemptState, Status
from dunning.flows import carrying_out, staff
from dunning.sandbox import billing
from dunning.sandbox.state import Trouble
from dunning.sandbox.wallet import update_card


def next_bill(stage: Stage, ids: dict[str, Any]) -> dict[str, Any]:
    """Bill the subscription once more, now, and let the news arrive."""
    with stage.sandbox.world.lock:
        billing.bill(stage.sandbox.world, ids["subscription"], 5, again=False)
    stage.settle()
    return ids | {"invoice": stage.subscription(ids)["latest_invoice"]}


def new_card(stage: Stage, ids: dict[str, Any]) -> str:
    """Return the customer's default card, as Stripe has it."""
    owner = stage.sandbox.world.tables["customers"][ids["customer"]]
    return str(owner["invoice_settings"]["default_payment_method"])


def test_a_subscriptions_own_card_does_not_go_on_shadowing_the_new_one(stage: Stage) -> None:
    # The subscription names the card itself; it is lost, and the customer follows our link to Stripe's form.
    robin = stage.fails("lost_card", subscription_default=True)
    assert stage.subscription(robin)["default_payment_method"] == robin["payment_method"]
    stage.pass_time(hours=3)
    save_card(press(stage, robin))
    stage.settle()

    # The new card pays this invoice at once. The portal has made it the customer's default, and nothing else.
    assert stage.recovery(robin).reason == "customer_card_update"
    assert new_card(stage, robin) != robin["payment_method"]

    # A minute later the subscription names the new card, too; only that field, and the timeline says so.
    stage.pass_time(minutes=2)
    assert stage.errands(robin) == [("replace_card", "done")]
    assert stage.subscription(robin)["default_payment_method"] == new_card(stage, robin)
    assert sum("names the customer's new card" in sentence for sentence in stage.sentences(robin)) == 1

    # Next month's bill is paid by itself.
    stage.pass_time(days=20)
    february = next_bill(stage, robin)
    assert stage.invoice(february)["status"] == "paid"


def test_where_no_field_of_its_own_named_the_failed_card_nothing_is_replaced(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    save_card(press(stage, robin))
    stage.pass_time(minutes=5)
    assert stage.errands(robin) == [("replace_card", "dropped")]
    assert stage.subscription(robin)["default_payment_method"] is None
    assert not any("names" in sentence for sentence in stage.sentences(robin))


def test_another_card_that_the_merchant_chose_for_the_subscription_is_left(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card", subscription_default=True, backup=True)
    stage.merchant(
        "POST",
        f"/v1/subscriptions/{robin['subscription']}",
        default_payment_method=robin["backup_payment_method"],
    )
    save_card(press(stage, robin))
    stage.pass_time(minutes=5)
    assert stage.subscription(robin)["default_payment_method"] == robin["backup_payment_method"]


def test_an_invoices_own_card_is_replaced_as_well(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card", subscription_default=True)
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}", default_payment_method=robin["payment_method"])
    save_card(press(stage, robin), "later_declines")
    stage.pass_time(minutes=5)
    assert stage.invoice(robin)["default_payment_method"] == new_card(stage, robin)
    assert stage.subscription(robin)["default_payment_method"] == new_card(stage, robin)


def test_a_card_that_the_merchant_adds_leaves_the_subscription_alone(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card", subscription_default=True)
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    stage.pass_time(minutes=5)
    assert stage.recovery(robin).status is Status.RECOVERED
    assert stage.errands(robin) == []
    assert stage.subscription(robin)["default_payment_method"] == robin["payment_method"]


@pytest.mark.parametrize("done", [1, 2], ids=["before Stripe was asked", "after Stripe had changed it"])
def test_a_worker_that_dies_while_replacing_a_card_leaves_it_to_the_next(stage: Stage, done: int) -> None:
    robin = stage.fails("lost_card", subscription_default=True)
    save_card(press(stage, robin))
    stage.settle()
    [errand] = stage.rows("errands", robin)
    for step in steps(carrying_out.carry_out(stage.house, errand["id"]))[:done]:
        step()
    stage.pass_time(minutes=10)
    assert stage.errands(robin) == [("replace_card", "done")]
    assert stage.subscription(robin)["default_payment_method"] == new_card(stage, robin)
    assert sum("names the customer's new card" in sentence for sentence in stage.sentences(robin)) == 1


def test_a_renewed_card_is_tried_on_everything_its_customer_owes(stage: Stage) -> None:
    january = stage.fails("expired_card")
    stage.pass_time(hours=3)
    february = next_bill(stage, january)
    assert [stage.charges(ids) for ids in (january, february)] == [["declined"], ["declined"]]
    stage.pass_time(hours=1)
    with stage.sandbox.world.lock:
        update_card(stage.sandbox.world, january["payment_method"])
    stage.settle()
    for ids in (january, february):
        assert stage.recovery(ids).reason == "account_updater"
        assert stage.charges(ids, by="dunning") == ["paid"]


def test_who_pays_one_invoice_on_its_page_has_the_others_tried_with_that_card(stage: Stage) -> None:
    # Two bills failed for lack of money, and their retries are days away.
    january = stage.fails("insufficient_funds", clears_after_hours=4)
    february = next_bill(stage, january)
    stage.pass_time(hours=5)
    assert [stage.recovery(ids).status for ids in (january, february)] == [Status.SCHEDULED] * 2

    # The customer pays one of them on its page, with the card on file: it works again.
    pay_on_page(stage.invoice(january)["hosted_invoice_url"])
    stage.settle()
    assert stage.recovery(january).status is Status.RECOVERED
    assert stage.charges(february, by="dunning") == ["paid"], "tried at once, not days later"


def test_who_comes_by_our_link_and_pays_one_invoice_has_the_others_tried(stage: Stage) -> None:
    january = stage.fails("authentication_required")
    stage.pass_time(minutes=30)
    hosted = press(stage, january)
    assert hosted == stage.invoice(january)["hosted_invoice_url"], "never a card form of the portal"
    with stage.sandbox.world.lock:
        cards = stage.sandbox.world.cards
        cards[january["payment_method"]].trouble = Trouble(
            "scripted", "insufficient_funds", stage.clock.now()
        )
    february = next_bill(stage, january)
    assert stage.recovery(february).decline_code == "insufficient_funds"
    stage.pass_time(minutes=10)
    with stage.sandbox.world.lock:
        cards[january["payment_method"]].trouble = None
    pay_on_page(hosted)
    stage.settle()
    assert stage.recovery(january).reason == "customer_payment"
    assert stage.charges(february, by="dunning") == ["paid"]
    assert stage.recovery(february).status is Status.RECOVERED


def test_what_the_customer_must_confirm_is_not_tried_without_them(stage: Stage) -> None:
    january = stage.fails("authentication_required")
    stage.pass_time(minutes=30)
    february = next_bill(stage, january)
    assert [stage.charges(ids) for ids in (january, february)] == [["requires_action"]] * 2
    pay_on_page(press(stage, january))
    stage.settle()
    assert stage.recovery(january).reason == "customer_payment"

    # The other bill waits for its own confirmation: a charge without the customer would only ask again.
    stage.pass_time(days=3)
    assert stage.charges(february, by="dunning") == []
    assert stage.recovery(february).status is Status.WAITING
    pay_on_page(press(stage, february))
    stage.settle()
    assert stage.recovery(february).reason == "customer_payment"


def test_a_card_that_comes_while_a_confirmation_is_due_may_be_tried(stage: Stage) -> None:
    robin = stage.fails("authentication_required")
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    stage.settle()
    assert stage.charges(robin) == ["requires_action", "paid"]
    assert stage.recovery(robin).status is Status.RECOVERED


def test_an_intent_that_waits_for_its_customer_without_an_error_needs_a_confirmation(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    ids = stage.sandbox.customer(fail="authentication_required", country="FR")
    stage.sandbox.world.tables["payment_intents"][ids["payment_intent"]]["last_payment_error"] = None
    stage.settle()
    recovery = stage.recovery(ids)
    assert (recovery.decline_class, recovery.status) == ("needs_authentication", Status.WAITING)
    assert press(stage, ids) == stage.invoice(ids)["hosted_invoice_url"]


def test_a_new_card_that_is_removed_before_it_is_tried_is_not_tried(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    until = stage.clock.now() + timedelta(days=2)
    staff.pause(stage.house, stage.recovery(robin).id, until=until, why="a promise", by="ada")
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    stage.settle()
    added = stage.recovery(robin).fresh_card_id
    assert added is not None
    stage.merchant("POST", f"/v1/payment_methods/{added}/detach")
    stage.pass_time(days=4)
    assert stage.charges(robin) == ["declined"]
    assert stage.recovery(robin).status is Status.WAITING
    assert AttemptState.NOT_SENT not in stage.ours(robin)
