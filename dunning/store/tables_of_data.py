"""Whose personal data was asked to be erased; a finished request is the tombstone."""

from sqlalchemy import BigInteger, Column, Table, Text, UniqueConstraint

from dunning.store.schema import lease, metadata, partial, whose
from dunning.store.types import UTCDateTime

erasures = Table(
    "erasures",
    metadata,
    Column("id", Text, primary_key=True),
    *whose(),
    Column("customer_id", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", UTCDateTime, nullable=False),
    Column("why", Text),  # in the words of who asked; taken away with the rest
    Column("seen_to", BigInteger, nullable=False, server_default="0"),  # the last event that was looked at
    Column("waits_for", Text),
    Column("finished_at", UTCDateTime),
    *lease(),
    UniqueConstraint("account_id", "livemode", "customer_id"),
    partial("ix_erasures_ring_at", "ring_at", where="ring_at IS NOT NULL"),
)
