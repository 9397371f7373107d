"""How campaigns are chosen and tried out, what is still a draft, and what staff are asked to do."""

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from dunning.core.vocabulary import TaskKind, TaskState
from dunning.store.schema import flag, metadata, partial, whose
from dunning.store.types import UTCDateTime, Word, one_of

campaign_drafts = Table(
    "campaign_drafts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("text", Text, nullable=False),  # TOML, as it was typed: a draft need not be valid
    Column("saved_at", UTCDateTime, nullable=False),
    Column("saved_by", Text, nullable=False),
)

campaign_rules = Table(
    "campaign_rules",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("published_at", UTCDateTime, nullable=False),
    Column("published_by", Text, nullable=False),
)

campaign_arms = Table(
    "campaign_arms",
    metadata,
    Column("campaign_key", Text, primary_key=True),
    Column("account_id", Text, primary_key=True),
    flag("livemode", key=True),
    Column("customer_id", Text, primary_key=True),
    Column("arm", Text, nullable=False),
    Column("probability", Text, nullable=False),  # that a customer comes to this arm, as a fraction
    Column("salt", Text, nullable=False),
    Column("assigned_at", UTCDateTime, nullable=False),
)

staff_tasks = Table(
    "staff_tasks",
    metadata,
    Column("id", Text, primary_key=True),
    *whose(),
    Column("recovery_id", Text, ForeignKey("recoveries.id"), nullable=False),
    Column("message_id", Text, ForeignKey("messages.id"), nullable=False),  # the step that asks for it
    Column("kind", Word(TaskKind), nullable=False),
    Column("what", Text, nullable=False),
    Column("due_at", UTCDateTime, nullable=False),
    Column("state", Word(TaskState), nullable=False),
    Column("closed_at", UTCDateTime),
    Column("closed_by", Text),
    Column("note", Text),
    one_of("kind", TaskKind),
    one_of("state", TaskState),
    UniqueConstraint("message_id", "kind"),
    CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_has_date"),
    partial("ix_staff_tasks_due_at", "due_at", where="state = 'open'"),
    Index("ix_staff_tasks_recovery_id", "recovery_id"),
)
