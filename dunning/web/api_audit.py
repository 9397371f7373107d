"""The audit log in the JSON API."""

import json
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from sqlalchemy import RowMapping

from dunning.core.people import Right
from dunning.flows.house import House
from dunning.store import audit
from dunning.web.api import PROBLEMS, ROOT
from dunning.web.api_models import Shape
from dunning.web.rights import needs


class Change(Shape):
    """One change: who, what to which object, how it was and how it is; `hash` seals it over `prev_hash`."""

    seq: int
    at: datetime
    actor: str
    action: str
    object: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    prev_hash: str
    hash: str

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Return the shape of an entry's row."""
        facts = {name: json.loads(row[name]) if row[name] else None for name in ("before", "after")}
        return cls(**{**row, **facts})


class ChangePage(Shape):
    """One page of changes, newest first; `next_cursor` asks for the page after it."""

    data: list[Change]
    next_cursor: int | None


def audit_api(house: House) -> APIRouter:
    """Return the route under /api/v1/audit."""
    right = needs(Right.ADMIN)
    router = APIRouter(
        prefix=f"{ROOT}/audit", tags=["audit"], responses={422: PROBLEMS[422]}, dependencies=[right]
    )

    @router.get("", operation_id="listChanges")
    def list_changes(
        q: Annotated[str, Query(max_length=200, description="Words that all are in the entry.")] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[
            int | None, Query(ge=1, le=2**31 - 1, description="`next_cursor` of the page before.")
        ] = None,
    ) -> ChangePage:
        """Return what people, programs and rules changed, newest first."""
        with house.store.read() as connection:
            rows = audit.page(connection, q=q, before=cursor, limit=limit + 1)
        shown = rows[:limit]
        more = shown[-1]["seq"] if len(rows) > limit else None
        return ChangePage(data=[Change.of(row) for row in shown], next_cursor=more)

    return router
