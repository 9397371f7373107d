"""One attempt of ours, from the bell to the charge: prepare (re-read, freeze), then charge.

The row is written before anything leaves the house: `planned` when claimed, `asking` with its ordinal, key
and frozen parameters once the invoice was re-read. Whatever dies in between is taken up from the row.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.billing import Invoice
from dunning.core.changes import Due, Ended, NotAttempted
from dunning.core.ids import derive_id, pay_key
from dunning.core.vocabulary import AttemptState, MadeBy, Status
from dunning.errors import Refused
from dunning.flows import contradiction, observing, parts, settling, steer, wallet
from dunning.flows.announcing import announce_attempt
from dunning.flows.driver import Flow
from dunning.flows.following import ENDS
from dunning.flows.house import House
from dunning.flows.obstacles import KILL_SWITCH_POLL, obstacle
from dunning.store import attempts, objects, recoveries, rules, switches
from dunning.store.rows import AttemptRow, RecoveryRow

CARD_FACTS: Final = ("fingerprint", "brand", "funding", "country")
LEASE: Final = timedelta(seconds=90)
LOOK_AGAIN: Final = timedelta(hours=1)  # where no date says when


@dataclass(frozen=True, slots=True)
class Prepared:
    """An attempt in hand, before its invoice is re-read."""

    attempt_id: str
    fence: int
    recovery: RecoveryRow
    ticket: int


def prepare(house: House, recovery_id: str) -> Flow[Prepared, Invoice]:
    """Return the flow that begins the due attempt of a recovery, as far as the frozen intent."""
    return Flow(
        claim=lambda: _begin(house, recovery_id),
        ask=lambda prepared: house.stripe.invoice(prepared.recovery.whose, prepared.recovery.invoice_id),
        record=lambda prepared, invoice: _freeze(house, prepared, invoice),
        fail=lambda prepared, error: _let_go(house, prepared, error),
    )


def _begin(house: House, recovery_id: str) -> Prepared | None:
    with house.store.write() as connection:
        now, lease_now = house.clock.now(), house.store.lease_now(connection)
        recovery = hold(connection, recovery_id)
        if recovery is None:
            return None
        if switches.read(connection, recovery.segment).paused:
            recoveries.change(connection, recovery_id, ring_at=now + KILL_SWITCH_POLL)
            return None
        busy = recovery.status in {Status.SCHEDULED, Status.ATTEMPTING}
        if busy and house.guard.stop(connection, recovery.account_id, now) is not None:
            recoveries.change(connection, recovery_id, ring_at=house.guard.later(recovery_id, now))
            return None
        unfinished = attempts.unfinished(connection, recovery.whose, recovery.invoice_id)
        if unfinished is not None:
            taken = _take_over(connection, recovery, unfinished, lease_now)
            if taken is None and recovery.closed_at is None and not steer.owns_wrongly(recovery):
                recoveries.change(connection, recovery_id, ring_at=now + LOOK_AGAIN)
            return taken
        decision = steer.steer(connection, house, recovery, Due(), now=now)
        if decision is None and recovery.closed_at is None and not steer.owns_wrongly(recovery):
            recoveries.change(connection, recovery_id, ring_at=_next_look(recovery, now))
        if decision is None or not decision.attempt:
            return None
        return _plan(connection, recovery, now, lease_now)


def _next_look(recovery: RecoveryRow, now: datetime) -> datetime:
    """Return when to look again at a recovery of which nothing was due."""
    dates = (recovery.next_attempt_at, recovery.pause_until, recovery.deadline)
    ahead = [date for date in dates if date is not None and date > now]
    return min(ahead) if ahead and recovery.status is not Status.ATTEMPTING else now + LOOK_AGAIN


def hold(connection: Connection, recovery_id: str) -> RecoveryRow | None:
    """Hold a recovery and, first, its invoice: everybody takes the two in this order."""
    seen = recoveries.by_id(connection, recovery_id)
    if seen is None:
        return None
    objects.hold_invoice(connection, seen.whose, seen.invoice_id)
    return recoveries.by_id(connection, recovery_id, lock=True)


def _take_over(
    connection: Connection,
    recovery: RecoveryRow,
    attempt: AttemptRow,
    now: datetime,
) -> Prepared | None:
    """Go on with an attempt that was claimed and never asked, when its holder is gone."""
    if attempt.state is not AttemptState.PLANNED:
        return None
    fence = attempts.claim(connection, attempt, now, LEASE)
    return None if fence is None else _prepared(connection, recovery, attempt.id, fence)


def _plan(connection: Connection, recovery: RecoveryRow, now: datetime, lease_now: datetime) -> Prepared:
    count = len(attempts.of_recovery(connection, recovery.id))
    attempt_id = derive_id("att", now, recovery.id, "ours", count)
    attempts.plan(
        connection,
        {
            "id": attempt_id,
            "account_id": recovery.account_id,
            "livemode": recovery.livemode,
            "recovery_id": recovery.id,
            "invoice_id": recovery.invoice_id,
            "customer_id": recovery.customer_id,
            "made_by": MadeBy.STAFF if recovery.staff_request else MadeBy.DUNNING,
            "state": AttemptState.PLANNED,
            "at": now,
            "currency": recovery.currency,
            "amount": recovery.amount,
            "policy_version": recovery.policy_version,
            "lease_until": lease_now + LEASE,
            "fence": 1,
            "ring_at": now + LEASE,
            **_card_columns(connection, recovery),
            **_predicted(connection, recovery),
        },
    )
    return _prepared(connection, recovery, attempt_id, 1)


def _card_columns(connection: Connection, recovery: RecoveryRow) -> dict[str, Any]:
    card_id = recovery.next_card_id
    card = objects.card(connection, recovery.whose, card_id)
    facts = {name: getattr(card, name) for name in CARD_FACTS} if card is not None else {}
    return {"card_id": card_id, **facts}


def _predicted(connection: Connection, recovery: RecoveryRow) -> dict[str, Any]:
    """Return what the planner said of this time; nothing where staff or a new card chose the time."""
    if recovery.staff_request is not None or recovery.fresh_card_id is not None:
        return {}
    said = recoveries.newest_plan(connection, recovery.id)
    chances = {"predicted": said.get("probability"), "propensity": said.get("propensity")}
    known = {name: f"{chance:.6f}" for name, chance in chances.items() if chance is not None}
    return {**known, "planner_version": rules.newest_planner(connection)}


def _prepared(connection: Connection, recovery: RecoveryRow, attempt_id: str, fence: int) -> Prepared:
    ticket = objects.draw_ticket(connection, recovery.whose, recovery.invoice_id)
    return Prepared(attempt_id, fence, recovery, ticket)


def _freeze(house: House, prepared: Prepared, invoice: Invoice) -> None:
    """Freeze the parameters of the charge, or end the attempt when the invoice says not to charge."""
    with house.store.write() as connection:
        now = house.clock.now()
        recovery = hold(connection, prepared.recovery.id)
        if recovery is None:
            return
        objects.apply_read(connection, recovery.whose, invoice, prepared.ticket)
        parts.note_parts(connection, recovery, invoice, now)
        attempt = attempts.by_id(connection, prepared.attempt_id, lock=True)
        if attempt is None:
            return
        met = obstacle(connection, recovery, invoice, attempt.made_by, now)
        if met is None:
            _intend(connection, recovery, prepared, invoice, now)
            return
        state, change = met
        if end(connection, prepared.attempt_id, prepared.fence, state, now, change.why):
            _after_obstacle(connection, house, recovery, invoice, change, now)


def _after_obstacle(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    invoice: Invoice,
    change: NotAttempted,
    now: datetime,
) -> None:
    payer = observing.payer_or_presumed(connection, recovery, invoice, now)
    if invoice.status == "paid" and payer is not None:
        who, at = payer
        settling.settle(connection, house, recovery, invoice, who, paid_at=invoice.paid_at or at, now=now)
        return
    reason = ENDS.get(invoice.status or "")
    steer.steer(connection, house, recovery, Ended(reason) if reason else change, now=now)
    held = recoveries.by_id(connection, recovery.id, lock=True)
    if held is not None:
        contradiction.notice(connection, held, invoice, now)


def _intend(
    connection: Connection,
    recovery: RecoveryRow,
    prepared: Prepared,
    invoice: Invoice,
    now: datetime,
) -> None:
    ordinal = attempts.next_ordinal(connection, recovery.whose, recovery.invoice_id)
    named = recovery.fresh_card_id or recovery.backup_card_id
    attempts.change(
        connection,
        prepared.attempt_id,
        prepared.fence,
        state=AttemptState.ASKING,
        ordinal=ordinal,
        idempotency_key=pay_key(recovery.account_id, recovery.invoice_id, ordinal),
        parameters={"card_id": named},
        other_card_passed=named is not None and wallet.was_there(connection, recovery, named),
        amount=invoice.amount_remaining,
        at=now,
        lease_until=None,
        ring_at=now + LEASE,
        **_card_columns(connection, recovery),
    )


def end(
    connection: Connection,
    attempt_id: str,
    fence: int,
    state: AttemptState,
    now: datetime,
    why: str,
    **more: Any,
) -> bool:
    """Finish an attempt, unless a later claim outdates ours; return whether it was ours to finish."""
    ours = attempts.change(
        connection,
        attempt_id,
        fence,
        state=state,
        finished_at=now,
        note=why,
        lease_until=None,
        ring_at=None,
        fence=fence + 1,
        **more,
    )
    if ours and state in attempts.REACHES_NETWORK:
        _meet_card(connection, attempt_id)
        announce_attempt(connection, attempt_id, state, now)
    return ours


def _meet_card(connection: Connection, attempt_id: str) -> None:
    """The network answered for a fresh card: fresh no more, unless it was replaced or renewed meanwhile."""
    attempt = attempts.by_id(connection, attempt_id)
    tried = (attempt.parameters or {}).get("card_id") if attempt else None
    recovery = recoveries.by_id(connection, attempt.recovery_id) if attempt else None
    if attempt is None or recovery is None or tried is None or recovery.fresh_card_id != tried:
        return
    card = objects.card(connection, recovery.whose, tried)
    renewed = card.network_updated_at if card is not None else None
    if renewed is None or renewed <= attempt.at:
        recoveries.change(connection, recovery.id, fresh_card_id=None)


def _let_go(house: House, prepared: Prepared, error: Exception) -> None:
    """Nothing was asked yet: end the attempt without cost and plan anew."""
    gone = isinstance(error, Refused) and error.status == 404
    with house.store.write() as connection:
        now = house.clock.now()
        recovery = hold(connection, prepared.recovery.id)
        why = f"Stripe could not be read: {error}"[:300]
        ended = end(connection, prepared.attempt_id, prepared.fence, AttemptState.NOT_SENT, now, why)
        if recovery is None or not ended:
            return
        wait = timedelta(hours=6) if gone else timedelta(minutes=15)
        change = NotAttempted("Stripe could not be reached; tried again shortly.", now + wait)
        steer.steer(connection, house, recovery, change, now=now)
