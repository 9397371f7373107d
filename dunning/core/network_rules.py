"""What the card networks allow: literal delays, stops, how many tries fit in a rolling window, and fees.

The numbers are data with their sources: `network_advice.csv`, `network_budgets.csv`, `network_fees.csv`.
The merchant may set other budgets (see `card_rules`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from dunning.core.clock import utc
from dunning.core.decline_table import BUILT_IN, STOPPED, DeclineTable, data_rows
from dunning.core.declines import Decline, classify
from dunning.core.network_advice import network_advice, network_answer
from dunning.core.vocabulary import WithheldBy

OTHER: Final = "other"  # a network without a row of its own


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `limit` attempts within any `window`, per card fingerprint and network."""

    limit: int
    window: timedelta


Budgets = Mapping[str, tuple[Budget, ...]]  # by card brand, or type of a bank debit, as Stripe spells it


@dataclass(frozen=True, slots=True)
class Use:
    """How much of one budget is used: `free_at` is when one more attempt fits, None when it fits now."""

    budget: Budget
    used: int
    free_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fee:
    """What a network publishes as its fee for one forbidden try, in minor units; the lowest it names."""

    amount: int
    currency: str
    words: str
    source: str


def _read_budgets() -> dict[str, tuple[Budget, ...]]:
    read: dict[str, tuple[Budget, ...]] = {}
    for row in data_rows("network_budgets.csv"):
        budget = Budget(int(row["limit"]), timedelta(hours=int(row["hours"])))
        read[row["network"]] = (*read.get(row["network"], ()), budget)
    return read


BUDGETS: Final[Budgets] = MappingProxyType(_read_budgets())
BUDGET_SOURCES: Final = MappingProxyType(
    {row["network"]: row["source"] for row in data_rows("network_budgets.csv")}
)
FEES: Final = MappingProxyType(
    {
        (row["network"], WithheldBy(row["cause"])): Fee(
            int(row["minor_units"]), row["currency"], row["words"], row["source"]
        )
        for row in data_rows("network_fees.csv")
    }
)


def budgets(network: str | None, among: Budgets = BUDGETS) -> tuple[Budget, ...]:
    """Return the budgets of a card brand or bank-debit type, spelt as Stripe spells it."""
    return among.get((network or "").lower(), among[OTHER])


def stops_card(decline: Decline, table: DeclineTable = BUILT_IN) -> bool:
    """Whether the decline forbids this card for good: hard and fraud classes, 03, 21, do_not_try_again."""
    return classify(decline, table) in STOPPED


def charged_after(decline: Decline) -> bool:
    """Whether the network publishes a fee for a try after this decline; of no known brand, none."""
    if decline.brand is None:
        return False
    said = (
        network_advice(decline.brand, decline.network_advice_code),
        network_answer(decline.brand, decline.network_decline_code),
    )
    return any(row is not None and row.charged for row in said)


def earliest_after(decline: Decline, at: datetime) -> datetime | None:
    """Return the instant (UTC) before which the network asks not to try again, or None.

    Only Mastercard sends such delays; a decline whose brand is unknown is read as strictly.

    Raises:
        ValueError: if `at` is naive.
    """
    advice = network_advice(decline.brand, decline.network_advice_code)
    return None if advice is None or advice.wait is None else utc(at) + advice.wait


def beyond_budget(
    network: str | None, past_attempt_times: Sequence[datetime], at: datetime, among: Budgets = BUDGETS
) -> bool:
    """Return whether an attempt at `at`, after these on the same card, was one more than a budget allows.

    Raises:
        ValueError: if an instant is naive.
    """
    fewest = min(budget.limit for budget in budgets(network, among))
    return len(past_attempt_times) >= fewest and next_free(network, past_attempt_times, at, among) > utc(at)


def longest_window(network: str | None, among: Budgets = BUDGETS) -> timedelta:
    """Return how far back a network's budgets look."""
    return max(budget.window for budget in budgets(network, among))


def next_free(
    network: str | None, past_attempt_times: Iterable[datetime], now: datetime, among: Budgets = BUDGETS
) -> datetime:
    """Return the earliest instant, not before `now`, at which one more attempt stays inside every budget.

    An attempt leaves a window exactly one window after it was made. Times in UTC; the caller leaves out
    attempts that never reached the network.

    Raises:
        ValueError: if an instant is naive.
    """
    uses = budget_use(network, past_attempt_times, now, among)
    return max([utc(now), *(use.free_at for use in uses if use.free_at is not None)])


def budget_use(
    network: str | None, past_attempt_times: Iterable[datetime], now: datetime, among: Budgets = BUDGETS
) -> tuple[Use, ...]:
    """Return, for each budget of a network, how much of it is used at `now`, and when it frees up.

    Raises:
        ValueError: if an instant is naive.
    """
    times, now = sorted(utc(at) for at in past_attempt_times), utc(now)
    return tuple(_use(budget, times, now) for budget in budgets(network, among))


def _use(budget: Budget, times: list[datetime], now: datetime) -> Use:
    used = sum(now - budget.window < at for at in times)
    freed = times[-budget.limit] + budget.window if len(times) >= budget.limit else now
    return Use(budget, used, freed if freed > now else None)
