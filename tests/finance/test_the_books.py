"""Random histories of money: the reports equal the sandbox's own books, to the minor unit."""

import os
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from finance import histories
from finance.histories import Days
from scenarios.stage import Stage, Switchboard, set_stage

from dunning.core.report_words import Subject
from dunning.flows import doctor_finance, folding, proving
from dunning.flows.bridging import bridge
from dunning.flows.folding import Reader
from dunning.flows.pacing import Pace
from dunning.flows.report import Basis, GroupBy, Question, recovered_revenue
from dunning.store import balance
from dunning.store.rollups import Slice, Span

UTC_ZONE = ZoneInfo("UTC")
AT_A_TIME, DAYS = 40, 24
# HISTORIES=1000 plays that many; the suite itself plays a few.
HISTORIES = int(os.environ.get("HISTORIES", "24"))
ROUNDS = [(seed, min(AT_A_TIME, HISTORIES - seed * AT_A_TIME)) for seed in range(-(-HISTORIES // AT_A_TIME))]
MONEY = ("recovered", "refunded", "disputed", "credited")


def told(stage: Stage, basis: Basis) -> Days:
    question = Question(
        date(2026, 1, 1), date(2026, 4, 1), UTC_ZONE, livemode=False, basis=basis, group_by=GroupBy.DAY
    )
    with stage.house.store.read(steady=True) as connection:
        report = recovered_revenue(connection, question, now=stage.clock.now())
    return {
        (day, currency, name): figures.amounts[name]
        for day, by in report.groups
        for currency, figures in by.items()
        for name in MONEY
        if figures.amounts[name]
    }


def told_fees(stage: Stage, subject: Subject) -> Days:
    wanted = Slice(subject, "all", "2026-01-01", "2026-04-01", livemode=False, by=Span.DAY)
    with stage.house.store.read(steady=True) as connection:
        found = Reader(connection, UTC_ZONE).read(wanted)
    return {
        (day, currency, "fees"): sums["fees"] for (currency, _, day), sums in found.items() if sums["fees"]
    }


def adds_up(stage: Stage) -> None:
    with stage.house.store.read(steady=True) as connection:
        assert doctor_finance.wrong_sums(connection, UTC_ZONE, livemode=False) == []
        found = bridge(Reader(connection, UTC_ZONE), date(2026, 1, 10), date(2026, 1, 20), livemode=False)
        breaks = balance.all_breaks(connection, livemode=False)
    assert [dict(row) for row in breaks] == []
    for figures in found.values():
        for one in figures.values():
            assert one["cohort"] - one["later"] + one["earlier"] == one["cash"]
    for subject in Subject:
        alike = [by_currency(stage, subject, span) for span in (None, Span.DAY, Span.MONTH)]
        assert alike[0] == alike[1] == alike[2]


def by_currency(stage: Stage, subject: Subject, span: Span | None) -> dict[tuple[str, str], int]:
    """The sums of a time that begins and ends inside months, told over all, per day or per month."""
    wanted = Slice(subject, "all", "2026-01-07", "2026-03-12", livemode=False, by=span)
    found: dict[tuple[str, str], int] = {}
    with stage.house.store.read(steady=True) as connection:
        for (currency, _, _), sums in Reader(connection, UTC_ZONE).read(wanted).items():
            for name, value in sums.items():
                found[currency, name] = found.get((currency, name), 0) + value
    return found


@pytest.mark.parametrize(("seed", "count"), ROUNDS)
def test_reports_equal_the_books_per_day_and_currency_on_every_basis(
    switchboard: Switchboard, sqlite_url: str, tmp_path: Path, seed: int, count: int
) -> None:
    with set_stage(switchboard, sqlite_url, tmp_path) as stage:
        histories.play(stage, seed, count, DAYS)
        proving.prove_all(stage.house, pace=Pace(10_000))
        cash, cohort = histories.of_the_books(list(stage.sandbox.books()))
        assert told(stage, Basis.CASH) == cash
        assert told(stage, Basis.COHORT) == cohort
        adds_up(stage)
        assert (told_fees(stage, Subject.CASH), told_fees(stage, Subject.FAILURES)) == histories.fees(stage)
        folding.fold(stage.house)
        assert (told_fees(stage, Subject.CASH), told_fees(stage, Subject.FAILURES)) == histories.fees(stage)
        assert told(stage, Basis.CASH) == cash
        assert told(stage, Basis.COHORT) == cohort
        adds_up(stage)
        assert stage.laws_broken() == {}
