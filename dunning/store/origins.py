"""Who set what stands in the settings, and when; and when the regular work last went well."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, select

from dunning.core.vocabulary import MadeBy, MessageState
from dunning.store.chores import PREFIX
from dunning.store.tables import attempts, audit_log, events, messages, switches

SWITCHES: Final = ("retries", "messages", "notices", "paused")
# What is published or listed: the actions of the audit log that change it.
CHANGES: Final[Mapping[str, tuple[str, ...]]] = {
    "segments": ("segments.publish",),
    "policy": ("policy.publish",),
    "card_rules": ("card_rules.publish",),
    "holdout": ("holdout.set",),
    "campaigns": ("campaign.publish", "campaign_rules.publish"),
    "sending": ("sending.set",),
    "look": ("look.publish",),
    "texts": ("template.publish",),
    "people": ("user.add", "user.role", "user.disable", "user.enable"),
    "tokens": ("token.create", "token.revoke"),
    "webhooks": ("webhook.add", "webhook.remove"),
}


def of_switches(connection: Connection) -> Mapping[str, RowMapping]:
    """Return by switch its value, when it was changed last and by whom; what was never set is not there."""
    query = select(switches).where(switches.c.name.in_(SWITCHES))
    return {row["name"]: row for row in connection.execute(query).mappings()}


def last_changes(connection: Connection) -> Mapping[str, RowMapping]:
    """Return by section the newest entry of the audit log; what was never changed is not there."""
    found = {}
    for section, actions in CHANGES.items():
        query = select(audit_log).where(audit_log.c.action.in_(actions)).order_by(audit_log.c.seq.desc())
        row = connection.execute(query.limit(1)).mappings().one_or_none()
        if row is not None:
            found[section] = row
    return found


def chores_last(connection: Connection) -> Mapping[str, datetime]:
    """Return when each regular chore was last taken up, by name."""
    query = select(switches.c.name, switches.c.changed_at).where(switches.c.name.startswith(PREFIX))
    rows = connection.execute(query.order_by(switches.c.name))
    return {row.name.removeprefix(PREFIX): row.changed_at for row in rows}


def last_event(connection: Connection) -> datetime | None:
    """Return when Stripe last sent something."""
    query = select(events.c.received_at).order_by(events.c.seq.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()


def last_mail(connection: Connection) -> datetime | None:
    """Return when a message last left, of the newest ones written."""
    sent = messages.c.state == MessageState.SENT
    query = select(messages.c.sent_at).where(sent).order_by(messages.c.id.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()


def last_charge(connection: Connection) -> datetime | None:
    """Return when a charge of ours last had an answer."""
    ours = (attempts.c.made_by == MadeBy.DUNNING, attempts.c.finished_at.is_not(None))
    query = select(attempts.c.finished_at).where(*ours).order_by(attempts.c.id.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()
