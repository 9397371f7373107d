"""The planner: fitted to a merchant's history, it names the next time to try, and says why."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import sqrt
from typing import Final, Self
from zoneinfo import ZoneInfo

import numpy as np

from dunning.core.clock import utc
from dunning.timing import saving, stories, words
from dunning.timing.candidates import candidates, typical_hours
from dunning.timing.case import Attempt, Case, Choice, Explanation, check, own_attempts
from dunning.timing.history import NEW_CARD, episodes, finished, marks_of, sampled, telling
from dunning.timing.learn import Learned, learn
from dunning.timing.localtime import DAY, Floats, Ints, moments, offset, offsets, zone_of
from dunning.timing.lots import EXPLORED, Lots
from dunning.timing.marks import Marks
from dunning.timing.memory import Memory, remember
from dunning.timing.plan import Plan, Slots, gains, plan
from dunning.timing.rules import GAP, TECHNICAL_GAP, Allowed, allowed
from dunning.timing.sample import fair_sample
from dunning.timing.stories import Curves
from dunning.timing.tally import Tally, tally

AHEAD: Final = 4  # tries planned jointly; only the first is carried out
PATIENT: Final = 0.9995  # what money is worth a day later
HURRY: Final = {
    "technical": 0.02,
    NEW_CARD: 0.25,
}  # lost over the first days: what works may be tried at once
COST: Final = 0.004  # of the amount: what a refused try costs in fees and goodwill
REFUSED: Final = 0.5  # how far the first refusal is believed: renewals do not fall on any day alike
WEIGHED: Final = 128  # stories that a plan weighs: the likely ones, and a fair sample of the others
MOST: Final = 12_000  # cases learned from
NEAR: Final = 0.995  # share of the best value that a time brings which is tried for the sake of knowing
# What is published of hours contradicts itself, so without history the quarters of the day take turns: a
# favourite hour that is not a world's own would be wrong for all of its invoices.
QUARTERS: Final = 4
TURNS: Final = (0, 2, 1, 3)
REACH: Final = 36 * 3600  # seconds from the best time
RUNNERS_UP: Final = 3
BELIEVED: Final = 20  # tries that the prior is worth


@dataclass(frozen=True, slots=True)
class _View:
    """A case as the planner weighs it."""

    case: Case
    marks: Marks
    zone: ZoneInfo
    slots: Slots
    columns: Ints  # the stories that a plan weighs
    weight: Curves  # how likely they are; sums to 1
    tries: int  # made on this card so far

    @property
    def family(self) -> str:
        return self.marks.family


class Planner:
    """Chooses when to retry; the same planner, case and `now` always give the same choice."""

    def __init__(self, learned: Learned, memory: Memory, counts: Tally, seed: int) -> None:
        self._learned = learned
        self._memory = memory
        self._counts = counts
        self._seed = seed
        self._hours: dict[Marks, np.typing.NDArray[np.bool_]] = {}

    @classmethod
    def fit(cls, cases: Iterable[Case], *, now: datetime, seed: int = 0) -> Self:
        """Learn from finished and running cases what happened until `now`; none gives the informed prior.

        Raises:
            ValueError: on a naive instant.
        """
        past = finished(cases, now)
        told = episodes(past, now)
        return cls(learn(episodes(sampled(past, MOST), now)), remember(told), tally(told), seed)

    def dumps(self) -> bytes:
        """Return the planner as versioned JSON."""
        return saving.dumps(self._learned, self._memory, self._counts, self._seed)

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """Return the planner that `dumps` saved.

        Raises:
            ValueError: if the bytes are not a planner of this version.
        """
        return cls(*saving.loads(data))

    def choose(self, case: Case, *, now: datetime) -> Choice | None:
        """Return when to try next, or None when no attempt is allowed or worth making.

        Raises:
            ValueError: on a naive instant, and on a case without attempts or with unordered ones.
        """
        return self.explain(case, now=now).choice

    def explain(self, case: Case, *, now: datetime) -> Explanation:
        """Return the choice with its reason, what the rules forbade, and the runners-up; or why none.

        Raises:
            ValueError: as `choose`.
        """
        check(case)
        rules = allowed(case, utc(now))
        first = rules.first()
        if rules.never is not None:
            return Explanation(None, rules.never, rules.vetoed, ())
        if first is None:
            return Explanation(None, words.too_late(rules.earliest, rules.end), rules.vetoed, ())
        view = self._view(case, rules, first)
        choice = self._decide(view)
        if choice is None:
            return Explanation(None, words.not_worth(view.family, view.tries), rules.vetoed, ())
        return Explanation(choice, choice.reason, rules.vetoed, choice.alternatives)

    def _view(self, case: Case, rules: Allowed, first: datetime) -> _View:
        own = own_attempts(case)
        marks = marks_of(case, *telling(own, case.brand))
        zone = zone_of(case.timezone, case.country)
        failed = int(utc(case.attempts[0].at).timestamp())
        hours = self._typical(marks)
        minute = self._chance(case, "minute") % 50 + 4
        seconds = candidates(rules, first, zone, hours, minute, hurried=marks.family in HURRY)
        believed = self._believed(case, own, marks, zone, failed)
        columns, weight = fair_sample(believed, WEIGHED)
        slots = Slots(
            seconds=seconds,
            success=self._success(marks, zone, seconds, failed, columns),
            worth=_worth(marks.family, (seconds - first.timestamp()) / DAY),
            cost=COST,
            gap=int((TECHNICAL_GAP * 6 if marks.family == "technical" else GAP).total_seconds()),
        )
        return _View(case, marks, zone, slots, columns, weight, len(own))

    def _typical(self, marks: Marks) -> np.typing.NDArray[np.bool_]:
        if marks not in self._hours:
            rows = self._learned.corrections.rows(marks)
            self._hours[marks] = typical_hours(rows.get("hour", np.ones(24)))
        return self._hours[marks]

    def _success(
        self, marks: Marks, zone: ZoneInfo, seconds: Ints, failed: int, columns: Ints = stories.EVERY
    ) -> Curves:
        """Return the chance of approval, a row per instant and a column per story."""
        if not seconds.size:
            return np.zeros((0, len(columns)), dtype=np.float32)
        when = moments(zone, seconds, failed)
        factor = self._learned.corrections.factor(marks, when).astype(np.float32)
        success = stories.curves(when, columns)
        success *= factor[:, None]
        return np.minimum(success, np.float32(0.99), out=success)

    def _believed(
        self, case: Case, own: tuple[Attempt, ...], marks: Marks, zone: ZoneInfo, failed: int
    ) -> Floats:
        """Return how likely each story is after what this card and this customer have shown."""
        weight = self._memory.bend(case, self._learned.weights.of(marks))
        seconds = np.array([int(utc(a.at).timestamp()) for a in own], dtype=np.int64)
        if marks.family != NEW_CARD:
            weight = weight * stories.refusal_at((failed + offset(zone, failed)) // 3600, REFUSED)
        for row in self._success(marks, zone, seconds[seconds > failed], failed):
            weight = weight * (1 - row)
        return weight / float(weight.sum())

    def _decide(self, view: _View) -> Choice | None:
        found = plan(view.slots, view.weight, min(view.case.attempts_left, AHEAD))
        if not found.chosen:
            return None
        near, value = self._near(view, found)
        lots = self._lots(view, value, near)
        picked = lots.drawn(self._chance(view.case, "explore"), self._chance(view.case, "pick"))
        others = [self._choice(view, index, lots) for index in _runners_up(view, value, picked)]
        return self._choice(view, picked, lots, tuple(others))

    def _lots(self, view: _View, value: Floats, near: list[int]) -> Lots:
        """Return how the time is drawn: the best, one near it, or the best of the quarter that is on.

        The turns begin opposite to the hour of the failure.
        """
        if view.family in {NEW_CARD, "technical"}:
            return Lots(near, near[0], 0.0)
        failed = int(utc(view.case.attempts[0].at).timestamp())
        start = (failed + offset(view.zone, failed)) % DAY // (DAY // QUARTERS)
        turn = (start + TURNS[len(view.case.attempts) % QUARTERS]) % QUARTERS
        unsure = BELIEVED / (BELIEVED + self._counts.tries(view.family))
        return Lots(near, _of_quarter(view, value, near[0], turn), unsure)

    def _near(self, view: _View, found: Plan) -> tuple[list[int], Floats]:
        """Return the times that would open the plan nearly as well as the best, which leads; all values."""
        chosen, gain = found.chosen, found.gain.copy()
        rest = chosen[1:]
        gain[rest[0] if rest else len(gain) :] = -np.inf
        seconds, others = view.slots.seconds, _plan_value(view, rest)
        close = np.abs(seconds - seconds[chosen[0]]) < GAP.total_seconds()
        near = np.flatnonzero(close & (gain + others >= NEAR * (gain[chosen[0]] + others)) & (gain > 0))
        if view.family in {NEW_CARD, "technical"}:
            near = near[near == chosen[0]]  # waiting has no reason there
        best = sorted(near.tolist(), key=lambda index: (-gain[index], index))[:EXPLORED]
        return best or [chosen[0]], gain

    def _choice(self, view: _View, index: int, lots: Lots, alternatives: tuple[Choice, ...] = ()) -> Choice:
        joint = view.slots.success[index] * view.weight
        groups = np.bincount(stories.GROUP[view.columns], weights=joint, minlength=len(stories.GROUPS))
        at = datetime.fromtimestamp(int(view.slots.seconds[index]), UTC)
        local = at.astimezone(view.zone)
        counted = self._counts.count(view.marks.segment, local.hour)
        story = stories.GROUPS[int(groups.argmax())]
        return Choice(
            at=at,
            probability=min(1.0, float(joint.sum())),
            propensity=lots.propensity(index),
            reason=words.choice_reason(view.case, view.family, story, local, counted),
            alternatives=alternatives,
            interval=_interval(min(1.0, float(joint.sum())), counted[0]),
            counted=counted,
        )

    def _chance(self, case: Case, what: str) -> int:
        """Return a large number that depends on the seed, the case and how often it was tried."""
        text = f"{self._seed}/{case.id}/{len(case.attempts)}/{what}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])


def _worth(family: str, days: Floats) -> Floats:
    """Return what a success is worth so many days from now."""
    found: Floats = PATIENT**days * (1 - HURRY.get(family, 0.0) * (1 - np.exp(-days)))
    return found


def _of_quarter(view: _View, value: Floats, best: int, turn: int) -> int:
    """Return the best time near the best of all in a quarter of the local day, else the best of all."""
    seconds = view.slots.seconds
    quarter = (seconds + offsets(view.zone, seconds)) % DAY // (DAY // QUARTERS)
    fits = (np.abs(seconds - seconds[best]) <= REACH) & (value > 0) & (quarter == turn)
    return int(np.where(fits, value, -np.inf).argmax()) if fits.any() else best


def _interval(chance: float, tries: int) -> tuple[float, float]:
    """Return Wilson's 90 % interval, the prior counting as so many tries beside our own."""
    n, z = tries + BELIEVED, 1.645
    middle = (chance + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(chance * (1 - chance) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _plan_value(view: _View, chosen: list[int]) -> float:
    left, value = view.weight, 0.0
    for index in chosen:
        success = view.slots.success[index]
        value += float(view.slots.worth[index] * (left * success).sum() - view.slots.cost * left.sum())
        left = left * (1 - success)
    return value


def _runners_up(view: _View, value: Floats, picked: int) -> list[int]:
    """Return the next best times for the first of the plan, then for a single try, each well apart."""
    seconds, found = view.slots.seconds, [picked]
    free = np.abs(seconds - seconds[picked]) >= view.slots.gap
    for values in _by_turns(view, value):
        while len(found) <= RUNNERS_UP:
            best = int(np.where(free, values, -np.inf).argmax())
            if not free[best] or values[best] <= 0:
                break
            found.append(best)
            free &= np.abs(seconds - seconds[best]) >= view.slots.gap
        if len(found) > RUNNERS_UP:
            break
    return found[1:]


def _by_turns(view: _View, value: Floats) -> Iterator[Floats]:
    yield value
    yield gains(view.slots, view.weight, [])
