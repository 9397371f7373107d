"""What the planner is asked about, and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from dunning.core.clock import utc
from dunning.core.declines import Decline


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to collect, as far as timing is concerned; `at` is aware."""

    at: datetime
    paid: bool
    decline_code: str | None = None  # Stripe's decline_code
    advice_code: str | None = None  # Stripe's advice_code
    network_advice_code: str | None = None
    card: str | None = None  # fingerprint; None = the same card throughout


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of one failed invoice. attempts[0] is the failure that opened it."""

    id: str
    amount: int  # minor units
    currency: str
    attempts: tuple[Attempt, ...]  # oldest first
    deadline: datetime  # no attempt at or after this instant
    attempts_left: int  # retries still allowed; 0 gives None
    customer: str | None = None  # earlier cases of the same customer are remembered by it
    brand: str | None = None  # card brand, funding, country as Stripe spells them
    funding: str | None = None
    country: str | None = None
    timezone: str | None = None  # IANA; None = derived from the country
    not_before: datetime | None = None  # a rule's earliest time
    vetoes: tuple[tuple[datetime, datetime], ...] = ()  # [from, to): no attempt inside
    card: str | None = None  # the card the next attempt would use


@dataclass(frozen=True, slots=True)
class Choice:
    """One time (UTC) to try, the chance that it pays, the chance that it was picked, and why.

    `interval` holds the chance nine times in ten; `counted` is (tries, paid) of our own like retries.
    """

    at: datetime
    probability: float
    propensity: float
    reason: str
    alternatives: tuple["Choice", ...] = ()
    interval: tuple[float, float] | None = None
    counted: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Veto:
    """A rule that forbids [start, end); an end of None is for good."""

    rule: str
    sentence: str
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The choice (None when no attempt is worth making), why, what forbade what, and the runners-up."""

    choice: Choice | None
    reason: str
    vetoed: tuple[Veto, ...]
    alternatives: tuple[Choice, ...]


def check(case: Case) -> None:
    """Refuse a case that cannot be meant.

    Raises:
        ValueError: on a naive instant, on no attempts, and on attempts that are not oldest first.
    """
    if not case.attempts:
        raise ValueError(f"case {case.id!r} has no attempts; the first is the failure that opened it")
    moments = [utc(attempt.at) for attempt in case.attempts]
    if any(late < early for early, late in pairwise(moments)):
        raise ValueError(f"the attempts of case {case.id!r} are not oldest first")
    utc(case.deadline)
    if case.not_before is not None:
        utc(case.not_before)
    for start, end in case.vetoes:
        utc(start)
        utc(end)


def own_attempts(case: Case) -> tuple[Attempt, ...]:
    """Return the attempts on the card that the next one would use; a new card has none."""
    card = case.card or next((a.card for a in reversed(case.attempts) if a.card), None)
    return tuple(a for a in case.attempts if a.card in {None, card} or card is None)


def decline_of(attempt: Attempt, brand: str | None) -> Decline:
    """Return what the attempt says about its card, as the decline table reads it."""
    return Decline(
        code=attempt.decline_code,
        advice_code=attempt.advice_code,
        network_advice_code=attempt.network_advice_code,
        brand=brand,
    )
