"""What staff are asked to do: call a customer, agree to a message; until the recovery closes."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.ids import derive_id
from dunning.core.vocabulary import MessageState, TaskKind, TaskState
from dunning.errors import DunningError
from dunning.flows import holding_back
from dunning.flows.attempting import hold
from dunning.flows.house import House
from dunning.flows.staff import Answer
from dunning.flows.telling import tell
from dunning.store import messages, objects, rules, tasks
from dunning.store.rows import MessageRow, RecoveryRow

REFUSED: Final = "Staff decided against it."
NOTE_MOST: Final = 300


class NoSuchTask(DunningError):
    """There is no task with that id."""


def ask_call(connection: Connection, message: MessageRow, recovery: RecoveryRow, now: datetime) -> None:
    """Put the call of a step on the list of tasks."""
    campaign = rules.campaign(connection, recovery.campaign_key, recovery.campaign_version)
    step = campaign.step(message.step)
    what = step.task if step is not None and step.task else "Call the customer."
    if tasks.add(connection, _row(message, recovery, TaskKind.CALL, what, now)):
        tell(connection, recovery.id, f"A task for staff: {what}", now=now, by="dunning")


def ask_approval(connection: Connection, message: MessageRow, recovery: RecoveryRow, now: datetime) -> bool:
    """Let a due message wait until a person has agreed to it, where its step asks for that; return whether.

    A message that would not go out anyhow is nobody's task: it is checked, and skipped with its reason.
    """
    campaign = rules.campaign(connection, recovery.campaign_key, recovery.campaign_version)
    if not holding_back.needs_approval(connection, campaign, message) or _pointless(
        connection, message, recovery
    ):
        return False
    what = f"Agree to the message “{message.template.replace('_', ' ')}”, or decide against it."
    if tasks.add(connection, _row(message, recovery, TaskKind.APPROVE, what, now)):
        tell(connection, recovery.id, "A message waits until staff agree to it.", now=now, by="dunning")
    return messages.change(connection, message.id, message.fence, ring_at=None, fence=message.fence + 1)


def finish(house: House, task_id: str, *, by: str, note: str = "", refused: bool = False) -> Answer:
    """Close a task that was done; of a message to agree to, `refused` decides against it.

    Raises:
        NoSuchTask: there is no such task.
    """
    with house.store.write() as connection:
        seen = tasks.by_id(connection, task_id)
        if seen is None:
            raise NoSuchTask(f"There is no task {task_id}: `dunning tasks list` shows them.")
        recovery = hold(connection, seen["recovery_id"])
        now, note = house.clock.now(), " ".join(note.split())[:NOTE_MOST]
        closed = tasks.close(connection, task_id, TaskState.DONE, at=now, by=by, note=note or None)
        if not closed or recovery is None:
            return Answer(done=False, sentence="Nothing changed: the task is closed already.")
        said = _settle(connection, seen, now, refused=refused)
        told = f"{said}{f' {note}' if note else ''}"
        tell(connection, recovery.id, told, now=now, by=by, kind="staff")
    return Answer(done=True, sentence=said)


def _settle(connection: Connection, task: Any, now: datetime, *, refused: bool) -> str:
    """Let an answer have its effect, and say it."""
    if task["kind"] is TaskKind.CALL:
        return "The call was made."
    message = messages.by_id(connection, task["message_id"], lock=True)
    if message is not None and message.state is MessageState.PLANNED:
        answer: dict[str, Any] = {"ring_at": now}
        if refused:
            answer = {"state": MessageState.SKIPPED, "note": REFUSED, "ring_at": None}
        messages.change(connection, message.id, message.fence, fence=message.fence + 1, **answer)
    return "The message does not go out." if refused else "The message may go out."


def _pointless(connection: Connection, message: MessageRow, recovery: RecoveryRow) -> bool:
    customer = objects.customer(connection, recovery.whose, recovery.customer_id)
    invoice = objects.invoice(connection, recovery.whose, recovery.invoice_id)
    still_open = invoice is not None and invoice.status == "open"
    address = customer.email if customer else None
    why = holding_back.why_not(connection, message, recovery, address, still_open=still_open)
    return why is not None


def _row(
    message: MessageRow, recovery: RecoveryRow, kind: TaskKind, what: str, now: datetime
) -> dict[str, Any]:
    return {
        "id": derive_id("task", now, message.id, kind),
        "account_id": recovery.account_id,
        "livemode": recovery.livemode,
        "recovery_id": recovery.id,
        "message_id": message.id,
        "kind": kind,
        "what": what,
        "due_at": now,
        "state": TaskState.OPEN,
    }
