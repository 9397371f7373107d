"""The sandbox's own truth, as JSON lines: what every attempt and every movement of money was."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

FIELDS = (
    "kind",
    "at",
    "invoice",
    "customer",
    "amount",
    "currency",
    "outcome",
    "decline_code",
    "idempotency_key",
    "made_by",
    "payment_method",
    "card_source",
    "credited_to",
)


class Books:
    """Lines in the order they happened; flushed one by one so that a killed run loses none.

    Raises:
        FileExistsError: if the file is already there, since two runs must not share one truth.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.lines: list[dict[str, Any]] = []
        self._file: TextIO | None = path.open("x", encoding="utf-8") if path else None

    def write(self, kind: str, at: datetime, **fields: Any) -> None:
        """Write one line; amounts are minor units, `at` is aware UTC, absent fields are null."""
        line = dict.fromkeys(FIELDS) | {"kind": kind, "at": at.astimezone(UTC).isoformat()} | fields
        self.lines.append(line)
        if self._file:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file:
            self._file.close()
            self._file = None
