"""Who listens: adding, removing and trying listeners; the same for pages, API and commands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning.channels.guarded import hidden, problem_with
from dunning.core.announcement import USUAL, ListenerKind, TellingState, Topic
from dunning.core.billing import Whose
from dunning.core.ids import derive_id
from dunning.errors import Unusable
from dunning.flows.adapters import secrets_of
from dunning.flows.announcing import announce_test
from dunning.flows.delivering import deliver
from dunning.flows.driver import run
from dunning.flows.house import House
from dunning.mail.compose import address_of
from dunning.settings import Settings
from dunning.store import announcements, audit, listeners
from dunning.store.announcements import AnnouncementRow
from dunning.store.engine import Store
from dunning.store.listeners import ListenerRow

BOTH_SECRETS: Final = timedelta(hours=24)  # how long an old secret is signed with, too, after a rotation
KEPT_FOR: Final = timedelta(days=30)
NAMED: Final = {"slack": ListenerKind.SLACK, "zendesk": ListenerKind.ZENDESK}


@dataclass(frozen=True, slots=True)
class Standing:
    """A listener with its newest announcements."""

    listener: ListenerRow
    recent: list[AnnouncementRow]


def add(
    house: House,
    target: str,
    *,
    by: str,
    topics: Iterable[str] = (),
    at_least: Mapping[str, int] | None = None,
) -> ListenerRow:
    """Add a listener: a URL, `slack`, `zendesk`, or `mailto:` and an address; without topics, the usual ones.

    Raises:
        Unusable: it cannot be told anything; the sentence says why.
    """
    kind, where = _read(house.settings, target.strip())
    heard = _topics(topics) or USUAL[kind]
    now = house.clock.now()
    with house.store.write() as connection:
        known = [one for one in listeners.all_of(connection) if (one.kind, one.target) == (kind, where)]
        if known:
            raise Unusable(f"{target} listens already, as {known[0].id}: remove it first to change it.")
        row = {
            "id": derive_id("lst", now, kind, where),
            "kind": kind,
            "target": where,
            "topics": sorted(heard),
            "at_least": dict(at_least or {}),
            "added_at": now,
            "added_by": by,
        }
        listeners.add(connection, row)
        after = {"kind": kind, "target": where, "topics": row["topics"], "at_least": row["at_least"]}
        about = str(row["id"])
        audit.append(connection, at=now, by=by, action="webhook.add", about=about, after=after)
        return _found(connection, str(row["id"]))


def remove(house: House, listener_id: str, *, by: str) -> None:
    """Remove a listener, and give up what it was not told yet.

    Raises:
        Unusable: there is no such listener.
    """
    with house.store.write() as connection:
        found = _found(connection, listener_id)
        now = house.clock.now()
        listeners.change(connection, found.id, removed_at=now)
        announcements.drop(connection, found.id, "The listener was removed.")
        before = {"kind": found.kind, "target": found.target}
        audit.append(connection, at=now, by=by, action="webhook.remove", about=found.id, before=before)


def secrets(house: House, listener_id: str, *, rotated_by: str | None = None) -> list[str]:
    """Return the signing secrets of a webhook, the newest first; somebody who rotates makes a new one.

    After a rotation everything is signed with both for a day.

    Raises:
        Unusable: there is no such listener, or it is no webhook.
    """
    with house.store.write() as connection:
        found, now = _found(connection, listener_id), house.clock.now()
        if found.kind is not ListenerKind.WEBHOOK:
            raise Unusable(f"{listener_id} is no webhook: it has no signing secret.")
        if rotated_by is not None:
            version = found.secret_version + 1
            until = now + BOTH_SECRETS
            listeners.change(connection, found.id, secret_version=version, old_secret_until=until)
            found = _found(connection, listener_id)
            act, after = "webhook.rotate", {"secret_version": version}
            audit.append(connection, at=now, by=rotated_by, action=act, about=found.id, after=after)
        return secrets_of(house, found, now)


def try_out(house: House, listener_id: str, *, by: str) -> AnnouncementRow:
    """Tell a listener a test now, also one that is off: success switches it on again.

    Raises:
        Unusable: there is no such listener.
    """
    with house.store.write() as connection:
        found = _found(connection, listener_id)
        whose = Whose(livemode=house.settings.livemode)
        now, about = house.clock.now(), found.id
        row_id = announce_test(connection, found.listener, whose, now)
        listeners.change(connection, found.id, quiet_until=None)
        audit.append(connection, at=now, by=by, action="listener.test", about=about, after={"test": row_id})
    run(deliver(house, row_id))
    with house.store.read() as connection:
        told = announcements.by_id(connection, row_id)
    if told is None:
        raise Unusable("The test was not written; try again.")
    return told


def redeliver(house: House, which: str, *, by: str) -> int:
    """Tell again: one announcement by its row's id, or every dead one of a listener; return how many.

    Raises:
        Unusable: there is neither.
    """
    with house.store.write() as connection:
        now = house.clock.now()
        row = announcements.by_id(connection, which)
        if row is None:
            _found(connection, which)
            count = announcements.again(connection, now, listener_id=which)
        else:
            count = announcements.again(connection, now, row_id=which)
        after, does = {"told_again": count}, "listener.redeliver"
        audit.append(connection, at=now, by=by, action=does, about=which, after=after)
    return count


def standing(store: Store, *, most: int = 20) -> list[Standing]:
    """Return every listener with its newest announcements, newest first."""
    with store.read() as connection:
        found = listeners.all_of(connection)
        return [Standing(one, announcements.recent(connection, one.id, most)) for one in found]


def deliveries(house: House, listener_id: str, *, most: int = 50) -> list[AnnouncementRow]:
    """Return a listener's newest announcements, newest first.

    Raises:
        Unusable: there is no such listener.
    """
    with house.store.read() as connection:
        _found(connection, listener_id)
        return announcements.recent(connection, listener_id, most)


def forget_old(house: House) -> int:
    """Delete announcements that are over for 30 days; return how many."""
    with house.store.write() as connection:
        return announcements.forget(connection, house.clock.now() - KEPT_FOR)


def state_of(listener: ListenerRow) -> str:
    """Return how it goes with a listener, in a word."""
    if listener.off_at is not None:
        return "off"
    return "on" if listener.failing_since is None else "failing"


def dead(rows: Iterable[AnnouncementRow]) -> int:
    """Return how many announcements were given up, or are not known to have arrived."""
    return sum(row.state in {TellingState.DEAD, TellingState.UNKNOWN} for row in rows)


def last_told(rows: Iterable[AnnouncementRow]) -> datetime | None:
    """Return when a listener was last told something."""
    return max((row.told_at for row in rows if row.told_at is not None), default=None)


def _found(connection: Connection, listener_id: str) -> ListenerRow:
    found = listeners.by_id(connection, listener_id)
    if found is None or found.removed_at is not None:
        raise Unusable(f"There is no listener {listener_id}: `dunning webhook list` shows what there is.")
    return found


def _topics(words: Iterable[str]) -> frozenset[Topic]:
    known = frozenset(Topic) - {Topic.TEST}
    found = frozenset(word.strip() for word in words if word.strip())
    unknown = sorted(found - known)
    if unknown:
        raise Unusable(f"There is no topic {unknown[0]}: choose from {', '.join(sorted(known))}.")
    return frozenset(Topic(word) for word in found)


def _read(settings: Settings, target: str) -> tuple[ListenerKind, str]:
    """Return what a target names, where it can be told something."""
    if target in NAMED:
        missing = settings.slack_url is None if target == "slack" else settings.zendesk_url is None
        if missing:
            raise Unusable(f"DUNNING_{target.upper()}_URL is not set: set it, and add {target} again.")
        return NAMED[target], target
    if target.startswith("mailto:"):
        try:
            return ListenerKind.MAIL, address_of(target.removeprefix("mailto:"))
        except ValueError as error:
            raise Unusable(f"{target} is no mail address: {error}.") from None
    problem = problem_with(target, private=settings.private_webhooks)
    problem = problem or hidden(target, private=settings.private_webhooks)
    if problem is not None:
        raise Unusable(f"{target[:100]} cannot be a webhook. {problem}")
    return ListenerKind.WEBHOOK, target
