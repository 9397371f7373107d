"""What the card networks allow: literal delays, stops, and how many tries fit in a rolling window."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dunning.core.clock import utc
from dunning.core.declines import Decline, DeclineClass, classify, follows_mastercard

_STOPPED = frozenset({DeclineClass.HARD, DeclineClass.FRAUD})

# Mastercard's advice 24-30 (the references of Braintree and Antom); 02 is 72 h (Solidgate, Everonet).
MASTERCARD_DELAYS: Final = {
    "02": timedelta(hours=72),
    "24": timedelta(hours=1),
    "25": timedelta(hours=24),
    "26": timedelta(days=2),
    "27": timedelta(days=4),
    "28": timedelta(days=6),
    "29": timedelta(days=8),
    "30": timedelta(days=10),
}


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `limit` attempts within any `window`, per card fingerprint and network."""

    limit: int
    window: timedelta


_MONTH = timedelta(days=30)
DEFAULT_BUDGETS: Final = (Budget(15, _MONTH),)
# Visa: 15 in 30 days (Stripe blocks after the 15th; support.stripe.com, "excessive retries").
# Mastercard: 10 in 24 h and 35 in 30 days before a fee (Braintree network updates 2023 and 2024).
# Amex and Discover publish no number: held to Visa's. Debits: docs.stripe.com/billing, smart retries.
BUDGETS: Final = {
    "visa": (Budget(15, _MONTH),),
    "mastercard": (Budget(10, timedelta(hours=24)), Budget(35, _MONTH)),
    "amex": (Budget(15, _MONTH),),
    "discover": (Budget(15, _MONTH),),
    "us_bank_account": (Budget(2, timedelta(days=40)),),
    "sepa_debit": (Budget(2, _MONTH),),
    "bacs_debit": (Budget(2, _MONTH),),
    "au_becs_debit": (Budget(2, _MONTH),),
    "acss_debit": (Budget(1, _MONTH),),
    "nz_bank_account": (Budget(1, _MONTH),),
}


def budgets(brand: str | None) -> tuple[Budget, ...]:
    """Return the budgets of a card brand or bank-debit type, spelt as Stripe spells it."""
    return BUDGETS.get((brand or "").lower(), DEFAULT_BUDGETS)


def stops_card(decline: Decline) -> bool:
    """Whether the decline forbids this card for good: hard and fraud classes, 03, 21, do_not_try_again."""
    return classify(decline) in _STOPPED


def earliest_after(decline: Decline, at: datetime) -> datetime | None:
    """Return the instant (UTC) before which the network asks not to try again, or None.

    Only Mastercard sends such delays; a decline whose brand is unknown is read as strictly.

    Raises:
        ValueError: if `at` is naive.
    """
    if not follows_mastercard(decline.brand):
        return None
    delay = MASTERCARD_DELAYS.get((decline.network_advice_code or "").strip().zfill(2))
    return None if delay is None else utc(at) + delay


def budget_used(brand: str | None, past_attempt_times: Iterable[datetime], now: datetime) -> int:
    """Count the attempts of the longest window that ends at `now`.

    The caller leaves out attempts that never reached the network, and counts Stripe's own.
    """
    longest = max(budget.window for budget in budgets(brand))
    now = utc(now)
    return sum(now - longest < utc(at) <= now for at in past_attempt_times)


def next_free(brand: str | None, past_attempt_times: Iterable[datetime], now: datetime) -> datetime:
    """Return the earliest instant, not before `now`, at which one more attempt stays inside every budget.

    An attempt leaves a window exactly one window after it was made. Times in UTC; the caller leaves out
    attempts that never reached the network.

    Raises:
        ValueError: if an instant is naive.
    """
    times = sorted(utc(at) for at in past_attempt_times)
    return max(
        [utc(now), *(_freed(budget, times) for budget in budgets(brand) if len(times) >= budget.limit)]
    )


def _freed(budget: Budget, times: list[datetime]) -> datetime:
    return times[-budget.limit] + budget.window
