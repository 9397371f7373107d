"""Moving an open recovery to another version of a campaign, on purpose; no step goes out twice."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.campaign import Campaign
from dunning.core.course import Meant, meant
from dunning.core.vocabulary import CLOSED, MessageState
from dunning.flows.attempting import hold
from dunning.flows.holding_back import WENT
from dunning.flows.house import House
from dunning.flows.staff import Answer, NotFound
from dunning.flows.steps import course_of, follow_retries, place, row_of
from dunning.flows.telling import tell
from dunning.store import attempts, audit, campaigns, messages, recoveries, tasks
from dunning.store.rows import MessageRow, RecoveryRow

NOT_THERE: Final = "The recovery was moved to another campaign, which has no such step."
GONE_ALREADY: Final = "This step has gone out already, before the recovery was moved."
PASSED: Final = "It would have been due before the recovery was moved to this campaign."


def move(house: House, recovery_id: str, key: str, version: int | None = None, *, by: str) -> Answer:
    """Let an open recovery go on under a version of a campaign, by default its newest; a note says so.

    A step is known by its key: one that has gone out stays so, one that waits is dated anew, and what would
    have been due before is skipped.

    Raises:
        NotFound: there is no such recovery.
    """
    with house.store.write() as connection:
        recovery, now = hold(connection, recovery_id), house.clock.now()
        if recovery is None:
            raise NotFound(recovery_id)
        wanted = campaigns.version(connection, key, version)
        forbidden = _forbidden(recovery, wanted, key, version)
        if forbidden is not None or wanted is None:
            return Answer(done=False, sentence=forbidden or "")
        _rewrite(connection, recovery, wanted, now)
        was = f"{recovery.campaign_key} version {recovery.campaign_version}"
        said = f"Moved from {was} to {wanted.key} version {wanted.version}."
        tell(connection, recovery.id, said, now=now, by=by, kind="staff")
        before, after = {"campaign": was}, {"campaign": f"{wanted.key} version {wanted.version}"}
        act, about = "recovery.move_campaign", recovery.id
        audit.append(connection, at=now, by=by, action=act, about=about, before=before, after=after)
    return Answer(done=True, sentence=said)


def refusal(house: House, recovery_id: str, key: str) -> str | None:
    """Return why a recovery cannot go on under the newest version of a campaign, or None when it can.

    Raises:
        NotFound: there is no such recovery.
    """
    with house.store.read() as connection:
        recovery = recoveries.by_id(connection, recovery_id)
        if recovery is None:
            raise NotFound(recovery_id)
        return _forbidden(recovery, campaigns.version(connection, key), key, None)


def _forbidden(recovery: RecoveryRow, wanted: Campaign | None, key: str, version: int | None) -> str | None:
    if recovery.status in CLOSED:
        return "The recovery is closed: it writes to nobody any more."
    if wanted is None:
        named = f"{key} version {version}" if version is not None else key
        return f"There is no campaign {named}: `dunning campaign list` shows them."
    if (recovery.campaign_key, recovery.campaign_version) == (wanted.key, wanted.version):
        return f"Nothing changed: the recovery runs {wanted.key} version {wanted.version} already."
    return None


def _rewrite(connection: Connection, recovery: RecoveryRow, wanted: Campaign, now: datetime) -> None:
    arm = campaigns.arm_of(connection, recovery.whose, recovery.customer_id, wanted, now)
    pinned: dict[str, Any] = {"campaign_key": wanted.key, "campaign_version": wanted.version}
    began = [recovery.campaign_key, recovery.campaign_version, recovery.campaign_arm]
    recoveries.change(
        connection, recovery.id, **pinned, campaign_arm=arm, moved_from=recovery.moved_from or began
    )
    rows = messages.of_recovery(connection, recovery.id)
    steps = {(step.key, str(step.channel), str(step.recipient)) for step in wanted.steps_of(arm)}
    for row in rows:
        if row.state is MessageState.PLANNED and (row.step, row.channel, row.recipient) not in steps:
            _drop(connection, row, now)
    if recovery.silenced_at is None:
        course = course_of(recovery, attempts.of_recovery(connection, recovery.id))
        for one in meant(wanted, course, arm):
            _replan(connection, recovery, one, rows, now)
        follow_retries(connection, recovery.id, now)


def _replan(
    connection: Connection, recovery: RecoveryRow, one: Meant, rows: list[MessageRow], now: datetime
) -> None:
    """Date one message of the new version: anew where it waits, not at all where it went out or is past."""
    same = [row for row in rows if (row.step, row.occurrence) == (one.step.key, one.occurrence)]
    there = next(
        (row for row in same if (row.channel, row.recipient) == (one.step.channel, one.step.recipient)), None
    )
    if there is not None and there.state is not MessageState.PLANNED:
        return
    found = row_of(recovery, one, place(connection, recovery, one, now if one.before else None))
    found["id"] = f"{found['id']}{len(same) or ''}"
    past, gone = found["due_at"] < now, any(row.state in WENT for row in same)
    if there is not None:
        dates = () if past else ("state", "note", "due_at", "before_at", "moved", "ring_at")
        fresh = {name: found[name] for name in ("template", *dates)}
        if not past:
            fresh["awaits_since"] = None  # it is written anew, and asks once more for approval
        messages.change(connection, there.id, there.fence, fence=there.fence + 1, **fresh)
        return
    if past or gone:
        found |= {"state": MessageState.SKIPPED, "note": GONE_ALREADY if gone else PASSED, "ring_at": None}
    messages.add(connection, found)


def _drop(connection: Connection, row: MessageRow, now: datetime) -> None:
    skipped = {"state": MessageState.SKIPPED, "note": NOT_THERE, "ring_at": None, "awaits_since": None}
    messages.change(connection, row.id, row.fence, **skipped, fence=row.fence + 1)
    tasks.drop_of_message(connection, row.id, NOT_THERE, at=now)
