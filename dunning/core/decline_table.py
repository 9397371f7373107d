"""The table of decline codes: what each one means, as data, and the same table with a merchant's own rows.

The built-in rows are `declines.csv` beside this file, one per code of docs.stripe.com/declines/codes, per
outcome reason, and per failure code of a bank debit. Its columns: `retries` is the most retries that the
code itself allows on the same card (empty: as the policy says), `final` marks a code that no later
advice may soften.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from types import MappingProxyType
from typing import Self


class DeclineClass(StrEnum):
    """The nine kinds of decline; a policy speaks of these, never of single codes."""

    SOFT_FUNDS = "soft_funds"
    SOFT_ISSUER = "soft_issuer"
    TECHNICAL = "technical"
    LIMIT = "limit"
    NEEDS_AUTHENTICATION = "needs_authentication"
    NEEDS_CARD = "needs_card"
    HARD = "hard"
    FRAUD = "fraud"
    UNKNOWN = "unknown"


STOPPED = frozenset({DeclineClass.HARD, DeclineClass.FRAUD})
NEVER_AGAIN = STOPPED | {DeclineClass.NEEDS_AUTHENTICATION, DeclineClass.NEEDS_CARD}


@dataclass(frozen=True, slots=True)
class DeclineRow:
    """One row of the table; `retries` None leaves the number to the policy."""

    code: str
    decline_class: DeclineClass
    words_for_staff: str
    hide_from_customer: bool
    retries: int | None
    final: bool
    source: str

    @property
    def action(self) -> str:
        """Return in a few words what we do after this code."""
        match self.decline_class:
            case DeclineClass.HARD | DeclineClass.FRAUD:
                return "never try this card again"
            case DeclineClass.NEEDS_AUTHENTICATION:
                return "ask the customer to confirm"
            case DeclineClass.NEEDS_CARD:
                late = ", one late try in case the network renews it" if self.retries else ""
                return f"ask for another card{late}"
        if self.retries == 0:
            return "no retry: somebody must look"
        return "retry" if self.retries is None else f"retry, {self.retries} times at most"


@dataclass(frozen=True, slots=True, eq=False)
class DeclineTable:
    """Rows by code; `overridden` are the codes whose row is the merchant's own."""

    rows: Mapping[str, DeclineRow]
    overridden: frozenset[str] = frozenset()

    def row(self, code: str | None) -> DeclineRow | None:
        """Return the row of a code, or None for one that nobody has described."""
        return self.rows.get(code or "")

    def replaced(self, rows: Iterable[DeclineRow]) -> Self:
        """Return this table with some rows replaced by the merchant's, or added."""
        own = {row.code: row for row in rows}
        return type(self)(MappingProxyType({**self.rows, **own}), self.overridden | own.keys())


def data_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file beside this module."""
    text = files("dunning.core").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _row(row: dict[str, str]) -> DeclineRow:
    return DeclineRow(
        code=row["code"],
        decline_class=DeclineClass(row["class"]),
        words_for_staff=row["words_for_staff"],
        hide_from_customer=row["hide_from_customer"] == "yes",
        retries=int(row["retries"]) if row["retries"] else None,
        final=row["final"] == "yes",
        source=row["source"],
    )


BUILT_IN = DeclineTable(MappingProxyType({row["code"]: _row(row) for row in data_rows("declines.csv")}))
