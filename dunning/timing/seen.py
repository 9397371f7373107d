"""What the log itself shows, before any model: tries and how many paid, per class and moment.

Local time is the customer's. The first try of a recovery, the one that opened it, has failed by definition
and is left out.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from dunning.core.clock import utc
from dunning.core.declines import classify
from dunning.timing.case import Attempt, Case, decline_of
from dunning.timing.localtime import offset, zone_of

SIZES: Final = {"hour": 24, "weekday": 7, "day_of_month": 31, "age": 15}  # days; the last: 14 or more

Curves = dict[str, dict[str, list[list[int]]]]


def seen(cases: Iterable[Case]) -> Curves:
    """Return {decline class: {hour, weekday (0 is Monday), day_of_month, age: [[tries, paid], …]}}."""
    found: Curves = {}
    for case in cases:
        told = str(classify(decline_of(case.attempts[0], case.brand)))
        curves = found.setdefault(told, _empty())
        for attempt in case.attempts[1:]:
            _count(curves, case, attempt)
    return {name: curves for name, curves in sorted(found.items()) if any(t for t, _ in curves["hour"])}


def _empty() -> dict[str, list[list[int]]]:
    return {name: [[0, 0] for _ in range(size)] for name, size in SIZES.items()}


def _count(curves: dict[str, list[list[int]]], case: Case, attempt: Attempt) -> None:
    for name, place in _places(case, attempt).items():
        cell = curves[name][place]
        cell[0] += 1
        cell[1] += attempt.paid


def _places(case: Case, attempt: Attempt) -> dict[str, Any]:
    second = int(utc(attempt.at).timestamp())
    moved = second + offset(zone_of(case.timezone, case.country), second)
    local = datetime.fromtimestamp(moved, UTC)
    age = (utc(attempt.at) - utc(case.attempts[0].at)).days
    return {
        "hour": local.hour,
        "weekday": local.weekday(),
        "day_of_month": local.day - 1,
        "age": min(max(age, 0), SIZES["age"] - 1),
    }
