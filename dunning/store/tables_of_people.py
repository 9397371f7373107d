"""Who may use the house, what they changed, and the answers that a program may ask for again.

Secrets (of sessions, links and tokens) are kept as their SHA-256 only; passwords as argon2id.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from dunning.core.people import Role
from dunning.store.schema import metadata
from dunning.store.types import UTCDateTime, Word, one_of

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),  # lower case
    Column("name", Text, nullable=False),
    Column("role", Word(Role), nullable=False),
    Column("password", Text),  # none until the first link was used
    Column("created_at", UTCDateTime, nullable=False),
    Column("disabled_at", UTCDateTime),
    Column("signed_in_at", UTCDateTime),
    Column("locale", Text),  # the language they chose; none: what their browser asks for
    Column("zone", Text),  # the time zone they chose for their pages; none: that of the reports
    Column("subject", Text),  # issuer and `sub` of whom the identity provider meant at first
    one_of("role", Role),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", UTCDateTime, nullable=False),
    Column("seen_at", UTCDateTime, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
)

user_links = Table(
    "user_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id")),  # none: the first set-up
    Column("made_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime),
)

login_tries = Table(
    "login_tries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Index("ix_login_tries_account", "account", "at"),
    Index("ix_login_tries_address", "address", "at"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # words, separated by spaces
    Column("created_at", UTCDateTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", UTCDateTime),
    Column("revoked_at", UTCDateTime),
    Column("used_at", UTCDateTime),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UTCDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False, index=True),
    Column("before", Text),  # JSON as it was sealed
    Column("after", Text),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

api_answers = Table(
    "api_answers",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request", Text, nullable=False),  # a fingerprint of method, address and body
    Column("claimed_at", UTCDateTime, nullable=False, index=True),
    Column("status", Integer),
    Column("content_type", Text),
    Column("body", LargeBinary),
)
