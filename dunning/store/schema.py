"""The parts that every table is made of: naming, whose row it is, claims, partial indexes."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Text, text

from dunning.store.types import UTCDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)


def flag(name: str, *, nullable: bool = False, default: str | None = None, key: bool = False) -> Column[bool]:
    """Return a boolean column; SQLite learns by a CHECK that it is one."""
    kind = Boolean(create_constraint=True, name=f"{name}_boolean")
    return Column(name, kind, nullable=nullable, server_default=default, primary_key=key)


def whose() -> tuple[Column[Any], Column[Any]]:
    """Return the columns that say whose row it is."""
    return Column("account_id", Text, nullable=False), flag("livemode")


def stripe_key() -> tuple[Column[Any], ...]:
    """Return the primary key of a row that mirrors one Stripe object."""
    live: Column[bool] = Column(
        "livemode", Boolean(create_constraint=True, name="livemode_boolean"), primary_key=True
    )
    return Column("account_id", Text, primary_key=True), live, Column("id", Text, primary_key=True)


def lease() -> tuple[Column[Any], ...]:
    """Return a claim: held until when (lease time), the fence that outdates slower holders, the due time."""
    return (
        Column("lease_until", UTCDateTime),
        Column("fence", Integer, nullable=False, server_default="0"),
        Column("ring_at", UTCDateTime),
    )


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index over the rows that match `where`, on both databases."""
    condition = text(where)
    return Index(name, *columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


def listed(words: Iterable[str]) -> str:
    """Return the words as an SQL list, in a stable order."""
    return ", ".join(f"'{word}'" for word in sorted(words))
