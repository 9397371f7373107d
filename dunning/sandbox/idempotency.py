"""Idempotency keys: the first status and body are replayed for a day of sandbox time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dunning.sandbox.api_errors import conflict, idempotency_mismatch

_KEPT = timedelta(hours=24)


@dataclass(slots=True)
class _Entry:
    fingerprint: str
    at: datetime
    answer: tuple[int, str] | None = None
    late: bool = False


class Idempotency:
    """The keys one account has used."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def begin(self, key: str, fingerprint: str, now: datetime) -> tuple[int, str] | None:
        """Return the answer to replay, or None when the request has to be executed.

        Raises:
            ApiError: 400 when the key came with other parameters, 409 while the first is in flight.
        """
        entry = self._entries.get(key)
        if entry is None or now - entry.at >= _KEPT:
            self._entries[key] = _Entry(fingerprint, now)
            return None
        if entry.fingerprint != fingerprint:
            raise idempotency_mismatch(key)
        if entry.answer is None:
            raise conflict("idempotency_key_in_use")
        return entry.answer

    def finish(self, key: str, status: int, body: str) -> None:
        """Remember what the first request was answered."""
        self._entries[key].answer = (status, body)

    def postpone(self, key: str, *, late: bool) -> None:
        """Keep a key in flight after its connection broke off, for as long as its effect is `late`."""
        self._entries[key].late = late

    def abandon(self, key: str) -> None:
        """Drop a key whose request was answered nothing worth keeping, unless its effect is still to come."""
        entry = self._entries.get(key)
        if entry is not None and entry.answer is None and not entry.late:
            del self._entries[key]
