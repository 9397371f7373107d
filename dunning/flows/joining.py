"""Joining what imports read: each invoice that failed becomes a closed recovery with its attempts and money.

Such a recovery names its import: the report shows it apart, and it is never credited to us. An invoice whose
recovery we saw ourselves is left alone. Joining may be repeated any number of times: every row has a natural
key, and only what is new is added.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.billing import Invoice, Whose
from dunning.core.history import PastAttempt, PastCharge, PastEntry, PastInvoice, PastRecovery, tell
from dunning.core.ids import derive_id
from dunning.core.policy import Policy
from dunning.core.vocabulary import CLOSED, AttemptState, InvoiceClass, LedgerKind, Retries, Status
from dunning.flows import observing, placing, telling
from dunning.flows.house import House
from dunning.store import attempts, card_rules, ledger, objects, past, recoveries, rules
from dunning.store.imports import ImportRow
from dunning.store.rows import RecoveryRow

BATCH: Final = 50
SENTENCES: Final = {
    Status.RECOVERED: "The invoice was paid.",
    Status.LOST: "The invoice was not paid within the window.",
    Status.STOPPED: "The invoice was given up.",
}


def join_some(house: House, source: ImportRow, after: str | None) -> tuple[str | None, list[str]]:
    """Join the next invoices after the id `after`, in one transaction.

    Returns the last id joined (None when none was left) and those invoices that are still being collected
    and have no recovery, of which the caller makes ordinary ones.
    """
    now = house.clock.now()
    with house.store.write() as connection:
        ids = past.failed_invoices(connection, source.whose, after, BATCH)
        policy = rules.current_policy(connection, now)
        charges = past.charges_of(connection, source.whose, ids)
        invoices = past.invoices(connection, source.whose, ids)
        still_open = []
        for invoice_id in ids:
            invoice = invoices.get(invoice_id)
            rules_of_it = policy.rules_for(invoice.invoice_class if invoice else InvoiceClass.RENEWAL)
            told = tell(invoice, charges[invoice_id], window=rules_of_it.window, now=now)
            known = told is None or _join(connection, source, rules_of_it, invoice_id, invoice, told, now)
            still_open += [] if known else [invoice_id]
    return (ids[-1] if ids else None), still_open


def _join(
    connection: Connection,
    source: ImportRow,
    policy: Policy,
    invoice_id: str,
    invoice: PastInvoice | None,
    told: PastRecovery,
    now: datetime,
) -> bool:
    """Write down one invoice's past; return False when it has none yet because it is still open.

    Of an invoice with a recovery that we saw ourselves nothing is held: a batch never stands in its way.
    """
    known = recoveries.newest_of_invoice(connection, source.whose, invoice_id)
    if known is not None and known.import_id is None:
        return True
    objects.meet_invoice(connection, source.whose, _mirror(invoice_id, invoice, told))
    recovery = recoveries.newest_of_invoice(connection, source.whose, invoice_id, lock=True)
    if recovery is None and told.status is None:
        return False
    if recovery is None:
        recovery_id = _open(connection, source, policy, invoice_id, invoice, told, now)
    elif recovery.import_id is None or told.status is None:
        return True  # we saw it ourselves, and know it better
    else:
        recovery_id = recovery.id
        _catch_up(connection, recovery, told, now)
    for attempt in told.attempts:
        attempts.add(connection, _attempt(connection, source.whose, recovery_id, invoice_id, attempt))
    if recovery is None or recovery.status is not Status.RECOVERED:
        _enter(connection, source.whose, recovery_id, invoice_id, told, now)
    return True


def _open(
    connection: Connection,
    source: ImportRow,
    policy: Policy,
    invoice_id: str,
    invoice: PastInvoice | None,
    told: PastRecovery,
    now: datetime,
) -> str:
    whose, first, last = source.whose, told.attempts[0].charge, told.last_failure
    recovery_id = derive_id("rec", told.failed_at, whose.account_id, whose.livemode, invoice_id)
    campaign = rules.current_campaign(connection, now)
    values = {
        "id": recovery_id,
        "account_id": whose.account_id,
        "livemode": whose.livemode,
        "invoice_id": invoice_id,
        "customer_id": (invoice.customer if invoice else None) or first.customer,
        "subscription_id": invoice.subscription if invoice else None,
        "invoice_class": invoice.invoice_class if invoice else InvoiceClass.RENEWAL,
        "retries": Retries.WATCH,
        "currency": first.currency,
        "amount": told.amount,
        "failed_at": told.failed_at,
        "opened_at": told.failed_at,
        "deadline": told.failed_at + policy.window,
        "decline_class": last.decline_class(card_rules.newest(connection).table),
        "decline_code": last.decline.code,
        "card_id": (last.card.id or None) if last.card else None,
        "policy_version": policy.version,
        "campaign_key": campaign.key,
        "campaign_version": campaign.version,
        "import_id": source.id,
        **_ending(told),
    }
    recoveries.add(connection, values)
    at = told.closed_at or now
    telling.tell(connection, recovery_id, f"Imported: {values['why']}", now=at, by="import")
    placing.place(connection, recovery_id, now)
    return recovery_id


def _ending(told: PastRecovery) -> dict[str, Any]:
    assert told.status is not None  # noqa: S101 - what is open is never imported
    return {
        "status": told.status,
        "why": SENTENCES[told.status],
        "reason": told.reason,
        "closed_reason": told.closed_reason,
        "closed_at": told.closed_at,
    }


def _catch_up(connection: Connection, recovery: RecoveryRow, told: PastRecovery, now: datetime) -> None:
    """A later run may find that an invoice which was given up has been paid since."""
    if recovery.status is Status.RECOVERED or told.status is not Status.RECOVERED:
        return
    paid = {**_ending(told), "amount": told.amount, "late": True}
    recoveries.change(connection, recovery.id, **paid)
    telling.tell(connection, recovery.id, "Imported: the invoice was paid after all.", now=now, by="import")
    placing.place(connection, recovery.id, now)


def _attempt(
    connection: Connection, whose: Whose, recovery_id: str, invoice_id: str, attempt: PastAttempt
) -> dict[str, Any]:
    charge = attempt.charge
    says = (
        observing.failure_columns(connection, charge.failure)
        if attempt.state is not AttemptState.PAID
        else {}
    )
    card = observing.card_columns(charge.card) if charge.card else {}
    return {
        "id": derive_id("att", charge.at, whose.account_id, invoice_id, charge.id),
        "account_id": whose.account_id,
        "livemode": whose.livemode,
        "recovery_id": recovery_id,
        "invoice_id": invoice_id,
        "customer_id": charge.customer,
        "made_by": attempt.made_by,
        "state": attempt.state,
        "at": charge.at,
        "finished_at": charge.at,
        "currency": charge.currency,
        "amount": charge.amount,
        **says,
        **card,
        "card_id": (charge.card.id or None) if charge.card else None,
        "network_status": charge.decline.network_status,
        "charge_id": charge.id,
        "payment_intent_id": charge.payment_intent,
    }


def _enter(
    connection: Connection,
    whose: Whose,
    recovery_id: str,
    invoice_id: str,
    told: PastRecovery,
    now: datetime,
) -> None:
    """Enter what the invoice brought; a payment's id is the source, as it is where we see it ourselves."""
    intents = [one.charge.payment_intent for one in told.attempts if one.charge.payment_intent]
    named = past.payment_ids(connection, whose, intents) if told.entries else {}
    sources = {one.charge.id: named.get(one.charge.payment_intent or "") for one in told.attempts}
    for entry in told.entries:
        source = sources.get(entry.source) or entry.source
        ledger.append(connection, _entry(whose, recovery_id, invoice_id, told, entry, source, now))


def _entry(
    whose: Whose,
    recovery_id: str,
    invoice_id: str,
    told: PastRecovery,
    entry: PastEntry,
    source: str,
    now: datetime,
) -> dict[str, Any]:
    return {
        "id": derive_id("led", entry.at, whose.account_id, LedgerKind.RECOVERED, source),
        "account_id": whose.account_id,
        "livemode": whose.livemode,
        "kind": LedgerKind.RECOVERED,
        "source_id": source,
        "recovery_id": recovery_id,
        "invoice_id": invoice_id,
        "charge_id": entry.charge,
        "currency": told.attempts[0].charge.currency,
        "amount": entry.amount,
        "reason": told.reason,
        "at": entry.at,
        "recorded_at": now,
    }


def _mirror(invoice_id: str, invoice: PastInvoice | None, told: PastRecovery) -> Invoice:
    """Return the invoice as the mirror keeps it, from what lists tell."""
    first: PastCharge = told.attempts[0].charge
    paid = _sum(told.entries)
    return Invoice(
        invoice_id,
        status=invoice.status if invoice else ("paid" if told.status is Status.RECOVERED else "open"),
        currency=first.currency,
        amount_due=told.amount,
        amount_paid=paid,
        amount_remaining=0 if told.status in CLOSED - {Status.LOST} else told.amount,
        customer=(invoice.customer if invoice else None) or first.customer,
        subscription=invoice.subscription if invoice else None,
        invoice_class=invoice.invoice_class if invoice else InvoiceClass.RENEWAL,
        collection_method=invoice.collection_method if invoice else None,
        created=invoice.created if invoice else first.at,
        paid_at=told.closed_at if told.status is Status.RECOVERED else None,
        amount_credited=invoice.amount_credited if invoice else 0,
    )


def _sum(entries: Sequence[PastEntry]) -> int:
    return sum(entry.amount for entry in entries)
