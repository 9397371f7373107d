"""Segments: named conditions over what is known when a recovery opens, each with switches of its own."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from dunning.core.conditions import Condition, Known, NotUsable, first_match
from dunning.core.toml import spelt
from dunning.core.vocabulary import Retries

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
EXAMPLE: Final = """\
# The first segment that fits a failed invoice is its own; what fits none follows the overall switches.
#
# [[segment]]
# name = "enterprise"
# retries = "watch"            # watch, weave or own; left out: as overall
# messages = "off"             # on or off; left out: as overall
# [segment.when]               # all that is named must hold; a list means any of these
# plan = ["Enterprise", "Enterprise yearly"]
# currency = "eur"
# amount_from = 100000         # minor units: 1000.00 EUR and more; amount_below is the other end
#
# Other fields: invoice_class (first, trial_end, renewal, one_off), country ("DE"), account ("acct_..."),
# decline_class, decline_code, interval (day, week, month, quarter, year), tenure_from and tenure_below (days
# as a customer), value_from and value_below (minor units paid before), by_hand and livemode (true, false).
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment; a switch that is None follows the overall one. `paused` is the reason, or None."""

    name: str
    when: Condition = field(default_factory=Condition)
    retries: Retries | None = None
    messages: bool | None = None
    paused: str | None = None

    def dumps(self) -> dict[str, Any]:
        """Return the segment, JSON-ready."""
        return {
            "name": self.name,
            "when": self.when.dumps(),
            "retries": self.retries.value if self.retries else None,
            "messages": self.messages,
            "paused": self.paused,
        }


@dataclass(frozen=True, slots=True)
class Segments:
    """All segments, in the order in which they are tried; one version of many."""

    all: tuple[Segment, ...] = ()
    version: int = 0

    def of(self, known: Known) -> Segment | None:
        """Return the segment of a failed invoice, or None: then the overall switches hold."""
        return first_match(self.all, known)

    def named(self, name: str | None) -> Segment | None:
        """Return the segment with this name; None where there is none (any more)."""
        return next((segment for segment in self.all if segment.name == name), None)

    def unlike(self, retries: Retries, *, messages: bool) -> tuple[str, ...]:
        """Return the names of the segments with another switch than these overall ones."""
        return tuple(
            one.name
            for one in self.all
            if one.retries not in {None, retries} or one.messages not in {None, messages}
        )

    def changed(self, name: str, **switches: Any) -> Self:
        """Return the segments with the switches of one changed."""
        return replace(self, all=tuple(replace(s, **switches) if s.name == name else s for s in self.all))

    def dumps(self) -> list[dict[str, Any]]:
        """Return the segments, JSON-ready."""
        return [segment.dumps() for segment in self.all]

    @classmethod
    def loads(cls, said: Iterable[Mapping[str, Any]], version: int = 0) -> Self:
        """Return the segments that a file or `dumps` says.

        Raises:
            NotUsable: a segment cannot work, or can never be reached; the sentence names it.
        """
        read: list[Segment] = []
        for number, one in enumerate(said, 1):
            segment = _segment(number, one)
            if any(segment.name == other.name for other in read):
                raise NotUsable(f"Two segments are called {segment.name!r}: give each a name of its own.")
            if read and read[-1].when.empty:
                raise NotUsable(
                    f"Segment {segment.name!r} is never reached: {read[-1].name!r} takes everything."
                )
            read.append(segment)
        return cls(tuple(read), version)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the segments of a TOML text of `[[segment]]` tables.

        Raises:
            NotUsable: it is not TOML, or a segment cannot work.
        """
        try:
            said = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise NotUsable(f"This is not TOML: {error}.") from None
        tables = said.pop("segment", [])
        if said or not isinstance(tables, list):
            odd = ", ".join(said) or "segment"
            raise NotUsable(f"{odd!r} is unknown here: write one [[segment]] table for each segment.")
        return cls.loads(tables)

    def written(self) -> str:
        """Return the TOML text that `read` reads; pauses are not part of it."""
        return "\n".join(_written(segment) for segment in self.all)


def _segment(number: int, said: Mapping[str, Any]) -> Segment:
    name = said.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name == "overall":
        raise NotUsable(
            f"Segment {number} needs a `name` of small letters, digits, - and _, such as enterprise."
        )
    for key in said:
        if key not in {"name", "when", "retries", "messages", "paused"}:
            raise NotUsable(f"Segment {name!r}: {key!r} is unknown; there are name, retries, messages, when.")
    when = said.get("when", {})
    if not isinstance(when, Mapping):
        raise NotUsable(f'Segment {name!r}: `when` is a table of fields, such as currency = "eur".')
    try:
        return Segment(
            name,
            Condition.loads(when),
            _mode(said.get("retries")),
            _on_or_off(said.get("messages")),
            said.get("paused"),
        )
    except NotUsable as error:
        raise NotUsable(f"Segment {name!r}: {error}") from None


def _written(segment: Segment) -> str:
    lines = ["[[segment]]", f"name = {spelt(segment.name)}"]
    if segment.retries is not None:
        lines.append(f"retries = {spelt(segment.retries.value)}")
    if segment.messages is not None:
        lines.append(f"messages = {spelt('on' if segment.messages else 'off')}")
    lines.append("[segment.when]")
    lines += [f"{name} = {spelt(value)}" for name, value in segment.when.dumps().items()]
    return "\n".join(lines) + "\n"


def _mode(said: Any) -> Retries | None:
    if said is not None and said not in list(Retries):
        raise NotUsable(
            f"retries is {said!r}: it is {', '.join(Retries)}, or left out to follow the overall mode."
        )
    return None if said is None else Retries(said)


def _on_or_off(said: Any) -> bool | None:
    if isinstance(said, bool) or said is None:
        return said
    if said not in {"on", "off"}:
        raise NotUsable(f"messages is {said!r}: it is on or off, or left out to follow the overall switch.")
    return bool(said == "on")
