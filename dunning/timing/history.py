"""History as the learner reads it: an episode is what one card did after one failure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from dunning.core.clock import utc
from dunning.core.declines import DeclineClass, classify
from dunning.timing import prior
from dunning.timing.case import Attempt, Case, decline_of
from dunning.timing.localtime import Ints, Moments, offset, zone_of
from dunning.timing.weights import segment

NEW_CARD: Final = "new_card"
TELLING: Final = (DeclineClass.SOFT_FUNDS, DeclineClass.LIMIT)
UNTOLD: Final = frozenset({DeclineClass.HARD, DeclineClass.FRAUD})


@dataclass(frozen=True, slots=True)
class Episode:
    """The tries that followed a failure, oldest first, in UTC seconds, each with whether it paid."""

    case: str
    customer: str | None
    family: str
    segment: str
    region: str
    zone: ZoneInfo
    failed: int
    tries: tuple[tuple[int, bool], ...]


def family_of(attempts: tuple[Attempt, ...], brand: str | None) -> str:
    """Return the decline family that tells most about one card; no attempt means a card not yet tried."""
    classes = [classify(decline_of(a, brand)) for a in attempts if not a.paid]
    known = [c for c in classes if c not in UNTOLD]
    if not known:
        return DeclineClass.UNKNOWN.value if attempts else NEW_CARD
    return next((c.value for c in known if c in TELLING), known[0].value)


def episodes(cases: Iterable[Case], now: datetime) -> list[Episode]:
    """Return the episodes of cases, with nothing that happened after `now`.

    Raises:
        ValueError: on a naive instant.
    """
    now = utc(now)
    found = [episode for case in cases for episode in _of_case(case, now)]
    return sorted(found, key=lambda e: (e.failed, e.case, e.family))


def _of_case(case: Case, now: datetime) -> list[Episode]:
    past = sorted((a for a in case.attempts if utc(a.at) <= now), key=lambda a: utc(a.at))
    if len(past) < 2:
        return []
    opened = past[0]
    same = [a for a in past if a.card in {None, opened.card} or opened.card is None]
    stopped = classify(decline_of(opened, case.brand)) in UNTOLD  # says nothing of when to try
    family = family_of((opened,), case.brand)
    found = [] if stopped else [_episode(case, family, opened, same[1:])]
    others = dict.fromkeys(a.card for a in past if a not in same)
    found += [_episode(case, NEW_CARD, opened, [a for a in past if a.card == card]) for card in others]
    return [episode for episode in found if episode.tries]


def _episode(case: Case, family: str, opened: Attempt, tries: list[Attempt]) -> Episode:
    paid = [index for index, a in enumerate(tries) if a.paid]
    told = tries[: paid[0] + 1] if paid else tries
    return Episode(
        case=case.id,
        customer=case.customer,
        family=family,
        segment=segment(family, case.funding),
        region=prior.region_of(case.country),
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
