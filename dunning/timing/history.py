"""History as the learner reads it: an episode is what one card did after one failure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from dunning.core.clock import utc
from dunning.core.declines import DeclineClass, classify
from dunning.timing.case import Attempt, Case, decline_of
from dunning.timing.localtime import Ints, Moments, offset, zone_of
from dunning.timing.marks import Marks, marks

NEW_CARD: Final = "new_card"
TELLING: Final = (DeclineClass.SOFT_FUNDS, DeclineClass.LIMIT)
UNTOLD: Final = frozenset({DeclineClass.HARD, DeclineClass.FRAUD})


@dataclass(frozen=True, slots=True)
class Episode:
    """The tries that followed a failure, oldest first, in UTC seconds, each with whether it paid."""

    case: str
    customer: str | None
    marks: Marks
    zone: ZoneInfo
    failed: int
    tries: tuple[tuple[int, bool], ...]

    @property
    def local_failed(self) -> int:
        """Return the failure in seconds on the customer's clock."""
        return self.failed + offset(self.zone, self.failed)


def telling(attempts: tuple[Attempt, ...], brand: str | None) -> tuple[str, str | None]:
    """Return the decline family and code that tell most about one card; none means it was not tried yet."""
    classes = [(classify(decline_of(a, brand)), a.decline_code) for a in attempts if not a.paid]
    known = [found for found in classes if found[0] not in UNTOLD]
    if not known:
        return (DeclineClass.UNKNOWN.value if attempts else NEW_CARD), None
    best = next((found for found in known if found[0] in TELLING), known[0])
    return best[0].value, best[1]


def marks_of(case: Case, family: str, code: str | None) -> Marks:
    """Return the marks under which a case is learned and judged."""
    return marks(
        family,
        code,
        funding=case.funding,
        brand=case.brand,
        country=case.country,
        currency=case.currency,
        amount=case.amount,
    )


def finished(cases: Iterable[Case], now: datetime) -> list[Case]:
    """Return the cases that were tried at all until `now`, oldest failure first.

    Raises:
        ValueError: on a naive instant.
    """
    until = utc(now)
    told = [case for case in cases if sum(utc(a.at) <= until for a in case.attempts) > 1]
    return sorted(told, key=lambda case: (min(a.at for a in case.attempts), case.id))


def sampled(cases: list[Case], most: int) -> list[Case]:
    """Return at most so many cases, given oldest first: the newest of all, and the newest of every kind."""
    if len(cases) <= most:
        return cases
    seen: Counter[tuple[str | None, ...]] = Counter()
    ranks = []
    for index in range(len(cases) - 1, -1, -1):
        case = cases[index]
        kind = (case.attempts[0].decline_code, case.funding, case.country, case.brand)
        ranks.append((seen[kind], -index))
        seen[kind] += 1
    newest = set(range(len(cases) - most // 2, len(cases)))
    for _, index in sorted(ranks):
        if len(newest) >= most:
            break
        newest.add(-index)
    return [cases[index] for index in sorted(newest)]


def episodes(cases: Iterable[Case], now: datetime) -> list[Episode]:
    """Return the episodes of cases, with nothing that happened after `now`.

    Raises:
        ValueError: on a naive instant.
    """
    now = utc(now)
    found = [episode for case in cases for episode in _of_case(case, now)]
    return sorted(found, key=lambda e: (e.failed, e.case, e.marks.family))


def _of_case(case: Case, now: datetime) -> list[Episode]:
    past = sorted((a for a in case.attempts if utc(a.at) <= now), key=lambda a: utc(a.at))
    if len(past) < 2:
        return []
    opened = past[0]
    same = [a for a in past if a.card in {None, opened.card} or opened.card is None]
    stopped = classify(decline_of(opened, case.brand)) in UNTOLD  # says nothing of when to try
    family, code = telling((opened,), case.brand)
    found = [] if stopped else [_episode(case, marks_of(case, family, code), opened, same[1:])]
    others = dict.fromkeys(a.card for a in past if a not in same)
    fresh = marks_of(case, NEW_CARD, None)
    found += [_episode(case, fresh, opened, [a for a in past if a.card == card]) for card in others]
    return [episode for episode in found if episode.tries]


def _episode(case: Case, what: Marks, opened: Attempt, tries: list[Attempt]) -> Episode:
    paid = [index for index, a in enumerate(tries) if a.paid]
    told = tries[: paid[0] + 1] if paid else tries
    return Episode(
        case=case.id,
        customer=case.customer,
        marks=what,
        zone=zone_of(case.timezone, case.country),
        failed=int(utc(opened.at).timestamp()),
        tries=tuple((int(utc(a.at).timestamp()), a.paid) for a in told),
    )


@dataclass(frozen=True, slots=True)
class Round:
    """The tries of one ordinal over all episodes that got so far: who, when, and whether it paid."""

    who: Ints  # index of the episode
    when: Moments
    paid: np.typing.NDArray[np.bool_]


def rounds(told: list[Episode]) -> list[Round]:
    """Return the tries by ordinal, so that each episode occurs once in a round."""
    longest = max((len(e.tries) for e in told), default=0)
    return [_round(told, ordinal) for ordinal in range(longest)]


def _round(told: list[Episode], ordinal: int) -> Round:
    who = [index for index, e in enumerate(told) if len(e.tries) > ordinal]
    return Round(
        who=np.array(who, dtype=np.int64),
        when=seen([(told[i].zone, told[i].tries[ordinal][0], told[i].failed) for i in who]),
        paid=np.array([told[i].tries[ordinal][1] for i in who], dtype=np.bool_),
    )


def seen(instants: list[tuple[ZoneInfo, int, int]]) -> Moments:
    """Return instants of many zones, each with the failure it follows, as their customers live them."""
    at = np.array([second for _, second, _ in instants], dtype=np.int64)
    failed = np.array([second for _, _, second in instants], dtype=np.int64)
    at_offset = np.array([offset(zone, second) for zone, second, _ in instants], dtype=np.int64)
    failed_offset = np.array([offset(zone, second) for zone, _, second in instants], dtype=np.int64)
    return Moments(local=at + at_offset, age=(at - failed) / 3600, failed=(failed + failed_offset) / 3600)
