"""What the card networks of the sandbox can say, and how Stripe words it."""

from dataclasses import dataclass

_OTHER_CODES = {
    "expired_card": "expired_card",
    "processing_error": "processing_error",
    "incorrect_cvc": "incorrect_cvc",
    "incorrect_number": "incorrect_number",
    "authentication_required": "authentication_required",
}
_NETWORK_CODES = {
    "insufficient_funds": "51",
    "card_velocity_exceeded": "61",
    "withdrawal_count_limit_exceeded": "65",
    "generic_decline": "01",
    "do_not_honor": "05",
    "call_issuer": "01",
    "try_again_later": "19",
    "issuer_not_available": "91",
    "processing_error": "96",
    "expired_card": "54",
    "lost_card": "41",
    "stolen_card": "43",
    "pickup_card": "04",
    "restricted_card": "62",
    "invalid_account": "14",
    "transaction_not_allowed": "57",
    "revocation_of_authorization": "R1",
    "stop_payment_order": "R0",
}
_ADVICE = {
    "insufficient_funds": "try_again_later",
    "card_velocity_exceeded": "try_again_later",
    "generic_decline": "try_again_later",
    "do_not_honor": "try_again_later",
    "try_again_later": "try_again_later",
    "issuer_not_available": "try_again_later",
    "processing_error": "try_again_later",
    "expired_card": "confirm_card_data",
    "incorrect_cvc": "confirm_card_data",
    "invalid_account": "do_not_try_again",
    "lost_card": "do_not_try_again",
    "stolen_card": "do_not_try_again",
    "pickup_card": "do_not_try_again",
    "revocation_of_authorization": "do_not_try_again",
    "stop_payment_order": "do_not_try_again",
}
_MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}
# What Stripe blocks itself: the decline code that it answers, and the outcome's reason. The bank never hears.
_BLOCKED = {
    "fraudulent": ("fraudulent", "highest_risk_level"),
    "highest_risk_level": ("highest_risk_level", "highest_risk_level"),
    "rule": ("generic_decline", "rule"),
    "previously_declined_do_not_retry": ("generic_decline", "previously_declined_do_not_retry"),
}
# After these Stripe keeps a schedule but sends nothing until there is another payment method.
NEVER_RETRIED_BY_STRIPE = frozenset(
    {
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "stolen_card",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "authentication_required",
        "highest_risk_level",
        "transaction_not_allowed",
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one attempt came to; the codes are Stripe's, None when there is none."""

    outcome: str
    decline_code: str | None = None
    code: str | None = None
    message: str = "Payment complete."
    advice_code: str | None = None
    network_advice_code: str | None = None
    network_decline_code: str | None = None
    network_status: str = "approved_by_network"
    outcome_reason: str | None = None


PAID = Verdict("paid")
PROCESSING = Verdict("processing")


def declined(decline_code: str, *, network_advice_code: str | None = None) -> Verdict:
    """Return the verdict for one decline code, worded and coded as Stripe does."""
    blocked = decline_code in _BLOCKED
    answered, reason = _BLOCKED.get(decline_code, (decline_code, decline_code))
    needs_customer = decline_code == "authentication_required"
    return Verdict(
        outcome="requires_action" if needs_customer else "declined",
        decline_code=answered,
        code=_OTHER_CODES.get(decline_code, "card_declined"),
        message=_MESSAGES.get(decline_code, "Your card was declined."),
        advice_code=_ADVICE.get(decline_code),
        network_advice_code=network_advice_code,
        network_decline_code=None if blocked else _NETWORK_CODES.get(decline_code, "05"),
        network_status="not_sent_to_network" if blocked else "declined_by_network",
        outcome_reason=reason,
    )
