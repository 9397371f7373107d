"""What left the house and what came in: messages, links, money, and who changed what."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from dunning.core.vocabulary import LedgerKind, MessageState, Reason
from dunning.store.schema import lease, metadata, partial, whose
from dunning.store.types import UTCDateTime, Word, one_of

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    *whose(),
    Column("recovery_id", Text, ForeignKey("recoveries.id"), nullable=False),
    Column("step", Text, nullable=False),
    Column("occurrence", Text, nullable=False),  # the anchor's ordinal, or the staff request's id
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),  # the role; the address is read when sending
    Column("template", Text, nullable=False),
    Column("state", Word(MessageState), nullable=False),
    Column("due_at", UTCDateTime, nullable=False),
    Column("before_at", UTCDateTime),  # what it announces, and must not come after
    Column("moved", JSON),  # what moved it from the time that its step means
    Column("address", Text),
    Column("subject", Text),
    Column("body_text", Text),
    Column("body_html", Text),
    Column("provider", Text),
    Column("reference", Text),  # what the provider calls it
    Column("note", Text),
    Column("sent_at", UTCDateTime),
    Column("awaits_since", UTCDateTime),  # written down, and waiting for a person to approve it
    Column("approved_at", UTCDateTime),
    Column("approved_by", Text),
    Column("approved_words", Text),  # a digest of what was approved: other words wait again
    *lease(),
    one_of("state", MessageState),
    UniqueConstraint(
        "recovery_id",
        "step",
        "occurrence",
        "channel",
        "recipient",
        name="uq_messages_once_a_step",
    ),
    CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_has_date"),
    partial("ix_messages_ring_at", "ring_at", where="ring_at IS NOT NULL"),
    partial("ix_messages_failed", "due_at", where="state = 'failed'"),
    Index("ix_messages_address", "address", "sent_at"),
    Index("ix_messages_recovery_id", "recovery_id"),
    partial("ix_messages_awaits_since", "awaits_since", where="awaits_since IS NOT NULL"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("added_at", UTCDateTime, nullable=False),
    Column("detail", Text),  # in the provider's words, or staff's
    Column("message_id", Text),  # the one that bounced, where it was ours
    Column("released_at", UTCDateTime),  # from then on the address may be written to again
    Column("released_by", Text),
)

links = Table(
    "links",
    metadata,
    Column("id", Text, primary_key=True),
    *whose(),
    Column("recovery_id", Text, ForeignKey("recoveries.id"), nullable=False),
    Column("message_id", Text),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime),  # the first time the page's button minted a Stripe session
    Column("last_used_at", UTCDateTime),
    Column("used_for", Text),  # the last time: portal, hosted_invoice
    Index("ix_links_recovery_id", "recovery_id"),
    Index("ix_links_message_id", "message_id"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", Text, primary_key=True),
    *whose(),
    Column("kind", Word(LedgerKind), nullable=False),
    Column("source_id", Text, nullable=False),  # Stripe's id of what moved the money
    Column("recovery_id", Text, ForeignKey("recoveries.id"), nullable=False),
    Column("invoice_id", Text, nullable=False),
    Column("charge_id", Text),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),  # signed: reversals are new, negative rows
    Column("reason", Word(Reason)),
    Column("at", UTCDateTime, nullable=False),
    Column("recorded_at", UTCDateTime, nullable=False),
    one_of("kind", LedgerKind),
    one_of("reason", Reason),
    UniqueConstraint("account_id", "livemode", "kind", "source_id"),
    CheckConstraint("(kind = 'recovered') = (reason IS NOT NULL)", name="recovered_has_reason"),
    Index("ix_ledger_entries_recovery_id", "recovery_id"),
    Index("ix_ledger_entries_at", "at"),
    partial("ix_ledger_entries_charge_id", "charge_id", where="charge_id IS NOT NULL"),
)

switches = Table(
    "switches",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSON, nullable=False),
    Column("changed_at", UTCDateTime, nullable=False),
    Column("changed_by", Text, nullable=False),
)

segments = Table(
    "segments",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("published_at", UTCDateTime, nullable=False),
    Column("published_by", Text, nullable=False),
)

notes = Table(
    "notes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("recovery_id", Text, ForeignKey("recoveries.id"), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("by", Text, nullable=False),
    Column("kind", Text, nullable=False),  # decision, staff, stripe
    Column("sentence", Text, nullable=False),
    Index("ix_notes_recovery_id", "recovery_id", "at"),
)
