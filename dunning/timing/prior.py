"""What is believed before any history, from public facts.

Pay cycles: US Bureau of Labor Statistics, "Length of pay periods" (2013 and 2023) for countries that pay
often; elsewhere mostly by the month, on any of its usual days. Mix of reasons by code and funding:
Recurly's published decline tables, and the remark of several acquirers that "do not honor" hides a lack of
money about half the time. The rest is assumed, kept broad, and corrected by history.
"""

from typing import Final

import numpy as np

from dunning.core.declines import DeclineClass
from dunning.timing import paydays, stories
from dunning.timing.localtime import Floats

FAMILIES: Final = (*(c.value for c in DeclineClass if c not in {"hard", "fraud"}), "new_card")
FUNDINGS: Final = ("debit", "credit", "prepaid", "unknown")
REGIONS: Final = ("often", "britain", "monthly", "unknown")

_OFTEN = frozenset({"US", "CA", "AU", "NZ"})
_BRITAIN = frozenset({"GB", "IE"})

# Shares of weekly, fortnightly, twice a month, monthly pay.
_KINDS = {
    "often": (0.27, 0.43, 0.20, 0.10),
    "britain": (0.10, 0.04, 0.02, 0.84),
    "monthly": (0.07, 0.06, 0.12, 0.75),
    "unknown": (0.15, 0.20, 0.15, 0.50),
}
_WEEKDAYS_OFTEN = (0.14, 0.12, 0.15, 0.18, 0.27, 0.08, 0.06)
_WEEKDAYS = (0.15, 0.12, 0.14, 0.18, 0.25, 0.08, 0.08)
_TWICE = (0.42, 0.30, 0.16, 0.12)
_USUAL_DAYS = {1: 0.20, 5: 0.08, 10: 0.06, 15: 0.10, 20: 0.06, 25: 0.15, 28: 0.10, 31: 0.25}
# What is published about days and hours contradicts itself from country to country, so most of it is not
# believed before history shows it: this share of customers is paid on any weekday, at any hour.
_ANY: Final = 0.9
_UNUSUAL = 0.7  # share of monthly pay on any day of the month
_MOVED = 0.3  # share of dated pay that comes before a weekend rather than on it
_WORKING = 0.06  # share of monthly pay on one of the first working days
_LASTS = (0.38, 0.30, 0.20, 0.12)
SOON: Final = 8.0  # days: money that comes, comes ever more rarely; who waits for it may find the card closed
_INFLOW_LASTS: Final = {20.0: 0.25, 60.0: 0.25, 180.0: 0.25, 600.0: 0.25}  # hours

# Shares in the order of stories.GROUPS:
# payday, inflow, issuer, technical, limit, paid_down, updated, mood, luck, clear, never
_SHARES: Final = {
    "soft_funds": (0.42, 0.28, 0.03, 0.01, 0.01, 0.03, 0.0, 0.1, 0.04, 0.01, 0.17),
    "soft_funds/credit": (0.2, 0.17, 0.04, 0.01, 0.06, 0.28, 0.0, 0.1, 0.04, 0.01, 0.21),
    "soft_funds/prepaid": (0.42, 0.28, 0.03, 0.01, 0.01, 0.01, 0.0, 0.1, 0.04, 0.01, 0.21),
    "soft_issuer": (0.14, 0.14, 0.26, 0.04, 0.03, 0.02, 0.01, 0.12, 0.14, 0.02, 0.29),
    "soft_issuer/credit": (0.05, 0.05, 0.33, 0.04, 0.04, 0.1, 0.01, 0.12, 0.14, 0.02, 0.29),
    "soft_issuer/prepaid": (0.2, 0.14, 0.2, 0.03, 0.02, 0.01, 0.0, 0.12, 0.14, 0.02, 0.31),
    "technical": (0.02, 0.02, 0.07, 0.75, 0.01, 0.01, 0.0, 0.03, 0.03, 0.05, 0.055),
    "limit": (0.12, 0.09, 0.08, 0.01, 0.44, 0.08, 0.0, 0.06, 0.05, 0.01, 0.145),
    "needs_authentication": (0.01, 0.01, 0.01, 0.01, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0, 0.95),
    "needs_card": (0.01, 0.01, 0.01, 0.01, 0.0, 0.0, 0.16, 0.0, 0.0, 0.0, 0.8),
    "unknown": (0.16, 0.11, 0.22, 0.07, 0.04, 0.03, 0.02, 0.1, 0.1, 0.02, 0.28),
    "new_card": (0.03, 0.03, 0.05, 0.02, 0.02, 0.01, 0.0, 0.0, 0.04, 0.74, 0.08),
}
_WITHIN: Final = {
    "issuer": (0.10, 0.18, 0.26, 0.22, 0.14, 0.10),
    "technical": (0.28, 0.28, 0.20, 0.14, 0.10),
    "limit": (0.55, 0.20, 0.25),
    "paid_down": (0.14, 0.20, 0.20, 0.20, 0.14, 0.12),
    "updated": (0.15, 0.20, 0.25, 0.25, 0.15),
    "mood": (0.6 / 8,) * 8 + (0.4 / 7,) * 7,
    "luck": (0.3, 0.3, 0.25, 0.15),
    "clear": (1.0,),
    "never": (1.0,),
}


def region_of(country: str | None) -> str:
    """Return which pay habits a card's country has; only a prior, history corrects it."""
    if not country:
        return "unknown"
    if country.upper() in _OFTEN:
        return "often"
    return "britain" if country.upper() in _BRITAIN else "monthly"


def funding_of(funding: str | None) -> str:
    """Return the card's funding as one of FUNDINGS."""
    return funding if funding in FUNDINGS else "unknown"


def shares(family: str, funding: str) -> Floats:
    """Return the share of each story group for a decline family and funding; they sum to 1."""
    if funding == "unknown":
        mix = 0.5 * _share_row(family, "debit") + 0.5 * _share_row(family, "credit")
        return mix / float(mix.sum())
    return _share_row(family, funding)


def _share_row(family: str, funding: str) -> Floats:
    row = np.array(_SHARES.get(f"{family}/{funding}", _SHARES[family]), dtype=np.float64)
    return row / float(row.sum())


def patterns(region: str) -> Floats:
    """Return the weight of each payday pattern in a region; they sum to 1."""
    weekly, fortnightly, twice, monthly = _KINDS[region]
    weekdays = _weekdays(_WEEKDAYS_OFTEN if region == "often" else _WEEKDAYS)
    moved = (1 - _MOVED, _MOVED)
    working = np.linspace(1, 0.4, len(paydays.WORKING))
    parts = [
        weekly * weekdays,
        fortnightly * np.tile(weekdays, 2) / 2,
        twice * np.outer(moved, _TWICE).ravel(),
        monthly * (1 - _WORKING) * np.outer(moved, _month_days()).ravel(),
        monthly * _WORKING * working / working.sum(),
    ]
    return np.concatenate(parts)


def _weekdays(published: tuple[float, ...]) -> Floats:
    return _ANY / len(published) + (1 - _ANY) * np.array(published) / sum(published)


def _month_days() -> Floats:
    usual = np.array([_USUAL_DAYS.get(day, 0.0) for day in paydays.MONTH_DAYS])
    spread: Floats = (1 - _UNUSUAL) * usual / usual.sum() + _UNUSUAL / len(usual)
    return spread


def posted() -> Floats:
    """Return the weight of each local hour at which deposits can be spent."""
    return np.full(len(stories.POSTED), 1 / len(stories.POSTED))


def lasts() -> Floats:
    """Return the weight of each duration that money lasts."""
    return np.array(_LASTS)


def within(group: str) -> Floats:
    """Return the weights of the stories of a group that has no paydays; they sum to 1."""
    if group != "inflow":
        return np.array(_WITHIN[group])
    days, lasts = np.array([(clears / 24, lasts) for clears, _, lasts in stories.INFLOW]).T
    shared = np.zeros(len(days))
    for hours, share in _INFLOW_LASTS.items():
        mine = lasts == hours
        rate = np.diff(days[mine], prepend=0) * np.exp(-days[mine] / SOON)
        shared[mine] = share * rate / rate.sum()
    return shared
