"""Which instants are allowed at all: codes, gaps, deadlines and vetoes, each with the words for its no."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from dunning.core.clock import utc
from dunning.core.declines import (
    DeclineClass,
    classify,
    may_retry,
    retry_limit,
    staff_wording,
)
from dunning.core.network_rules import earliest_after, stops_card
from dunning.timing.case import Attempt, Case, Veto, decline_of, own_attempts

GAP: Final = timedelta(hours=12)  # design default; a technical failure says nothing about the card
TECHNICAL_GAP: Final = timedelta(hours=1)
DAY: Final = timedelta(hours=24)
SHY_GAP: Final = timedelta(hours=48)  # for codes that allow two tries only
PER_DAY: Final = 2  # tries per card in 24 hours
LATE: Final = 0.6  # of the window, before a card that must be replaced is tried for the updater's sake


@dataclass(frozen=True, slots=True)
class Allowed:
    """When the next try may be: from `earliest` to before `end`, outside `holes`; or never, and why."""

    earliest: datetime
    end: datetime
    holes: tuple[tuple[datetime, datetime], ...]
    vetoed: tuple[Veto, ...]
    never: str | None = None

    def first(self) -> datetime | None:
        """Return the first allowed instant, or None when there is none."""
        at = self.earliest
        for start, end in self.holes:
            if start <= at < end:
                at = end
        return at if at < self.end and self.never is None else None


def allowed(case: Case, now: datetime) -> Allowed:
    """Apply every rule to a case; instants in UTC."""
    own = own_attempts(case)
    never = _never(case, own, now)
    waits = [veto for veto in _waits(case, own) if veto.end is not None and veto.end > now]
    holes = _holes(case)
    vetoed = tuple(waits) + tuple(_hole_veto(hole) for hole in holes if hole[1] > now)
    if never is not None:
        vetoed = (Veto(never[0], never[1], now), *vetoed)
    ends = [veto.end for veto in waits if veto.end is not None]
    return Allowed(max([now, *ends]), utc(case.deadline), holes, vetoed, never and never[1])


def _never(case: Case, own: tuple[Attempt, ...], now: datetime) -> tuple[str, str] | None:
    if any(attempt.paid for attempt in case.attempts):
        return "paid", "An attempt has paid this invoice."
    if case.attempts_left <= 0:
        return "attempts_left", "No attempts are left."
    if utc(case.deadline) <= now:
        return "deadline", "The window has ended."
    stops = (_code_stop(case, own, index) for index in range(len(own)))
    return next((stop for stop in stops if stop is not None), None)


def _code_stop(case: Case, own: tuple[Attempt, ...], index: int) -> tuple[str, str] | None:
    attempt = own[index]
    decline = decline_of(attempt, case.brand)
    words = staff_wording(decline)
    if stops_card(decline):
        return "stop_code", f"This card may not be tried again. {words}"
    if attempt.decline_code is None and may_retry(classify(decline)):
        return None  # a history without codes is not a card that refuses
    limit = retry_limit(decline)
    if limit is None or len(own) - 1 - index < limit:
        return None
    if limit == 0:
        return "needs_customer", f"Trying the same card again cannot help. {words}"
    return "code_limit", f"This code allows no more tries on the same card. {words}"


def _waits(case: Case, own: tuple[Attempt, ...]) -> list[Veto]:
    waits = [_network_wait(attempt, case) for attempt in own]
    waits += [_gap(case, own), _two_a_day(own), _updater_wait(case, own)]
    if case.not_before is not None:
        opened = utc(case.attempts[0].at)
        limits = "The limits of the policy and of the card's network allow nothing earlier."
        waits.append(Veto("not_before", limits, opened, utc(case.not_before)))
    return [veto for veto in waits if veto is not None]


def _network_wait(attempt: Attempt, case: Case) -> Veto | None:
    decline = decline_of(attempt, case.brand)
    until = earliest_after(decline, attempt.at)
    if until is None:
        return None
    hours = round((until - utc(attempt.at)) / timedelta(hours=1))
    return Veto("network_delay", f"Mastercard's advice is to wait {hours} hours.", utc(attempt.at), until)


def _gap(case: Case, own: tuple[Attempt, ...]) -> Veto | None:
    if not own:
        return None
    gap = gap_after(own[-1], case.brand)
    last = utc(own[-1].at)
    return Veto("gap", f"Two tries are kept {gap // timedelta(hours=1)} hours apart.", last, last + gap)


def gap_after(attempt: Attempt, brand: str | None) -> timedelta:
    """Return how long to leave a card alone after an attempt."""
    decline = decline_of(attempt, brand)
    decline_class = classify(decline)
    if decline_class is DeclineClass.TECHNICAL:
        return TECHNICAL_GAP
    if retry_limit(decline) is not None:
        return DAY if decline_class is DeclineClass.UNKNOWN else SHY_GAP
    return GAP


def _two_a_day(own: tuple[Attempt, ...]) -> Veto | None:
    if len(own) < PER_DAY:
        return None
    first = utc(own[-PER_DAY].at)
    return Veto("two_a_day", "A card is tried twice in 24 hours at most.", first, first + DAY)


def _updater_wait(case: Case, own: tuple[Attempt, ...]) -> Veto | None:
    needy = [a for a in own if classify(decline_of(a, case.brand)) is DeclineClass.NEEDS_CARD]
    if not needy:
        return None
    failed = utc(needy[0].at)
    until = failed + LATE * max(utc(case.deadline) - failed, timedelta(0))
    return Veto("updater", "The one late try waits for the network to replace the card.", failed, until)


def _holes(case: Case) -> tuple[tuple[datetime, datetime], ...]:
    spans = ((utc(start), utc(end)) for start, end in case.vetoes)
    return tuple(sorted((start, end) for start, end in spans if start < end))


def _hole_veto(hole: tuple[datetime, datetime]) -> Veto:
    return Veto("veto", "A rule forbids this time.", hole[0].astimezone(UTC), hole[1])
