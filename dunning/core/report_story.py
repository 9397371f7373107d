"""What a report knows of one recovery: plain facts, and the same as text that reads back unchanged."""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from dunning.core.vocabulary import (
    AttemptState,
    ClosedReason,
    LedgerKind,
    MadeBy,
    MessageState,
    Reason,
    Status,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt by anyone; `amount` in minor units, `at` aware UTC."""

    at: datetime
    state: AttemptState
    made_by: MadeBy
    amount: int
    decline_class: str | None = None
    decline_code: str | None = None
    brand: str | None = None
    funding: str | None = None
    country: str | None = None
    charge_id: str | None = None
    policy_version: int | None = None
    card: str | None = None  # its fingerprint
    stopped: bool = False  # the network publishes a fee for another try on this card


@dataclass(frozen=True, slots=True)
class Moved:
    """One entry of the ledger: signed minor units."""

    at: datetime
    kind: LedgerKind
    amount: int
    reason: Reason | None = None
    charge_id: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """One message; `used` says whether its link was."""

    at: datetime
    state: MessageState
    step: str
    channel: str
    template: str
    used: bool = False


@dataclass(frozen=True, slots=True)
class Fee:
    """What Stripe took for moving money, in minor units of the recovery's currency; `at` aware UTC."""

    at: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class Story:
    """One recovery with all that happened to it, oldest first. Amounts in minor units, instants aware UTC."""

    livemode: bool
    imported: bool
    currency: str
    amount: int
    status: Status
    failed_at: datetime
    closed_at: datetime | None
    closed_reason: ClosedReason | None
    reason: Reason | None
    decline_class: str
    decline_code: str | None
    invoice_class: str
    campaign: str
    campaign_version: int
    plan: str | None = None
    segment: str | None = None
    attempts: tuple[Tried, ...] = ()
    entries: tuple[Moved, ...] = ()
    messages: tuple[Written, ...] = ()
    fees: tuple[Fee, ...] = ()

    def dumps(self) -> str:
        """Return the story as JSON text: lists in the order of the fields."""
        head = [_plain(getattr(self, field.name)) for field in fields(self)]
        return json.dumps(head, separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> "Story":
        """Return the story that `dumps` wrote."""
        found = json.loads(text)
        names = [field.name for field in fields(cls)]
        values = dict(zip(names, found, strict=True))
        values["attempts"] = tuple(_read(Tried, one, _TRIED) for one in found[-4])
        values["entries"] = tuple(_read(Moved, one, _MOVED) for one in found[-3])
        values["messages"] = tuple(_read(Written, one, _WRITTEN) for one in found[-2])
        values["fees"] = tuple(_read(Fee, one, _FEE) for one in found[-1])
        for name, read in _STORY.items():
            if values[name] is not None:
                values[name] = read(values[name])
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, tuple):
        return [[_plain(getattr(one, field.name)) for field in fields(one)] for one in value]
    return value


def _read(kind: type[T], found: list[Any], readers: dict[int, Callable[[Any], Any]]) -> T:
    values = list(found)
    for place, read in readers.items():
        if values[place] is not None:
            values[place] = read(values[place])
    return kind(*values)


def _word(kind: type[StrEnum]) -> Callable[[Any], Any]:
    """Return the reading of a word of `kind`: a look into a dict, since thousands are read at a time."""
    return {one.value: one for one in kind}.__getitem__


_TRIED: dict[int, Callable[[Any], Any]] = {
    0: datetime.fromisoformat,
    1: _word(AttemptState),
    2: _word(MadeBy),
}
_MOVED: dict[int, Callable[[Any], Any]] = {0: datetime.fromisoformat, 1: _word(LedgerKind), 3: _word(Reason)}
_WRITTEN: dict[int, Callable[[Any], Any]] = {0: datetime.fromisoformat, 1: _word(MessageState)}
_FEE: dict[int, Callable[[Any], Any]] = {0: datetime.fromisoformat}
_STORY: dict[str, Callable[[Any], Any]] = {
    "status": _word(Status),
    "failed_at": datetime.fromisoformat,
    "closed_at": datetime.fromisoformat,
    "closed_reason": _word(ClosedReason),
    "reason": _word(Reason),
}
