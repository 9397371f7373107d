"""A town whose truth is known: who fails, what is hidden, and what each way of retrying recovers.

While an invoice is unpaid a retry can only fail again, so what a policy would do with a case is one list of
ages that depends on nothing hidden. It is asked once per visible case; fates are drawn anew for every seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

import numpy as np

from dunning.core.experiments import arm_of
from dunning.core.vocabulary import Arm, Experiment, Retries
from dunning.store.outcomes import Outcome
from dunning.timing import Attempt, Case, Planner
from dunning.timing.policies import FOUR, PLAIN, STRIPE_LIKE, Ladder

START: Final = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW: Final = 14.0  # days
TRIES: Final = 8
CODES: Final = {
    "insufficient_funds": ("soft_funds", 0.45),
    "do_not_honor": ("soft_issuer", 0.3),
    "processing_error": ("technical", 0.15),
    "card_velocity_exceeded": ("limit", 0.1),
}
NEVER: Final = 0.2  # customers whose card will not pay, whatever is tried
SELF: Final = 0.12  # invoices that the customer pays on some day, if nothing else has
SHARE: Final = Fraction(1, 5)
POLICIES: Final[dict[str, str | Ladder]] = {
    "planner": "planner",
    "ladder": PLAIN,
    "1/3/5/7": FOUR,
    "stripe": "stripe",
}


@dataclass(frozen=True)
class Visible:
    """A case as everybody sees it, and the ages in days at which each policy would try it."""

    code: str
    funding: str
    ages: dict[str, tuple[float, ...]]

    @property
    def decline_class(self) -> str:
        return CODES[self.code][0]


@dataclass(frozen=True)
class Fate:
    """What is hidden: when a try would pay, and when the customer pays without one."""

    open: tuple[tuple[float, float], ...]  # days from, to
    coins: tuple[float, ...]  # one per try
    pays: float | None

    def end(self, ages: Sequence[float]) -> tuple[float | None, bool]:
        """Return the day it is paid, if ever, and whether by a retry."""
        for age, coin in zip(ages, self.coins, strict=False):
            if self.pays is not None and self.pays < age:
                break
            if coin < 0.95 and any(start <= age < stop for start, stop in self.open):
                return age, True
        return self.pays, False


def people(count: int, *, seed: int) -> list[Visible]:
    """Return visible cases with what each policy would do."""
    dice, planner = np.random.default_rng(seed), Planner.fit([], now=START)
    found = []
    for number in range(count):
        code = str(dice.choice(list(CODES), p=[share for _, share in CODES.values()]))
        funding = str(dice.choice(["debit", "credit"]))
        failed = START + timedelta(hours=int(dice.integers(0, 24 * 300)))
        opened = Attempt(failed, paid=False, decline_code=code)
        case = Case(
            str(number), 2900, "usd", (opened,), failed + timedelta(days=WINDOW), TRIES, country="US",
            funding=funding,
        )  # fmt: skip
        ages = {"planner": _planned(planner, case)}
        ages |= {name: tuple(ladder.days) for name, ladder in (("ladder", PLAIN), ("1/3/5/7", FOUR))}
        found.append(Visible(code, funding, ages | {"stripe": tuple(STRIPE_LIKE.days)}))
    return found


def _planned(planner: Planner, case: Case) -> tuple[float, ...]:
    """Return the ages at which the planner tries a case that goes on being refused."""
    ages: list[float] = []
    opened = now = case.attempts[0].at
    while (choice := planner.choose(case, now=now)) is not None:
        now = choice.at
        ages.append((now - opened) / timedelta(days=1))
        refused = replace(case.attempts[0], at=now)
        case = replace(case, attempts=(*case.attempts, refused), attempts_left=TRIES - len(ages))
    return tuple(ages)


def fate(dice: np.random.Generator, seen: Visible, *, never: bool) -> Fate:
    """Draw what is hidden behind a visible case."""
    spans: tuple[tuple[float, float], ...]
    match seen.decline_class:
        case "soft_funds":
            first = dice.exponential(5)
            spans = ((first, first + dice.exponential(2)), (first + 7, first + 7 + dice.exponential(2)))
        case "soft_issuer":
            spans = ((dice.lognormal(0.4, 1.2), 99.0),) if dice.random() < 0.6 else ()
        case "technical":
            spans = ((dice.exponential(0.3), 99.0),)
        case _:
            spans = ((dice.uniform(0, 10), 99.0),)
    pays = float(dice.uniform(0, WINDOW)) if dice.random() < SELF else None
    return Fate(() if never else spans, tuple(dice.random(TRIES)), pays)


def truth(crowd: list[Visible], policy: str, *, seed: int = 999, rounds: int = 500) -> float:
    """Return the share of invoices that a policy recovers, over many fates.

    Lots speak for the cases among which they are drawn, so those left to Stripe do not count there.
    """
    dice, paid, count = np.random.default_rng(seed), 0.0, 0.0
    for _ in range(rounds):
        for seen in crowd:
            hidden = fate(dice, seen, never=dice.random() < NEVER)
            weight = 1.0 if policy == "stripe" else 1 - _watched(seen)
            paid += weight * (hidden.end(seen.ages[policy])[0] is not None)
            count += weight
    return paid / count


def _watched(seen: Visible) -> float:
    """Return how likely a case is left to Stripe: by what the code is, not by lot."""
    return 0.5 if seen.decline_class == "soft_funds" else 0.2


def logged(crowd: list[Visible], seed: int, invoices: int) -> list[Outcome]:
    """Return a merchant's log: some left to Stripe by what the code is, the others split by lot."""
    dice, found = np.random.default_rng(seed), []
    customers = dice.integers(0, invoices * 2 // 3, invoices)
    never = dice.random(invoices) < NEVER
    for number, who in enumerate(customers.tolist()):
        seen = crowd[int(dice.integers(0, len(crowd)))]
        hidden = fate(dice, seen, never=bool(never[who]))
        watched = dice.random() < _watched(seen)
        found.append(
            _outcome(number, f"cus_{seed}_{who}", seen, hidden, int(dice.lognormal(7.9, 0.6)), watched)
        )
    return found


def _outcome(number: int, who: str, seen: Visible, hidden: Fate, amount: int, watched: object) -> Outcome:
    arm = None if watched else arm_of(Experiment.RETRIES, who, SHARE, salt="1")
    policy = "stripe" if arm is None else "ladder" if arm is Arm.HOLDOUT else "planner"
    after, by_retry = hidden.end(seen.ages[policy])
    return Outcome(
        id=str(number),
        customer=who,
        currency="usd",
        amount=amount,
        decline_class=seen.decline_class,
        funding=seen.funding,
        retries=Retries.WATCH if watched else Retries.OWN,
        arms={Experiment.RETRIES: arm, Experiment.MESSAGES: None},
        holdout={Experiment.RETRIES: None if arm is None else SHARE, Experiment.MESSAGES: None},
        recovered=amount if after is not None else 0,
        paid_after=after,
        by_retry=by_retry and not watched,
    )
