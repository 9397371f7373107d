"""The bridge between the two bases: from the cohort's recovered money to the cash of the same period."""

from datetime import date
from typing import Any, Final

from dunning.core.report_words import MONEY_BACK, Subject
from dunning.flows.folding import Reader
from dunning.store.rollups import Slice

STEPS: Final = {
    "cohort": "Of the failures of the period, whenever it moved (cohort)",
    "later": "less what of that moved after the period",
    "earlier": "plus what moved in the period of earlier failures",
    "cash": "What moved in the period, whenever the invoice failed (cash)",
}
FIGURES: Final = ("recovered", *MONEY_BACK, "net")
Bridge = dict[str, dict[str, dict[str, int]]]


def bridge(reader: Reader, first: date, last: date, *, livemode: bool) -> Bridge:
    """Return {currency: {figure: {cohort, later, earlier, cash}}} of [first, last); each adds up.

    cohort - later + earlier = cash, for every figure, in minor units.
    """
    start, end = first.isoformat(), last.isoformat()
    cohort = _sums(reader.read(Slice(Subject.FAILURES, "all", start, end, livemode)))
    moved = reader.read(Slice(Subject.CASH, "failed_day", start, end, livemode))
    cash = _sums(moved)
    both = _sums({place: measured for place, measured in moved.items() if start <= place[1] < end})
    found: dict[str, dict[str, dict[str, int]]] = {}
    for currency in sorted({*cohort, *cash}):
        ours, theirs, shared = (sums.get(currency, {}) for sums in (cohort, cash, both))
        found[currency] = {
            name: {
                "cohort": ours.get(name, 0),
                "later": ours.get(name, 0) - shared.get(name, 0),
                "earlier": theirs.get(name, 0) - shared.get(name, 0),
                "cash": theirs.get(name, 0),
            }
            for name in FIGURES
        }
    return found


def _sums(found: Any) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = {}
    for (currency, _, _), measured in found.items():
        own = sums.setdefault(currency, dict.fromkeys(FIGURES, 0))
        for name in FIGURES[:-1]:
            own[name] += measured.get(name, 0)
    for own in sums.values():
        own["net"] = own["recovered"] - sum(own[name] for name in MONEY_BACK)
    return sums
