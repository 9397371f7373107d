"""The last resort at Stripe when nobody paid: write the invoice off, cancel or pause its subscription.

The invoice is read just before, so that nothing is done to a customer who has paid in the last second.
"""

from datetime import timedelta
from typing import Final

from dunning.core.billing import Invoice
from dunning.core.vocabulary import ErrandKind
from dunning.flows.errand import InHand, Outcome, done, dropped, later
from dunning.flows.errands import BY_POLICY
from dunning.flows.house import House

A_DAY: Final = timedelta(days=1)
WORDS: Final = {
    ErrandKind.MARK_UNCOLLECTIBLE: "The invoice was marked uncollectible",
    ErrandKind.CANCEL_SUBSCRIPTION: "The subscription was cancelled",
    ErrandKind.PAUSE_SUBSCRIPTION: "Collection of the subscription was paused; its bills are kept as drafts",
}


def resort(house: House, hand: InHand) -> Outcome:
    """Carry out the last resort unless the invoice says otherwise by now.

    Raises:
        StripeError: nothing is known to have happened.
    """
    invoice = house.stripe.invoice(hand.recovery.whose, hand.recovery.invoice_id)
    unwanted = _unwanted(hand, invoice)
    if unwanted is not None:
        return unwanted
    if hand.errand.kind is ErrandKind.MARK_UNCOLLECTIBLE:
        return _write_off(house, hand, invoice)
    return _end_or_pause(house, hand)


def _unwanted(hand: InHand, invoice: Invoice) -> Outcome | None:
    """Return what stands in the way: nothing is owed any more, or a payment is or may be on its way."""
    what = hand.errand.kind.replace("_", " ")
    if invoice.status == "void" or not (invoice.amount_remaining > 0 and invoice.status != "paid"):
        return dropped(f"Not carried out ({what}): the invoice is {invoice.status}.")
    if invoice.processing:
        return later("A payment of the invoice is under way.", hand.now + A_DAY)
    stripe_next = invoice.next_payment_attempt
    if stripe_next is not None and stripe_next > hand.now:
        return later("Stripe still has a retry on its calendar.", stripe_next + A_DAY)
    return None


def _write_off(house: House, hand: InHand, invoice: Invoice) -> Outcome:
    if invoice.status != "uncollectible":
        house.stripe.subscriptions.mark_uncollectible(hand.recovery.whose, invoice.id, key=hand.key)
    elif not hand.again:
        return dropped("Not carried out: the invoice is marked uncollectible already.", told=False)
    return done(_said(hand))


def _end_or_pause(house: House, hand: InHand) -> Outcome:
    whose, subscription_id = hand.recovery.whose, hand.errand.object_id
    found = house.stripe.subscriptions.read(whose, subscription_id)
    cancelling = hand.errand.kind is ErrandKind.CANCEL_SUBSCRIPTION
    if found.ended and not (cancelling and hand.again):
        return dropped("Not carried out: the subscription has ended already.", subscription=found)
    if cancelling and not found.ended:
        found = house.stripe.subscriptions.cancel(whose, subscription_id, key=hand.key)
    elif not cancelling and not found.collection_paused:
        found = house.stripe.subscriptions.pause(whose, subscription_id, key=hand.key)
    elif not cancelling and not hand.again:
        return dropped("Not carried out: the subscription is paused already.", subscription=found)
    return done(_said(hand), found)


def _said(hand: InHand) -> str:
    return f"{WORDS[hand.errand.kind]} ({hand.errand.object_id}), as {_on_whose_word(hand)}."


def _on_whose_word(hand: InHand) -> str:
    return "the policy says" if hand.errand.by == BY_POLICY else f"{hand.errand.by} asked"
