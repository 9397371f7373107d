"""The beat of a running house and its safe mode, kept beside the switches: every process sees them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from dunning.core.clock import utc
from dunning.core.ids import earliest_id
from dunning.core.notices import NoticeKind
from dunning.core.safe_mode import Beat, Doubt, SafeMode, doubt
from dunning.core.vocabulary import Channel, EventState, MessageState
from dunning.store.switches import put
from dunning.store.tables import events, messages, notices, switches

BEAT: Final = "beat"
MODE: Final = "safe_mode"
COPIED: Final = "copied"  # stands in copies only
_CHORE: Final = "chore:fold"  # what versions before the beat stamped every five seconds
_NAMES: Final = (BEAT, MODE, COPIED, _CHORE)
_ALL: Final = select(switches.c.name, switches.c.value).where(switches.c.name.in_(_NAMES))
_LEAVES: Final = (Channel.EMAIL, Channel.SMS, Channel.WEBHOOK)
_TRIED: Final = 3  # an event that waits for something else was looked at as often as this
# The server, its history (a server that was promoted or recovered to a point in time has another one), the
# database in it, and the table: a dump that is loaded makes it anew.
_HOME: Final = text(
    "SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),"
    " substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), d.oid, 'switches'::regclass::oid)"
    " FROM pg_database AS d WHERE d.datname = current_database()"
)
_HOME_UNSAID: Final = text(
    "SELECT concat_ws('/', d.oid, 'switches'::regclass::oid)"
    " FROM pg_database AS d WHERE d.datname = current_database()"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says of itself."""

    beat: Beat | None
    mode: SafeMode | None
    copied_at: datetime | None

    def doubt(self, now: datetime, home: str | None, outside: Beat | None, *, watching: bool) -> Doubt | None:
        """Return why it may lack what has happened, or None."""
        return doubt(self.beat, now, home=home, outside=outside, copied_at=self.copied_at, watching=watching)


def read(connection: Connection, *, lock: bool = False) -> Standing:
    """Return beat, safe mode and mark; `lock` holds them until the transaction ends."""
    rows = connection.execute(_ALL.with_for_update() if lock else _ALL)
    found: dict[str, Any] = {row.name: row.value for row in rows}
    beat, mode, copied = found.get(BEAT), found.get(MODE), found.get(COPIED)
    return Standing(
        Beat.loads(beat) if beat else _before_beats(found.get(_CHORE)),
        SafeMode.loads(mode) if mode else None,
        utc(datetime.fromisoformat(copied)) if copied else None,
    )


def _before_beats(stamp: str | None) -> Beat | None:
    return Beat("", 0, utc(datetime.fromisoformat(stamp))) if stamp else None


def home(connection: Connection) -> str | None:
    """Return what tells this database from a copy of it; None on SQLite, where a file is a file."""
    if connection.dialect.name == "sqlite":
        return None
    try:
        with connection.begin_nested():
            return str(connection.execute(_HOME).scalar_one())
    except DBAPIError:  # a managed server that keeps it to itself
        return str(connection.execute(_HOME_UNSAID).scalar_one())


def why_closed(connection: Connection, now: datetime, *, watching: bool) -> str | None:
    """Return why nothing may be charged or mailed, as far as the database tells; None when it may."""
    standing = read(connection)
    if standing.mode is not None and standing.mode.open:
        return standing.mode.why
    found = standing.doubt(now, home(connection), None, watching=watching)
    return found.why if found else None


def keep_beat(connection: Connection, beat: Beat) -> None:
    """Keep a sign of life; the database is no copy any more."""
    put(connection, BEAT, beat.dumps(), at=beat.at, by="clock")
    connection.execute(delete(switches).where(switches.c.name == COPIED))


def keep_mode(connection: Connection, mode: SafeMode, now: datetime) -> None:
    """Keep how safe mode stands."""
    put(connection, MODE, mode.dumps(), at=now, by="clock")


def unheard(connection: Connection, until: datetime) -> int:
    """Return how many events that came by an instant were not looked at yet."""
    query = select(func.count()).where(
        literal_column("state = 'new'"),
        events.c.state == EventState.NEW,
        events.c.received_at <= until,
        events.c.tries < _TRIED,
    )
    return int(connection.execute(query.select_from(events)).scalar_one())


def perhaps_sent(connection: Connection, now: datetime) -> list[str]:
    """Return the ids of messages that were due by now, leave the house, and are not handed over."""
    query = select(messages.c.id).where(
        _not_handed_over(messages), messages.c.channel.in_(_LEAVES), messages.c.due_at <= now
    )
    return list(connection.execute(query.order_by(messages.c.id)).scalars())


def perhaps_noticed(connection: Connection, since: datetime, now: datetime) -> list[str]:
    """Return the ids of notices not handed over that were due, or follow from what Stripe told since `since`.

    A link that a customer asked for since then is not among them.
    """
    again = notices.c.id >= earliest_id("ntc", since)
    query = select(notices.c.id).where(
        _not_handed_over(notices),
        (again & (notices.c.kind != NoticeKind.NEW_LINK)) | (~again & (notices.c.due_at <= now)),
    )
    return list(connection.execute(query.order_by(notices.c.id)).scalars())


def _not_handed_over(table: Table) -> ColumnElement[bool]:
    """Return what holds of a row that no provider has heard of, as far as it tells."""
    written = and_(table.c.state == MessageState.SENDING, table.c.lease_until.is_(None))
    return or_(table.c.state == MessageState.PLANNED, written)
