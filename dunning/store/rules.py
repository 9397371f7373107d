"""The versions of what a recovery is opened under: policies, campaigns and fitted planners."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from dunning.core.campaign import BUILT_IN, STANDARD, Campaign
from dunning.core.policy import Policy, PolicyVersion
from dunning.core.vocabulary import FitVerdict, InvoiceClass
from dunning.store.tables import campaigns, planners, policies
from dunning.store.upsert import insert_once

_POLICY: Final = select(policies.c.definition).where(policies.c.version == bindparam("its_version"))
_CAMPAIGN: Final = select(campaigns.c.definition).where(
    campaigns.c.key == bindparam("its_key"), campaigns.c.version == bindparam("its_version")
)
_NEWEST_CAMPAIGN: Final = (
    select(campaigns.c.definition)
    .where(campaigns.c.key == bindparam("its_key"))
    .order_by(campaigns.c.version.desc())
    .limit(1)
)
_NEWEST_PLANNER: Final = select(func.max(planners.c.version)).where(planners.c.verdict == FitVerdict.ACCEPTED)


def policy(connection: Connection, version: int, invoice_class: InvoiceClass) -> Policy:
    """Return the rules of one version of the policy for one class of invoice."""
    return policy_version(connection, version).rules_for(invoice_class)


def policy_version(connection: Connection, version: int) -> PolicyVersion:
    """Return one version of the policy.

    Raises:
        NoResultFound: it was never published.
    """
    return PolicyVersion.loads(connection.execute(_POLICY, {"its_version": version}).scalar_one())


def newest_policy(connection: Connection) -> PolicyVersion | None:
    """Return the newest policy, or None before the first was published."""
    newest = select(policies.c.definition).order_by(policies.c.version.desc()).limit(1)
    definition = connection.execute(newest).scalar_one_or_none()
    return PolicyVersion.loads(definition) if definition is not None else None


def current_policy(connection: Connection, now: datetime) -> PolicyVersion:
    """Return the newest policy; the first call publishes the default one."""
    newest = newest_policy(connection)
    return newest or publish_policy(connection, PolicyVersion(), now)


def publish_policy(connection: Connection, wanted: PolicyVersion, now: datetime) -> PolicyVersion:
    """Publish rules under the next number, unless the newest version says the same; return the newest."""
    while True:
        newest = newest_policy(connection)
        if newest is not None and newest == wanted.numbered(newest.version):
            return newest
        made = wanted.numbered(newest.version + 1 if newest else 1)
        row = {"version": made.version, "definition": made.dumps(), "published_at": now}
        if insert_once(connection, policies, row):
            return made


def published_policies(connection: Connection) -> dict[int, datetime]:
    """Return the versions of the policy with when each was published, newest first."""
    rows = connection.execute(select(policies.c.version, policies.c.published_at))
    return dict(sorted(((row.version, row.published_at) for row in rows), reverse=True))


def campaign(connection: Connection, key: str, version: int) -> Campaign:
    """Return one version of a campaign."""
    given = {"its_key": key, "its_version": version}
    return Campaign.loads(connection.execute(_CAMPAIGN, given).scalar_one())


def current_campaign(connection: Connection, now: datetime, key: str = STANDARD) -> Campaign:
    """Return a campaign at its newest version; what was never published is the standard one.

    The first call publishes the built-in one.
    """
    newest = _newest_campaign(connection, key) or _newest_campaign(connection, STANDARD)
    if newest is not None:
        return newest
    row = {
        "key": BUILT_IN.key,
        "version": BUILT_IN.version,
        "definition": BUILT_IN.dumps(),
        "published_at": now,
    }
    insert_once(connection, campaigns, row)
    return BUILT_IN


def _newest_campaign(connection: Connection, key: str) -> Campaign | None:
    definition = connection.execute(_NEWEST_CAMPAIGN, {"its_key": key}).scalar_one_or_none()
    return Campaign.loads(definition) if definition is not None else None


def newest_planner(connection: Connection) -> int | None:
    """Return the version of the planner in service, the newest accepted one; None before the first."""
    newest: int | None = connection.execute(_NEWEST_PLANNER).scalar_one()
    return newest


def planner_model(connection: Connection, version: int) -> bytes:
    """Return a fitted planner as its bytes."""
    model: bytes = connection.execute(
        select(planners.c.model).where(planners.c.version == version),
    ).scalar_one()
    return model
