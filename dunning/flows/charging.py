"""The charge itself, and finding out what became of one whose answer was lost.

Three roads, never mixed: the bank's no (costs an attempt, waits days), a broken wire (costs nothing, waits
seconds), and not knowing, which is never answered by a new charge: only by reading the invoice and by asking
the same key again while Stripe still remembers it.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.billing import Failure, Invoice
from dunning.core.changes import Declined, NotAttempted
from dunning.core.two_collectors import stripes_turn
from dunning.core.vocabulary import AttemptState, ClosedReason, MadeBy, Retries
from dunning.errors import OutcomeUnknown, StripeError
from dunning.flows import conclusion, settling, steer
from dunning.flows.asked import Asked, Outcome, may_replay
from dunning.flows.attempting import LEASE, end, hold
from dunning.flows.card_limits import card_stopped
from dunning.flows.driver import Flow
from dunning.flows.following import meet_refusal
from dunning.flows.house import House
from dunning.flows.observing import Origin, refusal_columns
from dunning.flows.obstacles import why_unwanted
from dunning.flows.unknown import PROCESSING_POLL, not_known
from dunning.store import attempts, inbox, objects, recoveries, switches
from dunning.store.rows import AttemptRow, RecoveryRow

FROZEN_FOR: Final = timedelta(minutes=10)  # how long what was read before a charge may be old


def charge(house: House, attempt_id: str) -> Flow[Asked, Outcome]:
    """Return the flow that asks a frozen charge, or finds out about one that was asked before."""
    return Flow(
        claim=lambda: _claim(house, attempt_id),
        ask=lambda asked: _ask(house, asked),
        record=lambda asked, outcome: _record(house, asked, outcome),
    )


def _claim(house: House, attempt_id: str) -> Asked | None:
    with house.store.write() as connection:
        lease_now = house.store.lease_now(connection)
        seen = attempts.by_id(connection, attempt_id)
        if seen is None or seen.ordinal is None or seen.finished_at is not None:
            return None
        recovery = hold(connection, seen.recovery_id)
        attempt = attempts.by_id(connection, attempt_id, lock=True)
        if attempt is None or attempt.finished_at is not None:
            return None
        again = attempt.asked_at is not None
        now = house.clock.now()
        unwanted = _unwanted(connection, recovery, attempt, now)
        if not again and unwanted is not None:
            _stand_down(connection, house, attempt, unwanted)
            return None
        shut = house.guard.shut(connection, attempt.account_id, now)
        if shut is not None and not (again and shut.reading):
            attempts.change(connection, attempt.id, attempt.fence, ring_at=house.guard.later(attempt.id, now))
            return None
        may_ask = not again or (shut is None and unwanted is None and may_replay(attempt, now))
        fence = _take(connection, house, attempt, lease_now, again=again, may_ask=may_ask)
        if fence is None:
            return None
        ticket = objects.draw_ticket(connection, attempt.whose, attempt.invoice_id)
        retries = recovery.retries if recovery is not None else Retries.WATCH
        return Asked(attempt, fence, ticket, retries, again, may_ask)


def _take(
    connection: Connection,
    house: House,
    attempt: AttemptRow,
    lease_now: datetime,
    *,
    again: bool,
    may_ask: bool,
) -> int | None:
    """Claim the attempt; one that was asked before is unknown from now on, whoever asked it."""
    now = house.clock.now()
    news: dict[str, Any] = {} if again else {"asked_at": now}
    if may_ask:
        news |= {"last_asked_at": now, "replays": attempt.replays + again}
    if again and attempt.state is AttemptState.ASKING:
        news["state"] = AttemptState.UNKNOWN
    return attempts.claim(connection, attempt, lease_now, LEASE, ring_at=now + LEASE, **news)


def _unwanted(
    connection: Connection,
    recovery: RecoveryRow | None,
    attempt: AttemptRow,
    now: datetime,
) -> str | None:
    if recovery is None:
        return "The recovery is gone."
    news = _news_since_the_freeze(connection, recovery, attempt, now) if attempt.asked_at is None else None
    if news is not None:
        return news
    paused = switches.read(connection, recovery.segment).paused
    return "The kill switch is on." if paused else why_unwanted(recovery)


def _news_since_the_freeze(
    connection: Connection,
    recovery: RecoveryRow,
    attempt: AttemptRow,
    now: datetime,
) -> str | None:
    """Return what speaks against a charge that was frozen and not asked yet, by what came in meanwhile."""
    if now - attempt.at > FROZEN_FOR:
        return "Its invoice was read too long ago; planned anew."
    if card_stopped(connection, attempt.whose, attempt.card_id):
        return "The bank has just said never to try this card again."
    invoice = objects.invoice(connection, attempt.whose, attempt.invoice_id)
    theirs = invoice and stripes_turn(
        recovery.retries,
        auto_advance=invoice.auto_advance,
        stripe_next=invoice.next_payment_attempt_at,
        now=now,
    )
    return theirs.why if theirs else None


def _stand_down(connection: Connection, house: House, attempt: AttemptRow, why: str) -> None:
    now = house.clock.now()
    recovery = recoveries.by_id(connection, attempt.recovery_id, lock=True)
    if end(connection, attempt.id, attempt.fence, AttemptState.CANCELLED, now, why) and recovery:
        steer.steer(connection, house, recovery, NotAttempted(why), now=now)


def _ask(house: House, asked: Asked) -> Outcome:
    attempt = asked.attempt
    invoice = None
    try:
        invoice = house.stripe.failed_invoice(attempt.whose, attempt.invoice_id) if asked.again else None
        if not asked.may_ask or (invoice is not None and _only_read(asked, invoice, house.clock.now())):
            return Outcome(invoice=invoice)
        answer = house.stripe.pay(
            attempt.whose,
            attempt.invoice_id,
            key=attempt.idempotency_key or "",
            card_id=(attempt.parameters or {}).get("card_id"),
        )
        if answer.outcome == "refused" and invoice is None:
            invoice = house.stripe.invoice(attempt.whose, attempt.invoice_id)
    except StripeError as error:
        # What was read before a replay that executed nothing still stands.
        saved = isinstance(error, OutcomeUnknown) and error.saved
        return Outcome(invoice=invoice if saved else None, error=error, looked=invoice is not None)
    return Outcome(answer, invoice)


def _only_read(asked: Asked, invoice: Invoice, now: datetime) -> bool:
    """Return whether asking the same key again might execute it where no charge is wanted any more.

    That is in the middle of Stripe's own try, and of an invoice that was written off: a paid or void one is
    refused by Stripe, but for that it takes money.
    """
    if invoice.status == ClosedReason.UNCOLLECTIBLE:
        return True
    found = stripes_turn(
        asked.retries,
        auto_advance=invoice.auto_advance,
        stripe_next=invoice.next_payment_attempt,
        now=now,
    )
    return found is not None


def _record(house: House, asked: Asked, outcome: Outcome) -> None:
    with house.store.write() as connection:
        now = house.clock.now()
        recovery = hold(connection, asked.attempt.recovery_id)
        if recovery is None:
            return
        answer = outcome.answer
        surprising = answer is not None and answer.replayed and not asked.again
        if answer is None or surprising:
            not_known(connection, house, recovery, asked, outcome, now)
        elif answer.outcome == "paid" and answer.invoice is not None:
            _paid(connection, house, recovery, asked, answer.invoice, answer.request_id, now)
        elif answer.outcome == "processing":
            _processing(connection, asked, now)
        elif answer.failure is not None:
            _declined(connection, house, recovery, asked, answer.failure, answer.request_id, now)
        elif outcome.invoice is not None:
            conclusion.conclude(
                connection,
                house,
                recovery,
                asked,
                outcome.invoice,
                never_executed=answer.note or "Stripe refused the charge.",
                now=now,
            )


def _paid(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    asked: Asked,
    invoice: Invoice,
    request_id: str | None,
    now: datetime,
) -> None:
    payment = invoice.settled[-1] if invoice.settled else None
    more: dict[str, Any] = {
        "request_id": request_id,
        "charge_id": payment.charge if payment else None,
        "payment_intent_id": payment.payment_intent if payment else None,
    }
    if payment is not None and payment.card_id is not None:
        more |= {"card_id": payment.card_id}
        more |= {"fingerprint": invoice.paid_with.fingerprint} if invoice.paid_with else {}
    ours = end(connection, asked.attempt.id, asked.fence, AttemptState.PAID, now, "Paid.", **more)
    if not ours:
        return
    objects.apply_read(connection, recovery.whose, invoice, asked.ticket)
    origin = Origin(MadeBy.DUNNING, asked.attempt.ordinal, request_id)
    paid_at = invoice.paid_at or now
    settling.settle(connection, house, recovery, invoice, origin, paid_at=paid_at, now=now)


def _declined(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    asked: Asked,
    failure: Failure,
    request_id: str | None,
    now: datetime,
) -> None:
    state = AttemptState.NEEDS_ACTION if failure.needs_action else AttemptState.DECLINED
    more = {"request_id": request_id, **refusal_columns(connection, asked.attempt, failure)}
    if end(connection, asked.attempt.id, asked.fence, state, now, "Declined.", **more):
        met = meet_refusal(connection, recovery, failure)
        steer.steer(connection, house, met, Declined(), now=now)
        hear_the_payment_again(connection, recovery, now)


def hear_the_payment_again(connection: Connection, recovery: RecoveryRow, now: datetime) -> None:
    """Somebody else may have paid while our charge was out; that news waited for our own answer."""
    invoice = objects.invoice(connection, recovery.whose, recovery.invoice_id)
    if invoice is not None and invoice.status == "paid":
        since = recovery.failed_at
        inbox.reopen(
            connection, recovery.whose, ("invoice.paid",), since=since, naming=recovery.invoice_id, now=now
        )


def _processing(connection: Connection, asked: Asked, now: datetime) -> None:
    attempts.change(
        connection,
        asked.attempt.id,
        asked.fence,
        state=AttemptState.PROCESSING,
        lease_until=None,
        ring_at=now + PROCESSING_POLL,
    )
