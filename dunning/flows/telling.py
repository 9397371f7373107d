"""Lines of a recovery's timeline."""

from datetime import datetime

from sqlalchemy import Connection

from dunning.core.announcement import Topic
from dunning.core.ids import derive_id
from dunning.flows.announcing import announce
from dunning.store import recoveries


def tell(
    connection: Connection,
    recovery_id: str,
    sentence: str,
    *,
    now: datetime,
    by: str,
    kind: str = "decision",
) -> None:
    """Write one line of the timeline; one instant's lines sort as they came."""
    count = recoveries.count_notes(connection, recovery_id)
    note_id = f"{derive_id('note', now, recovery_id)}{count:05d}"
    recoveries.note(connection, note_id, recovery_id, at=now, by=by, kind=kind, sentence=sentence)
    if kind == "staff":
        note = {"id": note_id, "by": by, "sentence": sentence}
        announce(connection, Topic.NOTE_ADDED, recovery_id, now, note_id, note=note)
