"""Fixed schedules: what the planner is compared with, and what a holdout keeps.

A step of a ladder passes every rule that the planner's times pass: where one is not allowed, it is made at
the next instant that is.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from dunning.core.clock import utc
from dunning.timing.case import Case, Choice, Explanation, check
from dunning.timing.judge import chance
from dunning.timing.planner import Planner
from dunning.timing.rules import allowed

MOST_STEPS: Final = 50


@dataclass(frozen=True, slots=True)
class Ladder:
    """Tries at fixed ages of the failure, in days, ascending."""

    name: str
    days: tuple[float, ...]

    def following(self, case: Case, now: datetime) -> datetime | None:
        """Return the next step's instant in UTC, as the rules allow it; None when there is none."""
        check(case)
        rules = allowed(case, utc(now))
        opened, last = utc(case.attempts[0].at), utc(case.attempts[-1].at)
        steps = (opened + timedelta(days=days) for days in self.days)
        step = next((at for at in steps if at > last), None)
        if step is None:
            return None
        return replace(rules, earliest=max(rules.earliest, step)).first()

    def explain(self, case: Case, planner: Planner, *, now: datetime) -> Explanation:
        """Return the next step with the planner's own chance for it, or why there is none."""
        rules = allowed(case, utc(now))
        at = self.following(case, now)
        if at is None:
            why = rules.never or "The plain ladder has no step left that the rules allow in the window."
            return Explanation(None, why, rules.vetoed, ())
        reason = (
            f"Day {math.ceil((at - utc(case.attempts[0].at)) / timedelta(days=1))} of the plain ladder: this "
            "customer is in the share that the planner is measured against."
        )
        choice = Choice(at, chance(planner, case, at) or 0.0, 1.0, reason)
        return Explanation(choice, reason, rules.vetoed, ())


def ladder(name: str, days: tuple[float, ...]) -> Ladder:
    """Return a ladder of steps at these ages in days.

    Raises:
        ValueError: if there are no steps, too many, or if they do not ascend from above 0.
    """
    ascending = all(early < late for early, late in zip((0.0, *days), days, strict=False))
    if not 0 < len(days) <= MOST_STEPS or not ascending or not all(map(math.isfinite, days)):
        raise ValueError(f"{name!r}: the days of a ladder ascend from above 0, {MOST_STEPS} at most.")
    return Ladder(name, days)


# As many tries and as long a window as the planner has by default; else the window would be measured.
PLAIN: Final = Ladder("ladder", (1, 3, 5, 7, 9, 11, 13))
FOUR: Final = Ladder("1/3/5/7", (1, 3, 5, 7))
STRIPE_LIKE: Final = Ladder("stripe-like", (1, 2, 3, 5, 7, 9, 11, 13))
