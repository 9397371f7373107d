"""Instants and ages as a staff page tells them, in the language of who looks."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton

from dunning.web.tongues import Tongue

ENGLISH: Final = Locale("en")
SPANS: Final = ("%(n)s d", "%(n)s h", "%(n)s min")
OF_CALENDAR: Final = (*SPANS, "%(time)s in %(place)s", "due now", "in %(span)s")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Instants in the report time zone, told from `now` (aware UTC)."""

    now: datetime
    zone: ZoneInfo
    tongue: Tongue | None = None  # none: English

    def moment(self, at: datetime | None) -> str:
        """Return `Thu 18 Mar 08:40`, with the year when it is another one."""
        if at is None:
            return ""
        local = at.astimezone(self.zone)
        year = "" if local.year == self.now.astimezone(self.zone).year else " y"
        if self._locale != ENGLISH:
            skeleton = "yMMMEd" if year else "MMMEd"
            day = format_skeleton(skeleton, local, locale=self._locale)
            return f"{day} {format_datetime(local, 'HH:mm', locale=self._locale)}"
        return format_datetime(local, f"EEE d MMM{year} HH:mm", locale=ENGLISH)

    def theirs(self, at: datetime | None, zone: str | None) -> str:
        """Return `08:40 in Berlin` where the customer's clock shows another time than ours; else nothing."""
        there = _zone(zone) if at is not None else None
        if (
            at is None
            or there is None
            or at.astimezone(there).utcoffset() == at.astimezone(self.zone).utcoffset()
        ):
            return ""
        place = there.key.rpartition("/")[2].replace("_", " ")
        clock = format_datetime(at.astimezone(there), "EEE HH:mm", locale=self._locale)
        return self._t("%(time)s in %(place)s", time=clock, place=place)

    def day(self, at: datetime | date | None) -> str:
        """Return `18 Mar 2027`."""
        if at is None:
            return ""
        local = at.astimezone(self.zone) if isinstance(at, datetime) else at
        if self._locale != ENGLISH:
            return format_skeleton("yMMMd", local, locale=self._locale)
        return format_date(local, "d MMM y", locale=ENGLISH)

    def ago(self, at: datetime | None) -> str:
        """Return how long ago, in the largest unit that fits: `3 d`, `5 h`, `12 min`."""
        return "" if at is None else self.span(self.now - at)

    def ahead(self, at: datetime | None) -> str:
        """Return how far ahead: `in 2 d`; `now` when it is due."""
        if at is None:
            return ""
        return self._t("due now") if at <= self.now else self._t("in %(span)s", span=self.span(at - self.now))

    def span(self, length: timedelta) -> str:
        """Return a length of time in its largest unit."""
        text, number = _largest(length)
        return self._t(text, n=number)

    @property
    def _locale(self) -> Locale:
        return self.tongue.formats.locale if self.tongue else ENGLISH

    def _t(self, text: str, **values: object) -> str:
        return self.tongue.t(text, **values) if self.tongue else text % values


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError):
        return None


def _largest(length: timedelta) -> tuple[str, int]:
    """Return a length of time in its largest unit, and how many of it."""
    minutes = max(int(length.total_seconds()) // 60, 0)
    if minutes >= 2 * 1440:
        return SPANS[0], minutes // 1440
    if minutes >= 120:
        return SPANS[1], minutes // 60
    return SPANS[2], minutes
