"""Settings: the audit log, searchable, with the state of its chain."""

import json
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from dunning.core.people import Right
from dunning.store import audit
from dunning.web.rights import needs
from dunning.web.screen import Screen

HOME = "/settings/audit"
A_PAGE = 50


def audit_pages(screen: Screen) -> APIRouter:
    """Return the route of the audit log."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.ADMIN)])

    @router.get(HOME)
    def page(
        request: Request,
        q: Annotated[str, Query(max_length=200)] = "",
        before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    ) -> HTMLResponse:
        with screen.house.store.read() as connection:
            rows = audit.page(connection, q=q, before=before, limit=A_PAGE + 1)
        shown = [{**row, "changes": changes(row["before"], row["after"])} for row in rows[:A_PAGE]]
        older = urlencode({"q": q, "before": shown[-1]["seq"]}) if len(rows) > A_PAGE else None
        return screen.page(request, "audit.html", entries=shown, q=q.strip(), older=older)

    return router


def changes(before: str | None, after: str | None) -> list[tuple[str, str | None, str | None]]:
    """Return what an entry changed: a name, how it was and how it is (None where there was nothing)."""
    was, becomes = (json.loads(text) if text else {} for text in (before, after))
    told = ((name, _said(was, name), _said(becomes, name)) for name in sorted(was | becomes))
    return [one for one in told if one[1:] != (None, None)]


def _said(facts: dict[str, Any], name: str) -> str | None:
    value = facts.get(name)
    if value is None:
        return None
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
