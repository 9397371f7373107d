"""Renewals that may fail: what is known of a subscription's next bill before it is charged."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from dunning.core.billing import Card
from dunning.core.notices import NoticeKind


class Risk(StrEnum):
    """Why a coming renewal may fail; the first that holds, in this order."""

    NO_CARD = "no_card"  # nothing is there to be charged
    CARD_EXPIRES = "card_expires"  # its last month ends before the renewal
    CARD_FAILED = "card_failed"  # refused when last tried, and it has not paid since
    FAILED_BEFORE = "failed_before"  # refused at first last time, and paid on a retry


HORIZON: Final = timedelta(days=31)  # "next month" of the list
# How long before the renewal a notice is due, and when it is too late to be of use.
WRITES_BEFORE: Final = {Risk.CARD_EXPIRES: timedelta(days=14), Risk.CARD_FAILED: timedelta(days=7)}
TOO_LATE: Final = timedelta(hours=24)
NOTICE: Final = {
    Risk.CARD_EXPIRES: NoticeKind.CARD_EXPIRING,
    Risk.CARD_FAILED: NoticeKind.RENEWAL_AT_RISK,
}


@dataclass(frozen=True, slots=True)
class Renewal:
    """The next bill of one subscription.

    `amount` (minor units) is the sum of its prices, before taxes, discounts and usage; None where a price
    has no fixed amount. `card` is what would be charged; None where there is nothing, `bills_by_hand` where
    the invoice is sent, not charged.
    """

    subscription: str
    customer: str
    renews_at: datetime
    currency: str
    amount: int | None = None
    plan: str | None = None
    card: Card | None = None
    bills_by_hand: bool = False
    ends_before: bool = False  # cancelled for the end of the period, or its collection paused: nothing comes


@dataclass(frozen=True, slots=True)
class CardRecord:
    """How a card did: when it was last refused, and when it last paid (aware UTC)."""

    refused_at: datetime | None = None
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoticeDue:
    """A notice to plan: of which kind, when, and what it is about (once for each)."""

    kind: NoticeKind
    at: datetime
    about: str


def risk_of(renewal: Renewal, record: CardRecord, since: datetime) -> Risk | None:
    """Return why a renewal may fail, or None; refusals before `since` (aware UTC) are forgotten."""
    if renewal.bills_by_hand or renewal.ends_before:
        return None
    if renewal.card is None:
        return Risk.NO_CARD
    if expires_before(renewal.card, renewal.renews_at):
        return Risk.CARD_EXPIRES
    refused, paid = record.refused_at, record.paid_at
    if refused is None or refused < since:
        return None
    return Risk.CARD_FAILED if paid is None or paid < refused else Risk.FAILED_BEFORE


def expires_before(card: Card, at: datetime) -> bool:
    """Return whether a card's last day is over at an instant; a card is good to the end of its month."""
    end = end_of(card)
    return end is not None and end <= at


def end_of(card: Card) -> datetime | None:
    """Return when a card stops being good (UTC), or None for anything without a date."""
    if card.exp_year is None or card.exp_month is None:
        return None
    last = datetime(card.exp_year, card.exp_month, monthrange(card.exp_year, card.exp_month)[1], tzinfo=UTC)
    return last + timedelta(days=1)


def notice_for(renewal: Renewal, risk: Risk | None) -> NoticeDue | None:
    """Return the notice that a renewal at risk asks for, once for each card and renewal, or None."""
    kind = NOTICE.get(risk) if risk is not None else None
    if kind is None or risk is None or renewal.card is None:
        return None
    about = f"{renewal.card.id}:{renewal.subscription}:{renewal.renews_at:%Y-%m-%d}"
    return NoticeDue(kind, renewal.renews_at - WRITES_BEFORE[risk], about)
