"""What watches over the process: alive, ready, getting on with its work, and figures for Prometheus."""

from datetime import timedelta
from functools import cache
from typing import Final

from alembic.script import ScriptDirectory
from fastapi import APIRouter
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from dunning.core.people import Right
from dunning.flows.house import House
from dunning.resources import alembic_config
from dunning.store import invariants, jobs
from dunning.store.gauges import migration_of
from dunning.web.metrics import Counted, exposition
from dunning.web.rights import needs

STUCK_AFTER: Final = timedelta(minutes=5)  # a worker's death costs two minutes, a lost bell as much


def health_pages(house: House) -> APIRouter:
    """Return the routes for probes and scrapers."""
    router = APIRouter(include_in_schema=False)
    counted = Counted(house)

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    def readyz() -> JSONResponse:
        why = unready(house)
        return JSONResponse({"ready": why is None, "why": why}, 200 if why is None else 503)

    @router.api_route("/healthz/recovery", methods=["GET", "HEAD"])
    def recovering() -> JSONResponse:
        why = stuck(house)
        return JSONResponse({"recovering": why is None, "why": why}, 200 if why is None else 503)

    @router.get("/metrics", dependencies=[needs(Right.READ)])
    def metrics() -> Response:
        return Response(exposition(house, counted), media_type=CONTENT_TYPE_PLAIN_0_0_4)

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


def stuck(house: House) -> str | None:
    """Return what has been due for too long, as a sentence, or None while the work goes on."""
    now = house.clock.now()
    try:
        with house.store.read() as connection:
            oldest = jobs.oldest_due(connection, now, held_up=invariants.held_up(connection))
    except SQLAlchemyError:
        return "The database cannot be reached."
    late = {kind: now - since for kind, since in oldest.items() if now - since > STUCK_AFTER}
    if not late:
        return None
    kind = max(late, key=lambda name: late[name])
    minutes = late[kind] // timedelta(minutes=1)
    return f"Work of the kind {kind} is due since {minutes} minutes: do a clock and a worker run?"


@cache
def migration_heads() -> frozenset[str]:
    """Return the newest migrations of this installation."""
    return frozenset(ScriptDirectory.from_config(alembic_config("sqlite://")).get_heads())
