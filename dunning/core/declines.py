"""What a decline means: its class, its words, and whether the same card may be tried again.

The table is `declines.csv` beside this file, one row per code of docs.stripe.com/declines/codes, per
outcome reason, and per failure code of a bank debit. Its columns: `retries` is the most retries that the
code itself allows on the same card (empty: as the policy says), `final` marks a code that no later
advice may soften.
"""

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType


class DeclineClass(StrEnum):
    """The nine kinds of decline; a policy speaks of these, never of single codes."""

    SOFT_FUNDS = "soft_funds"
    SOFT_ISSUER = "soft_issuer"
    TECHNICAL = "technical"
    LIMIT = "limit"
    NEEDS_AUTHENTICATION = "needs_authentication"
    NEEDS_CARD = "needs_card"
    HARD = "hard"
    FRAUD = "fraud"
    UNKNOWN = "unknown"


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


@dataclass(frozen=True, slots=True)
class DeclineRow:
    """One row of the table; `retries` None leaves the number to the policy."""

    code: str
    decline_class: DeclineClass
    words_for_staff: str
    hide_from_customer: bool
    retries: int | None
    final: bool
    source: str


def _read_table() -> dict[str, DeclineRow]:
    text = files("dunning.core").joinpath("declines.csv").read_text(encoding="utf-8")
    return {row["code"]: _row(row) for row in csv.DictReader(text.splitlines())}


def _row(row: dict[str, str]) -> DeclineRow:
    return DeclineRow(
        code=row["code"],
        decline_class=DeclineClass(row["class"]),
        words_for_staff=row["words_for_staff"],
        hide_from_customer=row["hide_from_customer"] == "yes",
        retries=int(row["retries"]) if row["retries"] else None,
        final=row["final"] == "yes",
        source=row["source"],
    )


TABLE = MappingProxyType(_read_table())

UNKNOWN_RETRIES = 2  # a code nobody has described yet: two spaced tries, then a human reads it

_STOPPED = frozenset({DeclineClass.HARD, DeclineClass.FRAUD})
_NEVER_AGAIN = _STOPPED | {DeclineClass.NEEDS_AUTHENTICATION, DeclineClass.NEEDS_CARD}
_UNTOLD = frozenset({None, "generic_decline", "card_declined", "partner_generic_decline"})

# Mastercard's merchant advice codes as acquirers publish them (Braintree, Cybersource, Solidgate).
_MASTERCARD_CLASSES = {
    "01": DeclineClass.NEEDS_CARD,
    "03": DeclineClass.HARD,
    "04": DeclineClass.HARD,
    "21": DeclineClass.HARD,
    "22": DeclineClass.HARD,
    "40": DeclineClass.NEEDS_CARD,
    "41": DeclineClass.NEEDS_CARD,
}
# Visa's advice is its category: 1 never, 2 not now, 3 with other data (Cybersource, Checkout.com).
_VISA_CLASSES = {"01": DeclineClass.HARD, "03": DeclineClass.NEEDS_CARD}
VISA_NEVER = frozenset({"04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"})


def follows_mastercard(brand: str | None) -> bool:
    """Whether the network advice code is Mastercard's; an unknown brand is taken as strictly."""
    return brand is None or brand.lower() == "mastercard"


@lru_cache(maxsize=4096)
def classify(decline: Decline) -> DeclineClass:
    """Return the class of `decline`: final codes and stops, then the outcome, then advice, then the row.

    A code that nobody has described is `unknown`, which is retried like a soft decline, with few tries.
    """
    row = _row_of(decline)
    if row is not None and row.final:
        return row.decline_class
    if (advised := _network_class(decline)) in _STOPPED or decline.advice_code == "do_not_try_again":
        return DeclineClass.HARD
    if (blocked := _blocked_class(decline, row)) is not None:
        return blocked
    if decline.advice_code == "confirm_card_data":
        return DeclineClass.NEEDS_CARD
    if advised is not None:
        return advised
    return _softened(decline, DeclineClass.UNKNOWN if row is None else row.decline_class)


def may_retry(decline_class: DeclineClass) -> bool:
    """Whether the same card may ever be tried again after a decline of this class."""
    return decline_class not in _NEVER_AGAIN


def retry_limit(decline: Decline) -> int | None:
    """Return the most retries the decline allows on the same card; None leaves it to the policy.

    A card that must be replaced gets one late try where the network's updater may have replaced it
    (an expired card, `confirm_card_data`, Mastercard 01), none where the data itself is wrong.
    """
    decline_class, row = classify(decline), _row_of(decline)
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


def staff_wording(decline: Decline) -> str:
    """Return in one or two sentences what the decline says, for staff only."""
    words = " ".join(part for part in (_code_words(decline), _advice_words(decline)) if part)
    return words or _CLASS_WORDS[classify(decline)]


def _row_of(decline: Decline) -> DeclineRow | None:
    """Return the row that says most: an outcome reason explains a decline that names no reason."""
    if decline.code in _UNTOLD and decline.outcome_reason not in _UNTOLD:
        told = TABLE.get(decline.outcome_reason or "")
        if told is not None:
            return told
    return TABLE.get(decline.code or "") or TABLE.get(decline.failure_code or "")


def _network_class(decline: Decline) -> DeclineClass | None:
    if decline.brand == "visa":
        if decline.network_decline_code in VISA_NEVER and not _says_card(decline):
            return DeclineClass.HARD
        return _VISA_CLASSES.get(_two_digits(decline.network_advice_code))
    if follows_mastercard(decline.brand):
        return _MASTERCARD_CLASSES.get(_two_digits(decline.network_advice_code))
    return None


def _says_card(decline: Decline) -> bool:
    row = _row_of(decline)
    return row is not None and row.decline_class is DeclineClass.NEEDS_CARD


def _two_digits(code: str | None) -> str:
    return (code or "").strip().zfill(2)


def _blocked_class(decline: Decline, row: DeclineRow | None) -> DeclineClass | None:
    """A try that Stripe kept from the network was never the bank's answer, whatever the code says."""
    unsent = decline.network_status == "not_sent_to_network" and decline.code in _UNTOLD
    if decline.outcome_type != "blocked" and not unsent:
        return None
    reason = TABLE.get(decline.outcome_reason or "") or row
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


def _code_words(decline: Decline) -> str:
    row = _row_of(decline)
    if row is not None:
        return row.words_for_staff
    code = decline.code or decline.failure_code
    return f'Stripe gave the code "{code}", which is not in our table.' if code else ""


def _advice_words(decline: Decline) -> str:
    if decline.advice_code in _ADVICE_WORDS:
        return _ADVICE_WORDS[decline.advice_code]
    if decline.outcome_type == "blocked":
        return "Stripe blocked it before it reached the bank."
    if follows_mastercard(decline.brand):
        return _MASTERCARD_WORDS.get(_two_digits(decline.network_advice_code), "")
    return ""


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
_ADVICE_WORDS = {
    "do_not_try_again": "The bank advises not to try this card again.",
    "try_again_later": "The bank advises to try again later.",
    "confirm_card_data": "The bank advises to check the card's data with the customer.",
}
_MASTERCARD_WORDS = {
    "01": "Mastercard says that new account data is available.",
    "02": "Mastercard says to wait 72 hours.",
    "03": "Mastercard says not to try again.",
    "21": "Mastercard says that the customer has cancelled the recurring payment.",
}
