"""Giving money up, with a second person's yes where it is large; and counting it as paid elsewhere."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from dunning.core.card_numbers import REFUSED, has_card_number
from dunning.core.changes import StaffStopped
from dunning.core.ids import derive_id
from dunning.core.vocabulary import CLOSED, ClosedReason, ErrandKind
from dunning.core.worth import face_value
from dunning.flows import errands, placing
from dunning.flows.attempting import hold
from dunning.flows.driver import Flow, run
from dunning.flows.entering import as_it_is, enter
from dunning.flows.house import House
from dunning.flows.staff import NOTHING_CHANGED, Answer, NotFound
from dunning.flows.steer import steer
from dunning.flows.telling import tell
from dunning.store import approvals, attempts, rules
from dunning.store.rows import RecoveryRow

WRITE_OFF: Final = "write_off"
UNDER_WAY: Final = "A charge is under way; its outcome comes first."
NOTHING_WAITS: Final = "Nothing waits for an approval here any more."
NOT_BY_YOURSELF: Final = "Another person must approve this: you asked for it yourself."


def write_off(house: House, recovery_id: str, *, why: str, by: str, seen: int | None = None) -> Answer:
    """Give an invoice up for good; Stripe marks it uncollectible. A large one waits for another's yes."""
    if not why.strip():
        return Answer(done=False, sentence="A write-off needs a reason.")
    if has_card_number(why):
        return Answer(done=False, sentence=REFUSED)
    why = why.strip()[:300]
    with house.store.write() as connection:
        recovery = _held(connection, recovery_id)
        refused = placing.moved_since(connection, recovery_id, seen) or _closed(recovery)
        if refused is not None:
            return Answer(done=False, sentence=refused)
        now = house.clock.now()
        if is_large(connection, recovery):
            return _ask(connection, recovery, why, by, now)
        was = as_it_is(connection, recovery_id)
        answer = _write_off(connection, house, recovery, why, by, now)
        if answer.done:
            enter(connection, recovery_id, was, "write_off", by=by, now=now, why=why)
    return answer


def decide(house: House, recovery_id: str, *, approve: bool, by: str, seen: int | None = None) -> Answer:
    """Answer what waits for a second person; nobody approves what they asked for, but may withdraw it."""
    with house.store.write() as connection:
        recovery = _held(connection, recovery_id)
        asked = approvals.waiting(connection, recovery_id)
        faster = placing.moved_since(connection, recovery_id, seen)
        if faster is not None or asked is None:
            return Answer(done=False, sentence=faster or NOTHING_WAITS)
        if approve and asked["asked_by"] == by:
            return Answer(done=False, sentence=NOT_BY_YOURSELF)
        now, was = house.clock.now(), as_it_is(connection, recovery_id)
        approvals.decide(connection, asked["id"], by=by, approved=approve, now=now)
        if approve:
            who = f"{asked['asked_by']}, approved by {by}"
            answer = _write_off(connection, house, recovery, asked["why"], who, now)
            enter(connection, recovery_id, was, "approve", by=by, now=now, asked_by=asked["asked_by"])
            return answer
        said = f"The write-off was not approved: {asked['why']}"
        tell(connection, recovery_id, said, now=now, by=by, kind="staff")
        placing.place(connection, recovery_id, now, touched_at=now)
        enter(connection, recovery_id, was, "disapprove", by=by, now=now, asked_by=asked["asked_by"])
    return Answer(done=True, sentence="Not approved; the recovery goes on.")


def is_large(connection: Connection, recovery: RecoveryRow) -> bool:
    """Return whether the policy asks for a second person: by face value, in the invoice's own currency."""
    policy = rules.policy(connection, recovery.policy_version, recovery.invoice_class)
    limit = policy.second_approval_from * 100
    return bool(limit) and face_value(recovery.amount, recovery.currency) >= limit


def paid_elsewhere(house: House, recovery_id: str, *, why: str, by: str, seen: int | None = None) -> Answer:
    """Tell Stripe that an invoice was paid outside of it; Stripe's event then closes the recovery.

    Raises:
        NotFound: there is no such recovery.
        StripeError: Stripe could not be asked, or refused; asking again is harmless.
    """
    refusals: list[str] = []
    flow = Flow(
        claim=lambda: _may_mark(house, recovery_id, why, seen, refusals),
        ask=lambda held: house.stripe.mark_paid(held.whose, held.invoice_id, key=_key(held)),
        record=lambda held, _: _mark(house, held, why, by),
    )
    if not run(flow):
        return Answer(done=False, sentence=refusals[-1])
    return Answer(done=True, sentence="Stripe was told that it is paid; its event will close the recovery.")


def _key(recovery: RecoveryRow) -> str:
    return f"v1:elsewhere:{recovery.account_id}:{recovery.id}"


def _may_mark(
    house: House, recovery_id: str, why: str, seen: int | None, refusals: list[str]
) -> RecoveryRow | None:
    with house.store.write() as connection:
        recovery = _held(connection, recovery_id)
        refused = placing.moved_since(connection, recovery_id, seen) or _closed(recovery)
        if refused is None and attempts.unfinished(connection, recovery.whose, recovery.invoice_id):
            refused = UNDER_WAY
        if refused is None and not why.strip():
            refused = "Say how it was paid: a transfer, a cheque, its reference."
        refusals += [refused] if refused else []
        return None if refused else recovery


def _mark(house: House, recovery: RecoveryRow, why: str, by: str) -> None:
    with house.store.write() as connection:
        _held(connection, recovery.id)
        now, was, why = house.clock.now(), as_it_is(connection, recovery.id), why.strip()[:300]
        tell(connection, recovery.id, f"Paid elsewhere: {why}", now=now, by=by, kind="staff")
        placing.place(connection, recovery.id, now, touched_at=now, promised_until=None)
        enter(connection, recovery.id, was, "paid_elsewhere", by=by, now=now, why=why)


def _ask(connection: Connection, recovery: RecoveryRow, why: str, by: str, now: datetime) -> Answer:
    values = {"id": derive_id("apr", now, recovery.id, by), "recovery_id": recovery.id, "action": WRITE_OFF}
    if not approvals.ask(connection, {**values, "why": why, "asked_by": by, "asked_at": now}):
        return Answer(done=False, sentence="A write-off waits for approval already.")
    tell(connection, recovery.id, f"Asks to write it off: {why}", now=now, by=by, kind="staff")
    placing.place(connection, recovery.id, now)
    was = as_it_is(connection, recovery.id)
    enter(connection, recovery.id, was, "ask_write_off", by=by, now=now, why=why)
    return Answer(done=True, sentence="It is large: the write-off waits for a second person’s approval.")


def _write_off(
    connection: Connection, house: House, recovery: RecoveryRow, why: str, by: str, now: datetime
) -> Answer:
    change = StaffStopped(ClosedReason.WRITTEN_OFF)
    if recovery.status in CLOSED or not steer(connection, house, recovery, change, now=now, by=by):
        return Answer(done=False, sentence=NOTHING_CHANGED)
    tell(connection, recovery.id, f"Written off: {why}", now=now, by=by, kind="staff")
    kind, request = ErrandKind.MARK_UNCOLLECTIBLE, f"{by}:{now.isoformat()}"
    errands.plan(connection, recovery, kind, recovery.invoice_id, now, request, by=by)
    return Answer(done=True, sentence="Written off; Stripe is asked to mark the invoice uncollectible.")


def _closed(recovery: RecoveryRow) -> str | None:
    return NOTHING_CHANGED if recovery.status in CLOSED else None


def _held(connection: Connection, recovery_id: str) -> RecoveryRow:
    recovery = hold(connection, recovery_id)
    if recovery is None:
        raise NotFound(recovery_id)
    return recovery
