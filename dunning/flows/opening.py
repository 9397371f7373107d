"""Opening a recovery: one failed invoice to be collected, under the rules of the day it failed."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select, true

from dunning.core.billing import Failure, Invoice, Whose
from dunning.core.campaign import Campaign, coming_messages, template_for
from dunning.core.changes import Ended, Opened
from dunning.core.ids import derive_id
from dunning.core.policy import Policy
from dunning.core.vocabulary import ClosedReason, MessageState, Status
from dunning.flows import observing
from dunning.flows.experiments import arms_of
from dunning.flows.house import House
from dunning.flows.steer import steer
from dunning.store import messages, objects, recoveries, rules, switches
from dunning.store.rows import RecoveryRow
from dunning.store.tables import events
from dunning.timing.localtime import zone_of

ENDINGS: Final = {
    f"{version}{name}": reason
    for name, reason in (
        ("customer.deleted", ClosedReason.CUSTOMER_DELETED),
        ("customer.subscription.deleted", ClosedReason.SUBSCRIPTION_CANCELLED),
    )
    for version in ("", "v1.")
}


def open_recovery(
    connection: Connection,
    house: House,
    whose: Whose,
    invoice: Invoice,
    failure: Failure,
    *,
    failed_at: datetime,
    now: datetime,
) -> RecoveryRow:
    """Insert the recovery with its first failure and its coming messages, and take the first decision.

    The window runs from `failed_at`; the amount is what remained unpaid at opening.
    """
    policy = rules.current_policy(connection, now)
    campaign = rules.current_campaign(connection, now)
    retries = switches.hold_retries(connection)
    recovery_id = derive_id("rec", now, whose.account_id, whose.livemode, invoice.id)
    if failure.card is not None:
        objects.keep_card(connection, whose, failure.card)
    recoveries.add(
        connection,
        {
            "id": recovery_id,
            "account_id": whose.account_id,
            "livemode": whose.livemode,
            "invoice_id": invoice.id,
            "customer_id": invoice.customer,
            "subscription_id": invoice.subscription,
            "invoice_class": invoice.invoice_class,
            "status": Status.WAITING,
            "retries": retries,
            "currency": invoice.currency,
            "amount": invoice.amount_remaining or invoice.amount_due,
            "failed_at": failed_at,
            "opened_at": now,
            "deadline": failed_at + policy.window,
            "decline_class": failure.decline_class,
            "decline_code": failure.decline.code,
            "card_id": failure.card.id if failure.card else None,
            "why": "The payment failed.",
            **_versions(policy, campaign),
            **arms_of(connection, whose, invoice.customer, retries, now),
        },
    )
    ended = _ended(connection, whose, invoice) if invoice.open else None
    first = Opened() if ended is None else Ended(ended)
    return _begin(connection, house, recovery_id, failure, campaign, first, failed_at, now)


def _begin(
    connection: Connection,
    house: House,
    recovery_id: str,
    failure: Failure,
    campaign: Campaign,
    first: Opened | Ended,
    failed_at: datetime,
    now: datetime,
) -> RecoveryRow:
    recovery = _held(connection, recovery_id)
    observing.keep_first_failure(connection, recovery, failure, failed_at)
    plan_messages(connection, recovery, campaign)
    steer(connection, house, recovery, first, now=now)
    return _held(connection, recovery_id)


def _ended(connection: Connection, whose: Whose, invoice: Invoice) -> ClosedReason | None:
    """Return what had ended the debt before we heard of the failure: events come in any order."""
    customer = objects.customer(connection, whose, invoice.customer)
    if customer is not None and customer.deleted:
        return ClosedReason.CUSTOMER_DELETED
    told = (
        select(events.c.type)
        .where(events.c.account_id == whose.account_id, events.c.livemode == whose.livemode)
        .where(events.c.object_id.in_(filter(None, (invoice.customer, invoice.subscription))))
    )
    at = func.coalesce(events.c.created_at, events.c.received_at)
    since = at >= invoice.created if invoice.created else true()
    names = connection.execute(told.where(events.c.type.in_(ENDINGS), since)).scalars().all()
    return next((reason for name, reason in ENDINGS.items() if name in names), None)


def plan_messages(connection: Connection, recovery: RecoveryRow, campaign: Campaign) -> None:
    """Insert a row for every step of the campaign, due in the customer's local daytime."""
    customer = objects.customer(connection, recovery.whose, recovery.customer_id)
    zone = zone_of(customer.timezone if customer else None, customer.country if customer else None)
    for coming in coming_messages(campaign, recovery.opened_at, zone):
        step = coming.step
        messages.add(
            connection,
            {
                "id": derive_id("msg", recovery.opened_at, recovery.id, step.key),
                "account_id": recovery.account_id,
                "livemode": recovery.livemode,
                "recovery_id": recovery.id,
                "step": step.key,
                "occurrence": "0",
                "channel": step.channel,
                "recipient": "customer",
                "template": template_for(step, recovery.decline_class),
                "state": MessageState.PLANNED,
                "due_at": coming.due_at,
                "ring_at": coming.due_at,
            },
        )


def _versions(policy: Policy, campaign: Campaign) -> dict[str, object]:
    return {
        "policy_version": policy.version,
        "campaign_key": campaign.key,
        "campaign_version": campaign.version,
    }


def _held(connection: Connection, recovery_id: str) -> RecoveryRow:
    recovery = recoveries.by_id(connection, recovery_id, lock=True)
    assert recovery is not None  # noqa: S101 - this transaction has just inserted it
    return recovery
