"""Backtest: what policies would have recovered of the merchant's own failures, and how far that is known.

Three sources, never mixed: *randomised* (a holdout drew lots, so the figure is an estimate of what is),
*observed* (some were handled so, but nobody drew lots), *model* (nobody was: the planner's own forecast).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from dunning.core.policy import Policy
from dunning.core.vocabulary import Arm, Experiment, Retries
from dunning.flows.house import House
from dunning.flows.learn import past_cases
from dunning.flows.planning import planner_in_service
from dunning.store import rules
from dunning.store.outcomes import Outcome, finished
from dunning.timing import Case, Planner
from dunning.timing.judge import chance
from dunning.timing.offpolicy import FEWEST, HEAVIEST, Estimate, Log, estimate, propensities
from dunning.timing.policies import PLAIN, Ladder

PLANNER: Final = "planner"
STRIPE: Final = "stripe"
LATE: Final = 1.0  # days that the rules may push a step back
MODELLED: Final = 150  # cases whose course is forecast, evenly taken from all
TRIES: Final = 8


@dataclass(frozen=True, slots=True)
class Followed:
    """What recoveries open with: a campaign, by its key, or the rules for retries of a policy file."""

    name: str
    campaign: str | None = None
    rules: Policy | None = None
    versions: frozenset[int] = frozenset()  # of published policies with these rules

    def took(self, case: Outcome) -> bool:
        """Return whether a recovery opened with it."""
        return case.campaign == self.campaign if self.campaign else case.policy in self.versions


Asked = str | Ladder | Followed


class Source(StrEnum):
    """Where a figure comes from."""

    RANDOMISED = "randomised"
    OBSERVED = "observed"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Judged:
    """One policy: what the log says of it, what the planner forecasts for it, and what to make of both."""

    policy: str
    source: Source
    invoices: Estimate | None  # the share of invoices recovered
    money: dict[str, Estimate]  # the share of money recovered, per currency
    forecast: float | None  # the planner's own, of invoices recovered by retries alone
    sentence: str

    def dumps(self) -> dict[str, Any]:
        """Return the judgement as JSON-ready values."""
        return {
            "policy": self.policy,
            "source": self.source.value,
            "invoices": self.invoices.dumps() if self.invoices else None,
            "money": {code: found.dumps() for code, found in self.money.items()},
            "model_forecast": None if self.forecast is None else round(self.forecast, 4),
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class _Asked:
    """The cases that bear on a policy: who was handled so, how likely that was, and who paid under it."""

    source: Source
    cases: list[Outcome]
    taken: list[bool]
    likely: list[float] | None  # None: nobody drew lots, so it is learned from the cases
    paid: list[bool]


def backtest(house: House, policies: Sequence[Asked]) -> list[Judged]:
    """Judge each policy: `planner`, `stripe` (Stripe's retries, as they were set), a ladder, or a file's."""
    now = house.clock.now()
    with house.store.read() as connection:
        outcomes = finished(connection, now, livemode=house.settings.livemode)
        planner = planner_in_service(connection, house)
        chosen = {case.id for case in outcomes[:: -(-len(outcomes) // MODELLED)]} if outcomes else set()
        cases = list(past_cases(connection, sorted(chosen)))
        policies = [_with_versions(connection, policy) for policy in policies]
    return [_judge(policy, outcomes, planner, cases) for policy in policies]


def _with_versions(connection: Connection, policy: Asked) -> Asked:
    """Return a policy file's rules with the published versions that have the same."""
    if not isinstance(policy, Followed) or policy.rules is None:
        return policy
    versions = rules.published_policies(connection)
    same = {
        v for v in versions if _retries(rules.policy_version(connection, v).default) == _retries(policy.rules)
    }
    return replace(policy, versions=frozenset(same))


def _retries(found: Policy) -> tuple[int, timedelta, timedelta, timedelta]:
    return found.attempts_per_invoice, found.window, found.gap, found.technical_gap


def _judge(policy: Asked, outcomes: list[Outcome], planner: Planner, cases: list[Case]) -> Judged:
    source, invoices, money = evidence(policy, outcomes)
    silent = policy == STRIPE or (isinstance(policy, Followed) and policy.rules is None)
    forecast = None if silent else _forecast(policy, planner, cases)
    name = policy if isinstance(policy, str) else policy.name
    return Judged(name, source, invoices, money, forecast, _sentence(name, source, invoices))


def evidence(policy: Asked, outcomes: list[Outcome]) -> tuple[Source, Estimate | None, dict[str, Estimate]]:
    """Return what the log says of a policy: the source, the share of invoices, of money per currency."""
    asked = _asked(policy, outcomes)
    if asked is None:
        return Source.MODEL, None, {}
    invoices = estimate(_log(asked, money=False))
    return asked.source, invoices, _by_currency(asked) if invoices.robust else {}


def _asked(policy: Asked, outcomes: list[Outcome]) -> _Asked | None:
    """Return the cases that bear on a policy; None when nobody was ever handled so."""
    drawn = [case for case in outcomes if case.holdout[Experiment.RETRIES] is not None]
    ours = [case for case in outcomes if case.retries is Retries.OWN]
    if policy == PLANNER and drawn:
        return _randomised(drawn, Arm.TREATED, None)
    if isinstance(policy, Ladder) and drawn and PLAIN.days[: len(policy.days)] == policy.days:
        return _randomised(drawn, Arm.HOLDOUT, policy)
    if isinstance(policy, Followed):
        known = outcomes if policy.campaign else ours
        return _under(known, policy) if any(map(policy.took, known)) else None
    if policy == PLANNER and ours:
        return _observed(ours, Retries.OWN)
    if policy == STRIPE and any(case.retries is Retries.WATCH for case in outcomes):
        return _observed([case for case in outcomes if case.retries is not Retries.WEAVE], Retries.WATCH)
    return None


def _randomised(cases: list[Outcome], arm: Arm, ladder: Ladder | None) -> _Asked:
    held = [float(case.holdout[Experiment.RETRIES] or 0) for case in cases]
    return _Asked(
        source=Source.RANDOMISED,
        cases=cases,
        taken=[case.arms[Experiment.RETRIES] is arm for case in cases],
        likely=held if arm is Arm.HOLDOUT else [1 - share for share in held],
        paid=[_paid(case, ladder) for case in cases],
    )


def _paid(case: Outcome, ladder: Ladder | None) -> bool:
    """Return whether a case was paid, leaving out retries after the last step of a shorter ladder."""
    if case.paid_after is None:
        return False
    beyond = ladder is not None and case.paid_after > ladder.days[-1] + LATE
    return not (beyond and case.by_retry)


def _under(cases: list[Outcome], policy: Followed) -> _Asked:
    taken = [policy.took(case) for case in cases]
    return _Asked(Source.OBSERVED, cases, taken, None, [_paid(case, None) for case in cases])


def _observed(cases: list[Outcome], mode: Retries) -> _Asked:
    taken = [case.retries is mode for case in cases]
    return _Asked(Source.OBSERVED, cases, taken, None, [_paid(case, None) for case in cases])


def _by_currency(asked: _Asked) -> dict[str, Estimate]:
    found = {}
    for code in sorted({case.currency for case in asked.cases}):
        kept = [place for place, case in enumerate(asked.cases) if case.currency == code]
        found[code] = estimate(_log(_only(asked, kept), money=True))
    return found


def _only(asked: _Asked, kept: list[int]) -> _Asked:
    likely = None if asked.likely is None else [asked.likely[place] for place in kept]
    return replace(
        asked,
        cases=[asked.cases[place] for place in kept],
        taken=[asked.taken[place] for place in kept],
        likely=likely,
        paid=[asked.paid[place] for place in kept],
    )


def _log(asked: _Asked, *, money: bool) -> Log:
    cases = asked.cases
    customer = _codes(case.customer for case in cases)
    taken = np.array(asked.taken, dtype=np.bool_)
    cell = _codes((case.decline_class, case.funding) for case in cases)
    known = propensities(taken, cell, customer) if asked.likely is None else np.array(asked.likely)
    return Log(
        paid=np.array(asked.paid, dtype=np.bool_),
        taken=taken,
        propensity=known,
        size=np.array([max(case.amount, 1) if money else 1 for case in cases], dtype=np.float64),
        customer=customer,
        features=_features(cases),
    )


def _codes(values: Iterable[Any]) -> Any:
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def _features(cases: list[Outcome]) -> Any:
    """Return what is known of each case when it fails: class, funding, currency, amount."""
    columns = [np.log1p([max(case.amount, 0) for case in cases])]
    for field in ("decline_class", "funding", "currency"):
        values = [getattr(case, field) for case in cases]
        columns += [np.array([value == one for value in values]) for one in sorted(set(values), key=str)]
    return np.column_stack(columns).astype(np.float64)


def _forecast(policy: Asked, planner: Planner, cases: list[Case]) -> float | None:
    """Return the share of invoices that the planner expects the policy's retries to recover."""
    if not cases:
        return None
    return sum(_course(policy, planner, case) for case in cases) / len(cases)


def _course(policy: Asked, planner: Planner, case: Case) -> float:
    """Return the chance that one of the policy's tries pays, each knowing that those before it failed."""
    opened = replace(case, attempts=case.attempts[:1], attempts_left=TRIES, not_before=None)
    unpaid, now, tries = 1.0, opened.attempts[0].at, TRIES
    if isinstance(policy, Followed) and policy.rules:
        tries, opened = policy.rules.attempts_per_invoice, replace(opened, deadline=now + policy.rules.window)
    for left in range(tries, 0, -1):
        at, says = _next(policy, planner, replace(opened, attempts_left=left), now)
        if at is None:
            break
        unpaid *= 1 - says
        refused = replace(opened.attempts[0], at=at)
        opened, now = replace(opened, attempts=(*opened.attempts, refused)), at
    return 1 - unpaid


def _next(policy: Asked, planner: Planner, case: Case, now: datetime) -> tuple[datetime | None, float]:
    if isinstance(policy, Ladder):
        at = policy.following(case, now)
        return at, (chance(planner, case, at) or 0.0) if at else 0.0
    if isinstance(policy, Followed) and policy.rules:
        case = replace(case, not_before=now + policy.rules.gap)
    choice = planner.choose(case, now=now)
    return (choice.at, choice.probability) if choice else (None, 0.0)


def _sentence(name: str, source: Source, found: Estimate | None) -> str:
    if found is None:
        return (
            f"No finished recovery went by {name}: at most there is the planner's own forecast, a model's "
            "word and no evidence. `dunning holdout` lets a random share show a ladder."
        )
    if found.robust is None:
        return (
            f"Overlap is too thin to say what {name} recovers: {found.effective:.0f} effective cases of "
            f"{FEWEST} needed, heaviest weight {found.heaviest:.1f} of {HEAVIEST:.0f} allowed."
        )
    if source is Source.RANDOMISED:
        return f"Estimated from a random holdout: {found.taken} invoices were handled so by lot."
    if found.taken == found.cases:
        return (
            f"Observed: all {found.cases} invoices were handled so; nobody drew lots, so nothing is compared."
        )
    return (
        f"Observed on {found.taken} invoices, not by lot: true only if those differ from the others in "
        "nothing but decline class, card funding, currency and amount."
    )
