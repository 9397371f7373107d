"""The merchant's card rules, and the attempts that the networks' rules forbade."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, Table, Text

from dunning.core.vocabulary import WithheldBy
from dunning.store.schema import metadata, whose
from dunning.store.types import UTCDateTime, Word, one_of

card_rules = Table(
    "card_rules",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),  # from 1; nothing is ever changed
    Column("document", JSON, nullable=False),
    Column("published_at", UTCDateTime, nullable=False),
    Column("published_by", Text, nullable=False),
)

withheld = Table(
    "withheld",
    metadata,
    Column("recovery_id", Text, ForeignKey("recoveries.id"), primary_key=True),
    Column("after", Text, primary_key=True),  # the attempt that it would have followed: counted once
    *whose(),
    Column("cause", Word(WithheldBy), nullable=False),
    Column("network", Text, nullable=False),
    Column("fingerprint", Text),
    Column("at", UTCDateTime, nullable=False),
    Column("free_at", UTCDateTime),  # when the budget frees up; None for a stop
    Column("rules_version", Integer, nullable=False),
    one_of("cause", WithheldBy),
    Index("ix_withheld_network", "livemode", "network", "cause"),
)
