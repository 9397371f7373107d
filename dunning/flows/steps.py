"""The steps of a campaign as rows: one for each message that is meant, from the day the recovery opens.

Steps that follow or announce a retry get their rows with each decision; a retry that moves takes the message
along, unless it has gone out.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.campaign import Anchor, Campaign, template_for
from dunning.core.course import Course, Meant, Planned, Retry, meant, placed
from dunning.core.ids import derive_id
from dunning.core.vocabulary import OPEN, AttemptState, MessageState
from dunning.store import attempts, beats, messages, objects, recoveries, rules, sending
from dunning.store.rows import AttemptRow, MessageRow, RecoveryRow
from dunning.timing.localtime import zone_of_customer

OF_RETRIES: Final = frozenset({Anchor.AFTER_RETRY, Anchor.BEFORE_RETRY})


def plan_messages(connection: Connection, recovery: RecoveryRow, campaign: Campaign) -> None:
    """Insert a row for every step that does not wait for a retry, due in the customer's local daytime."""
    steps = tuple(step for step in campaign.steps if step.anchor not in OF_RETRIES)
    _plan(connection, recovery, replace(campaign, steps=steps), course_of(recovery, ()), None)


def follow_retries(connection: Connection, recovery_id: str, now: datetime) -> None:
    """Insert or move the rows of steps that follow or announce a retry, as the recovery stands now."""
    recovery = recoveries.by_id(connection, recovery_id)
    if recovery is None or recovery.status not in OPEN or recovery.silenced_at is not None:
        return
    campaign = rules.campaign(connection, recovery.campaign_key, recovery.campaign_version)
    steps = tuple(step for step in campaign.steps if step.anchor in OF_RETRIES)
    if steps:
        course = course_of(recovery, attempts.of_recovery(connection, recovery.id))
        _plan(
            connection, recovery, replace(campaign, steps=steps), course, now, floor=_floor(connection, now)
        )


def _floor(connection: Connection, now: datetime) -> datetime | None:
    """Return from when on messages are dated.

    None after a restore: what follows retries of the forgotten time has the date that it had then.
    """
    mode = beats.read(connection).mode
    return None if mode is not None and mode.open and mode.lost else now


def course_of(recovery: RecoveryRow, history: Sequence[AttemptRow]) -> Course:
    """Return what the steps of a recovery's campaign count from; `history` is its attempts, oldest first."""
    refused = [row for row in history if row.state is AttemptState.DECLINED][1:]  # the first one opened it
    failed = tuple(
        Retry(row.finished_at or row.at, occurrence_of(row))
        for row in refused
        if row.at >= recovery.opened_at
    )
    coming: tuple[Retry, ...] = ()
    if recovery.next_attempt_at is not None:
        asked = sum(row.ordinal is not None for row in history)
        coming = (Retry(recovery.next_attempt_at, str(asked + 1)),)
    return Course(recovery.opened_at, recovery.failed_at, recovery.deadline, failed, coming)


def occurrence_of(attempt: AttemptRow) -> str:
    """Return what a message that follows an attempt is known by: its ordinal, else its id."""
    return str(attempt.ordinal) if attempt.ordinal is not None else attempt.id


def place(connection: Connection, recovery: RecoveryRow, one: Meant, now: datetime | None) -> Planned:
    """Return one message of a recovery with its date in the customer's daytime."""
    customer = objects.customer(connection, recovery.whose, recovery.customer_id)
    zone = zone_of_customer(customer)
    return placed(one, zone, sending.current(connection), now=now)


def row_of(recovery: RecoveryRow, one: Meant, found: Planned) -> dict[str, Any]:
    """Return the row of a message that is planned; one that finds no time is skipped from the first."""
    step, goes = one.step, found.why_not is None
    return {
        "id": derive_id("msg", recovery.opened_at, recovery.id, *_natural_key(one)),
        "account_id": recovery.account_id,
        "livemode": recovery.livemode,
        "recovery_id": recovery.id,
        "step": step.key,
        "occurrence": one.occurrence,
        "channel": step.channel,
        "recipient": step.recipient,
        "template": template_for(step, recovery.decline_class, by_hand=recovery.by_hand),
        "state": MessageState.PLANNED if goes else MessageState.SKIPPED,
        "note": found.why_not,
        "due_at": found.due_at,
        "before_at": one.before,
        "moved": [str(why) for why in found.moved],
        "ring_at": found.due_at if goes else None,
    }


def _natural_key(one: Meant) -> tuple[str, ...]:
    """Return what tells a message from the recovery's others; a step that comes once is known by its key."""
    return (one.step.key,) if one.occurrence == "0" else (one.step.key, one.occurrence)


def _plan(
    connection: Connection,
    recovery: RecoveryRow,
    campaign: Campaign,
    course: Course,
    now: datetime | None,
    *,
    floor: datetime | None = None,
) -> None:
    rows = messages.of_recovery(connection, recovery.id) if now is not None else []
    known = {(row.step, row.occurrence, row.channel, row.recipient): row for row in rows}
    for one in meant(campaign, course, recovery.campaign_arm):
        there = known.get((one.step.key, one.occurrence, str(one.step.channel), str(one.step.recipient)))
        if there is None:
            found = place(connection, recovery, one, floor)
            if found.why_not is None or one.step.anchor is not Anchor.BEFORE_RETRY:
                messages.add(connection, row_of(recovery, one, found))
        elif there.state is MessageState.PLANNED and there.before_at != one.before:
            _move(connection, there, one, place(connection, recovery, one, floor))


def _move(connection: Connection, there: MessageRow, one: Meant, found: Planned) -> None:
    """Take a message along with the retry that it announces."""
    moved: dict[str, Any] = {
        "due_at": found.due_at,
        "before_at": one.before,
        "moved": [str(why) for why in found.moved],
    }
    if found.why_not is not None:
        skipped = {"state": MessageState.SKIPPED, "note": found.why_not}
        moved |= {**skipped, "ring_at": None, "awaits_since": None}
    elif there.awaits_since is None:
        moved["ring_at"] = found.due_at
    messages.change(connection, there.id, there.fence, fence=there.fence + 1, **moved)
