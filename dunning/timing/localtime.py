"""The customer's own clock: zones from countries, and instants as local days and hours.

Instants are seconds since 1970 in UTC inside the planner; local time is the same number moved by the
zone's offset, so that day and hour are plain divisions.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Protocol, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

HOUR = 3600
DAY = 86400


def _read_zones() -> dict[str, str]:
    text = files("dunning.timing").joinpath("zones.csv").read_text(encoding="utf-8")
    return {row["country"]: row["zone"] for row in csv.DictReader(text.splitlines())}


ZONES = _read_zones()


@lru_cache(maxsize=1024)
def zone_of(timezone: str | None, country: str | None) -> ZoneInfo:
    """Return the zone that was named, else the one where most people of the country live, else UTC."""
    for name in (timezone, ZONES.get((country or "").upper())):
        try:
            return ZoneInfo(name or "")
        except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError, an empty key a ValueError
            continue
        except KeyError:
            continue
    return ZoneInfo("UTC")


class Located(Protocol):
    """Somebody whose zone may be told by name or by country."""

    @property
    def timezone(self) -> str | None:
        """The IANA name, as the customer's metadata has it."""

    @property
    def country(self) -> str | None:
        """ISO 3166, two letters."""


def zone_of_customer(customer: Located | None) -> ZoneInfo:
    """Return the zone in which a customer is written to; UTC for one that is not known."""
    return zone_of(customer.timezone, customer.country) if customer is not None else zone_of(None, None)


def offset(zone: ZoneInfo, second: int) -> int:
    """Return the zone's offset from UTC in seconds at an instant; clocks change on a quarter of an hour."""
    return _offset(zone, second - second % 900)


@lru_cache(maxsize=262144)
def _offset(zone: ZoneInfo, second: int) -> int:
    moved = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
    return 0 if moved is None else int(moved.total_seconds())


def offsets(zone: ZoneInfo, seconds: Ints) -> Ints:
    """Return the offset at each of some ascending instants; the clock rarely changes, so ask once a week."""
    if not seconds.size:
        return seconds
    first, last = int(seconds[0]), int(seconds[-1])
    asked = {offset(zone, second) for second in (*range(first, last, 7 * DAY), last)}
    if len(asked) == 1:
        return np.full(seconds.shape, asked.pop(), dtype=np.int64)
    return np.array([offset(zone, int(second)) for second in seconds], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Moments:
    """Some instants as the customer lives them: local seconds, hours since the failure, its local hour."""

    local: Ints  # local seconds
    age: Floats  # hours since the failure that opened the case
    failed: Floats  # local hours since 1970 at that failure

    @property
    def day(self) -> Ints:
        """Return local days since 1970."""
        return self.local // DAY

    @property
    def hour(self) -> Ints:
        """Return local hours of the day, 0 to 23."""
        return self.local % DAY // HOUR


def moments(zone: ZoneInfo, seconds: Ints, failed: int) -> Moments:
    """Return ascending instants, given in UTC seconds, as seen after a failure at `failed`."""
    return Moments(
        local=seconds + offsets(zone, seconds),
        age=(seconds - failed) / HOUR,
        failed=np.full(seconds.shape, (failed + offset(zone, failed)) / HOUR),
    )
