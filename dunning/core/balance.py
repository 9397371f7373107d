"""The ledger against Stripe's balance: what each movement should be, and where they differ. Pure.

Both sides are summed per Stripe object and direction: a charge that came in, a refund that went out. Amounts
are signed minor units in the currency that the customer paid in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from dunning.core.vocabulary import LedgerKind

LATE_FAILURE: Final = "payment_failure_refund"  # https://docs.stripe.com/reports/balance-transaction-types
NOT_STRIPES: Final = frozenset({LedgerKind.CREDIT_NOTE})  # moves a customer's credit, not Stripe's balance


class Direction(StrEnum):
    """Which way money moved."""

    IN = "in"
    OUT = "out"


class Moved(NamedTuple):
    """A Stripe object and the direction in which it moved money."""

    source_id: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Line:
    """One balance transaction. `amount`, `fee` and `net` are in the balance's currency (settlement).

    `paid_amount` is what the customer paid or got back, in `paid_currency`, which the ledger counts: it is
    never converted by us. Instants are aware UTC.
    """

    id: str
    kind: str
    source_id: str
    charge_id: str
    currency: str
    amount: int
    fee: int
    net: int
    paid_currency: str
    paid_amount: int
    at: datetime

    @property
    def moved(self) -> Moved:
        """Return what it moved, and in which direction."""
        return Moved(self.source_id, _direction(self.paid_amount))


@dataclass(frozen=True, slots=True)
class Claim:
    """What one ledger entry says that Stripe moved."""

    moved: Moved
    currency: str
    amount: int
    recovery_id: str


@dataclass(frozen=True, slots=True)
class Break:
    """A difference: what the ledger says and what Stripe's balance says, in minor units of `currency`."""

    moved: Moved
    currency: str
    ledger: int
    stripe: int
    recovery_id: str | None


def claim_of(
    kind: LedgerKind, source_id: str, charge_id: str | None, currency: str, amount: int, recovery_id: str
) -> Claim | None:
    """Return what an entry of the ledger says of Stripe's balance; None where Stripe never held the money."""
    if kind in NOT_STRIPES or charge_id is None:
        return None
    of_charge = kind in {LedgerKind.RECOVERED, LedgerKind.REVERSAL}
    source = charge_id if of_charge else source_id.partition(":")[0]
    return Claim(Moved(source, _direction(amount)), currency, amount, recovery_id)


def breaks(claims: Iterable[Claim], lines: Iterable[Line]) -> list[Break]:
    """Return where the two sides differ, per object, direction and currency."""
    ledger: dict[tuple[Moved, str], int] = {}
    stripe: dict[tuple[Moved, str], int] = {}
    whose: dict[Moved, str] = {}
    for claim in claims:
        _add(ledger, (claim.moved, claim.currency), claim.amount)
        whose[claim.moved] = claim.recovery_id
    for line in lines:
        _add(stripe, (line.moved, line.paid_currency), line.paid_amount)
    return [
        Break(place[0], place[1], ledger.get(place, 0), stripe.get(place, 0), whose.get(place[0]))
        for place in sorted({*ledger, *stripe})
        if ledger.get(place, 0) != stripe.get(place, 0)
    ]


def totals(claims: Iterable[Claim], lines: Iterable[Line]) -> Mapping[str, Mapping[str, int]]:
    """Return per currency what the ledger and Stripe say moved: {usd: {ledger: 12, stripe: 12}}."""
    found: dict[str, dict[str, int]] = {}
    for claim in claims:
        found.setdefault(claim.currency, {"ledger": 0, "stripe": 0})["ledger"] += claim.amount
    for line in lines:
        found.setdefault(line.paid_currency, {"ledger": 0, "stripe": 0})["stripe"] += line.paid_amount
    return dict(sorted(found.items()))


def _add(sums: dict[tuple[Moved, str], int], place: tuple[Moved, str], amount: int) -> None:
    sums[place] = sums.get(place, 0) + amount


def _direction(amount: int) -> Direction:
    return Direction.IN if amount >= 0 else Direction.OUT
