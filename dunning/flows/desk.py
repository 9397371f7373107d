"""What staff does with a recovery beside collecting it: whose it is, until when it can wait, what was said.

Nothing here leaves the house, so each of it can be undone while nobody has changed the same line since.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping

from dunning.core.card_numbers import REFUSED, has_card_number
from dunning.core.changes import StaffPaused
from dunning.core.ids import derive_id
from dunning.core.vocabulary import CLOSED
from dunning.flows import placing
from dunning.flows.attempting import hold
from dunning.flows.entering import as_it_is, enter
from dunning.flows.house import House
from dunning.flows.staff import NOTHING_CHANGED, Answer, By, NotFound
from dunning.flows.steer import steer
from dunning.flows.telling import tell
from dunning.store import queue_items
from dunning.store.rows import RecoveryRow

LONGEST: Final = timedelta(days=90)
INSTANTS: Final = frozenset({"snoozed_until", "promised_until", "touched_at"})
CLOSED_ALREADY: Final = "The recovery is closed: there is nothing to do about it any more."


def assign(house: House, recovery_id: str, *, to: str | None, by: str, seen: int | None = None) -> Answer:
    """Give a recovery to a person of the staff, or to nobody."""
    owner = (to or "").strip()[:200] or None
    said = f"Given to {owner}." if owner else "Given back: it is nobody’s now."
    return _change(house, recovery_id, By(by, "assign", said, seen), owner=owner)


def snooze(
    house: House, recovery_id: str, *, until: datetime, why: str, by: str, seen: int | None = None
) -> Answer:
    """Take a recovery off the desk until a date (aware UTC); charges and messages go on meanwhile."""
    refused = _bad_date(until, house.clock.now(), "A snooze")
    if refused is not None or not why.strip():
        return Answer(
            done=False, sentence=refused or "A snooze needs a reason: say what you are waiting for."
        )
    if has_card_number(why):
        return Answer(done=False, sentence=REFUSED)
    why = why.strip()[:300]
    said = f"Snoozed until {until:%d %B %Y}: {why}"
    changes = {"snoozed_until": until, "snooze_reason": why, "promised_until": None}
    return _change(house, recovery_id, By(by, "snooze", said, seen), **changes)


def wake(house: House, recovery_id: str, *, by: str, seen: int | None = None) -> Answer:
    """End a snooze."""
    by_whom = By(by, "wake", "Back on the desk.", seen)
    return _change(house, recovery_id, by_whom, snoozed_until=None, snooze_reason=None)


def note(house: House, recovery_id: str, *, text: str, by: str) -> Answer:
    """Write down what a person knows, on the timeline; a note is never in anybody's way."""
    if not text.strip():
        return Answer(done=False, sentence="An empty note says nothing: write a word or two.")
    if has_card_number(text):
        return Answer(done=False, sentence=REFUSED)
    with house.store.write() as connection:
        _held(connection, recovery_id)
        now, was, text = house.clock.now(), as_it_is(connection, recovery_id), text.strip()[:1000]
        tell(connection, recovery_id, text, now=now, by=by, kind="staff")
        placing.place(connection, recovery_id, now, touched_at=now)
        enter(connection, recovery_id, was, "note", by=by, now=now, note=text)
    return Answer(done=True, sentence="Noted.")


def promise(
    house: House, recovery_id: str, *, until: datetime, why: str, by: str, seen: int | None = None
) -> Answer:
    """Keep a customer's word to pay by a date: no charge, no message until then; broken, it comes on top."""
    refused = _bad_date(until, house.clock.now(), "A promise") or (REFUSED if has_card_number(why) else None)
    if refused is not None:
        return Answer(done=False, sentence=refused)
    why = f"promised to pay by {until:%d %B %Y}" + (f": {why.strip()[:300]}" if why.strip() else "")
    with house.store.write() as connection:
        recovery = _held(connection, recovery_id)
        faster = placing.moved_since(connection, recovery_id, seen)
        if faster is not None or recovery.status in CLOSED:
            return Answer(done=False, sentence=faster or CLOSED_ALREADY)
        now, change, was = house.clock.now(), StaffPaused(until, why), as_it_is(connection, recovery_id)
        if not steer(connection, house, recovery, change, now=now, by=by, pause_reason=why):
            return Answer(done=False, sentence=NOTHING_CHANGED)
        kept = {"promised_until": until, "snoozed_until": None, "snooze_reason": None}
        placing.place(connection, recovery_id, now, touched_at=now, **kept)
        enter(connection, recovery_id, was, "promise", by=by, now=now)
    return Answer(done=True, sentence=f"Kept: {why}.")


def undo(house: House, recovery_id: str, *, by: str, seen: int | None = None) -> Answer:
    """Take back what was last changed on the desk, unless the line has changed since."""
    with house.store.write() as connection:
        _held(connection, recovery_id)
        found = undoable(connection, recovery_id)
        if found is None or seen not in {None, found["version"]}:
            return Answer(done=False, sentence="Nothing to undo: this recovery has changed since.")
        now, was, said = house.clock.now(), as_it_is(connection, recovery_id), f"Undone: {found['said']}"
        tell(connection, recovery_id, said, now=now, by=by, kind="staff")
        placing.place(connection, recovery_id, now, **_instants(found["before"]))
        queue_items.mark_undone(connection, found["id"], now)
        enter(connection, recovery_id, was, "undo", by=by, now=now)
    return Answer(done=True, sentence=said)


def undoable(connection: Connection, recovery_id: str) -> RowMapping | None:
    """Return the change that can be undone: the last one, while nothing else has changed the line."""
    line = queue_items.item(connection, recovery_id)
    found = queue_items.newest_change(connection, recovery_id)
    return found if line is not None and found is not None and found["version"] == line["version"] else None


def place_again(house: House, recovery_id: str) -> None:
    """Place a recovery that time alone may have moved: a promise is over, a target was missed."""
    with house.store.write() as connection:
        if hold(connection, recovery_id) is not None:
            placing.place(connection, recovery_id, house.clock.now())


def _change(house: House, recovery_id: str, by: By, **changes: Any) -> Answer:
    with house.store.write() as connection:
        recovery = _held(connection, recovery_id)
        if recovery.status in CLOSED:
            return Answer(done=False, sentence=CLOSED_ALREADY)
        line = queue_items.item(connection, recovery_id)
        if line is not None and all(line[name] == value for name, value in changes.items()):
            return Answer(done=True, sentence=by.said)  # asked twice, done once
        faster = placing.moved_since(connection, recovery_id, by.seen)
        if faster is not None:
            return Answer(done=False, sentence=faster)
        now, was = house.clock.now(), as_it_is(connection, recovery_id)
        tell(connection, recovery_id, by.said, now=now, by=by.who, kind="staff")
        placing.place(connection, recovery_id, now, touched_at=now, **changes)
        _remember(connection, recovery_id, line, by.who, by.said, now)
        enter(connection, recovery_id, was, by.action, by=by.who, now=now)
    return Answer(done=True, sentence=by.said)


def _remember(
    connection: Connection, recovery_id: str, before: RowMapping | None, by: str, said: str, now: datetime
) -> None:
    after = queue_items.item(connection, recovery_id)
    if after is None:
        return
    kept = {name: _plain(before[name] if before is not None else None) for name in queue_items.STAFFS}
    version = after["version"]
    values = {"id": derive_id("chg", now, recovery_id, version), "recovery_id": recovery_id, "by": by}
    queue_items.keep_change(
        connection, {**values, "at": now, "said": said, "before": kept, "version": version}
    )


def _held(connection: Connection, recovery_id: str) -> RecoveryRow:
    recovery = hold(connection, recovery_id)
    if recovery is None:
        raise NotFound(recovery_id)
    return recovery


def _bad_date(until: datetime, now: datetime, what: str) -> str | None:
    if now < until <= now + LONGEST:
        return None
    return f"{what} ends on a day between tomorrow and {LONGEST.days} days from now."


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _instants(before: Mapping[str, Any]) -> dict[str, Any]:
    dated = {name: value for name, value in before.items() if value and name in INSTANTS}
    return {**before, **{name: datetime.fromisoformat(value) for name, value in dated.items()}}
