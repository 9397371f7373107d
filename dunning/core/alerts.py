"""Announcements as sentences for staff, one by one or several at once."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dunning.core.announcement import Topic
from dunning.core.money import Money

MOST_LINES: Final = 20
HEADINGS: Final = {
    Topic.OPENED: "Opened",
    Topic.WAITING: "Waits for the customer",
    Topic.NEEDS_PERSON: "Needs a person",
    Topic.RECOVERED: "Recovered",
    Topic.LOST: "Lost",
    Topic.STOPPED: "Stopped",
    Topic.DECLINED: "Declined",
    Topic.SUCCEEDED: "Paid",
    Topic.MESSAGE_SENT: "Message sent",
    Topic.NOTE_ADDED: "Note",
    Topic.CARD_UPDATED: "New card",
    Topic.PAUSED: "Everything is paused",
    Topic.RESUMED: "Charges and messages go on",
    Topic.ALARM: "Alarm",
    Topic.LISTENER_OFF: "A listener was switched off",
    Topic.TEST: "Test",
}


def sentence_of(body: Mapping[str, Any], base_url: str) -> str:
    """Return one announcement as a line for staff, with the address of its page."""
    topic, data = Topic(body["type"]), body["data"]
    said = (data.get("note") or {}).get("sentence") or data.get("sentence") or data.get("reason")
    recovery = data.get("recovery")
    if recovery is None:
        segment = f" in {data['segment']}" if data.get("segment") else ""
        return f"{HEADINGS[topic]}{segment}{f': {said}' if said else '.'}"
    money = Money(recovery["amount"], recovery["currency"])
    who = f"{money} of {recovery['customer'] or 'no customer'} ({recovery['invoice']})"
    where = f"{base_url}/recoveries/{recovery['id']}"
    return f"{HEADINGS[topic]}: {who}. {said or recovery['why']} {where}"


def digest(lines: Sequence[str]) -> str:
    """Return several lines as one text of bounded length."""
    kept = list(lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        kept.append(f"… and {len(lines) - MOST_LINES} more.")
    return "\n".join(line[:600] for line in kept)


def headline(lines: Sequence[str]) -> str:
    """Return the subject of a mail with these lines."""
    first = lines[0].split("http", 1)[0].strip()[:120]
    return first if len(lines) == 1 else f"{len(lines)} alerts: {first}"
