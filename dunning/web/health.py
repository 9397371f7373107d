"""What watches over the process: alive, ready, and counts for Prometheus."""

from collections.abc import Callable
from functools import cache
from typing import Any

from alembic.script import ScriptDirectory
from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from dunning.core.people import Right
from dunning.flows.house import House
from dunning.resources import alembic_config
from dunning.store.gauges import Gauges, migration_of, read_gauges
from dunning.web.rights import needs


def health_pages(house: House) -> APIRouter:
    """Return the routes for probes and scrapers."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    def readyz() -> JSONResponse:
        why = unready(house)
        return JSONResponse({"ready": why is None, "why": why}, 200 if why is None else 503)

    @router.get("/metrics", dependencies=[needs(Right.READ)])
    def metrics() -> Response:
        with house.store.read() as connection:
            gauges = read_gauges(connection, house.clock.now())
        return Response(_exposition(gauges, house), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router


def unready(house: House) -> str | None:
    """Return why requests cannot be served now, as a sentence, or None when they can."""
    try:
        with house.store.read() as connection:
            found = migration_of(connection)
    except SQLAlchemyError:
        return "The database cannot be reached."
    if found != migration_heads():
        return "The database is not at this version's migrations: run `dunning db upgrade`."
    return None


@cache
def migration_heads() -> frozenset[str]:
    """Return the newest migrations of this installation."""
    return frozenset(ScriptDirectory.from_config(alembic_config("sqlite://")).get_heads())


def _exposition(gauges: Gauges, house: House) -> bytes:
    registry = CollectorRegistry()

    def gauge(name: str, says: str, label: str | None = None) -> Callable[[str | None, Any], None]:
        made = Gauge(name, says, [label] if label else [], registry=registry)
        return lambda value, number: (made.labels(value) if label else made).set(number)

    recoveries = gauge("dunning_recoveries_open", "Open recoveries by status.", "status")
    attempts = gauge("dunning_attempts", "Attempts by state.", "state")
    due = gauge("dunning_oldest_due_seconds", "Age of the oldest due row that nobody took up.", "table")
    unhandled = gauge("dunning_events_unhandled", "Events received and not yet handled.")
    alarms = gauge("dunning_alarms", "What stops charging, or waits for a person, by kind.", "kind")
    alarms("breaker", gauges.breakers_open)
    alarms("contradiction", gauges.contradictions)
    alarms("abandoned", gauges.attempts_abandoned)
    alarms("listener", gauges.listeners_off)
    missed = gauge("dunning_missed", "What no webhook brought, found in the last 7 days.", "kind")
    for kind, number in gauges.missed.items():
        missed(kind, number)
    for status, number in gauges.open_recoveries.items():
        recoveries(status, number)
    for state, number in gauges.attempts.items():
        attempts(state, number)
    for table, since in gauges.oldest_due.items():
        due(table, max((house.clock.now() - since).total_seconds(), 0))
    unhandled(None, gauges.events_unhandled)
    return generate_latest(registry)
