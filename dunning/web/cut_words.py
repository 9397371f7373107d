"""What the keys of the grouped reports are called on the screen."""

from collections.abc import Mapping
from typing import Final

from dunning.core.report_words import LATER, TIME_BUCKETS
from dunning.web import words

WEEKDAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_HOURS: Final = {1: "1 hour", 6: "6 hours", 24: "1 day", 72: "3 days", 168: "7 days", 336: "14 days"}
TIMES: Final = {key: f"Up to {_HOURS.get(hours, '30 days')}" for hours, key in TIME_BUCKETS} | {
    LATER: "Later",
    "none": "Not recovered",
}
CREDITED: Final = {
    "ours": "Ours: a retry, a message or a backup card",
    "stripe": "Stripe's: its retries, or the card network's updater",
    "customer": "The customer's own",
    "staff": "Staff",
    "merchant": "The merchant's: Dashboard, API or outside Stripe",
    "none": "Not recovered",
}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "reason": words.REASON,
    "decline_class": words.DECLINE_CLASS,
    "time_to_recover": TIMES,
    "credited_to": CREDITED,
    "weekday": {str(number): name for number, name in enumerate(WEEKDAYS, 1)},
    "hour": {f"{hour:02d}": f"{hour:02d}:00–{hour:02d}:59" for hour in range(24)},
}
_VERBATIM: Final = frozenset(
    {"plan", "country", "decline_code", "campaign_version", "step", "failed_day", "segment"}
)


def key_words(dimension: str, key: str) -> str:
    """Return a key as people read it."""
    known = _WORDS.get(dimension, {})
    if key in known:
        return str(known[key])
    if key == "none":
        return "None"
    return key if dimension in _VERBATIM else key.replace("_", " ").capitalize()
