"""The versions of the merchant's card rules, and the codes that no table describes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from dunning.core.card_rules import UNCHANGED, CardRules, load
from dunning.core.vocabulary import AttemptState
from dunning.store.tables import attempts, card_rules
from dunning.store.upsert import insert_once


@dataclass(frozen=True, slots=True)
class Seen:
    """A combination of codes that refused attempts carried: how often, and when last."""

    decline_code: str | None
    advice_code: str | None
    network_advice_code: str | None
    network_status: str | None
    brand: str | None
    count: int
    last_at: datetime


def newest(connection: Connection) -> CardRules:
    """Return the card rules in force; before the first publication the built-in ones, version 0."""
    query = select(card_rules.c.version, card_rules.c.document).order_by(card_rules.c.version.desc()).limit(1)
    return _loaded(connection.execute(query).one_or_none())


def version(connection: Connection, number: int | None) -> CardRules:
    """Return one version; None and 0 are the built-in rules."""
    if not number:
        return UNCHANGED
    query = select(card_rules.c.version, card_rules.c.document).where(card_rules.c.version == number)
    return _loaded(connection.execute(query).one_or_none())


def history(connection: Connection) -> Sequence[RowMapping]:
    """Return every version, newest first: its document, when and by whom it was published."""
    return connection.execute(select(card_rules).order_by(card_rules.c.version.desc())).mappings().all()


def publish(
    connection: Connection, number: int, document: Mapping[str, Any], *, at: datetime, by: str
) -> bool:
    """Insert a version; return False when somebody else has just published that number."""
    row = {"version": number, "document": dict(document), "published_at": at, "published_by": by}
    return insert_once(connection, card_rules, row)


def codes_seen(connection: Connection, *, livemode: bool) -> list[Seen]:
    """Return every combination of codes on the refused attempts, most frequent first."""
    names = ("decline_code", "advice_code", "network_advice_code", "network_status", "brand")
    columns = [attempts.c[name] for name in names]
    count, last = (
        func.count().label("count"),
        func.max(attempts.c.at, type_=attempts.c.at.type).label("last_at"),
    )
    query = (
        select(*columns, count, last)
        .where(
            attempts.c.livemode == livemode,
            attempts.c.state.in_((AttemptState.DECLINED, AttemptState.NEEDS_ACTION)),
        )
        .group_by(*columns)
        .order_by(count.desc(), *columns)
    )
    return [Seen(**row) for row in connection.execute(query).mappings()]


def _loaded(row: Any) -> CardRules:
    if row is None:
        return UNCHANGED
    return _read(row.version, json.dumps(row.document))


@lru_cache(maxsize=32)
def _read(number: int, document: str) -> CardRules:
    return load(json.loads(document), number)
