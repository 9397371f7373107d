"""The audit log's chain: each entry is sealed over its own words and the seal of the one before it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dunning.core.clock import utc

START: Final = "0" * 64  # what the first entry follows


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: who, what to which object, how it was and how it is (JSON texts, None where absent)."""

    seq: int
    at: datetime
    actor: str
    action: str
    object: str
    before: str | None
    after: str | None
    prev_hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain, as it is known beside it."""

    seq: int
    hash: str


def written(facts: Mapping[str, Any] | None) -> str | None:
    """Return facts as the one JSON text that they always give; instants and enums as their text."""
    if facts is None:
        return None
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def seal(entry: Entry) -> str:
    """Return the entry's SHA-256, in hex."""
    parts = (
        entry.seq,
        utc(entry.at).isoformat(timespec="microseconds"),
        entry.actor,
        entry.action,
        entry.object,
        entry.before,
        entry.after,
        entry.prev_hash,
    )
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both sides with only what differs between them."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def first_break(entries: Iterable[tuple[Entry, str]], head: Head | None) -> str | None:
    """Return where the chain is broken, as a sentence, or None; entries with their seals, oldest first."""
    seq, last = 0, START
    for entry, sealed in entries:
        if entry.seq != seq + 1:
            return f"Entry {seq + 1} is missing."
        if entry.prev_hash != last:
            return f"Entry {entry.seq} does not follow entry {seq} as it stands."
        if seal(entry) != sealed:
            return f"Entry {entry.seq} was changed after it was written."
        seq, last = entry.seq, sealed
    if head is None or (head.seq, head.hash) != (seq, last):
        return f"The log ends with entry {seq}, and should end with entry {head.seq if head else '?'}."
    return None
