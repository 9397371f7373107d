"""The recovery queue: a line for each recovery, what it is searched by, and what staff has under way."""

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from dunning.core.declines import DeclineClass
from dunning.core.triage import Cause, Place
from dunning.core.vocabulary import BulkAction, BulkRowState, BulkState, Status
from dunning.store.schema import flag, lease, metadata, partial, whose
from dunning.store.types import UTCDateTime, Word, one_of

# Text that is compared byte by byte, so that a prefix is a range of an index on both databases.
BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")

queue_items = Table(
    "queue_items",
    metadata,
    Column("recovery_id", Text, ForeignKey("recoveries.id"), primary_key=True),
    *whose(),
    flag("open"),
    Column("status", Word(Status), nullable=False),
    Column("place", Word(Place), nullable=False),
    Column("cause", Word(Cause)),
    Column("needed_since", UTCDateTime),
    Column("respond_by", UTCDateTime),
    flag("breached", default="0"),
    Column("rank", Integer, nullable=False, server_default="0"),  # what sorts before the money
    Column("worth", BigInteger, nullable=False, server_default="0"),  # `expected` as face value
    Column("expected", BigInteger, nullable=False, server_default="0"),  # minor units a person may bring in
    Column("slipping", Integer, nullable=False, server_default="0"),
    Column("amount", BigInteger, nullable=False),
    Column("paid_so_far", BigInteger, nullable=False, server_default="0"),  # by the customer, minor units
    Column("value", BigInteger, nullable=False, server_default="0"),  # `paid_so_far` as face value
    Column("face", BigInteger, nullable=False),  # `amount` in hundredths of the currency's own unit
    Column("currency", Text, nullable=False),
    Column("decline_class", Word(DeclineClass), nullable=False),
    Column("country", Text),
    Column("plan", Text),
    Column("campaign_key", Text, nullable=False),
    Column("segment", Text),
    Column("attempts_left", Integer, nullable=False, server_default="0"),
    Column("failed_at", UTCDateTime, nullable=False),
    Column("deadline", UTCDateTime, nullable=False),
    Column("owner", Text),
    Column("snoozed_until", UTCDateTime),
    Column("snooze_reason", Text),
    Column("promised_until", UTCDateTime),
    Column("touched_at", UTCDateTime),  # when a person last did something about it
    Column("named", Text, nullable=False, server_default=""),  # the words that it is found by
    Column("version", Integer, nullable=False, server_default="0"),  # of what a person sees and decides on
    Column("ring_at", UTCDateTime),  # when time alone may move it to another place
    one_of("status", Status),
    one_of("place", Place),
    one_of("cause", Cause),
    one_of("decline_class", DeclineClass),
    CheckConstraint("(place = 'closed') = (open = false)", name="closed_is_not_open"),
    CheckConstraint("(place = 'needs_action') = (cause IS NOT NULL)", name="needed_has_cause"),
    Index("ix_queue_items_place", "livemode", "place", "rank", "worth", "recovery_id"),
    Index("ix_queue_items_worth", "livemode", "open", "rank", "worth", "recovery_id"),
    Index("ix_queue_items_newest", "livemode", "open", "recovery_id"),
    Index("ix_queue_items_face", "livemode", "open", "face", "recovery_id"),
    Index("ix_queue_items_value", "livemode", "open", "value", "recovery_id"),
    Index("ix_queue_items_deadline", "livemode", "open", "deadline", "recovery_id"),
    Index("ix_queue_items_class", "livemode", "open", "decline_class", "rank", "worth", "recovery_id"),
    Index("ix_queue_items_currency", "livemode", "open", "currency", "rank", "worth", "recovery_id"),
    Index("ix_queue_items_country", "livemode", "open", "country", "rank", "worth", "recovery_id"),
    Index("ix_queue_items_plan", "livemode", "open", "plan", "rank", "worth", "recovery_id"),
    Index("ix_queue_items_campaign", "livemode", "open", "campaign_key", "rank", "worth", "recovery_id"),
    Index("ix_queue_items_segment", "livemode", "open", "segment", "rank", "worth", "recovery_id"),
    Index("ix_queue_items_owner", "livemode", "owner", "open", "rank", "worth", "recovery_id"),
    partial("ix_queue_items_ring_at", "ring_at", where="ring_at IS NOT NULL"),
)

search_words = Table(
    "search_words",
    metadata,
    Column("word", BYTEWISE, primary_key=True),
    Column("recovery_id", Text, ForeignKey("recoveries.id"), primary_key=True),
    Index("ix_search_words_recovery_id", "recovery_id"),
)

# How much a customer uses the merchant's product, as the merchant reports it: last, and before.
customer_usage = Table(
    "customer_usage",
    metadata,
    Column("account_id", Text, primary_key=True),
    flag("livemode", key=True),
    Column("customer_id", Text, primary_key=True),
    Column("usage", BigInteger, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("usage_before", BigInteger),
    Column("at_before", UTCDateTime),
    CheckConstraint("(usage_before IS NULL) = (at_before IS NULL)", name="before_has_date"),
)

staff_changes = Table(
    "staff_changes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("recovery_id", Text, ForeignKey("recoveries.id"), nullable=False),
    Column("by", Text, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("said", Text, nullable=False),
    Column("before", JSON, nullable=False),  # the columns of the queue's line as they were
    Column("version", Integer, nullable=False),  # of the line after it: undone only while it is that
    Column("undone_at", UTCDateTime),
    Index("ix_staff_changes_recovery_id", "recovery_id"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("recovery_id", Text, ForeignKey("recoveries.id"), nullable=False),
    Column("action", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", UTCDateTime, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", UTCDateTime),
    flag("approved", nullable=True),
    CheckConstraint("(decided_at IS NULL) = (approved IS NULL)", name="decided_has_answer"),
    CheckConstraint("(decided_by = asked_by AND approved = true) = false", name="another_approves"),
    partial("uq_approvals_waiting", "recovery_id", where="decided_at IS NULL", unique=True),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),  # of the queue's address
    Column("by", Text, nullable=False),
    Column("saved_at", UTCDateTime, nullable=False),
)

bulk_runs = Table(
    "bulk_runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("action", Word(BulkAction), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("state", Word(BulkState), nullable=False),
    Column("by", Text, nullable=False),
    Column("made_at", UTCDateTime, nullable=False),
    Column("finished_at", UTCDateTime),
    *lease(),
    one_of("action", BulkAction),
    one_of("state", BulkState),
    partial("ix_bulk_runs_ring_at", "ring_at", where="ring_at IS NOT NULL"),
)

bulk_rows = Table(
    "bulk_rows",
    metadata,
    Column("run_id", Text, ForeignKey("bulk_runs.id"), primary_key=True),
    Column("recovery_id", Text, ForeignKey("recoveries.id"), primary_key=True),
    Column("state", Word(BulkRowState), nullable=False),
    Column("sentence", Text, nullable=False),  # what will be done, was done, or why not
    one_of("state", BulkRowState),
)
