"""What a person's time on a recovery is worth, and which recoveries are slipping away: pure, in integers.

The chances are a first estimate of ours, in per mille: how often a call, a link or an arrangement brings
the money in, by what the bank said. They rank the queue and promise nothing. The queue compares face values
across currencies (100.00 of one beside 100.00 of another), for no exchange rate is known here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import isqrt
from typing import Final

from dunning.core.declines import DeclineClass
from dunning.core.money import exponent

WORTH: Final = (
    "The unpaid amount times the chance that a person still brings it in: by what the bank said, less for "
    "every refusal and week, for a customer who cannot be reached, and where it recovers by itself anyway. "
    "Currencies are compared at face value."
)
SLIPPING: Final = (
    "Points: one for each refusal after the first (two at most), two for mail that bounced or has no "
    "address, one for two mails or more of which no link was used, one for a card that expires within 30 "
    "days, one when over half of the recovery window is gone, two where the use that you report of the "
    "customer fell by three tenths or more. From three points on it is slipping away."
)
CHANCES: Final[Mapping[DeclineClass, int]] = {
    DeclineClass.NEEDS_AUTHENTICATION: 450,
    DeclineClass.NEEDS_CARD: 400,
    DeclineClass.HARD: 300,
    DeclineClass.SOFT_FUNDS: 250,
    DeclineClass.SOFT_ISSUER: 250,
    DeclineClass.LIMIT: 250,
    DeclineClass.TECHNICAL: 200,
    DeclineClass.UNKNOWN: 200,
    DeclineClass.FRAUD: 50,
}
BY_WEEK: Final = (1000, 800, 600, 450, 300, 200)  # of the chance is left after so many weeks
AFTER_REFUSALS: Final = (1000, 1000, 850, 720, 610, 520)
UNREACHABLE: Final = 400
BY_ITSELF: Final = 300  # a person adds little where a retry is dated
SLIPPING_FROM: Final = 3
EXPIRES_SOON: Final = timedelta(days=30)
UNANSWERED_FROM: Final = 2  # mails of which no link was used
STILL_USED: Final = 700  # per mille of the figure before: with less, the use falls


@dataclass(frozen=True, slots=True)
class Prospect:
    """What the estimate looks at; the amount in minor units, instants aware UTC."""

    amount: int
    currency: str
    decline_class: DeclineClass
    failed_at: datetime
    deadline: datetime
    refusals: int
    reachable: bool
    by_itself: bool
    card_expires: date | None = None  # the last day of the card's month
    mails_unanswered: int = 0  # mails sent while no link was used
    usage: tuple[int, int] | None = None  # what the merchant reported of the customer: before, and last


def expected(prospect: Prospect, *, now: datetime) -> int:
    """Return the money that a person can still be expected to bring in, in minor units of the currency."""
    weeks = max((now - prospect.failed_at) // timedelta(weeks=1), 0)
    parts = (
        CHANCES[prospect.decline_class],
        _at(BY_WEEK, weeks),
        _at(AFTER_REFUSALS, prospect.refusals),
        1000 if prospect.reachable else UNREACHABLE,
        BY_ITSELF if prospect.by_itself else 1000,
    )
    found = prospect.amount
    for part in parts:
        found = found * part // 1000
    return found


def face_value(amount: int, currency: str) -> int:
    """Return an amount in hundredths of the currency's own unit, to be compared with other currencies'."""
    places: int = exponent(currency)
    whole: int = amount * 100 // 10**places
    return whole


def slipping(prospect: Prospect, *, now: datetime) -> int:
    """Return the points of a recovery that slips away: 0 to 9."""
    window, gone = prospect.deadline - prospect.failed_at, now - prospect.failed_at
    expires = prospect.card_expires
    return (
        min(max(prospect.refusals - 1, 0), 2)
        + (0 if prospect.reachable else 2)
        + (1 if prospect.mails_unanswered >= UNANSWERED_FROM else 0)
        + (2 if prospect.usage is not None and usage_falls(*prospect.usage) else 0)
        + (1 if expires is not None and expires < (now + EXPIRES_SOON).date() else 0)
        + (1 if gone * 2 > window else 0)
    )


def usage_falls(before: int, last: int) -> bool:
    """Return whether a customer's use is three tenths or more below the figure before."""
    return last * 1000 <= before * STILL_USED and last < before


@dataclass(frozen=True, slots=True)
class Pile:
    """The open recoveries of one class and currency, and how such ones ended before."""

    currency: str
    count: int
    amount: int  # minor units, all together
    squares: int  # the sum of each amount squared
    recovered: int  # of the closed ones of the class
    closed: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the open recoveries of a currency are expected to bring, and the 80 % interval, in minor units."""

    amount: int
    low: int
    high: int
    open: int
    seen: int  # closed recoveries that the rates come from


def outlook(piles: Iterable[Pile]) -> dict[str, Outlook]:
    """Return by currency what is expected from open recoveries, by how such ones ended before.

    The rate of a class is (recovered + 1) / (closed + 2). The interval adds up the chance of each recovery
    and the uncertainty of each rate, as a normal approximation: 1.28 standard deviations to each side.
    """
    by_currency: dict[str, list[Pile]] = {}
    for pile in piles:
        by_currency.setdefault(pile.currency, []).append(pile)
    return {currency: _outlook(found) for currency, found in sorted(by_currency.items())}


def _outlook(piles: Sequence[Pile]) -> Outlook:
    mean = variance = 0
    for pile in piles:
        wins, of = pile.recovered + 1, pile.closed + 2
        mean += pile.amount * wins // of
        spread = wins * (of - wins)
        variance += pile.squares * spread // of**2 + pile.amount**2 * spread // (of**2 * (of + 1))
    reach, total = 128 * isqrt(variance) // 100, sum(pile.amount for pile in piles)
    low, high = max(mean - reach, 0), min(mean + reach, total)
    return Outlook(mean, low, high, sum(pile.count for pile in piles), sum(pile.closed for pile in piles))


def _at(scale: Sequence[int], step: int) -> int:
    return scale[min(step, len(scale) - 1)]
