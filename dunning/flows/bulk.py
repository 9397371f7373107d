"""One action on many recoveries: first it says what it will do and skip, and why; then it does it.

Every row goes through the guards of the single action once more when its turn comes. A worker that dies
half-way leaves rows that are still planned, and another one goes on with them.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from dunning.core.ids import derive_id
from dunning.core.vocabulary import BulkAction, BulkRowState, BulkState
from dunning.flows.bulk_actions import done, foreseen, wanting
from dunning.flows.entering import without_words
from dunning.flows.house import House
from dunning.flows.staff import Answer
from dunning.store import audit, bulk

MOST: Final = 500
AT_ONCE: Final = 25  # rows a ring
LEASE: Final = timedelta(seconds=90)
NOT_YOURS: Final = "Somebody else made this bulk action: choose the recoveries and make your own."


class Unusable(ValueError):
    """A bulk action that cannot be shown; the text says what to do."""


def show(
    house: House, action: BulkAction, parameters: Mapping[str, Any], recovery_ids: Sequence[str], *, by: str
) -> str:
    """Keep what a bulk action would do, row by row, and return its id; nothing is done yet.

    `parameters`: `until` (ISO 8601) and `why` to snooze or pause, `why` to write off, `to` to assign,
    `text` to note, `campaign` (its key) to move.

    Raises:
        Unusable: nothing or too much was chosen, or a parameter is missing.
    """
    chosen = list(dict.fromkeys(recovery_ids))
    if not 0 < len(chosen) <= MOST:
        raise Unusable(f"Choose between 1 and {MOST} recoveries.")
    missing = wanting(house, action, parameters)
    if missing is not None:
        raise Unusable(missing)
    now = house.clock.now()
    run_id = derive_id("bulk", now, by, action, *sorted(parameters.items()), *chosen)
    rows = [{"run_id": run_id, **row} for row in _verdicts(house, action, parameters, chosen)]
    if not rows:
        raise Unusable("There is no such recovery: choose some from the queue.")
    run = {"id": run_id, "action": action, "parameters": dict(parameters), "by": by, "made_at": now}
    with house.store.write() as connection:
        if bulk.by_id(connection, run_id) is None:
            bulk.add(connection, {**run, "state": BulkState.SHOWN}, rows)
    return run_id


def start(house: House, run_id: str, *, by: str) -> Answer:
    """Let a bulk action begin; it goes on in the background, in the name of who made it and nobody else."""
    with house.store.write() as connection:
        run, now = bulk.by_id(connection, run_id), house.clock.now()
        if run is None or run["by"] != by:
            return Answer(done=False, sentence=NOT_YOURS)
        if not bulk.start(connection, run_id, now):
            return Answer(done=False, sentence="It has begun before.")
        counts = {state.value: count for state, count in bulk.counts(connection, run_id).items()}
        given = without_words(run["parameters"])
        after = {"action": run["action"], "parameters": given, "recoveries": counts}
        audit.append(connection, at=now, by=by, action="bulk.start", about=run_id, after=after)
    return Answer(done=True, sentence="It has begun; this page tells how far it is.")


def go_on(house: House, run_id: str) -> None:
    """Do the next rows of a bulk action, if nobody else is at it."""
    with house.store.write() as connection:
        now, lease_now = house.clock.now(), house.store.lease_now(connection)
        if not bulk.claim(connection, run_id, lease_now, LEASE, now + LEASE):
            return
        run: Any = bulk.by_id(connection, run_id)
        todo = bulk.planned(connection, run_id, AT_ONCE)
    for recovery_id in todo if run is not None else ():
        answer = done(house, run["action"], run["parameters"], recovery_id, by=run["by"])
        state = BulkRowState.DONE if answer.done else BulkRowState.SKIPPED
        with house.store.write() as connection:
            bulk.end_row(connection, run_id, recovery_id, state, answer.sentence)
    with house.store.write() as connection:
        over = not bulk.planned(connection, run_id, 1)
        bulk.let_go(connection, run_id, house.clock.now(), over=over)


def _verdicts(
    house: House, action: BulkAction, given: Mapping[str, Any], chosen: Sequence[str]
) -> list[dict[str, Any]]:
    with house.store.read() as connection:
        known = bulk.open_ones(connection, chosen)
    found = []
    for recovery_id in chosen:
        if recovery_id not in known:
            continue
        taken, sentence = foreseen(house, action, given, recovery_id, is_open=known[recovery_id])
        state = BulkRowState.PLANNED if taken else BulkRowState.SKIPPED
        found.append({"recovery_id": recovery_id, "state": state, "sentence": sentence})
    return found
