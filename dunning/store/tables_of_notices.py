"""Notices, what is known of coming renewals, and how often the page behind a link was made to act."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from dunning.core.notices import NoticeKind
from dunning.core.renewals import Risk
from dunning.core.vocabulary import MessageState
from dunning.store.schema import lease, metadata, partial, stripe_key, whose
from dunning.store.types import UTCDateTime, Word, one_of

notices = Table(
    "notices",
    metadata,
    Column("id", Text, primary_key=True),
    *whose(),
    Column("kind", Word(NoticeKind), nullable=False),
    Column(
        "about", Text, nullable=False
    ),  # what it is sent once for: a recovery (and day), a card and renewal
    Column("customer_id", Text, nullable=False),
    Column("recovery_id", Text, ForeignKey("recoveries.id")),  # None: nothing has failed
    Column("subscription_id", Text),
    Column("card_id", Text),
    Column("renews_at", UTCDateTime),
    Column("state", Word(MessageState), nullable=False),
    Column("due_at", UTCDateTime, nullable=False),
    Column("address", Text),
    Column("subject", Text),
    Column("body_text", Text),
    Column("body_html", Text),
    Column("provider", Text),
    Column("note", Text),
    Column("sent_at", UTCDateTime),
    *lease(),
    one_of("kind", NoticeKind),
    one_of("state", MessageState),
    Unique("account_id", "livemode", "kind", "about", name="uq_notices_once"),
    CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_has_date"),
    CheckConstraint("recovery_id IS NOT NULL OR renews_at IS NOT NULL", name="has_an_occasion"),
    partial("ix_notices_ring_at", "ring_at", where="ring_at IS NOT NULL"),
    Index("ix_notices_address", "address", "sent_at"),
    Index("ix_notices_recovery_id", "recovery_id"),
)

renewals = Table(
    "renewals",
    metadata,
    *stripe_key(),  # sub_…
    Column("customer_id", Text, nullable=False),
    Column("renews_at", UTCDateTime, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger),  # None: a price without a fixed amount
    Column("plan", Text),
    Column("card_id", Text),
    Column("risk", Word(Risk)),  # None: nothing speaks against it
    Column("read_at", UTCDateTime, nullable=False),
    one_of("risk", Risk),
    partial("ix_renewals_risk", "account_id", "livemode", "renews_at", where="risk IS NOT NULL"),
    Index("ix_renewals_customer_id", "account_id", "livemode", "customer_id"),
)

link_turns = Table(
    "link_turns",
    metadata,
    Column("id", Text, primary_key=True),  # of a link, or of the notice that carries one
    Column("since", UTCDateTime, nullable=False),
    Column("turns", Integer, nullable=False),  # sessions minted at Stripe since then
    Column("used_at", UTCDateTime, nullable=False),  # the last time
)
