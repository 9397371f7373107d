"""Everything that is held about one person, as JSON, table by table: what they may ask for."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, func, select

from dunning.core.billing import Whose
from dunning.flows import erasing
from dunning.flows.house import House
from dunning.store import audit, personal, tables
from dunning.store import erasing as store


@dataclass(frozen=True, slots=True)
class Export:
    """What is held about a customer: as JSON text, with the number of its rows."""

    customer: str
    text: str
    rows: int

    def packed(self) -> bytes:
        """Return the JSON as a zip archive."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{self.customer}.json", self.text)
        return out.getvalue()


@dataclass(frozen=True, slots=True)
class Held:
    """How many rows of each table are about a customer, and which of their recoveries are open."""

    customer: str
    rows: Mapping[str, int]
    owing: tuple[str, ...]


def held(house: House, words: str) -> Held:
    """Return what is held about the customer whose id or address this is, without a copy of it.

    Raises:
        Unusable: there is no such customer, or there are several.
    """
    whose, customer_id = erasing.find(house, words)
    counts: dict[str, int] = {}
    with house.store.read(steady=True) as connection:
        person = personal.person(connection, whose, customer_id)
        for table in held_in():
            where = personal.rows(table, person)
            if where is not None:
                query = select(func.count()).select_from(table).where(where)
                counts[table.name] = connection.execute(query).scalar_one()
        owing = tuple(store.open_recoveries(connection, person))
    return Held(customer_id, {name: count for name, count in counts.items() if count}, owing)


def held_in() -> tuple[Table, ...]:
    """Return the tables that rows about a person are in."""
    nobody = personal.Person(Whose(), "", (), (), (), ())
    return tuple(one for one in tables.metadata.sorted_tables if personal.rows(one, nobody) is not None)


def export(house: House, words: str, *, by: str) -> Export:
    """Return everything that is held about the customer whose id or address this is; the audit log keeps it.

    Raises:
        Unusable: there is no such customer, or there are several.
    """
    whose, customer_id = erasing.find(house, words)
    found: dict[str, list[dict[str, Any]]] = {}
    with house.store.read(steady=True) as connection:
        person = personal.person(connection, whose, customer_id)
        for table in held_in():
            where = personal.rows(table, person)
            if where is None:
                continue
            rows = connection.execute(select(table).where(where)).mappings().all()
            found[table.name] = [{name: _plain(value) for name, value in row.items()} for row in rows]
    count, now = sum(map(len, found.values())), house.clock.now()
    said = {"customer": customer_id, "account": whose.account_id, "livemode": whose.livemode}
    document = {**said, "exported_at": now.isoformat(), "tables": {k: v for k, v in found.items() if v}}
    with house.store.write() as connection:
        audit.append(
            connection, at=now, by=by, action="person.export", about=customer_id, after={"rows": count}
        )
    return Export(customer_id, json.dumps(document, indent=2, ensure_ascii=False, default=str), count)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.isoformat() if isinstance(value, datetime) else value
