"""What is told outside the house, to whom, and whom a customer wants written to besides themselves."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from dunning.core.announcement import ListenerKind, TellingState
from dunning.store.schema import flag, lease, metadata, partial, whose
from dunning.store.types import UTCDateTime, Word, one_of

listeners = Table(
    "listeners",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Word(ListenerKind), nullable=False),
    Column("target", Text, nullable=False),  # a URL or an address; no secret, those are settings
    Column("topics", JSON, nullable=False),
    Column("at_least", JSON, nullable=False),  # minor units by currency
    Column("secret_version", Integer, nullable=False, server_default="1"),
    Column("old_secret_until", UTCDateTime),  # the version before is signed with, too, until then
    Column("failing_since", UTCDateTime),
    Column("quiet_until", UTCDateTime),
    Column("off_at", UTCDateTime),
    Column("off_why", Text),
    Column("removed_at", UTCDateTime),
    Column("added_at", UTCDateTime, nullable=False),
    Column("added_by", Text, nullable=False),
    one_of("kind", ListenerKind),
)

announcements = Table(
    "announcements",
    metadata,
    Column("id", Text, primary_key=True),  # one row for each listener
    *whose(),
    Column("listener_id", Text, ForeignKey("listeners.id"), nullable=False),
    Column("announcement_id", Text, nullable=False),  # what receivers know it by, the same for every listener
    Column("topic", Text, nullable=False),
    # No foreign key: PostgreSQL would hold the recovery for it, after its message: against the usual order.
    Column("recovery_id", Text),
    Column("body", Text, nullable=False),
    Column("state", Word(TellingState), nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("made_at", UTCDateTime, nullable=False),
    Column("tried_at", UTCDateTime),
    Column("told_at", UTCDateTime),
    Column("answer", Text),
    *lease(),
    one_of("state", TellingState),
    UniqueConstraint("listener_id", "announcement_id"),
    partial("ix_announcements_ring_at", "ring_at", where="ring_at IS NOT NULL"),
    partial("ix_announcements_dead", "tried_at", where="state = 'dead'"),
    Index("ix_announcements_listener", "listener_id", "made_at"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("account_id", Text, primary_key=True),
    flag("livemode", key=True),
    Column("customer_id", Text, primary_key=True),
    Column("role", Text, primary_key=True),  # second_contact: a mail address; sms: a number that consented
    Column("address", Text, nullable=False),
    Column("added_at", UTCDateTime, nullable=False),
    Column("added_by", Text, nullable=False),
)
