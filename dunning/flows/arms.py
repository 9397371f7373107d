"""What the arms of a campaign bring: each against every other, with intervals; no winner on thin data.

By intention to treat, on recoveries whose whole window is over. Each currency apart; money is gross, in minor
units.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Any, Final

import numpy as np

from dunning.core.campaign import Campaign
from dunning.flows.house import House
from dunning.flows.uplift import SEED
from dunning.store import arms, campaigns
from dunning.store.arms import InArm
from dunning.timing.offpolicy import Interval
from dunning.timing.uplift import FEWEST, Side, invoices_needed, newcombe, per_invoice, rate

DEFINITIONS: Final = {
    "arm": "Which of a campaign’s ways a customer was drawn for, once; all their recoveries keep to it.",
    "against": "The rate of an arm less that of another; beyond chance where the interval leaves out nought.",
    "winner": (
        f"An arm that is beyond chance better than every other, with {FEWEST} finished invoices in each; of "
        "three or four arms their own intervals must lie apart, since more comparisons find more by chance."
    ),
}


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One arm; `rate` is the share of its invoices that were paid, None while it has none."""

    key: str
    share: Fraction
    invoices: int
    rate: Interval | None


@dataclass(frozen=True, slots=True)
class Against:
    """One arm against another: the difference of rates, and money by currency in minor units an invoice."""

    arm: str
    other: str
    difference: Interval | None  # None on too few invoices
    money: dict[str, Interval | None]


@dataclass(frozen=True, slots=True)
class Arms:
    """One version of a campaign, with its arms compared."""

    campaign: Campaign
    figures: tuple[ArmFigures, ...]
    comparisons: tuple[Against, ...]
    winner: str | None
    needed: int  # finished invoices that would show a difference of five points between two arms

    @property
    def sentence(self) -> str:
        """Return what is known, for staff."""
        counts = ", ".join(f"{one.invoices} in {one.key}" for one in self.figures)
        if self.winner is not None:
            return f"{self.winner} recovers more than every other arm, beyond chance ({counts})."
        if min(one.invoices for one in self.figures) < FEWEST:
            return (
                f"No winner is named on thin data: {FEWEST} finished invoices an arm are needed ({counts})."
            )
        return (
            f"No arm is beyond chance better than the others. Five points show after about {self.needed:,}."
        )

    def dumps(self) -> dict[str, Any]:
        """Return the comparison as JSON-ready values; money in minor units an invoice."""
        return {
            "campaign": self.campaign.key,
            "version": self.campaign.version,
            "arms": [
                {"arm": one.key, "share": str(one.share), "invoices": one.invoices, "rate": _dumps(one.rate)}
                for one in self.figures
            ],
            "comparisons": [
                {
                    "arm": one.arm,
                    "against": one.other,
                    "difference": _dumps(one.difference),
                    "money_an_invoice": {code: _dumps(sums) for code, sums in one.money.items()},
                }
                for one in self.comparisons
            ],
            "winner": self.winner,
            "invoices_needed_for_5_points": self.needed,
            "sentence": self.sentence,
        }


def compared(house: House) -> list[Arms]:
    """Return every version of a campaign with arms that is published, the newest of a key first."""
    with house.store.read() as connection:
        cases = arms.finished(connection, house.clock.now(), livemode=house.settings.livemode)
        rows = campaigns.published(connection)
    found = [Campaign.loads(row["definition"]) for row in rows]
    by_version = {key: list(group) for key, group in groupby(sorted(cases, key=_version), key=_version)}
    return [compare(one, by_version.get((one.key, one.version), [])) for one in found if one.arms]


def compare(campaign: Campaign, cases: Sequence[InArm]) -> Arms:
    """Return one version's arms, each compared with those that come before it."""
    sides = {
        arm.key: _side([case for case in cases if case.arm == arm.key], arm.share) for arm in campaign.arms
    }
    figures = tuple(
        ArmFigures(
            arm.key,
            arm.share,
            len(sides[arm.key].paid),
            rate(sides[arm.key]) if len(sides[arm.key].paid) else None,
        )
        for arm in campaign.arms
    )
    base = next((one.rate.value for one in figures if one.rate), 0.45)
    return Arms(
        campaign,
        figures,
        tuple(_comparisons(campaign, cases, figures)),
        _winner(figures),
        invoices_needed(base, float(min(arm.share for arm in campaign.arms))),
    )


def _comparisons(
    campaign: Campaign, cases: Sequence[InArm], figures: Sequence[ArmFigures]
) -> Iterator[Against]:
    codes = sorted({case.currency for case in cases})
    for number, one in enumerate(figures):
        for other in figures[:number]:
            money = {code: _money(campaign, cases, one.key, other.key, code) for code in codes}
            yield Against(one.key, other.key, _difference(one, other), money)


def _difference(one: ArmFigures, other: ArmFigures) -> Interval | None:
    if one.rate is None or other.rate is None or min(one.invoices, other.invoices) < FEWEST:
        return None
    return newcombe(one.rate, other.rate)


def _money(campaign: Campaign, cases: Sequence[InArm], one: str, other: str, code: str) -> Interval | None:
    shares = {arm.key: arm.share for arm in campaign.arms}
    first, second = (
        _side([case for case in cases if case.arm == arm and case.currency == code], shares[arm])
        for arm in (one, other)
    )
    if min(len(first.paid), len(second.paid)) < FEWEST:
        return None
    return per_invoice(first, second, seed=SEED)


def _winner(figures: Sequence[ArmFigures]) -> str | None:
    for one in figures:
        others = [other for other in figures if other is not one]
        if all(_beats(one, other, many=len(figures) > 2) for other in others):
            return one.key
    return None


def _beats(one: ArmFigures, other: ArmFigures, *, many: bool) -> bool:
    difference = _difference(one, other)
    if difference is None or one.rate is None or other.rate is None:
        return False
    return one.rate.low > other.rate.high if many else difference.low > 0


def _side(cases: Sequence[InArm], share: Fraction) -> Side:
    chances = [float(case.probability or share) for case in cases]
    numbers: dict[str, int] = {}
    return Side(
        paid=np.array([case.paid for case in cases], dtype=np.float64),
        money=np.array([case.recovered for case in cases], dtype=np.float64),
        weight=np.array([1 / chance for chance in chances], dtype=np.float64),
        customer=np.array([numbers.setdefault(c.customer, len(numbers)) for c in cases], dtype=np.int64),
    )


def _version(case: InArm) -> tuple[str, int]:
    return case.campaign, case.version


def _dumps(interval: Interval | None) -> list[float] | None:
    return None if interval is None else interval.dumps()
