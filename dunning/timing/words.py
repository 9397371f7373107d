"""Sentences for staff: why this time, why no time."""

from datetime import UTC, datetime
from typing import Final

from dunning.timing.case import Case

FAMILY_WORDS: Final = {
    "soft_funds": "insufficient funds",
    "soft_issuer": "a refusal without a reason",
    "technical": "a technical failure",
    "limit": "a card limit",
    "needs_authentication": "a payment that the customer must confirm",
    "needs_card": "a card that must be replaced",
    "unknown": "a failure without a known code",
    "new_card": "a card not yet tried",
}
_STORY_WORDS: Final = {
    "payday": "recovers best soon after a payday",
    "inflow": "recovers best when money has had time to come in",
    "issuer": "clears when the bank lifts its block, mostly in a day or two",
    "technical": "clears by itself within hours",
    "limit": "clears when the limit resets",
    "paid_down": "clears when the customer has paid the card down",
    "updated": "can clear once the network has replaced the card",
    "mood": "is approved at some hours of the day more than at others",
    "luck": "is approved now and then, whatever the hour",
    "clear": "can be charged at once",
    "never": "rarely clears by itself",
}
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ENOUGH: Final = 10  # tries before our own counts are worth reading


def choice_reason(case: Case, family: str, story: str, local: datetime, counted: tuple[int, int]) -> str:
    """Return why this time: when it is for the customer, what clears then, and on how much history.

    `local` is on the customer's clock; `counted` is (tries, paid) of such retries at this time of day.
    """
    return f"{_when(case, local)}: {_what(case, family)} {_STORY_WORDS[story]}; {_history(counted)}."


def _when(case: Case, local: datetime) -> str:
    known = case.timezone is not None or case.country is not None
    day, whose = _WEEKDAYS[local.weekday()], "their time" if known else "UTC"
    return f"{day} {local.hour:02}:{local.minute:02} {whose}"


def _what(case: Case, family: str) -> str:
    funding = case.funding if case.funding in {"debit", "credit", "prepaid"} else None
    kind = " ".join(part for part in ((case.country or "").upper(), funding) if part)
    return f"{FAMILY_WORDS[family]} on {kind} cards" if kind else FAMILY_WORDS[family]


def _history(counted: tuple[int, int]) -> str:
    tries, paid = counted
    if tries < ENOUGH:
        return "this is based on general patterns, not yet on your own history"
    return f"{paid} of {tries} such retries at this time of day paid"


def too_late(earliest: datetime, deadline: datetime) -> str:
    """Return why there is no time: the rules allow none before the deadline."""
    early, late = earliest.astimezone(UTC), deadline.astimezone(UTC)
    return (
        f"The rules allow no try before the window ends: the earliest would be {early:%Y-%m-%d %H:%M} UTC, "
        f"the window ends {late:%Y-%m-%d %H:%M} UTC."
    )


def not_worth(family: str, tries: int) -> str:
    """Return why no try is worth making though the rules would allow one."""
    after = f" after {tries} tries on this card" if tries > 1 else ""
    return (
        f"No try is worth its cost: {FAMILY_WORDS[family]}{after} would very rarely be approved "
        "before the window ends."
    )
