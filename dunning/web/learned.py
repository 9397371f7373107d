"""What the planner has learned: its fits with their verdicts, its calibration, and the log as curves."""

from typing import Any, Final

from fastapi import APIRouter, Request
from sqlalchemy import Connection, RowMapping
from starlette.responses import HTMLResponse

from dunning.core.people import Right
from dunning.store import fits, rules
from dunning.web import words
from dunning.web.curve import Calibration, Curve, calibration, curve
from dunning.web.rights import needs
from dunning.web.screen import Screen

ROOT: Final = "/reports/learned"
NEWEST: Final = 10


def learned_pages(screen: Screen) -> APIRouter:
    """Return the route of what was learned."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])

    @router.get(ROOT)
    def learned(request: Request) -> HTMLResponse:
        with screen.house.store.read() as connection:
            facts = _facts(connection)
        return screen.page(request, "learned.html", **facts)

    return router


def _facts(connection: Connection) -> dict[str, Any]:
    shown = fits.newest_with(connection, "curves")
    judged = fits.newest_with(connection, "calibration")
    return {
        "fits": fits.newest(connection, NEWEST),
        "in_service": rules.newest_planner(connection),
        "shown": shown,
        "judged": judged,
        "classes": _classes(shown),
        "calibrations": _calibrations(judged),
    }


def _classes(shown: RowMapping | None) -> dict[str, tuple[int, int, list[Curve]]]:
    """Return, per decline class with the most retries first, retries, paid ones, and the charts."""
    found = {}
    for name, curves in (shown["figures"]["curves"] if shown else {}).items():
        tries, paid = (sum(pair[part] for pair in curves["hour"]) for part in (0, 1))
        found[name] = (tries, paid, [curve(key, counts) for key, counts in curves.items()])
    return dict(sorted(found.items(), key=lambda item: -item[1][0]))


def _calibrations(judged: RowMapping | None) -> dict[str, Calibration]:
    found = judged["figures"]["calibration"] if judged else {}
    return {name: calibration(words.DECLINE_CLASS.get(name, name), bins) for name, bins in found.items()}
