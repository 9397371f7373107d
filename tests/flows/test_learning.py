"""Fits are versioned rows with a verdict; a worse one is not put into service."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from dunning.core.clock import VirtualClock
from dunning.core.vocabulary import FitVerdict
from dunning.flows import learn as learning
from dunning.flows.guard import Guard
from dunning.flows.house import House
from dunning.flows.planning import planner_in_service
from dunning.resources import templates
from dunning.settings import Settings
from dunning.store import fits, rules, tables
from dunning.store.engine import open_store
from dunning.timing import Planner

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    clock = VirtualClock(NOW)
    store = open_store(database_url, lease_clock=clock, durable=False)
    with store.write() as connection:
        rules.current_policy(connection, NOW)
        rules.current_campaign(connection, NOW)
    guard = Guard(store, clock)
    yield House(store, None, None, clock, Settings(), b"s" * 32, templates(), guard=guard)  # type: ignore[arg-type]  # learning asks nobody
    store.engine.dispose()


def keep_history(house: House, cases: int, *, first: datetime, pays_after: timedelta) -> None:
    """Keep recoveries, five a day, that were retried after one day and after four; one of the two paid."""
    recoveries, attempts = [], []
    for number in range(cases):
        failed = first + timedelta(hours=4.8 * number)
        key = f"{first:%y%j}{number:05d}"
        recoveries.append(recovery(key, failed))
        for days in (0, 1, 4):
            paid = timedelta(days=days) == pays_after
            attempts.append(attempt(key, days, failed + timedelta(days=days), paid=paid))
            if paid:
                break
    with house.store.write() as connection:
        connection.execute(insert(tables.recoveries), recoveries)
        connection.execute(insert(tables.attempts), attempts)


def recovery(key: str, failed: datetime) -> dict[str, Any]:
    end = {"status": "lost", "closed_reason": "window", "closed_at": failed + timedelta(days=14), "why": "."}
    row = {"id": f"rec_{key}", "account_id": "self", "livemode": False, "invoice_id": f"in_{key}"}
    row |= {"invoice_class": "renewal", "retries": "own", "currency": "usd", "amount": 900}
    row |= {"failed_at": failed, "opened_at": failed, "deadline": failed + timedelta(days=14)}
    row |= {"decline_class": "soft_funds", "policy_version": 1, "campaign_key": "k", "campaign_version": 1}
    return row | end


def attempt(key: str, number: int, at: datetime, *, paid: bool) -> dict[str, Any]:
    row = {"id": f"att_{key}_{number}", "account_id": "self", "livemode": False, "recovery_id": f"rec_{key}"}
    row |= {"invoice_id": f"in_{key}", "made_by": "stripe", "state": "paid" if paid else "declined"}
    row |= {"at": at, "currency": "usd", "amount": 900, "country": "US", "funding": "debit"}
    return row | {"decline_code": None if paid else "insufficient_funds", "fingerprint": f"fp_{key}"}


def test_a_first_fit_of_few_is_accepted_and_says_so(house: House) -> None:
    assert learning.learn(house) is None
    keep_history(house, 20, first=NOW - timedelta(days=30), pays_after=timedelta(days=4))
    fit = learning.learn(house)
    assert fit is not None
    assert (fit.version, fit.verdict, fit.cases) == (1, FitVerdict.ACCEPTED, 20)
    assert fit.figures["retries"] == 40
    assert fit.figures["data_from"].startswith("2026-05-02")
    assert "Too few" in fit.figures["sentence"]
    with house.store.read() as connection:
        assert rules.newest_planner(connection) == 1
        assert fits.newest(connection, 5)[0]["figures"]["curves"]["soft_funds"]["age"][4] == [20, 20]


def test_a_fit_that_foretells_well_goes_into_service(house: House) -> None:
    keep_history(house, 500, first=NOW - timedelta(days=110), pays_after=timedelta(days=4))
    fit = learning.learn(house)
    assert fit is not None
    assert fit.verdict is FitVerdict.ACCEPTED
    assert fit.figures["against"] is None
    assert fit.figures["comparison"]["cases"] >= 100
    assert "better than the built-in knowledge" in fit.figures["sentence"]
    assert sum(b["tries"] for b in fit.figures["calibration"]["soft_funds"]) >= 100


def test_a_fit_that_is_worse_stays_out_and_the_one_in_service_goes_on(house: House) -> None:
    now = NOW
    keep_history(house, 100, first=NOW - timedelta(days=34), pays_after=timedelta(days=4))
    learning.learn(house)
    good = fits_row(house)
    # An import of a year in which every first retry paid, and nothing else: it will mislead.
    house.clock.advance_to(now + timedelta(days=1))  # type: ignore[attr-defined]
    keep_history(house, 900, first=NOW - timedelta(days=400), pays_after=timedelta(days=1))
    with house.store.write() as connection:
        back = NOW - timedelta(days=150)
        connection.execute(update(tables.planners).values(fitted_at=back))
    keep_history(house, 200, first=NOW - timedelta(days=80), pays_after=timedelta(days=4))
    fit = learning.learn(house)
    assert fit is not None
    assert fit.figures["against"] == good
    assert fit.verdict is FitVerdict.REFUSED
    assert "did not go into service" in fit.figures["sentence"]
    with house.store.read() as connection:
        assert rules.newest_planner(connection) == good
        planner_in_service(connection, house)


def fits_row(house: House) -> int:
    with house.store.read() as connection:
        return int(fits.newest(connection, 1)[0]["version"])


def test_two_fits_at_once_get_two_versions_and_old_models_are_let_go(house: House) -> None:
    model = Planner.fit([], now=NOW).dumps()
    for day in range(40):
        with house.store.write() as connection:
            at = NOW + timedelta(days=day)
            fits.add(connection, model, cases=1, verdict=FitVerdict.ACCEPTED, figures={}, now=at)
    with house.store.read() as connection:
        rows = connection.execute(tables.planners.select().order_by(tables.planners.c.version)).all()
        june = fits.in_service_at(connection, NOW + timedelta(days=29))
        assert fits.in_service_at(connection, NOW + timedelta(days=28)) is None
    assert [row.version for row in rows] == list(range(1, 41))
    assert [row.version for row in rows if row.model] == [30, 38, 39, 40]
    assert june is not None
    assert june[0] == 30


def test_a_planner_that_an_older_version_saved_gives_way_to_the_prior(house: House) -> None:
    with house.store.write() as connection:
        figures: dict[str, Any] = {}
        fits.add(connection, b"{}", cases=1, verdict=FitVerdict.ACCEPTED, figures=figures, now=NOW)
        assert planner_in_service(connection, house).dumps() == Planner.fit([], now=NOW).dumps()
