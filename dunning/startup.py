"""How every long-running process begins: its log, its settings, and the database and broker it shares."""

from dunning import app, logs
from dunning.errors import Unusable
from dunning.flows.house import House
from dunning.flows.switches import first_start
from dunning.settings import Settings
from dunning.store.engine import is_sqlite
from dunning.tracking import trace_spans, track_errors


def tell(settings: Settings, service: str) -> None:
    """Let the log, the error tracker and the tracer know who speaks."""
    logs.configure()
    track_errors(settings)
    trace_spans(settings, service)


def apart(settings: Settings) -> House:
    """Wire one of several processes: they need a database and a broker that several processes can share."""
    if is_sqlite(settings.database):
        raise Unusable(
            "DATABASE_URL is SQLite, which web, worker and clock as separate processes cannot share: run "
            "`dunning serve`, or set DATABASE_URL to PostgreSQL."
        )
    if settings.redis_url is None:
        raise Unusable(
            "REDIS_URL is missing: separate processes ring each other through Redis; or run `dunning serve`."
        )
    store = app.connect(settings)
    try:
        app.check_current(store)
        house = app.build_house(settings, store=store)
    except Unusable:
        store.engine.dispose()
        raise
    first_start(house)
    return house
