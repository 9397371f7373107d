"""What the page behind a link says: one pure function of how things stand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from dunning.core.vocabulary import AttemptState, Status

TURNS: Final = 10  # Stripe sessions that one link mints within `TURN_SPAN`, whoever presses its button
TURN_SPAN: Final = timedelta(hours=1)


class PageState(StrEnum):
    """What the customer finds."""

    OPEN = "open"
    UNDER_WAY = "under_way"  # a bank debit, which takes days
    PAID = "paid"
    STOPPED = "stopped"
    EXPIRED = "expired"
    TOO_MANY = "too_many"
    AHEAD = "ahead"  # nothing has failed yet: the card of a coming renewal
    CARD_SAVED = "card_saved"  # and another card has come since
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Turns:
    """How many sessions a link minted since when, and when the last one (aware UTC)."""

    since: datetime
    turns: int
    used_at: datetime


def bill_state(
    status: Status, invoice_status: str | None, attempts: frozenset[AttemptState] = frozenset()
) -> PageState:
    """Return how one invoice stands for its customer; `attempts` are the states of all tries on it.

    A lost one can still be paid, unless its invoice is void: Stripe's page takes money for a bad debt, too.
    """
    if status is Status.RECOVERED or invoice_status == "paid":
        return PageState.PAID
    if status is Status.STOPPED or invoice_status in {"void", "deleted"}:
        return PageState.STOPPED
    return PageState.UNDER_WAY if AttemptState.PROCESSING in attempts else PageState.OPEN


def link_state(
    own: PageState, others_open: int, turns: Turns | None, expires_at: datetime, now: datetime
) -> PageState:
    """Return what the page of a link says, whose own invoice stands as `own`; instants are aware UTC.

    Where the customer owes other invoices, their page goes on after its own was paid.
    """
    payable = own is PageState.OPEN or (others_open > 0 and own is not PageState.UNDER_WAY)
    if not payable:
        return own
    if now >= expires_at:
        return PageState.EXPIRED if own is PageState.OPEN else own
    return own if free_at(turns, now) is None else PageState.TOO_MANY


def free_at(turns: Turns | None, now: datetime) -> datetime | None:
    """Return when a link that was used too often may be used again, or None when it may now."""
    if turns is None or turns.turns < TURNS or now >= turns.since + TURN_SPAN:
        return None
    return turns.since + TURN_SPAN
