"""Fitted planners: versioned rows with a verdict, of which the newest accepted one is in service."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, func, select, update

from dunning.core.vocabulary import FitVerdict
from dunning.store.tables import planners
from dunning.store.upsert import insert_once

KEPT: Final = 3  # newest models: a worker may just be loading the one before
NOT_KEPT: Final = b""
_COLUMNS: Final = [column for column in planners.c if column.name != "model"]


def add(
    connection: Connection,
    model: bytes,
    *,
    cases: int,
    verdict: FitVerdict,
    figures: dict[str, Any],
    now: datetime,
) -> int:
    """Write down a fit and return its version; an accepted one is in service from then on.

    Two fits at once get two versions. Models that nothing can need any more are emptied; rows stay.
    """
    row = {"fitted_at": now, "cases": cases, "model": model, "verdict": verdict, "figures": figures}
    version = _newest(connection) + 1
    while not insert_once(connection, planners, row | {"version": version}):
        version += 1
    _empty_old_models(connection)
    return version


def newest(connection: Connection, limit: int) -> Sequence[RowMapping]:
    """Return the newest fits without their models, newest first."""
    query = select(*_COLUMNS).order_by(planners.c.version.desc()).limit(limit)
    return connection.execute(query).mappings().all()


def newest_with(connection: Connection, figure: str) -> RowMapping | None:
    """Return the newest of the last fits that has a figure, such as a calibration; None without one."""
    return next((row for row in newest(connection, 100) if row["figures"].get(figure)), None)


def in_service_at(connection: Connection, at: datetime) -> tuple[int, bytes] | None:
    """Return version and model of the newest accepted fit of `at` or before whose model is still kept."""
    query = (
        select(planners.c.version, planners.c.model)
        .where(planners.c.verdict == FitVerdict.ACCEPTED, planners.c.fitted_at <= at)
        .where(planners.c.model != NOT_KEPT)
        .order_by(planners.c.version.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.version, row.model)


def _newest(connection: Connection) -> int:
    return connection.execute(select(func.max(planners.c.version))).scalar_one() or 0


def _empty_old_models(connection: Connection) -> None:
    """Keep the newest models and the last of each month, against which later fits are judged."""
    query = (
        select(planners.c.version, planners.c.fitted_at)
        .where(planners.c.verdict == FitVerdict.ACCEPTED, planners.c.model != NOT_KEPT)
        .order_by(planners.c.version)
    )
    rows = connection.execute(query).all()
    months = {(row.fitted_at.year, row.fitted_at.month): row.version for row in rows}
    kept = {*months.values(), *(row.version for row in rows[-KEPT:])}
    emptied = [row.version for row in rows if row.version not in kept]
    connection.execute(update(planners).where(planners.c.version.in_(emptied)).values(model=NOT_KEPT))
