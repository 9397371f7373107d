"""Announcements: what is told outside the house of a recovery, and when a failed telling is tried again.

An announcement has a topic and a body; a listener (a webhook endpoint, a Slack channel, a help desk) hears
the topics that it asked for. The body is frozen when the thing happens, so that every telling is the same.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final


class Topic(StrEnum):
    """What an announcement is about; the value is the `type` that a receiver sees."""

    OPENED = "recovery.opened"
    WAITING = "recovery.waiting"  # only the customer can help now
    NEEDS_PERSON = "recovery.needs_person"
    RECOVERED = "recovery.recovered"
    LOST = "recovery.lost"
    STOPPED = "recovery.stopped"
    DECLINED = "attempt.declined"
    SUCCEEDED = "attempt.succeeded"
    MESSAGE_SENT = "message.sent"
    NOTE_ADDED = "note.added"
    CARD_UPDATED = "card.updated"
    PAUSED = "house.paused"  # the kill switch
    RESUMED = "house.resumed"
    ALARM = "house.alarm"  # what the doctor found
    LISTENER_OFF = "listener.off"  # another listener was switched off after long failure
    TEST = "test"


class ListenerKind(StrEnum):
    """What a listener is."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    MAIL = "mail"
    ZENDESK = "zendesk"


class TellingState(StrEnum):
    """How far one announcement to one listener has come."""

    PLANNED = "planned"
    TELLING = "telling"
    TOLD = "told"
    UNKNOWN = "unknown"  # an alert that may have arrived; never told again
    DEAD = "dead"  # tried for three days in vain
    DROPPED = "dropped"  # the listener was removed or switched off


FOR_STAFF: Final = frozenset({ListenerKind.SLACK, ListenerKind.MAIL})
USUAL: Final = {
    ListenerKind.WEBHOOK: frozenset(Topic) - {Topic.TEST},
    ListenerKind.SLACK: frozenset({
        Topic.NEEDS_PERSON, Topic.LOST, Topic.RECOVERED, Topic.PAUSED, Topic.RESUMED, Topic.ALARM,
        Topic.LISTENER_OFF,
    }),
    ListenerKind.MAIL: frozenset({
        Topic.NEEDS_PERSON, Topic.LOST, Topic.PAUSED, Topic.RESUMED, Topic.ALARM, Topic.LISTENER_OFF,
    }),
    ListenerKind.ZENDESK: frozenset({
        Topic.NEEDS_PERSON, Topic.RECOVERED, Topic.LOST, Topic.STOPPED, Topic.NOTE_ADDED,
    }),
}  # fmt: skip
ENDINGS: Final = frozenset({Topic.RECOVERED, Topic.LOST, Topic.STOPPED})
TOPICS_WITH_MONEY: Final = ENDINGS | {Topic.NEEDS_PERSON}
# Source of the spacing: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
WAITS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
LONGEST_WAIT: Final = timedelta(days=1)
GIVES_UP_AFTER: Final = timedelta(days=3)  # of nothing but failures: the listener is switched off
QUIET: Final = timedelta(minutes=10)  # between two alerts to staff; what comes meanwhile goes in one


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears: of which kind, where, which topics, and from which amount on.

    `at_least` holds minor units by lower-case currency; it bears on the end of a recovery and on those that
    need a person, and an amount in a currency that it does not name is heard.
    """

    id: str
    kind: ListenerKind
    target: str
    topics: frozenset[Topic]
    at_least: Mapping[str, int] = field(default_factory=dict)

    def hears(self, topic: Topic, *, amount: int | None = None, currency: str | None = None) -> bool:
        """Return whether an announcement is for this listener."""
        if topic not in self.topics:
            return False
        if topic not in TOPICS_WITH_MONEY or amount is None:
            return True
        return amount >= self.at_least.get(currency or "", 0)


def body_of(topic: Topic, at: datetime, data: Mapping[str, Any]) -> str:
    """Return the JSON that is told, in the shape that Standard Webhooks recommends; instants end in Z."""
    told = {"type": topic.value, "timestamp": _plain(at), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=_plain)


def next_try(tries: int, now: datetime, *, not_before: timedelta | None = None) -> datetime | None:
    """Return when to tell again after `tries` failures, about three days in all; None when it is over."""
    if tries > len(WAITS):
        return None
    return now + max(WAITS[tries - 1], min(not_before or timedelta(0), LONGEST_WAIT))


def switches_off(failing_since: datetime | None, now: datetime) -> bool:
    """Return whether a listener has failed for so long that nothing more is sent to it."""
    return failing_since is not None and now - failing_since >= GIVES_UP_AFTER


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
