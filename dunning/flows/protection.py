"""What the card rules protect: attempts withheld, and an estimate of the fees that they would have cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dunning.core.network_rules import FEES
from dunning.core.vocabulary import WithheldBy

DEFINITION: Final = (
    "Withheld: the next attempt of a recovery, which the policy still allowed, was forbidden by the "
    "network’s budget for the card or by a refusal for good; counted once for each refusal that it would "
    "have followed. The estimate multiplies that count by the lowest fee that the network publishes for one "
    "such try: beyond its budget, or after a stop code of its own. It is no invoice: the fee depends on "
    "country and acquirer, and what has no published fee adds nothing."
)


@dataclass(frozen=True, slots=True)
class Protected:
    """Attempts of one network withheld for one cause; `amount` in minor units, None where no fee is known."""

    network: str
    cause: WithheldBy
    count: int
    amount: int | None
    currency: str | None
    fee: str


def protected(counts: Mapping[tuple[str, WithheldBy], int]) -> list[Protected]:
    """Return what was withheld with its estimate, by network and cause."""
    return [_line(network, cause, count) for (network, cause), count in sorted(counts.items())]


def totals(lines: list[Protected]) -> dict[str, int]:
    """Return the estimate per currency, in minor units; never a sum over two."""
    sums: dict[str, int] = {}
    for line in lines:
        if line.amount is not None and line.currency is not None:
            sums[line.currency] = sums.get(line.currency, 0) + line.amount
    return sums


def _line(network: str, cause: WithheldBy, count: int) -> Protected:
    fee = FEES.get((network, cause))
    if fee is None:
        return Protected(network, cause, count, None, None, "no published fee")
    return Protected(network, cause, count, fee.amount * count, fee.currency, f"{fee.words}; {fee.source}")
