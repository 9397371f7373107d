"""Queries on campaigns: published versions, drafts, the rules that choose, and who is in which arm."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select, true

from dunning.core.billing import Whose
from dunning.core.campaign import Campaign, CampaignArm
from dunning.core.choosing import CampaignRules
from dunning.core.experiments import drawn_arm
from dunning.core.vocabulary import OPEN
from dunning.store.experiments import SALT
from dunning.store.prepared import belongs, owner
from dunning.store.tables import (
    campaign_arms,
    campaign_drafts,
    campaign_rules,
    campaigns,
    invoices,
    past_charges,
    recoveries,
)
from dunning.store.upsert import insert_once, upsert

_NEWEST_RULES: Final = (
    select(campaign_rules.c.version, campaign_rules.c.definition)
    .order_by(campaign_rules.c.version.desc())
    .limit(1)
)
_ARM: Final = select(campaign_arms.c.arm).where(
    *belongs(campaign_arms),
    campaign_arms.c.campaign_key == bindparam("its_campaign"),
    campaign_arms.c.customer_id == bindparam("its_customer"),
)


def version(connection: Connection, key: str, number: int | None = None) -> Campaign | None:
    """Return one version of a campaign, by default the newest; None where it was never published."""
    wanted = campaigns.c.version == number if number is not None else true()
    query = select(campaigns.c.definition).where(campaigns.c.key == key, wanted)
    newest = query.order_by(campaigns.c.version.desc()).limit(1)
    definition = connection.execute(newest).scalar_one_or_none()
    return Campaign.loads(definition) if definition is not None else None


def publish(connection: Connection, wanted: Campaign, *, at: datetime, by: str) -> Campaign:
    """Publish a campaign under its next number, unless the newest says the same; return that one."""
    while True:
        newest = version(connection, wanted.key)
        if newest is not None and newest == replace(wanted, version=newest.version):
            return newest
        made = replace(wanted, version=newest.version + 1 if newest else 1)
        row = {"key": made.key, "version": made.version, "definition": made.dumps()}
        if insert_once(connection, campaigns, row | {"published_at": at, "published_by": by}):
            return made


def published(connection: Connection, key: str | None = None) -> Sequence[RowMapping]:
    """Return every published version (of one campaign), by key, the newest first."""
    query = select(campaigns).order_by(campaigns.c.key, campaigns.c.version.desc())
    if key is not None:
        query = query.where(campaigns.c.key == key)
    return connection.execute(query).mappings().all()


def in_flight(connection: Connection) -> dict[tuple[str, int], int]:
    """Return how many open recoveries run each version of each campaign."""
    names = recoveries.c.campaign_key, recoveries.c.campaign_version
    query = select(*names, func.count()).where(recoveries.c.status.in_(sorted(OPEN))).group_by(*names)
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def save_draft(connection: Connection, key: str, text: str, *, at: datetime, by: str) -> None:
    """Keep the draft of a campaign; there is one for each key."""
    row = {"key": key, "text": text, "saved_at": at, "saved_by": by}
    upsert(connection, campaign_drafts, ("key",), row)


def drafts(connection: Connection) -> Sequence[RowMapping]:
    """Return every draft, by key."""
    return connection.execute(select(campaign_drafts).order_by(campaign_drafts.c.key)).mappings().all()


def draft(connection: Connection, key: str) -> RowMapping | None:
    """Return the draft of one campaign."""
    query = select(campaign_drafts).where(campaign_drafts.c.key == key)
    return connection.execute(query).mappings().one_or_none()


def drop_draft(connection: Connection, key: str) -> bool:
    """Throw a draft away; return whether there was one."""
    return connection.execute(delete(campaign_drafts).where(campaign_drafts.c.key == key)).rowcount == 1


def current_rules(connection: Connection) -> CampaignRules:
    """Return the rules in force; none before the first version."""
    row = connection.execute(_NEWEST_RULES).one_or_none()
    return CampaignRules.loads(row.definition, row.version) if row is not None else CampaignRules()


def publish_rules(connection: Connection, wanted: CampaignRules, *, at: datetime, by: str) -> int:
    """Put rules into force unless those in force say the same; return the number of the newest version."""
    while True:
        current = current_rules(connection)
        if current.all == wanted.all:
            return current.version
        row = {"version": current.version + 1, "definition": wanted.dumps()}
        if insert_once(connection, campaign_rules, row | {"published_at": at, "published_by": by}):
            return current.version + 1


def arm_of(
    connection: Connection, whose: Whose, customer: str | None, campaign: Campaign, now: datetime
) -> str | None:
    """Return the customer's arm of a campaign; the first call decides it, while the campaign has that arm.

    A customer whose arm is gone is drawn anew. None: the campaign has no arms, or the invoice no customer.
    """
    if not campaign.arms or customer is None:
        return None
    key = {**owner(whose), "its_campaign": campaign.key, "its_customer": customer}
    known = connection.execute(_ARM, key).scalar_one_or_none()
    if known in {arm.key for arm in campaign.arms}:
        return str(known)
    drawn = drawn_arm(campaign.key, customer, campaign.arms, salt=SALT)
    row = _assignment(whose, customer, campaign.key, drawn) | {"assigned_at": now}
    if known is None:
        insert_once(connection, campaign_arms, row)
        return str(connection.execute(_ARM, key).scalar_one())
    upsert(connection, campaign_arms, ("campaign_key", "account_id", "livemode", "customer_id"), row)
    return drawn.key


def _assignment(whose: Whose, customer: str, campaign_key: str, drawn: CampaignArm) -> dict[str, Any]:
    return {
        "campaign_key": campaign_key,
        "account_id": whose.account_id,
        "livemode": whose.livemode,
        "customer_id": customer,
        "arm": drawn.key,
        "probability": str(drawn.share),
        "salt": SALT,
    }


def paid_before(connection: Connection, whose: Whose, customer: str | None, currency: str) -> int | None:
    """Return what a customer has paid in a currency (minor units), as far as we have seen.

    Imported charges, and paid invoices that no imported charge paid; None for no customer.
    """
    if customer is None:
        return None
    charged = select(func.coalesce(func.sum(past_charges.c.amount), 0)).where(
        *_of_customer(past_charges, whose, customer, currency), past_charges.c.paid
    )
    known = select(past_charges.c.invoice_id).where(
        *_of_customer(past_charges, whose, customer, currency),
        past_charges.c.paid,
        past_charges.c.invoice_id.is_not(None),
    )
    billed = select(func.coalesce(func.sum(invoices.c.amount_paid), 0)).where(
        *_of_customer(invoices, whose, customer, currency), invoices.c.id.not_in(known)
    )
    return int(connection.execute(charged).scalar_one()) + int(connection.execute(billed).scalar_one())


def _of_customer(table: Any, whose: Whose, customer: str, currency: str) -> tuple[Any, ...]:
    return (
        table.c.account_id == whose.account_id,
        table.c.livemode == whose.livemode,
        table.c.customer_id == customer,
        table.c.currency == currency,
    )
