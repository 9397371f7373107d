"""What finance closes a month on: rollups of the reports, Stripe's own balance, closed months."""

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
)

from dunning.core.report_words import NAMES, Subject
from dunning.store.schema import flag, metadata, stripe_key, whose
from dunning.store.types import UTCDateTime, Word, one_of

# A row per change of a recovery that no rollup has taken up yet; triggers write it, folding removes it.
rollup_marks = Table(
    "rollup_marks",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("recovery_id", Text, nullable=False),
    Index("ix_rollup_marks_recovery_id", "recovery_id"),
)

# What the rollups know of a recovery, so that it can be taken away again.
rollup_stories = Table(
    "rollup_stories",
    metadata,
    Column("recovery_id", Text, ForeignKey("recoveries.id"), primary_key=True),
    Column("story", Text, nullable=False),
)

rollup_cells = Table(
    "rollup_cells",
    metadata,
    Column("subject", Word(Subject), primary_key=True),
    Column("dimension", Text, primary_key=True),
    Column("span", Text, primary_key=True),  # day, or month: the same sums, fewer rows
    flag("livemode", key=True),
    flag("imported", key=True),
    Column("day", Text, primary_key=True),  # of the report's time zone: 2026-10-01, or 2026-10
    Column("currency", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in NAMES),
    one_of("subject", Subject),
    CheckConstraint("span IN ('day', 'month')", name="span_known"),
)

rollup_state = Table(
    "rollup_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("zone", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("folded_at", UTCDateTime),
    CheckConstraint("id = 1", name="one_row"),
)

# Stripe's balance transactions that concern recovered money: amounts in the currency of the balance.
balance_lines = Table(
    "balance_lines",
    metadata,
    *stripe_key(),  # txn_…
    Column("recovery_id", Text, ForeignKey("recoveries.id"), nullable=False),
    Column("source_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("net", BigInteger, nullable=False),
    Column("paid_currency", Text, nullable=False),  # what the customer paid or got back, as the ledger has it
    Column("paid_amount", BigInteger, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Index("ix_balance_lines_recovery_id", "recovery_id"),
    Index("ix_balance_lines_source_id", "account_id", "livemode", "source_id"),
)

# Where the ledger and Stripe's balance differ: must be empty.
balance_breaks = Table(
    "balance_breaks",
    metadata,
    Column("account_id", Text, primary_key=True),
    flag("livemode", key=True),
    Column("source_id", Text, primary_key=True),
    Column("direction", Text, primary_key=True),  # in: money came; out: it went back
    Column("currency", Text, primary_key=True),
    Column("day", Text, nullable=False),
    Column("ledger", BigInteger, nullable=False),
    Column("stripe", BigInteger, nullable=False),
    Column("recovery_id", Text),
    Column("found_at", UTCDateTime, nullable=False),
    CheckConstraint("direction IN ('in', 'out')", name="direction_known"),
)

balance_proofs = Table(
    "balance_proofs",
    metadata,
    Column("account_id", Text, primary_key=True),
    flag("livemode", key=True),
    Column("day", Text, primary_key=True),  # a day in UTC, as Stripe cuts its own reports
    Column("read", Integer, nullable=False),  # balance transactions that Stripe listed
    Column("compared", Integer, nullable=False),
    Column("totals", JSON, nullable=False),  # currency -> {ledger, stripe}
    Column("proved_at", UTCDateTime, nullable=False),
)

# Both only grow: the database refuses to change or remove a row.
closed_months = Table(
    "closed_months",
    metadata,
    flag("livemode", key=True),
    Column("month", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("cut", UTCDateTime, nullable=False),  # what the ledger recorded until then is in it
    Column("document", Text, nullable=False),  # canonical JSON
    Column("digest", Text, nullable=False),  # its SHA-256
    Column("at", UTCDateTime, nullable=False),
    Column("by", Text, nullable=False),
)

reopened_months = Table(
    "reopened_months",
    metadata,
    flag("livemode", key=True),
    Column("month", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),  # the closing that it ends
    Column("why", Text, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("by", Text, nullable=False),
)

# A subscription's life as Stripe's list tells it: who was a customer when, for how much a month.
lives = Table(
    "lives",
    metadata,
    *stripe_key(),  # sub_…
    Column("customer_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("monthly", BigInteger, nullable=False),  # minor units a month, rounded
    Column("started_at", UTCDateTime, nullable=False),
    Column("ended_at", UTCDateTime),
    Column("ended_for", Text),  # Stripe's cancellation_details.reason
    Index("ix_lives_ended_at", "ended_at"),
)

# What was mailed to finance, once a month.
finance_mails = Table(
    "finance_mails",
    metadata,
    *whose(),
    Column("month", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("note", Text),
    Column("at", UTCDateTime, nullable=False),
    CheckConstraint("state IN ('sending', 'sent', 'unknown', 'failed')", name="state_known"),
)
