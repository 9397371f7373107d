"""What retries and messages bring: each experiment's treated customers against those held out.

By intention to treat, on recoveries whose whole window is over, card updates and customers' own payments
counted on both sides. Each currency apart; money is gross, in minor units.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

from dunning.core.experiments import said
from dunning.core.vocabulary import Arm, Experiment
from dunning.flows.house import House
from dunning.store import experiments
from dunning.store.outcomes import Outcome, finished
from dunning.timing.offpolicy import Interval
from dunning.timing.uplift import FEWEST, Side, invoices_needed, newcombe, per_invoice, rate

SEED: Final = 1  # of the bootstrap: the same log gives the same interval
DEFINITIONS: Final = {
    "invoices": "Recoveries whose whole window is over, on the side their customer was on when they opened.",
    "rate": "The share of them that was paid within the window, by anyone and any means.",
    "incremental": "What the treated side brought beyond what it would have at the held-out side’s average.",
    "price": "What the held-out side would have brought beyond its own at the treated side’s average.",
}


@dataclass(frozen=True, slots=True)
class Money:
    """One currency of an experiment, in minor units; the intervals are None on too few invoices."""

    treated: int  # invoices
    holdout: int
    incremental: Interval | None
    price: Interval | None


@dataclass(frozen=True, slots=True)
class Uplift:
    """One experiment as it stands."""

    experiment: Experiment
    share: Fraction  # held out now
    treated: int  # invoices
    holdout: int
    rates: tuple[Interval, Interval] | None  # treated, holdout; None while there is none on a side
    difference: Interval | None  # None on too few invoices
    currencies: dict[str, Money]
    needed: int  # finished invoices that would show a difference of five points

    @property
    def known(self) -> bool:
        """Return whether the difference of the rates is beyond chance."""
        return self.difference is not None and (self.difference.low > 0 or self.difference.high < 0)

    @property
    def sentence(self) -> str:
        """Return what is known, for staff."""
        return _sentence(self)

    def dumps(self) -> dict[str, Any]:
        """Return the experiment as JSON-ready values; money in minor units."""
        treated, holdout = self.rates or (None, None)
        return {
            "experiment": self.experiment.value,
            "share_held_out": said(self.share),
            "invoices": {"treated": self.treated, "holdout": self.holdout},
            "rate": {"treated": _dumps(treated), "holdout": _dumps(holdout)},
            "difference": _dumps(self.difference),
            "known": self.known,
            "invoices_needed_for_5_points": self.needed,
            "currencies": {code: _dumps_money(money) for code, money in self.currencies.items()},
            "sentence": self.sentence,
        }


def uplifts(house: House) -> list[Uplift]:
    """Return every experiment that runs, or ever had a customer."""
    now = house.clock.now()
    with house.store.read() as connection:
        shares = experiments.shares(connection)
        outcomes = finished(connection, now, livemode=house.settings.livemode, experimental=True)
    found = [_uplift(experiment, share, outcomes) for experiment, share in shares.items()]
    return [each for each in found if each.share or each.treated or each.holdout]


def _uplift(experiment: Experiment, share: Fraction, outcomes: list[Outcome]) -> Uplift:
    mine = [case for case in outcomes if case.holdout[experiment] is not None]
    treated, holdout = (_side(experiment, arm, mine) for arm in (Arm.TREATED, Arm.HOLDOUT))
    counts = len(treated.paid), len(holdout.paid)
    rates = (rate(treated), rate(holdout)) if min(counts) else None
    base = rates[1].value if rates else 0.45
    drawn = float(share) if share else counts[1] / max(sum(counts), 1)
    return Uplift(
        experiment=experiment,
        share=share,
        treated=counts[0],
        holdout=counts[1],
        rates=rates,
        difference=newcombe(*rates) if rates and min(counts) >= FEWEST else None,
        currencies={code: _money(experiment, code, mine) for code in sorted({c.currency for c in mine})},
        needed=invoices_needed(base, drawn),
    )


def _money(experiment: Experiment, code: str, cases: list[Outcome]) -> Money:
    mine = [case for case in cases if case.currency == code]
    treated, holdout = (_side(experiment, arm, mine) for arm in (Arm.TREATED, Arm.HOLDOUT))
    counts = len(treated.paid), len(holdout.paid)
    if min(counts) < FEWEST:
        return Money(*counts, None, None)
    each = per_invoice(treated, holdout, seed=SEED)
    return Money(*counts, _times(each, counts[0]), _times(each, counts[1]))


def _side(experiment: Experiment, arm: Arm, cases: list[Outcome]) -> Side:
    mine = [case for case in cases if case.arms[experiment] is arm]
    held = [case.holdout[experiment] or Fraction(0) for case in mine]
    chances = [share if arm is Arm.HOLDOUT else 1 - share for share in held]
    numbers: dict[str, int] = {}
    return Side(
        paid=np.array([case.paid_after is not None for case in mine], dtype=np.float64),
        money=np.array([case.recovered for case in mine], dtype=np.float64),
        weight=np.array([1 / float(chance) if chance else 0.0 for chance in chances], dtype=np.float64),
        customer=np.array([numbers.setdefault(c.customer, len(numbers)) for c in mine], dtype=np.int64),
    )


def _times(each: Interval, count: int) -> Interval:
    return Interval(*(round(part * count) for part in (each.value, each.low, each.high)))


def _dumps(interval: Interval | None) -> list[float] | None:
    return None if interval is None else interval.dumps()


def _dumps_money(money: Money) -> dict[str, Any]:
    return {
        "invoices": {"treated": money.treated, "holdout": money.holdout},
        "incremental": _dumps(money.incremental),
        "price_of_holdout": _dumps(money.price),
    }


def _sentence(found: Uplift) -> str:
    what = "the planner" if found.experiment is Experiment.RETRIES else "messages"
    if found.difference is None:
        return (
            f"Not yet known what {what} bring: {FEWEST} finished invoices are needed on each side, and there "
            f"are {found.treated} and {found.holdout}."
        )
    low, high = (f"{part * 100:+.1f}" for part in (found.difference.low, found.difference.high))
    if not found.known:
        return (
            f"Not yet known: between {low} and {high} points. A difference of 5 points shows after about "
            f"{found.needed:,} finished invoices at this share."
        )
    word = "more" if found.difference.low > 0 else "less"
    return f"With {what}, {word} is recovered: by {low} to {high} points of the invoices."
