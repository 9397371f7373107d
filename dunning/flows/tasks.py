"""What campaigns ask of staff: to call a customer, until the recovery closes."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.ids import derive_id
from dunning.core.vocabulary import TaskKind, TaskState
from dunning.errors import DunningError
from dunning.flows.attempting import hold
from dunning.flows.house import House
from dunning.flows.placing import place
from dunning.flows.staff import Answer
from dunning.flows.telling import tell
from dunning.store import audit, rules, tasks
from dunning.store.rows import MessageRow, RecoveryRow

MADE: Final = "The call was made."
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


def finish(house: House, task_id: str, *, by: str, note: str = "") -> Answer:
    """Close a task that was done.

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
        tell(connection, recovery.id, f"{MADE} {note}".rstrip(), now=now, by=by, kind="staff")
        place(connection, recovery.id, now, touched_at=now)
        after = {"task": task_id, "note": note}
        audit.append(connection, at=now, by=by, action="task.finish", about=recovery.id, after=after)
    return Answer(done=True, sentence=MADE)


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
