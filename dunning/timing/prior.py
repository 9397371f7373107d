"""What is believed before any history, from public facts.

Pay cycles: US Bureau of Labor Statistics, "Length of pay periods" (2013 and 2023) for countries that pay
often; elsewhere mostly by the month, on any of its usual days. Mix of reasons by code and funding:
Recurly's published decline tables, and the remark of several acquirers that "do not honor" hides a lack of
money about half the time. The rest is assumed, kept broad, and corrected by history.
"""

from typing import Final

import numpy as np

from dunning.core.declines import DeclineClass
from dunning.timing import stories
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
_WEEKDAYS_OFTEN = (0.10, 0.09, 0.15, 0.20, 0.38, 0.05, 0.03)
_WEEKDAYS = (0.15, 0.12, 0.14, 0.18, 0.25, 0.08, 0.08)
_TWICE = (0.42, 0.30, 0.16, 0.12)
_MONTH_DAYS = (0.20, 0.10, 0.10, 0.08, 0.06, 0.16, 0.12, 0.18)
_POSTED = (0.50, 0.34, 0.16)
_LASTS = (0.22, 0.40, 0.38)

# Shares in the order of stories.GROUPS:
# payday, inflow, issuer, technical, limit, paid_down, updated, clear, never
_SHARES: Final = {
    "soft_funds": (0.50, 0.22, 0.03, 0.01, 0.01, 0.03, 0.00, 0.01, 0.19),
    "soft_funds/credit": (0.20, 0.17, 0.04, 0.01, 0.06, 0.28, 0.00, 0.01, 0.23),
    "soft_funds/prepaid": (0.42, 0.28, 0.03, 0.01, 0.01, 0.01, 0.00, 0.01, 0.23),
    "soft_issuer": (0.16, 0.10, 0.26, 0.04, 0.03, 0.02, 0.01, 0.02, 0.36),
    "soft_issuer/credit": (0.05, 0.05, 0.33, 0.04, 0.04, 0.10, 0.01, 0.02, 0.36),
    "soft_issuer/prepaid": (0.20, 0.14, 0.20, 0.03, 0.02, 0.01, 0.00, 0.02, 0.38),
    "technical": (0.02, 0.02, 0.07, 0.75, 0.01, 0.01, 0.00, 0.05, 0.07),
    "limit": (0.12, 0.09, 0.08, 0.01, 0.44, 0.08, 0.00, 0.01, 0.17),
    "needs_authentication": (0.01, 0.01, 0.01, 0.01, 0.00, 0.00, 0.01, 0.00, 0.95),
    "needs_card": (0.01, 0.01, 0.01, 0.01, 0.00, 0.00, 0.16, 0.00, 0.80),
    "unknown": (0.16, 0.11, 0.22, 0.07, 0.04, 0.03, 0.02, 0.02, 0.33),
    "new_card": (0.03, 0.03, 0.05, 0.02, 0.02, 0.01, 0.00, 0.74, 0.10),
}
_WITHIN: Final = {
    "issuer": (0.10, 0.18, 0.26, 0.22, 0.14, 0.10),
    "technical": (0.34, 0.34, 0.20, 0.12),
    "limit": (0.55, 0.20, 0.25),
    "paid_down": (0.14, 0.20, 0.20, 0.20, 0.14, 0.12),
    "updated": (0.15, 0.20, 0.25, 0.25, 0.15),
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
    weekdays = np.array(_WEEKDAYS_OFTEN if region == "often" else _WEEKDAYS)
    parts = (weekdays, np.tile(weekdays, 2), np.array(_TWICE), np.array(_MONTH_DAYS))
    weighed = [kind * part / part.sum() for kind, part in zip(_KINDS[region], parts, strict=True)]
    return np.concatenate(weighed)


def posted() -> Floats:
    """Return the weight of each local hour at which deposits can be spent."""
    return np.array(_POSTED)


def lasts() -> Floats:
    """Return the weight of each duration that money lasts."""
    return np.array(_LASTS)


def within(group: str) -> Floats:
    """Return the weights of the stories of a group that has no paydays; they sum to 1."""
    if group != "inflow":
        return np.array(_WITHIN[group])
    days = np.array(stories.INFLOW_DAYS, dtype=np.float64)
    rate = np.diff(days, prepend=0) * np.exp(-days / 14)
    both = np.outer(rate, (0.45, 0.55)).ravel()
    return both / float(both.sum())
