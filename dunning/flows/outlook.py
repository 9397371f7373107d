"""What is still to come, and what was saved: revenue at risk, its forecast, churn, and months kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dunning.core.billing import Whose
from dunning.core.churn import MONTH, Life, Weight, churn
from dunning.core.forecast import Backtest, Forecast, backtest, forecast
from dunning.core.months import bounds, month_of
from dunning.flows.house import House
from dunning.flows.pacing import Pace
from dunning.gateway.lists import Asked
from dunning.gateway.lives import subscriptions
from dunning.store import balance, outlook

LOOKS_BACK: Final = timedelta(days=365)
MONTHS: Final = 6
EVER: Final = timedelta(days=3650)

DEFINITIONS: Final = {
    "revenue at risk": "What open recoveries still owe.",
    "forecast": "What of it will be paid: each at the share of finished ones of its class that were open as "
    "long and were paid later. Four of five times the money lies in the interval, as the backtest shows.",
    "months kept": "Months that subscriptions stayed after their first recovered invoice.",
    "value saved": "Months kept, at what each subscription pays a month.",
}


@dataclass(frozen=True, slots=True)
class Saved:
    """What recovered subscriptions of one currency brought since: value in minor units."""

    subscriptions: int
    months: int
    value: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """All of it as of now; `churn` by month, the newest first."""

    forecasts: Mapping[str, Forecast]
    backtest: Backtest
    churn: Sequence[tuple[str, Mapping[str, Weight]]]
    saved: Mapping[str, Saved]


def look(connection: Connection, zone: ZoneInfo, now: datetime, *, livemode: bool) -> Outlook:
    """Return the outlook from the rows as they stand at `now` (aware UTC)."""
    past = outlook.cases(connection, now - LOOKS_BACK, livemode=livemode)
    judged = backtest(past, now)
    open_now = [case for case in past if case.closed_at is None]
    lives = outlook.all_lives(connection, livemode=livemode)
    return Outlook(
        forecast(past, open_now, now, judged.width),
        judged,
        list(_churn(lives, zone, now)) if lives else [],
        _saved(connection, now, livemode=livemode),
    )


def census(house: House, *, pace: Pace | None = None) -> int:
    """Read every subscription from Stripe's list and keep its life; return how many there are.

    Raises:
        StripeError: the list could not be read; what was kept until then stays.
    """
    pace, livemode, count = pace or Pace.fit_for(house), house.settings.livemode, 0
    with house.store.read() as connection:
        owners = balance.accounts(connection, livemode=livemode) or [Whose(livemode=livemode)]
    since = house.clock.now() - EVER
    for whose in owners:
        asked: Asked | None = Asked(since)
        while asked is not None:
            page = pace.ask(partial(subscriptions, house.stripe, whose, asked))
            with house.store.write() as connection:
                outlook.keep_lives(connection, whose, page.items)
            count += len(page.items)
            asked = Asked(since, after=page.last_id) if page.more else None
    return count


def _churn(
    lives: Sequence[Life], zone: ZoneInfo, now: datetime
) -> Sequence[tuple[str, Mapping[str, Weight]]]:
    found, month = [], month_of(now, zone)
    for _ in range(MONTHS):
        start, end = bounds(month, zone)
        found.append((month, churn(lives, start, min(end, now))))
        month = month_of(start - timedelta(days=1), zone)
    return [(month, weights) for month, weights in found if weights]


def _saved(connection: Connection, now: datetime, *, livemode: bool) -> dict[str, Saved]:
    found: dict[str, Saved] = {}
    for row in outlook.saved(connection, livemode=livemode):
        kept = max(((row["ended_at"] or now) - row["recovered_at"]) // MONTH, 0)
        own = found.get(row["currency"], Saved(0, 0, 0))
        found[row["currency"]] = Saved(
            own.subscriptions + 1, own.months + kept, own.value + kept * row["monthly"]
        )
    return dict(sorted(found.items()))
