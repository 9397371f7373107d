"""The planner: fitted to a merchant's history, it names the next time to try, and says why."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self
from zoneinfo import ZoneInfo

import numpy as np

from dunning.core.clock import utc
from dunning.timing import prior, saving, stories, words
from dunning.timing.candidates import candidates, typical_hours
from dunning.timing.case import Attempt, Case, Choice, Explanation, check, own_attempts
from dunning.timing.history import NEW_CARD, episodes, family_of
from dunning.timing.learn import Learned, learn
from dunning.timing.localtime import DAY, Floats, Ints, moments, zone_of
from dunning.timing.memory import Memory, remember
from dunning.timing.plan import Slots, gains, plan
from dunning.timing.rules import GAP, TECHNICAL_GAP, Allowed, allowed
from dunning.timing.stories import Curves
from dunning.timing.weights import segment

AHEAD: Final = 5  # tries planned jointly; only the first is carried out
PATIENT: Final = 0.985  # what money is worth a day later
DISCOUNT: Final = {"technical": 0.94}  # nothing is gained by waiting for a line that is up again
COST: Final = 0.005  # of the amount: what a refused try costs in fees and goodwill
LEAST: Final = 0.001  # stories less likely than this cannot move a plan
NEAR: Final = 0.995  # of the best value: times so close are picked between by chance
EXPLORED: Final = 4
RUNNERS_UP: Final = 3


@dataclass(frozen=True, slots=True)
class _View:
    """A case as the planner weighs it."""

    case: Case
    family: str
    zone: ZoneInfo
    slots: Slots
    weight: Curves  # of the stories that a plan weighs; sums to 1
    success: Curves  # of every story, a row per slot
    believed: Floats  # how likely every story is
    tries: int  # made on this card so far


class Planner:
    """Chooses when to retry; the same planner, case and `now` always give the same choice."""

    def __init__(self, learned: Learned, memory: Memory, seed: int) -> None:
        self._learned = learned
        self._memory = memory
        self._seed = seed
        by_hour = learned.corrections.tables["hour"]
        self._hours = {name: typical_hours(by_hour[row]) for row, name in enumerate(prior.FAMILIES)}

    @classmethod
    def fit(cls, cases: Iterable[Case], *, now: datetime, seed: int = 0) -> Self:
        """Learn from finished and running cases what happened until `now`; none gives the informed prior.

        Raises:
            ValueError: on a naive instant.
        """
        told = episodes(cases, now)
        return cls(learn(told), remember(told), seed)

    def dumps(self) -> bytes:
        """Return the planner as versioned JSON."""
        return saving.dumps(self._learned, self._memory, self._seed)

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
        family = family_of(own, case.brand)
        zone = zone_of(case.timezone, case.country)
        failed = int(utc(case.attempts[0].at).timestamp())
        seconds = candidates(rules, first, zone, self._hours[family], self._chance(case, "minute") % 50 + 4)
        believed = self._believed(case, own, family, zone, failed)
        success = self._success(family, zone, seconds, failed)
        columns = np.flatnonzero(believed > min(LEAST, float(believed.max()) / 2))
        weight = (believed[columns] / believed[columns].sum()).astype(np.float32)
        slots = Slots(
            seconds=seconds,
            success=success.take(columns, axis=1),
            worth=DISCOUNT.get(family, PATIENT) ** ((seconds - first.timestamp()) / DAY),
            cost=COST,
            gap=int((TECHNICAL_GAP * 6 if family == "technical" else GAP).total_seconds()),
        )
        return _View(case, family, zone, slots, weight, success, believed, len(own))

    def _success(self, family: str, zone: ZoneInfo, seconds: Ints, failed: int) -> Curves:
        """Return the chance of approval, a row per instant and a column per story."""
        if not seconds.size:
            return np.zeros((0, stories.STORIES), dtype=np.float32)
        when = moments(zone, seconds, failed)
        factor = self._learned.corrections.factor(family, when).astype(np.float32)
        success: Curves = np.minimum(stories.curves(when) * factor[:, None], np.float32(0.99))
        return success

    def _believed(
        self, case: Case, own: tuple[Attempt, ...], family: str, zone: ZoneInfo, failed: int
    ) -> Floats:
        """Return how likely each story is after what this card and this customer have shown."""
        weight = self._learned.weights.of(segment(family, case.funding), prior.region_of(case.country))
        weight = self._memory.bend(case, weight)
        seconds = [int(utc(a.at).timestamp()) for a in own]
        after = np.array([second for second in seconds if second > failed], dtype=np.int64)
        for row in self._success(family, zone, after, failed):
            weight = weight * (1 - row)
        return weight / float(weight.sum())

    def _decide(self, view: _View) -> Choice | None:
        chosen = plan(view.slots, view.weight, min(view.case.attempts_left, AHEAD))
        if not chosen:
            return None
        near, value = self._near(view, chosen)
        picked = near[self._chance(view.case, "pick") % len(near)]
        others = [self._choice(view, index, near) for index in _runners_up(view, value, picked)]
        return self._choice(view, picked, near, tuple(others))

    def _near(self, view: _View, chosen: list[int]) -> tuple[list[int], Floats]:
        """Return the times that are, as the first of the plan, nearly as good as the best; and all values."""
        rest = chosen[1:]
        gain = gains(view.slots, view.weight, rest)
        gain[rest[0] if rest else len(gain) :] = -np.inf
        seconds, others = view.slots.seconds, _plan_value(view, rest)
        close = np.abs(seconds - seconds[chosen[0]]) < GAP.total_seconds()
        near = np.flatnonzero(close & (gain + others >= NEAR * (gain[chosen[0]] + others)) & (gain > 0))
        if view.family in {NEW_CARD, "technical"}:
            near = near[near == chosen[0]]  # waiting has no reason there
        best = sorted(near.tolist(), key=lambda index: (-gain[index], index))[:EXPLORED]
        return best or [chosen[0]], gain

    def _choice(
        self, view: _View, index: int, near: list[int], alternatives: tuple[Choice, ...] = ()
    ) -> Choice:
        joint = view.success[index] * view.believed
        groups = np.bincount(stories.GROUP, weights=joint, minlength=len(stories.GROUPS))
        at = datetime.fromtimestamp(int(view.slots.seconds[index]), UTC)
        counted = self._memory.count(segment(view.family, view.case.funding), at.astimezone(view.zone).hour)
        story = stories.GROUPS[int(groups.argmax())]
        return Choice(
            at=at,
            probability=min(1.0, float(joint.sum())),
            propensity=1 / len(near) if index in near else 0.0,
            reason=words.choice_reason(view.case, view.family, story, at.astimezone(view.zone), counted),
            alternatives=alternatives,
        )

    def _chance(self, case: Case, what: str) -> int:
        """Return a large number that depends on the seed, the case and how often it was tried."""
        text = f"{self._seed}/{case.id}/{len(case.attempts)}/{what}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])


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
    for values in (value, gains(view.slots, view.weight, [])):
        for index in np.argsort(-values, kind="stable")[:200].tolist():
            apart = all(abs(seconds[index] - seconds[other]) >= view.slots.gap for other in found)
            if apart and values[index] > 0 and len(found) <= RUNNERS_UP:
                found.append(index)
    return found[1:]
