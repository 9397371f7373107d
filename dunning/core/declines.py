"""What a decline means: its class, its words, and whether the same card may be tried again.

The codes are data: `decline_table` has a row for each, of which the merchant may override some, and
`network_advice` what banks and networks advise beside them. Every function takes the table to read by.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dunning.core.decline_table import BUILT_IN, NEVER_AGAIN, STOPPED, DeclineClass, DeclineRow, DeclineTable
from dunning.core.network_advice import bank_advice, network_advice, network_answer, network_status

__all__ = [
    "BUILT_IN",
    "TABLE",
    "Decline",
    "DeclineClass",
    "DeclineRow",
    "DeclineTable",
    "classify",
    "customer_wording",
    "may_retry",
    "retry_limit",
    "staff_wording",
    "wants_outcome",
]

TABLE: Final = BUILT_IN.rows
UNKNOWN_RETRIES: Final = 2  # a code nobody has described yet: two spaced tries, then a human reads it

_UNTOLD = frozenset({None, "generic_decline", "card_declined", "partner_generic_decline"})


@dataclass(frozen=True, slots=True)
class Decline:
    """Everything Stripe said about one refused charge, as it spells it; what it did not say is None."""

    code: str | None = None
    advice_code: str | None = None
    network_advice_code: str | None = None
    network_decline_code: str | None = None
    failure_code: str | None = None
    outcome_type: str | None = None
    outcome_reason: str | None = None
    network_status: str | None = None
    brand: str | None = None


@lru_cache(maxsize=4096)
def classify(decline: Decline, table: DeclineTable = BUILT_IN) -> DeclineClass:
    """Return the class of `decline`: final codes and stops, then the outcome, then advice, then the row.

    A code that nobody has described is `unknown`, which is retried like a soft decline, with few tries.
    """
    row = _row_of(decline, table)
    if row is not None and row.final:
        return row.decline_class
    if (advised := _network_class(decline, table)) in STOPPED or _advised(decline) in STOPPED:
        return DeclineClass.HARD
    if (blocked := _blocked_class(decline, row, table)) is not None:
        return blocked
    if (told := _advised(decline) or advised) is not None:
        return told
    return _softened(decline, DeclineClass.UNKNOWN if row is None else row.decline_class)


def wants_outcome(decline: Decline) -> bool:
    """Return whether only the charge's outcome can tell a block from the bank's no.

    So it is where the code names no reason, or may be Stripe's own suspicion, and nothing else says that
    the bank or its network has answered.
    """
    told = (decline.outcome_type, decline.network_status, decline.network_decline_code)
    row = TABLE.get(decline.code or "")
    suspicious = row is not None and row.decline_class is DeclineClass.FRAUD
    return told == (None, None, None) and (decline.code in _UNTOLD or suspicious)


def may_retry(decline_class: DeclineClass) -> bool:
    """Whether the same card may ever be tried again after a decline of this class."""
    return decline_class not in NEVER_AGAIN


def retry_limit(decline: Decline, table: DeclineTable = BUILT_IN) -> int | None:
    """Return the most retries the decline allows on the same card; None leaves it to the policy.

    A card that must be replaced gets one late try where the network's updater may have replaced it
    (an expired card, `confirm_card_data`, Mastercard 01), none where the data itself is wrong.
    """
    decline_class, row = classify(decline, table), _row_of(decline, table)
    if decline_class is DeclineClass.NEEDS_CARD:
        return _updater_tries(row)
    if not may_retry(decline_class):
        return 0
    if row is None:
        return UNKNOWN_RETRIES
    advised = decline.advice_code == "try_again_later" and not may_retry(row.decline_class)
    return UNKNOWN_RETRIES if advised else row.retries


def customer_wording(decline_class: DeclineClass, code: str | None = None) -> str:
    """Return the reason as a clause to put in a message to the customer ("… because <clause>").

    It is neutral on purpose: a shared inbox reads it too, so it never says lost, stolen, fraud or poor.
    """
    row = TABLE.get(code or "")
    if row is not None and row.decline_class is decline_class and "expired" in row.code:
        return "the card on file has expired"
    return _CUSTOMER_WORDS[decline_class]


def staff_wording(decline: Decline, table: DeclineTable = BUILT_IN) -> str:
    """Return in one or two sentences what the decline says, for staff only."""
    words = " ".join(part for part in (_code_words(decline, table), _advice_words(decline)) if part)
    return words or _CLASS_WORDS[classify(decline, table)]


def _row_of(decline: Decline, table: DeclineTable) -> DeclineRow | None:
    """Return the row that says most: an outcome reason explains a decline that names no reason."""
    if decline.code in _UNTOLD and decline.outcome_reason not in _UNTOLD:
        told = table.row(decline.outcome_reason)
        if told is not None:
            return told
    return table.row(decline.code) or table.row(decline.failure_code)


def _advised(decline: Decline) -> DeclineClass | None:
    row = bank_advice(decline.advice_code)
    return row.decline_class if row is not None else None


def _network_class(decline: Decline, table: DeclineTable) -> DeclineClass | None:
    answer = network_answer(decline.brand, decline.network_decline_code)
    if answer is not None and not _says_card(decline, table):
        return answer.decline_class
    row = network_advice(decline.brand, decline.network_advice_code)
    return row.decline_class if row is not None else None


def _says_card(decline: Decline, table: DeclineTable) -> bool:
    row = _row_of(decline, table)
    return row is not None and row.decline_class is DeclineClass.NEEDS_CARD


def _blocked_class(decline: Decline, row: DeclineRow | None, table: DeclineTable) -> DeclineClass | None:
    """A try that Stripe kept from the network was never the bank's answer, whatever the code says."""
    status = network_status(decline.network_status)
    unsent = status is not None and status.decline_class is not None and decline.code in _UNTOLD
    if decline.outcome_type != "blocked" and not unsent:
        return None
    reason = table.row(decline.outcome_reason) or row
    if reason is None or may_retry(reason.decline_class):
        return DeclineClass.HARD
    return reason.decline_class


def _softened(decline: Decline, decline_class: DeclineClass) -> DeclineClass:
    """The bank's "try again later" outranks our caution, though never a final code (see `classify`)."""
    cautious = decline_class in {DeclineClass.HARD, DeclineClass.UNKNOWN}
    if decline.advice_code == "try_again_later" and cautious:
        return DeclineClass.SOFT_ISSUER
    return decline_class


def _updater_tries(row: DeclineRow | None) -> int:
    if row is not None and row.decline_class is DeclineClass.NEEDS_CARD:
        return row.retries or 0
    return 1


def _code_words(decline: Decline, table: DeclineTable) -> str:
    row = _row_of(decline, table)
    if row is not None:
        return row.words_for_staff
    code = decline.code or decline.failure_code
    return f'Stripe gave the code "{code}", which is not in our table.' if code else ""


def _advice_words(decline: Decline) -> str:
    if (advice := bank_advice(decline.advice_code)) is not None:
        return advice.words_for_staff
    if decline.outcome_type == "blocked":
        return _BLOCKED_WORDS
    network = network_advice(decline.brand, decline.network_advice_code)
    return network.words_for_staff if network is not None else ""


_BLOCKED_WORDS = "Stripe blocked it before it reached the bank."
_CUSTOMER_WORDS = {
    DeclineClass.SOFT_FUNDS: "your bank declined the payment",
    DeclineClass.SOFT_ISSUER: "your bank declined the payment",
    DeclineClass.TECHNICAL: "the payment could not be processed",
    DeclineClass.LIMIT: "the payment is over a limit that your bank has set",
    DeclineClass.NEEDS_AUTHENTICATION: "your bank asks you to confirm the payment",
    DeclineClass.NEEDS_CARD: "the card details on file need to be updated",
    DeclineClass.HARD: "your bank declined the payment",
    DeclineClass.FRAUD: "your bank declined the payment",
    DeclineClass.UNKNOWN: "the payment did not go through",
}
_CLASS_WORDS = {
    DeclineClass.SOFT_FUNDS: "There was not enough money in the account.",
    DeclineClass.SOFT_ISSUER: "The bank said no without a reason.",
    DeclineClass.TECHNICAL: "Something broke between us and the bank.",
    DeclineClass.LIMIT: "A limit of the card is reached.",
    DeclineClass.NEEDS_AUTHENTICATION: "The customer must confirm the payment.",
    DeclineClass.NEEDS_CARD: "The customer must give another card or correct this one.",
    DeclineClass.HARD: "The bank will not approve this card.",
    DeclineClass.FRAUD: "The payment was refused as too risky.",
    DeclineClass.UNKNOWN: "Stripe gave no reason.",
}
