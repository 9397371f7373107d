"""When to retry: `Planner.fit(cases, now=…)`, then `.choose(case, now=…)` and `.explain(case, now=…)`."""

from dunning.timing.case import Attempt, Case, Choice, Explanation, Veto
from dunning.timing.planner import Planner

__all__ = ["Attempt", "Case", "Choice", "Explanation", "Planner", "Veto"]
