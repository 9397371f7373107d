"""After a card update through our link: the field that named the failed card names the new one.

Stripe charges the invoice's own card, else the subscription's, else the customer's default. Its portal sets
the last of them only, so that a subscription's own card would go on shadowing what the customer has done.
Source: https://docs.stripe.com/billing/subscriptions/payment-methods-setting (precedence of defaults)
"""

from dunning.core.vocabulary import AttemptState
from dunning.errors import Refused
from dunning.flows.errand import InHand, Outcome, done, dropped
from dunning.flows.house import House


def replace(house: House, hand: InHand) -> Outcome:
    """Replace exactly the fields that name a card that failed, once the new card is the customer's default.

    Raises:
        StripeError: nothing is known to have happened.
    """
    card_id = hand.errand.occurrence
    if hand.recovery.customer_id is None or not _is_default(house, hand, card_id):
        return dropped("The new card is not the customer's default.", told=False)
    failed = _failed_cards(hand) - {card_id}
    changed = [*_on_invoice(house, hand, card_id, failed), *_on_subscription(house, hand, card_id, failed)]
    if not changed and not (hand.again and _named_already(house, hand, card_id)):
        return dropped("No field of its own names the card that failed.", told=False)
    whose_field = " and ".join(changed) or "subscription"
    return done(f"The {whose_field} named the card that failed; it names the customer's new card now.")


def _is_default(house: House, hand: InHand, card_id: str) -> bool:
    customer = house.stripe.customer(hand.recovery.whose, hand.recovery.customer_id or "")
    return customer.default_card is not None and customer.default_card.id == card_id


def _failed_cards(hand: InHand) -> set[str]:
    refused = (AttemptState.DECLINED, AttemptState.NEEDS_ACTION)
    return {row.card_id for row in hand.history if row.card_id is not None and row.state in refused}


def _on_invoice(house: House, hand: InHand, card_id: str, failed: set[str]) -> list[str]:
    invoice = house.stripe.invoice(hand.recovery.whose, hand.recovery.invoice_id)
    if not invoice.open or invoice.default_card not in failed:
        return []
    house.stripe.subscriptions.set_invoice_card(
        hand.recovery.whose, invoice.id, card_id, key=f"{hand.key}:invoice"
    )
    return ["invoice"]


def _on_subscription(house: House, hand: InHand, card_id: str, failed: set[str]) -> list[str]:
    if hand.recovery.subscription_id is None:
        return []
    whose, found = hand.recovery.whose, None
    try:
        found = house.stripe.subscriptions.read(whose, hand.recovery.subscription_id)
    except Refused as error:
        if error.status != 404:
            raise
    if found is None or found.ended or found.default_card not in failed:
        return []
    house.stripe.subscriptions.set_card(whose, found.id, card_id, key=hand.key)
    return ["subscription"]


def _named_already(house: House, hand: InHand, card_id: str) -> bool:
    """Return whether an earlier claim has done it, and died before it could say so."""
    if hand.recovery.subscription_id is None:
        return False
    found = house.stripe.subscriptions.read(hand.recovery.whose, hand.recovery.subscription_id)
    return found.default_card == card_id
