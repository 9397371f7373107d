"""Opening a recovery: one failed invoice to be collected, under the rules of the day it failed."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, true

from dunning.core.announcement import Topic
from dunning.core.billing import Failure, Invoice, Subscription, Whose, class_of
from dunning.core.campaign import Campaign
from dunning.core.changes import Ended, GivenUp, Opened, subscription_ended
from dunning.core.conditions import Known, interval_of
from dunning.core.declines import DeclineClass
from dunning.core.ids import derive_id
from dunning.core.policy import Policy
from dunning.core.vocabulary import OVERDUE, ClosedReason, InvoiceClass, Retries, Status
from dunning.flows import observing
from dunning.flows.announcing import announce
from dunning.flows.experiments import arms_of
from dunning.flows.house import House
from dunning.flows.steer import steer
from dunning.flows.steps import plan_messages
from dunning.store import beats, campaigns, card_rules, objects, recoveries, rules, switches, wallets
from dunning.store.rows import RecoveryRow
from dunning.store.tables import events

CUSTOMER_DELETED: Final = frozenset({"customer.deleted", "v1.customer.deleted"})
SUBSCRIPTION_ENDED: Final = frozenset({"customer.subscription.deleted", "v1.customer.subscription.deleted"})


def open_recovery(
    connection: Connection,
    house: House,
    whose: Whose,
    invoice: Invoice,
    failure: Failure | None,
    *,
    failed_at: datetime,
    now: datetime,
    silent: bool = False,
) -> RecoveryRow:
    """Insert the recovery with its first failure and its coming messages, and take the first decision.

    The window runs from `failed_at`; the amount is what remained unpaid at opening. Without a failure it is
    an invoice that was sent, and is overdue. `silent`: nobody is written to about it.
    """
    subscription = wallets.subscription(connection, whose, invoice.subscription)
    invoice_class = class_of(invoice, subscription)
    policy = rules.current_policy(connection, now).rules_for(invoice_class)
    known = _known(connection, whose, invoice, invoice_class, failure, now)
    campaign = rules.current_campaign(connection, now, campaigns.current_rules(connection).choose(known))
    recovery_id = derive_id("rec", now, whose.account_id, whose.livemode, invoice.id)
    if failure is not None and failure.card is not None:
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
            "invoice_class": invoice_class,
            "status": Status.WAITING,
            "currency": invoice.currency,
            "amount": invoice.amount_remaining or invoice.amount_due,
            "credited_before": invoice.amount_credited,
            "failed_at": failed_at,
            "opened_at": _opened_at(connection, failed_at, now),
            "deadline": failed_at + policy.window,
            **_failed_as(connection, failure),
            **_versions(policy, campaign),
            **_drawn(connection, whose, invoice.customer, known, campaign, now),
            **_ways(connection, whose, invoice.customer, known, now, silent=silent),
        },
    )
    first = (_ended(connection, whose, invoice, subscription) if invoice.open else None) or Opened()
    spoken = None if silent else campaign
    return _begin(connection, house, recovery_id, failure, spoken, first, failed_at, now)


def _opened_at(connection: Connection, failed_at: datetime, now: datetime) -> datetime:
    """Return when a recovery was opened: at its failure, where a restored database learns of it again.

    So its messages have the dates that they had, and those of the forgotten time are told from others.
    """
    mode = beats.read(connection).mode
    forgotten = mode is not None and mode.open and mode.lost and failed_at < mode.begun_at
    return failed_at if forgotten else now


def _ways(
    connection: Connection,
    whose: Whose,
    customer: str | None,
    known: Known,
    now: datetime,
    *,
    silent: bool,
) -> dict[str, object]:
    """Return who retries it, in which segment, and on which side of the experiments it is."""
    segment, retries = switches.hold_retries(connection, known)
    charged = Retries.WATCH if known.by_hand else retries
    writes = not silent and switches.read(connection, segment).messages
    arms = arms_of(connection, whose, customer, charged, now, writes=writes)
    silenced_at = now if silent else None
    return {"segment": segment, "retries": retries, "silenced_at": silenced_at, **arms}


def _failed_as(connection: Connection, failure: Failure | None) -> dict[str, Any]:
    if failure is None:
        why = "The invoice is overdue."
        return {"decline_class": DeclineClass.UNKNOWN, "decline_code": OVERDUE, "card_id": None, "why": why}
    return {
        "decline_class": failure.decline_class(card_rules.newest(connection).table),
        "decline_code": failure.decline.code,
        "card_id": failure.card.id if failure.card else None,
        "why": "The payment failed.",
    }


def _known(
    connection: Connection,
    whose: Whose,
    invoice: Invoice,
    invoice_class: InvoiceClass,
    failure: Failure | None,
    now: datetime,
) -> Known:
    """Return what conditions may ask about."""
    customer = objects.customer(connection, whose, invoice.customer)
    card_country = failure.card.country if failure and failure.card else None
    since = customer.created_at if customer else None
    failed_as = _failed_as(connection, failure)
    return Known(
        currency=invoice.currency,
        amount=invoice.amount_remaining or invoice.amount_due,
        invoice_class=invoice_class,
        plan=invoice.plan,
        country=(customer.country if customer else None) or card_country,
        account=whose.account_id,
        livemode=whose.livemode,
        decline_class=failed_as["decline_class"],
        decline_code=failed_as["decline_code"],
        interval=interval_of(invoice.billed_from, invoice.billed_until),
        tenure_days=max((now - since).days, 0) if since else None,
        paid_before=campaigns.paid_before(connection, whose, invoice.customer, invoice.currency),
        by_hand=failure is None,
    )


def _begin(
    connection: Connection,
    house: House,
    recovery_id: str,
    failure: Failure | None,
    campaign: Campaign | None,
    first: Opened | Ended | GivenUp,
    failed_at: datetime,
    now: datetime,
) -> RecoveryRow:
    recovery = _held(connection, recovery_id)
    if failure is not None:
        observing.keep_first_failure(connection, recovery, failure, failed_at)
    if campaign is not None:
        plan_messages(connection, recovery, campaign)
    steer(connection, house, recovery, first, now=now)
    announce(connection, Topic.OPENED, recovery, now)
    return _held(connection, recovery_id)


def _ended(
    connection: Connection, whose: Whose, invoice: Invoice, subscription: Subscription | None
) -> Ended | GivenUp | None:
    """Return what had ended the debt before we heard of the failure: events come in any order."""
    customer = objects.customer(connection, whose, invoice.customer)
    names = _told_since(connection, whose, invoice)
    if (customer is not None and customer.deleted) or names & CUSTOMER_DELETED:
        return Ended(ClosedReason.CUSTOMER_DELETED)
    if names & SUBSCRIPTION_ENDED or _ended_after(invoice, subscription):
        return subscription_ended(subscription.cancelled_for if subscription else None)
    return None


def _told_since(connection: Connection, whose: Whose, invoice: Invoice) -> set[str]:
    """Return the types of the events about its customer or subscription since the invoice was made."""
    told = (
        select(events.c.type)
        .where(events.c.account_id == whose.account_id, events.c.livemode == whose.livemode)
        .where(events.c.object_id.in_(filter(None, (invoice.customer, invoice.subscription))))
    )
    at = func.coalesce(events.c.created_at, events.c.received_at)
    since = at >= invoice.created if invoice.created else true()
    ends = events.c.type.in_(CUSTOMER_DELETED | SUBSCRIPTION_ENDED)
    return set(connection.execute(told.where(ends, since)).scalars())


def _ended_after(invoice: Invoice, subscription: Subscription | None) -> bool:
    """Return whether the subscription ended with the invoice unpaid; its last bill is made as it ends."""
    if subscription is None or subscription.ended_at is None or not subscription.ended:
        return False
    return invoice.created is None or subscription.ended_at > invoice.created


def _drawn(
    connection: Connection,
    whose: Whose,
    customer: str | None,
    known: Known,
    campaign: Campaign,
    now: datetime,
) -> dict[str, object]:
    """Return the arm of the campaign, and what it was chosen by."""
    return {
        "campaign_arm": campaigns.arm_of(connection, whose, customer, campaign, now),
        "known": known.dumps(),
    }


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
