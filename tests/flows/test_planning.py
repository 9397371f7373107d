"""Which planner answers."""

from datetime import datetime, timedelta

from scenarios.stage import Stage
from sqlalchemy import Connection

from dunning.core.vocabulary import FitVerdict
from dunning.flows.planning import planner_in_service
from dunning.store import fits
from dunning.timing import Planner


def put_in_service(connection: Connection, model: bytes, now: datetime) -> None:
    fits.add(connection, model, cases=0, verdict=FitVerdict.ACCEPTED, figures={}, now=now)


def test_a_planner_saved_by_another_version_gives_way_to_the_prior_until_the_next_fit(
    quick_stage: Stage,
) -> None:
    house, now = quick_stage.house, quick_stage.clock.now()
    prior = Planner.fit([], now=now)
    with house.store.write() as connection:
        put_in_service(connection, b'{"format": "dunning-timing", "version": 1}', now)
        assert planner_in_service(connection, house).dumps() == prior.dumps()
        fitted = Planner.fit([], now=now, seed=5)
        put_in_service(connection, fitted.dumps(), now + timedelta(days=1))
        assert planner_in_service(connection, house).dumps() == fitted.dumps()


def test_a_failure_is_planned_with_a_planner_that_cannot_be_read(quick_stage: Stage) -> None:
    with quick_stage.house.store.write() as connection:
        put_in_service(connection, b"from long ago", quick_stage.clock.now())
    robin = quick_stage.fails("insufficient_funds")
    assert quick_stage.recovery(robin).next_attempt_at is not None
