"""What was before us, as imports read it, and the gaps that reconciliation found."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from dunning.core.vocabulary import InvoiceClass
from dunning.store.schema import flag, metadata, stripe_key, whose
from dunning.store.types import UTCDateTime, Word, one_of

imports = Table(
    "imports",
    metadata,
    Column("id", Text, primary_key=True),
    *whose(),
    Column("source", Text, nullable=False),  # stripe, or csv and the digest of the file
    Column("name", Text, nullable=False),  # what a person calls it
    Column("started_at", UTCDateTime, nullable=False),
    Column("finished_at", UTCDateTime),
    Column("joined_after", Text),  # the last invoice joined by a run that has not ended
    UniqueConstraint("account_id", "livemode", "source"),
)

# How far each of Stripe's lists was read. A pass goes from the newest object down to `pass_from`.
import_lists = Table(
    "import_lists",
    metadata,
    Column("import_id", Text, ForeignKey("imports.id"), primary_key=True),
    Column("list", Text, primary_key=True),
    Column("covered_from", UTCDateTime),  # everything made in [covered_from, covered_to] was read
    Column("covered_to", UTCDateTime),
    Column("pass_from", UTCDateTime),  # None between two passes
    Column("pass_to", UTCDateTime),
    Column("reach", UTCDateTime),  # where the pass began, less what had no outcome yet
    Column("after_id", Text),
    Column("after_at", UTCDateTime),
    Column("pages", Integer, nullable=False, server_default="0"),
    Column("objects", Integer, nullable=False, server_default="0"),
)

past_charges = Table(
    "past_charges",
    metadata,
    *stripe_key(),
    Column("import_id", Text, ForeignKey("imports.id"), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    flag("paid"),
    Column("payment_intent_id", Text),
    Column("invoice_id", Text),
    Column("customer_id", Text),
    Column("card_id", Text),
    Column("card_type", Text),
    Column("fingerprint", Text),
    Column("brand", Text),
    Column("funding", Text),
    Column("country", Text),
    Column("last4", Text),
    Column("decline_code", Text),
    Column("advice_code", Text),
    Column("network_advice_code", Text),
    Column("network_decline_code", Text),
    Column("failure_code", Text),
    Column("outcome_type", Text),
    Column("outcome_reason", Text),
    Column("network_status", Text),
    Index("ix_past_charges_invoice_id", "account_id", "livemode", "invoice_id"),
    Index("ix_past_charges_customer_id", "account_id", "livemode", "customer_id"),
)

past_payments = Table(
    "past_payments",
    metadata,
    *stripe_key(),
    Column("invoice_id", Text, nullable=False),
    Column("payment_intent_id", Text),
    Column("charge_id", Text),
    Index("ix_past_payments_payment_intent_id", "account_id", "livemode", "payment_intent_id"),
    Index("ix_past_payments_charge_id", "account_id", "livemode", "charge_id"),
)

past_invoices = Table(
    "past_invoices",
    metadata,
    *stripe_key(),
    Column("created", UTCDateTime, nullable=False),
    Column("status", Text),
    Column("currency", Text, nullable=False),
    Column("customer", Text),
    Column("subscription", Text),
    Column("invoice_class", Word(InvoiceClass), nullable=False),
    Column("collection_method", Text),
    Column("attempt_count", Integer, nullable=False),
    Column("amount_credited", BigInteger, nullable=False),
    Column("paid_at", UTCDateTime),
    Column("voided_at", UTCDateTime),
    Column("uncollectible_at", UTCDateTime),
    Column("read_at", UTCDateTime, nullable=False),
    one_of("invoice_class", InvoiceClass),
)

gaps = Table(
    "gaps",
    metadata,
    Column("id", Text, primary_key=True),
    *whose(),
    Column("kind", Text, nullable=False),  # events, openings, endings
    Column("count", Integer, nullable=False),
    Column("since", UTCDateTime, nullable=False),  # when the first of them should have been heard of
    Column("until", UTCDateTime, nullable=False),
    Column("found_at", UTCDateTime, nullable=False),
    Column("sample", Text, nullable=False),  # some of their Stripe ids
    Index("ix_gaps_found_at", "found_at"),
)
