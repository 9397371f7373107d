"""Money as Stripe counts it: an integer of minor units and a lower-case ISO currency.

Stripe's own exponents differ from the Unicode ones (ISK and UGX are two-decimal in its API for
compatibility), so the table is Stripe's. Source: https://docs.stripe.com/currencies
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

ZERO_DECIMAL: Final = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(),
)
THREE_DECIMAL: Final = frozenset("bhd jod kwd omr tnd".split())


class CurrencyMismatch(ValueError):
    """Two currencies met in one sum; nothing in dunning converts money silently."""


def exponent(currency: str) -> int:
    """Return how many decimal places Stripe's minor unit of `currency` stands for (0, 2 or 3)."""
    code = currency.lower()
    if code in ZERO_DECIMAL:
        return 0
    return 3 if code in THREE_DECIMAL else 2


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.amount, bool) or not isinstance(self.amount, int):
            msg = f"an amount is a whole number of minor units, not {self.amount!r}"
            raise TypeError(msg)
        object.__setattr__(self, "currency", self.currency.lower())

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __str__(self) -> str:
        return f"{self.decimal():,f} {self.currency.upper()}"

    def decimal(self) -> Decimal:
        """Return the amount in major units, exact, with the currency's own decimal places."""
        return Decimal(self.amount).scaleb(-exponent(self.currency))

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            msg = f"cannot add {other.currency} to {self.currency}"
            raise CurrencyMismatch(msg)
        return other.amount
