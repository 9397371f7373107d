"""Dates and spans as people type them: `2026-10-01`, `2026-10-01T06:00:00Z`, `3d`, `12h`, `1d12h`."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from dunning.core.spans import LONGEST, is_span, span_of
from dunning.errors import Unusable

_YEARS: Final = range(2000, 2101)  # no Stripe payment is older, and sums of dates stay in bounds
_AGO: Final = re.compile(r"(\d{1,6})([dwmy])")


def span(option: str, text: str) -> timedelta:
    """Return a length of time such as `3d` or `1d12h`.

    Raises:
        Unusable: it is none; the sentence names the option.
    """
    if not is_span(text):
        raise Unusable(f"{option} {text!r} is not a length of time: write 3d, 12h, 30m or 1d12h.")
    found = span_of(text)
    if found is None:
        raise Unusable(f"{option} {text} is longer than ten years: write 3d, 12h, 30m or 1d12h.")
    return found


def past_instant(option: str, text: str, now: datetime) -> datetime:
    """Return an instant in the past: a date, an instant, or a span before `now`.

    Raises:
        Unusable: it is none of these, or lies in the future.
    """
    found = now - span(option, text) if is_span(text) else instant(option, text)
    if found > now:
        raise Unusable(
            f"{option} {text} lies in the future: name a date that has passed, or a span such as 3d."
        )
    return found


def start_of_history(option: str, text: str, now: datetime) -> datetime:
    """Return where history is to begin: a date, or so many months, days, weeks or years before `now`.

    A month is 30 days here, and `12m` a whole year.

    Raises:
        Unusable: it is neither, or lies in the future.
    """
    found = _AGO.fullmatch(text.strip())
    if found is None:
        return past_instant(option, text, now)
    number, unit = int(found[1]), found[2]
    days = number // 12 * 365 + number % 12 * 30 if unit == "m" else number * {"d": 1, "w": 7, "y": 365}[unit]
    if not 0 < days <= LONGEST.days:
        raise Unusable(f"{option} {text}: write up to ten years, such as 12m, 90d or 2025-01-01.")
    return now - timedelta(days=days)


def coming_instant(option: str, text: str, now: datetime) -> datetime:
    """Return an instant in the future: a date, an instant, or a span from `now`.

    Raises:
        Unusable: it is none of these, or has passed.
    """
    found = now + span(option, text) if is_span(text) else instant(option, text)
    if found <= now:
        raise Unusable(f"{option} {text} has passed: name a date to come, or a span such as 7d.")
    return found


def instant(option: str, text: str) -> datetime:
    """Return a date (its midnight) or an instant, in UTC; without a zone it is meant as UTC.

    Raises:
        Unusable: it is neither.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Unusable(
            f"{option} {text!r} is not a date: write 2026-10-01, or 2026-10-01T06:00:00Z."
        ) from None
    _check_year(option, text, found.year)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def day(option: str, text: str) -> date:
    """Return a calendar day.

    Raises:
        Unusable: it is none.
    """
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        raise Unusable(f"{option} {text!r} is not a day: write it as 2026-10-01.") from None
    _check_year(option, text, found.year)
    return found


def month(option: str, text: str) -> date:
    """Return the first day of a month.

    Raises:
        Unusable: it is none.
    """
    if not re.fullmatch(r"\d{4}-\d{2}", text.strip()):
        raise Unusable(f"{option} {text!r} is not a month: write it as 2026-10.")
    return day(option, f"{text.strip()}-01")


def _check_year(option: str, text: str, year: int) -> None:
    if year not in _YEARS:
        raise Unusable(f"{option} {text}: write a year between {_YEARS[0]} and {_YEARS[-1]}.")
