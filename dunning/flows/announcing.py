"""Announcing what happened to a recovery: a row for each listener, in the transaction of the change itself.

Without a listener it costs one look into a table of a handful of rows. What is announced holds Stripe's ids,
amounts and our own words, and nobody's name or address.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.announcement import Listener, TellingState, Topic, body_of
from dunning.core.billing import Card, Whose
from dunning.core.ids import derive_id
from dunning.core.vocabulary import AttemptState, Status
from dunning.store import announcements, attempts, listeners, recoveries
from dunning.store.rows import AttemptRow, MessageRow, RecoveryRow

OF_STATUS: Final = {
    Status.WAITING: Topic.WAITING,
    Status.RECOVERED: Topic.RECOVERED,
    Status.LOST: Topic.LOST,
    Status.STOPPED: Topic.STOPPED,
}
OF_ATTEMPT: Final = {
    AttemptState.PAID: Topic.SUCCEEDED,
    AttemptState.DECLINED: Topic.DECLINED,
    AttemptState.NEEDS_ACTION: Topic.DECLINED,
}
SHOWN: Final = (
    "id", "status", "invoice_class", "currency", "amount", "failed_at", "opened_at", "deadline",
    "decline_class", "decline_code", "next_attempt_at", "pause_until", "why", "reason", "closed_reason",
    "closed_at", "late",
)  # fmt: skip
SHOWN_OF_ATTEMPT: Final = (
    "id", "made_by", "state", "at", "currency", "amount", "brand", "funding", "country", "decline_class",
    "decline_code", "advice_code",
)  # fmt: skip


def announce(
    connection: Connection,
    topic: Topic,
    recovery: RecoveryRow | str,
    now: datetime,
    *natural: object,
    **more: Any,
) -> None:
    """Tell the listeners of a topic, once, of something that happened to a recovery.

    `natural` tells this happening from others of the same instant; `more` goes beside the recovery, which is
    shown as this transaction has left it.
    """
    if not (hearing := [one for one in listeners.hearing(connection) if topic in one.topics]):
        return
    recovery_id = recovery if isinstance(recovery, str) else recovery.id
    found = recoveries.by_id(connection, recovery_id)
    if found is None:
        return
    heard = [one for one in hearing if one.hears(topic, amount=found.amount, currency=found.currency)]
    data = {"recovery": shown(found), **more}
    _insert(connection, heard, topic, found.whose, recovery_id, now, data, recovery_id, *natural)


def announce_status(connection: Connection, recovery: RecoveryRow, status: Status, now: datetime) -> None:
    """Tell of a recovery that waits for its customer, or is closed."""
    topic = OF_STATUS.get(status)
    if topic is not None and status is not recovery.status:
        announce(connection, topic, recovery, now)


def announce_attempt(connection: Connection, attempt_id: str, state: AttemptState, now: datetime) -> None:
    """Tell of an attempt, by anyone, that the bank has answered."""
    topic = OF_ATTEMPT.get(state)
    if topic is None or not any(topic in one.topics for one in listeners.hearing(connection)):
        return
    found = attempts.by_id(connection, attempt_id)
    if found is not None:
        announce(connection, topic, found.recovery_id, now, attempt_id, attempt=_shown_attempt(found))


def announce_card(
    connection: Connection, recovery: RecoveryRow, card: Card, now: datetime, *, by_network: bool
) -> None:
    """Tell of a card that came, or was renewed, while something is open."""
    names = ("id", "brand", "funding", "country", "exp_month", "exp_year")
    told = {name: getattr(card, name) for name in names} | {"by_network": by_network}
    announce(connection, Topic.CARD_UPDATED, recovery, now, card.id, card=told)


def announce_message(connection: Connection, message: MessageRow, text: str, now: datetime) -> None:
    """Tell of a message that went out; one of the channel `webhook` is this announcement, words and all.

    A `call` is what a person is asked to do.
    """
    names = ("id", "step", "occurrence", "channel", "recipient", "template")
    told = {name: getattr(message, name) for name in names}
    told |= {"text": text} if message.channel == "webhook" else {}
    announce(connection, Topic.MESSAGE_SENT, message.recovery_id, now, message.id, message=told)
    if message.channel == "call":
        sentence = f"Call the customer (step {message.step})."
        announce(connection, Topic.NEEDS_PERSON, message.recovery_id, now, message.id, sentence=sentence)


def announce_house(
    connection: Connection,
    topic: Topic,
    whose: Whose,
    now: datetime,
    *natural: object,
    but: str = "",
    **data: Any,
) -> None:
    """Tell the listeners, but one, of something that happened to the whole house."""
    heard = [one for one in listeners.hearing(connection) if one.hears(topic) and one.id != but]
    _insert(connection, heard, topic, whose, None, now, data, *natural)


def announce_test(connection: Connection, listener: Listener, whose: Whose, now: datetime) -> str:
    """Write an announcement that only tries a listener; return the id of its row."""
    data = {"sentence": "A test of this listener: nothing has happened."}
    natural = (listener.id, announcements.count(connection, listener.id))
    _insert(connection, [listener], Topic.TEST, whose, None, now, data, *natural)
    return _row_id(derive_id("ann", now, Topic.TEST, *natural), listener.id)


def shown(recovery: RecoveryRow) -> dict[str, Any]:
    """Return what a listener is shown of a recovery."""
    ours = {"account": recovery.account_id, "livemode": recovery.livemode, "invoice": recovery.invoice_id}
    theirs = {"customer": recovery.customer_id, "subscription": recovery.subscription_id}
    return ours | theirs | {name: getattr(recovery, name) for name in SHOWN}


def _shown_attempt(attempt: AttemptRow) -> dict[str, Any]:
    return {"charge": attempt.charge_id} | {name: getattr(attempt, name) for name in SHOWN_OF_ATTEMPT}


def _insert(
    connection: Connection,
    heard: list[Listener],
    topic: Topic,
    whose: Whose,
    recovery_id: str | None,
    now: datetime,
    data: Mapping[str, Any],
    *natural: object,
) -> None:
    if not heard:
        return
    announcement_id = derive_id("ann", now, topic, *natural)
    row = {
        "account_id": whose.account_id,
        "livemode": whose.livemode,
        "announcement_id": announcement_id,
        "topic": topic,
        "recovery_id": recovery_id,
        "body": body_of(topic, now, data),
        "state": TellingState.PLANNED,
        "made_at": now,
        "ring_at": now,
    }
    rows = [row | {"id": _row_id(announcement_id, one.id), "listener_id": one.id} for one in heard]
    announcements.add(connection, rows)


def _row_id(announcement_id: str, listener_id: str) -> str:
    return f"{announcement_id}.{listener_id}"
