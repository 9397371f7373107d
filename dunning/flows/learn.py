"""Learning: fitting a planner on the merchant's own attempts, judging it, and putting it into service."""

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, groupby
from typing import Any

from sqlalchemy import Connection, select

from dunning.core.clock import utc
from dunning.core.vocabulary import NETWORK_ANSWERED, AttemptState, FitVerdict, MadeBy
from dunning.flows.house import House
from dunning.flows.planning import loaded
from dunning.store import fits
from dunning.store.tables import attempts, customers, recoveries
from dunning.timing import Attempt, Case, Planner, judge
from dunning.timing.seen import seen


@dataclass(frozen=True, slots=True)
class Fit:
    """One fit: whether it went into service, and the figures that say why."""

    version: int
    verdict: FitVerdict
    cases: int
    figures: dict[str, Any]

    def dumps(self) -> dict[str, Any]:
        """Return the fit as JSON-ready values."""
        told = {"fitted": True, "version": self.version, "verdict": self.verdict.value, "cases": self.cases}
        return told | self.figures


def learn(house: House) -> Fit | None:
    """Fit a planner on every recovery so far and put it into service unless it is worse; None fits nothing.

    It is judged on the newest fifth of the cases: a fit on what was known before them stands against the
    planner that was in service then. What goes into service has learned from all.
    """
    now = house.clock.now()
    with house.store.read() as connection:
        cases = list(past_cases(connection))
    if not cases:
        return None
    figures, verdict = _trial(house, cases)
    accepted = verdict is FitVerdict.ACCEPTED
    model = Planner.fit(cases, now=now).dumps() if accepted else fits.NOT_KEPT
    with house.store.write() as connection:
        version = fits.add(
            connection, model, cases=len(cases), verdict=verdict, figures=figures, now=house.clock.now()
        )
    return Fit(version, verdict, len(cases), figures)


def _trial(house: House, cases: list[Case]) -> tuple[dict[str, Any], FitVerdict]:
    """Return a fit's figures and its verdict; with too few cases to compare it is accepted."""
    figures = _range(cases) | {"curves": seen(cases)}
    cut = judge.cut_of(cases)
    if cut is None:
        why = "Too few recoveries to compare planners on, so it went into service."
        return figures | {"sentence": why}, FitVerdict.ACCEPTED
    with house.store.read() as connection:
        before = fits.in_service_at(connection, cut)
    old = loaded(before[1] if before else None, now=cut)
    test = judge.held_out(cases, cut)
    told = [judge.foretold(planner, case) for planner in (Planner.fit(cases, now=cut), old) for case in test]
    new_told, old_told = told[: len(test)], told[len(test) :]
    found = judge.compare(new_told, old_told)
    figures |= {
        "held_out_from": cut.isoformat(),
        "against": before[0] if before else None,
        "calibration": judge.calibration(chain.from_iterable(new_told)),
        "comparison": asdict(found) if found else None,
        "sentence": _sentence(found, before[0] if before else None),
    }
    return figures, FitVerdict.REFUSED if found and found.worse else FitVerdict.ACCEPTED


def _sentence(found: judge.Comparison | None, against: int | None) -> str:
    if found is None:
        return "Too few tries to compare planners on, so it went into service."
    other = f"planner {against}" if against else "the built-in knowledge"
    low, high = found.worse_by - found.margin, found.worse_by + found.margin
    words = "worse than" if found.worse else "not worse than" if high > 0 else "better than"
    kept = ", so it did not go into service" if found.worse else ""
    return (
        f"On {found.cases} held-out recoveries it is {words} {other}{kept}: log loss a recovery "
        f"{found.loss:.4f} against {found.loss_in_service:.4f}, difference {low:+.4f} to {high:+.4f}."
    )


def _range(cases: list[Case]) -> dict[str, Any]:
    opened = [utc(case.attempts[0].at) for case in cases]
    tries = sum(len(case.attempts) - 1 for case in cases)
    return {"data_from": min(opened).isoformat(), "data_to": max(opened).isoformat(), "retries": tries}


def past_cases(connection: Connection, ids: Collection[str] | None = None) -> Iterator[Case]:
    """Yield all recoveries, or some by id, as the planner learns: imported, finished and running ones."""
    columns = (
        recoveries.c.id.label("recovery_id"),
        recoveries.c.amount.label("owed"),
        recoveries.c.currency,
        recoveries.c.deadline,
        recoveries.c.customer_id,
        customers.c.country.label("home"),
        customers.c.timezone,
        attempts,
    )
    joined = recoveries.join(attempts, attempts.c.recovery_id == recoveries.c.id).outerjoin(
        customers,
        (customers.c.account_id == recoveries.c.account_id)
        & (customers.c.livemode == recoveries.c.livemode)
        & (customers.c.id == recoveries.c.customer_id),
    )
    # What customers do on a page says nothing about when a retry would have worked. Of the past nobody knows
    # whether a call by hand was such a page, so there only Stripe's own tries teach.
    ours = recoveries.c.import_id.is_(None) & (attempts.c.made_by != MadeBy.CUSTOMER)
    past = recoveries.c.import_id.is_not(None) & (attempts.c.made_by == MadeBy.STRIPE)
    wanted = attempts.c.state.in_(sorted(NETWORK_ANSWERED)) & (ours | past)
    query = select(*columns).select_from(joined).where(wanted).order_by(recoveries.c.id, attempts.c.at)
    query = query if ids is None else query.where(recoveries.c.id.in_(ids))
    rows = connection.execute(query.execution_options(yield_per=2000))
    for _, group in groupby(rows, key=lambda row: row.recovery_id):
        yield _case(list(group))


def _case(rows: list[Any]) -> Case:
    first = rows[0]
    return Case(
        id=first.recovery_id,
        amount=first.owed,
        currency=first.currency,
        attempts=tuple(_attempt(row) for row in rows),
        deadline=first.deadline,
        attempts_left=0,
        customer=first.customer_id,
        brand=first.brand,
        funding=first.funding,
        country=first.country or first.home,
        timezone=first.timezone,
    )


def _attempt(row: Any) -> Attempt:
    return Attempt(
        at=row.at,
        paid=row.state is AttemptState.PAID,
        decline_code=row.decline_code,
        advice_code=row.advice_code,
        network_advice_code=row.network_advice_code,
        card=row.fingerprint,
    )
