"""What a reader asks the queue for: a tab, filters, a search, an order; and the SQL that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, assert_never

from sqlalchemy import Column, ColumnElement, Integer, Select, and_, exists, false, func, select, tuple_

from dunning.core.clock import utc
from dunning.core.search_words import normalised
from dunning.core.triage import Place
from dunning.core.vocabulary import Status
from dunning.core.worth import SLIPPING_FROM
from dunning.store.tables import attempts, queue_items, search_words
from dunning.store.types import UTCDateTime

PAGE: Final = 50
FOUND_MOST: Final = 1000  # matches of a search that are looked at
LAST: Final = "\U0010ffff"
ITEM: Final = queue_items.c


class Tab(StrEnum):
    """The piles that staff looks at; a recovery lies in several."""

    NEEDS_ACTION = "needs_action"  # only a person can help
    MINE = "mine"
    SNOOZED = "snoozed"
    WAITING = "waiting"
    OPEN = "open"
    CLOSED = "closed"


class Sort(StrEnum):
    """The orders of the queue; each ends in the id, so that a page knows where it stopped."""

    WORTH = "worth"
    NEWEST = "newest"
    AMOUNT = "amount"
    DEADLINE = "deadline"
    VALUE = "value"


ORDERS: Final[dict[Sort, tuple[tuple[Column[Any], ...], bool]]] = {
    Sort.WORTH: ((ITEM.rank, ITEM.worth, ITEM.recovery_id), True),
    Sort.NEWEST: ((ITEM.recovery_id,), True),
    Sort.AMOUNT: ((ITEM.face, ITEM.recovery_id), True),
    Sort.DEADLINE: ((ITEM.deadline, ITEM.recovery_id), False),
    Sort.VALUE: ((ITEM.value, ITEM.recovery_id), True),
}


BY_FILTER: Final = ("owner", "plan", "country", "segment", "campaign", "decline_class", "currency")


class BadCursor(ValueError):
    """The place in the list cannot be read: it is not one that an answer gave."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asks the queue for; `q` begins a name, an address or an id; amounts are minor units."""

    livemode: bool
    tab: Tab | None = None
    statuses: frozenset[Status] = frozenset()
    q: str = ""
    cursor: str | None = None  # `next_cursor` of the page before
    limit: int = PAGE
    sort: Sort = Sort.NEWEST
    me: str = ""  # whose `mine` is
    decline_class: str | None = None
    currency: str | None = None
    country: str | None = None
    plan: str | None = None
    owner: str | None = None  # empty: nobody's
    campaign: str | None = None
    segment: str | None = None
    least: int | None = None  # hundredths of the currency's own unit
    most: int | None = None
    value_least: int | None = None  # of what the customer has paid so far, in the same hundredths
    older_than: timedelta | None = None
    budget: bool | None = None  # whether attempts are left
    slipping: bool = False
    breached: bool = False


def conditions(wanted: Wanted, now: datetime) -> ColumnElement[bool]:
    """Return what a line must fulfil; `now` (aware UTC) tells its age."""
    # what a search found is looked up by its id, and nothing else may look like a shorter way
    livemode = _bare(ITEM.livemode) if wanted.q.strip() else ITEM.livemode
    parts: list[ColumnElement[bool]] = [livemode == wanted.livemode]
    if wanted.tab is not None:
        parts.append(in_tab(wanted.tab, wanted.me))
    if wanted.statuses:
        parts.append(ITEM.status.in_(sorted(wanted.statuses)))
    parts += _equal(wanted)
    parts += _ranges(wanted, now)
    if wanted.q.strip():
        parts.append(ITEM.recovery_id.in_(_found(wanted.q.strip())))
    return and_(*parts)


def in_tab(tab: Tab, me: str) -> ColumnElement[bool]:
    """Return what puts a line on a tab."""
    match tab:
        case Tab.NEEDS_ACTION:
            return ITEM.place == Place.NEEDS_ACTION
        case Tab.MINE:
            return and_(ITEM.owner == me, ITEM.open.is_(True))
        case Tab.SNOOZED:
            return ITEM.place == Place.SNOOZED
        case Tab.WAITING:
            return ITEM.place == Place.WAITING
        case Tab.OPEN:
            return ITEM.open.is_(True)
        case Tab.CLOSED:
            return ITEM.open.is_(False)
    assert_never(tab)


def impossible(wanted: Wanted) -> bool:
    """Return whether nothing can be found: what is closed neither slips away nor is late."""
    return wanted.tab is Tab.CLOSED and (wanted.slipping or wanted.breached)


def ordered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    """Return the query in the wanted order, from where the page before ended.

    Raises:
        BadCursor: the cursor is of another order, or of nobody.
    """
    columns, falling = ORDERS[wanted.sort]
    if wanted.cursor:
        here, there = tuple_(*columns), tuple_(*_read_cursor(wanted.cursor, wanted.sort))
        query = query.where(here < there if falling else here > there)
    if wanted.q.strip():
        # a sum has no index: the few that are found are sorted, not the whole queue walked in its order
        columns = tuple(_bare(column) for column in columns)
    return query.order_by(*(column.desc() if falling else column for column in columns))


def cursor_of(row: Any, sort: Sort) -> str:
    """Return where the page after this row begins."""
    values = [row[column.key] for column in ORDERS[sort][0]]
    return "~".join(value.isoformat() if isinstance(value, datetime) else str(value) for value in values)


def _read_cursor(cursor: str, sort: Sort) -> Sequence[Any]:
    columns, texts = ORDERS[sort][0], cursor.split("~")
    if len(texts) != len(columns):
        raise BadCursor
    try:
        return [_read(text, column) for text, column in zip(texts, columns, strict=True)]
    except ValueError as error:
        raise BadCursor from error


def _read(text: str, column: Column[Any]) -> Any:
    if isinstance(column.type, UTCDateTime):
        return utc(datetime.fromisoformat(text))
    return int(text) if isinstance(column.type, Integer) else text


def _equal(wanted: Wanted) -> list[ColumnElement[bool]]:
    same = {
        ITEM.decline_class: wanted.decline_class,
        ITEM.currency: wanted.currency,
        ITEM.country: wanted.country,
        ITEM.plan: wanted.plan,
        ITEM.campaign_key: wanted.campaign,
        ITEM.segment: wanted.segment,
    }
    found = [column == value for column, value in same.items() if value]
    if wanted.owner is not None:
        found.append(ITEM.owner == wanted.owner if wanted.owner else ITEM.owner.is_(None))
    return found


def _bare(column: Any) -> Any:
    """Return a column in a form that no index has."""
    return func.coalesce(column, column)


def _ranges(wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    # beside an equal filter, its index is the better one: SQLite would take the amount's, and sort
    equal = any(getattr(wanted, name) for name in BY_FILTER)
    face = _bare(ITEM.face) if equal else ITEM.face
    if wanted.least is not None:
        found.append(face >= wanted.least)
    if wanted.most is not None:
        found.append(face <= wanted.most)
    if wanted.value_least is not None:
        value = ITEM.value if wanted.sort is Sort.VALUE and not equal else _bare(ITEM.value)
        found.append(value >= wanted.value_least)
    if wanted.older_than is not None:
        found.append(ITEM.failed_at <= now - wanted.older_than)
    if wanted.budget is not None:
        found.append(ITEM.attempts_left > 0 if wanted.budget else ITEM.attempts_left == 0)
    if wanted.slipping:
        found.append(ITEM.slipping >= SLIPPING_FROM)
    if wanted.breached:
        found.append(ITEM.breached.is_(True))
    return found


def _found(q: str) -> Select[Any]:
    """The recoveries whose words begin with each word of a search; an id of a charge must be whole."""
    if q.startswith(("ch_", "py_")):
        return select(attempts.c.recovery_id).where(attempts.c.charge_id == q)
    if q.startswith("pi_"):
        return select(attempts.c.recovery_id).where(attempts.c.payment_intent_id == q)
    parts = sorted(normalised(q).split(), key=len, reverse=True)
    if not parts:
        return select(queue_items.c.recovery_id).where(false())
    query = select(search_words.c.recovery_id).where(_begins(search_words, parts[0]))
    for part in parts[1:]:
        other = search_words.alias()
        same = other.c.recovery_id == search_words.c.recovery_id
        query = query.where(exists().where(same, _begins(other, part)))
    return query.limit(FOUND_MOST)


def _begins(words: Any, part: str) -> ColumnElement[bool]:
    return and_(words.c.word >= part, words.c.word < part + LAST)
