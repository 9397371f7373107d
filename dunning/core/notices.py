"""Notices: single mails that belong to no campaign. Before a failure, after a recovery, or asked for.

A notice is sent at most once for what it is `about`; whether it still should go out is decided here, purely.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from dunning.core.vocabulary import Reason


class NoticeKind(StrEnum):
    """What a notice is for."""

    NEW_LINK = "new_link"  # the customer asked for one on the page of an expired link
    THANK_YOU = "thank_you"  # they gave another card, or paid on a page
    CARD_EXPIRING = "card_expiring"  # before the next renewal
    RENEWAL_AT_RISK = "renewal_at_risk"  # it would be charged to a card that was refused last time


TEMPLATE: Final[Mapping[NoticeKind, str]] = {
    NoticeKind.NEW_LINK: "new_link",
    NoticeKind.THANK_YOU: "recovered",
    NoticeKind.CARD_EXPIRING: "card_expiring",
    NoticeKind.RENEWAL_AT_RISK: "renewal_at_risk",
}
BEFORE_A_FAILURE: Final = frozenset({NoticeKind.CARD_EXPIRING, NoticeKind.RENEWAL_AT_RISK})
# The customer waits in front of the page: neither the night nor another mail of today holds it back.
AT_ONCE: Final = frozenset({NoticeKind.NEW_LINK})
ACTED: Final = frozenset({Reason.CUSTOMER_CARD_UPDATE, Reason.CUSTOMER_PAYMENT})


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known when a notice is due."""

    messages_on: bool
    notices_on: bool  # the switch of its own for what is written before anything failed
    wanted: bool  # its occasion is still there: the invoice open, or paid, or the renewal coming as it was
    address: str | None
    suppressed: bool
    held_out: bool = False  # by an experiment
    late: bool = False  # its time is over
    thanked: bool = False  # within a day: one card may have paid several invoices


def deserves_thanks(reason: Reason | None, *, imported: bool) -> bool:
    """Return whether a recovered invoice is thanked for: the customer acted, and it is no history."""
    return reason in ACTED and not imported


def about_day(subject: str, at: datetime) -> str:
    """Return what a notice is about that may be sent once a day (in UTC) for its subject."""
    return f"{subject}:{at:%Y-%m-%d}"


def refusal(kind: NoticeKind, standing: Standing) -> str | None:
    """Return why a notice must not go out now, as a sentence, or None when it should."""
    if not standing.messages_on:
        return "Messages are switched off."
    if kind in BEFORE_A_FAILURE and not standing.notices_on:
        return "Notices before a failure are switched off."
    if not standing.wanted:
        return "Its occasion has passed."
    if standing.late:
        return "Its time is over."
    if kind is NoticeKind.THANK_YOU and standing.thanked:
        return "The customer was thanked already."
    if standing.held_out and kind is not NoticeKind.NEW_LINK:
        return "An experiment: this customer is in the share that gets no messages."
    if standing.address is None:
        return "The customer has no email address."
    if standing.suppressed:
        return "The address is on the suppression list."
    return None
