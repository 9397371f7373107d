"""The queue as CSV, a page at a time: instants in UTC, amounts in minor units beside their currency."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import RowMapping

COLUMNS: Final = (
    "id status place cause amount currency expected decline_class decline_code customer_name customer_email"
    " customer_id invoice_number invoice_id subscription_id plan country segment campaign_key owner failed_at"
    " deadline next_attempt_at respond_by breached slipping paid_so_far attempts_left"
    " snoozed_until promised_until why"
).split()
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(pages: Iterable[Sequence[RowMapping]]) -> Iterator[str]:
    """Yield the header and then the text of each page."""
    yield _written([COLUMNS])
    for rows in pages:
        yield _written([[_cell(row[name]) for name in COLUMNS] for row in rows])


def _written(rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Return a value as a spreadsheet takes it: what looks like a formula is only shown."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
