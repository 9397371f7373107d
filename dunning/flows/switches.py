"""Turning the switches: who retries, whether messages go out, the kill switch; overall or in a segment."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from dunning.core.announcement import Topic
from dunning.core.audit import changed
from dunning.core.billing import Whose
from dunning.core.changes import ModeSet
from dunning.core.conditions import NotUsable
from dunning.core.segments import Segments
from dunning.core.vocabulary import Retries
from dunning.errors import Unusable
from dunning.flows.announcing import announce_house
from dunning.flows.attempting import hold
from dunning.flows.house import House
from dunning.flows.steer import steer
from dunning.store import audit, recoveries, segments, switches


def first_start(house: House) -> None:
    """Set the switches of a new installation from the settings; later starts change nothing."""
    with house.store.write() as connection:
        now = house.clock.now()
        for name, value in (
            ("retries", house.settings.retries.value),
            ("messages", house.settings.messages),
        ):
            if switches.put_once(connection, name, value, at=now, by="first start"):
                _enter(connection, house, "first start", f"switch.{name}", "overall", {}, {name: value})


def pause_all(house: House, reason: str, *, by: str, segment: str | None = None) -> None:
    """Throw the kill switch: nothing is charged and nobody is written to until `resume_all`.

    Raises:
        Unusable: there is no such segment.
    """
    _set_pause(house, reason.strip()[:500], by, segment)


def resume_all(house: House, *, by: str, segment: str | None = None) -> None:
    """Release the kill switch.

    Raises:
        Unusable: there is no such segment.
    """
    _set_pause(house, None, by, segment)


def _set_pause(house: House, reason: str | None, by: str, segment: str | None) -> None:
    with house.store.write() as connection:
        if segment is not None:
            _change(connection, house, segment, by, paused=reason)
        else:
            before = {"paused": switches.read(connection).pause_reason}
            switches.put(connection, "paused", reason, at=house.clock.now(), by=by)
            action = "switch.pause" if reason is not None else "switch.resume"
            _enter(connection, house, by, action, "overall", before, {"paused": reason})
        now, whose = house.clock.now(), Whose(livemode=house.settings.livemode)
        topic = Topic.RESUMED if reason is None else Topic.PAUSED
        announce_house(connection, topic, whose, now, segment, segment=segment, reason=reason, by=by)


def set_mode(
    house: House,
    *,
    by: str,
    retries: Retries | None = None,
    messages: bool | None = None,
    notices: bool | None = None,
    release: bool = False,
    segment: str | None = None,
) -> int:
    """Change who retries, or whether messages and notices go out; return how many recoveries changed hands.

    A change of `retries` moves the open recoveries too, one transaction each. `release` hands every open
    invoice (of the segment) back to Stripe: the mode becomes watch, and no segment keeps another.

    Raises:
        Unusable: there is no such segment.
    """
    wanted = Retries.WATCH if release else retries
    given: dict[str, Any] = {"retries": wanted, "messages": messages}
    told = {name: value for name, value in given.items() if value is not None}
    with house.store.write() as connection:
        if segment is not None:
            _change(connection, house, segment, by, **told)
        overall = told | ({} if notices is None else {"notices": notices})
        if segment is None and overall:
            before = switches.read(connection)
            for name, value in overall.items():
                switches.put(connection, name, value, at=house.clock.now(), by=by)
            was = {name: getattr(before, name) for name in overall}
            _enter(connection, house, by, "switch.mode", "overall", was, overall)
        if release and segment is None:
            _release_segments(connection, house, by)
    return move_all(house, by=by) if wanted is not None else 0


def publish_segments(house: House, text: str, *, by: str) -> int:
    """Put the segments of a TOML text into force; return how many open recoveries changed hands.

    A recovery stays in the segment that it opened in; where that is gone, the overall switches hold. A
    segment's pause outlives the change.

    Raises:
        Unusable: the text cannot work, or leaves out a segment that is paused.
    """
    try:
        new = Segments.read(text)
    except NotUsable as error:
        raise Unusable(str(error)) from None
    with house.store.write() as connection:
        switches.hold(connection)
        old = segments.current(connection)
        for paused in (segment for segment in old.all if segment.paused):
            if new.named(paused.name) is None:
                raise Unusable(f"Segment {paused.name!r} is paused: resume it before you take it away.")
            new = new.changed(paused.name, paused=paused.paused)
        _publish(connection, house, old, replace(new, version=old.version), by)
    return move_all(house, by=by)


def move_all(house: House, *, by: str) -> int:
    """Move the open recoveries whose mode is another now, and return how many.

    They are listed only now: what was being opened under the old mode is open by now.
    """
    with house.store.read() as connection:
        open_ids = recoveries.all_open_ids(connection)
    return sum(_move(house, recovery_id, by) for recovery_id in open_ids)


def _release_segments(connection: Connection, house: House, by: str) -> None:
    before = released = segments.current(connection)
    for segment in before.all:
        if segment.retries is not None:
            released = released.changed(segment.name, retries=Retries.WATCH)
    if released.all:
        _publish(connection, house, before, released, by)


def _change(connection: Connection, house: House, name: str, by: str, **given: Any) -> None:
    """Publish the segments with the switches of one changed."""
    switches.hold(connection)
    now_in_force = segments.current(connection)
    if now_in_force.named(name) is None:
        names = ", ".join(segment.name for segment in now_in_force.all) or "none yet"
        raise Unusable(f"There is no segment {name!r}; known: {names}. `dunning segment publish` adds one.")
    _publish(connection, house, now_in_force, now_in_force.changed(name, **given), by)


def _publish(connection: Connection, house: House, before: Segments, after: Segments, by: str) -> None:
    """Put segments into force, and enter into the audit log which are other now."""
    segments.publish(connection, after, at=house.clock.now(), by=by)
    was, becomes = ({str(one["name"]): one for one in each.dumps()} for each in (before, after))
    _enter(connection, house, by, "segments.publish", "segments", *changed(was, becomes))


def _enter(
    connection: Connection,
    house: House,
    by: str,
    action: str,
    about: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    at = house.clock.now()
    audit.append(connection, at=at, by=by, action=action, about=about, before=before, after=after)


def _move(house: House, recovery_id: str, by: str) -> int:
    with house.store.write() as connection:
        recovery = hold(connection, recovery_id)
        if recovery is None or recovery.closed_at is not None:
            return 0
        wanted = switches.read(connection, recovery.segment).retries
        if recovery.retries is wanted:
            return 0
        now = house.clock.now()
        recoveries.change(connection, recovery_id, retries=wanted, ring_at=now)
        moved = recoveries.by_id(connection, recovery_id, lock=True)
        if moved is not None:
            steer(connection, house, moved, ModeSet(wanted), now=now, by=by)
        return 1
