"""Messages that a person must approve before they go out: they wait, written down, until somebody has.

What is approved are the words: a message that reads differently when it is about to go waits once more.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from dunning.core.vocabulary import MessageState
from dunning.flows import wording
from dunning.flows.house import House
from dunning.flows.messaging import hold_message
from dunning.flows.staff import Answer, By
from dunning.flows.telling import tell
from dunning.store import audit, messages
from dunning.store.rows import MessageRow, RecoveryRow


def approve(house: House, message_id: str, *, by: str) -> Answer:
    """Let a waiting message go out, once everything else allows it."""
    now = house.clock.now()

    def say(connection: Connection, message: MessageRow) -> dict[str, Any]:
        return wording.approval(connection, message, now, by=by)

    sentence = "Approved: it goes out in the customer's daytime, if the invoice is still open."
    told = "A message was approved."
    return _decide(house, message_id, say, sentence, now=now, by=By(by, "message.approve", told, None))


def refuse(house: House, message_id: str, *, why: str, by: str) -> Answer:
    """Let a waiting message never go out."""
    why = why.strip()[:300]
    if not why:
        return Answer(done=False, sentence="A refusal needs a reason.")
    note = f"Not approved: {why}"
    values = {"state": MessageState.SKIPPED, "note": note, "ring_at": None}
    now = house.clock.now()
    whom = By(by, "message.refuse", note, None)
    return _decide(house, message_id, lambda *_: values, "It will not go out.", now=now, by=whom)


def _decide(house: House, message_id: str, say: Any, sentence: str, *, now: datetime, by: By) -> Answer:
    with house.store.write() as connection:
        message, recovery = _waiting(connection, message_id)
        if message is None or recovery is None:
            return Answer(done=False, sentence="This message waits for nobody's approval.")
        values = {"awaits_since": None, "note": None, "fence": message.fence + 1, **say(connection, message)}
        messages.change(connection, message.id, message.fence, **values)
        tell(connection, recovery.id, by.said, now=now, by=by.who, kind="staff")
        was, becomes = {"awaits_since": message.awaits_since}, {"said": by.said}
        did, about = by.action, message_id
        audit.append(connection, at=now, by=by.who, action=did, about=about, before=was, after=becomes)
    return Answer(done=True, sentence=sentence)


def _waiting(connection: Connection, message_id: str) -> tuple[MessageRow | None, RecoveryRow | None]:
    message, recovery = hold_message(connection, message_id)
    return (message, recovery) if message is not None and message.awaits_since is not None else (None, None)
