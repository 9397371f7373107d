"""What Stripe told us: its events, and the few facts of its objects that decisions and reports need."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from dunning.core.vocabulary import EventState, InvoiceClass
from dunning.store.schema import flag, lease, metadata, partial, stripe_key, whose
from dunning.store.types import UTCDateTime, Word, one_of

events = Table(
    "events",
    metadata,
    *whose(),
    Column("id", Text, nullable=False),
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("type", Text, nullable=False),
    Column("api_version", Text),
    Column("object_id", Text),
    Column("created_at", UTCDateTime),
    Column("received_at", UTCDateTime, nullable=False),
    Column("request_id", Text),
    Column("idempotency_key", Text),
    Column("payload", LargeBinary, nullable=False),  # the bytes that came
    Column("state", Word(EventState), nullable=False, server_default=EventState.NEW),
    Column("note", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("handled_at", UTCDateTime),
    *lease(),
    UniqueConstraint("account_id", "livemode", "id"),
    one_of("state", EventState),
    partial("ix_events_ring_at", "ring_at", where="ring_at IS NOT NULL"),
    partial("ix_events_parked", "handled_at", where="state = 'parked'"),
    partial(
        "ix_events_idempotency_key",
        "account_id",
        "idempotency_key",
        where="idempotency_key IS NOT NULL",
    ),
    # Led by whose event it is: SQLite prefers the unique index that is, and would walk the whole account.
    Index("ix_events_object_id", "account_id", "livemode", "object_id"),
    Index("ix_events_type", "account_id", "livemode", "type", "created_at"),
)

customers = Table(
    "customers",
    metadata,
    *stripe_key(),
    Column("email", Text),
    Column("name", Text),
    Column("country", Text),
    Column("locale", Text),
    Column("timezone", Text),
    flag("deleted"),
    Column("default_card_id", Text),
    Column("created_at", UTCDateTime),
    Column("read_at", UTCDateTime, nullable=False),
)

cards = Table(
    "cards",
    metadata,
    *stripe_key(),  # pm_…
    Column("customer_id", Text),
    Column("type", Text, nullable=False),
    Column("fingerprint", Text),
    Column("brand", Text),
    Column("funding", Text),
    Column("country", Text),
    Column("last4", Text),
    Column("exp_month", Integer),
    Column("exp_year", Integer),
    Column("added_at", UTCDateTime),
    Column("network_updated_at", UTCDateTime),
    Column("detached_at", UTCDateTime),
    Index("ix_cards_customer_id", "account_id", "livemode", "customer_id"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    *stripe_key(),
    Column("customer_id", Text),
    Column("status", Text),
    Column("default_card_id", Text),
    Column("trial_end_at", UTCDateTime),
    Column("ended_at", UTCDateTime),
    Column("cancelled_for", Text),  # Stripe's cancellation_details.reason
    flag("collection_paused", default="0"),
    Column("read_at", UTCDateTime, nullable=False),
)

invoices = Table(
    "invoices",
    metadata,
    *stripe_key(),
    Column("customer_id", Text),
    Column("subscription_id", Text),
    Column("number", Text),
    Column("status", Text),
    Column("invoice_class", Word(InvoiceClass), nullable=False),
    Column("plan", Text),
    Column("currency", Text, nullable=False),
    Column("amount_due", BigInteger, nullable=False),
    Column("amount_paid", BigInteger, nullable=False),
    Column("amount_remaining", BigInteger, nullable=False),
    Column("amount_credited", BigInteger, nullable=False, server_default="0"),
    Column("collection_method", Text),
    flag("auto_advance", nullable=True),
    Column("next_payment_attempt_at", UTCDateTime),
    Column("created_at", UTCDateTime),
    Column("paid_at", UTCDateTime),
    # A ticket is drawn before each read of Stripe; an answer is applied only if no later ticket was.
    Column("read_ticket", Integer, nullable=False, server_default="0"),
    Column("applied_ticket", Integer, nullable=False, server_default="0"),
    one_of("invoice_class", InvoiceClass),
    Index("ix_invoices_customer_id", "account_id", "livemode", "customer_id"),
)
