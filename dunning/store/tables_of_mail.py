"""What mail is made of and what became of it: own texts, the merchant's look, providers' reports."""

from sqlalchemy import JSON, Column, Index, Integer, Table, Text

from dunning.core.vocabulary import MailEventKind
from dunning.store.schema import metadata
from dunning.store.types import UTCDateTime, Word, one_of

mail_texts = Table(
    "mail_texts",
    metadata,
    Column("template", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),  # from 1; nothing is ever changed
    Column("source", Text),  # None: back to the built-in text
    Column("published_at", UTCDateTime, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("note", Text, nullable=False),
)

brandings = Table(
    "brandings",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),  # from 1; nothing is ever changed
    Column("document", JSON, nullable=False),
    Column("published_at", UTCDateTime, nullable=False),
    Column("published_by", Text, nullable=False),
)

mail_events = Table(
    "mail_events",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("id", Text, primary_key=True),  # the provider's, so that a report told twice is kept once
    Column("kind", Word(MailEventKind), nullable=False),
    Column("address", Text, nullable=False),
    Column("message_id", Text),  # ours; None for a mail that dunning did not send
    Column("detail", Text, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("received_at", UTCDateTime, nullable=False),
    one_of("kind", MailEventKind),
    Index("ix_mail_events_message_id", "message_id"),
    Index("ix_mail_events_address", "address", "at"),
)
