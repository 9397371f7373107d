"""Lengths of time as people write them: 6h, 4d, 1d12h."""

import re
from datetime import timedelta
from typing import Final

LONGEST: Final = timedelta(days=3660)
_UNITS: Final = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_SPAN: Final = re.compile(r"(?:\d{1,6}[wdhms])+")
_PART: Final = re.compile(r"(\d+)([wdhms])")


def is_span(text: str) -> bool:
    """Return whether a text has the form of a length of time, however long."""
    return _SPAN.fullmatch(text.strip()) is not None


def span_of(text: str) -> timedelta | None:
    """Return the length of time that a text says; None for any other text, and for more than ten years."""
    if not is_span(text):
        return None
    found = timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text)))
    return found if found <= LONGEST else None


def spelled(span: timedelta) -> str:
    """Return a length of time as people write it, exactly to the second."""
    rest, parts = int(span.total_seconds()), []
    for unit in "dhms":
        count, rest = divmod(rest, _UNITS[unit])
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0h"
