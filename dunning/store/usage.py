"""Queries on how much customers use the merchant's product, as the merchant reports it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from dunning.core.billing import Whose
from dunning.store.prepared import belongs, owner
from dunning.store.tables import customer_usage
from dunning.store.upsert import insert_once, upsert

KEY = ("account_id", "livemode", "customer_id")


def hold(
    connection: Connection, whose: Whose, customer_id: str, first: Mapping[str, Any]
) -> RowMapping | None:
    """Return what is kept of a customer's use, held from now on; None where `first` began it."""
    if insert_once(connection, customer_usage, {**_own(whose, customer_id), **first}):
        return None
    mine = (*belongs(customer_usage), customer_usage.c.customer_id == customer_id)
    query = select(customer_usage).where(*mine).with_for_update()
    return connection.execute(query, owner(whose)).mappings().one_or_none()


def put(connection: Connection, whose: Whose, customer_id: str, values: Mapping[str, Any]) -> None:
    """Keep figures of a customer's use, in the place of those before."""
    upsert(connection, customer_usage, KEY, {**_own(whose, customer_id), **values})


def _own(whose: Whose, customer_id: str) -> dict[str, Any]:
    return {"account_id": whose.account_id, "livemode": whose.livemode, "customer_id": customer_id}
