"""Importing the past from an export: the whole file is checked first, and a bad row imports nothing.

A checked file is kept in pages of rows and joined only when all of it is there, so that a run which dies
leaves no half history; the same file imported again changes nothing.
"""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import Final

from dunning.core.billing import Whose
from dunning.core.charge_rows import BadHeader, BadRow, Layout, layout_of, read_row
from dunning.core.history import PastCharge
from dunning.errors import Unusable
from dunning.flows.house import House
from dunning.flows.import_stripe import Progress, join_all
from dunning.store import imports, past

SHOWN: Final = 50
ROWS_A_TRANSACTION: Final = 500
DELIMITERS: Final = ",;\t"
Numbered = tuple[int, Sequence[str]]


@dataclass(slots=True)
class Checked:
    """What a file holds: rows, charges, rows left out, and the first errors by row (the header is row 1)."""

    rows: int = 0
    charges: int = 0
    left_out: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)
    error_count: int = 0

    def complain(self, row: int, sentence: str) -> None:
        """Count an error, and keep the first fifty."""
        self.error_count += 1
        if len(self.errors) < SHOWN:
            self.errors.append((row, sentence))


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; nothing when `checked` has errors."""

    checked: Checked
    recoveries: int = 0


def import_csv(
    house: House,
    path: Path,
    *,
    zone: tzinfo | None = None,
    progress: Progress = lambda _stage, _done: None,
) -> Imported:
    """Check a file and import it; `zone` is that of times which name none.

    Raises:
        Unusable: the file cannot be read as CSV at all, or changed while it was read.
    """
    now, whose = house.clock.now(), Whose(livemode=house.settings.livemode)
    digest, checked = _digest(path), _checked(path, zone, now)
    if checked.error_count:
        return Imported(checked)
    with house.store.write() as connection:
        source = imports.begin(connection, whose, f"csv:{digest}", path.name, now)
    kept = 0
    for some in _batches(path, zone, now):
        with house.store.write() as connection:
            past.keep_charges(connection, whose, source.id, some)
        kept += len(some)
        progress("charges", 1000 * kept // max(checked.charges, 1))
    if _digest(path) != digest:
        raise Unusable(f"{path} changed while it was read; nothing was joined. Import it again.")
    join_all(house, source, lambda _invoice_id: False, progress)
    with house.store.write() as connection:
        imports.change(connection, source.id, finished_at=now)
        return Imported(checked, imports.brought(connection, source.id))


def _checked(path: Path, zone: tzinfo | None, now: datetime) -> Checked:
    found, seen = Checked(), dict[str, tuple[int, int]]()
    layout, rows = _open(path, zone)
    for number, row in rows:
        found.rows += 1
        try:
            charge = read_row(layout, row, now)
            if charge is None:
                found.left_out += 1
            elif _is_new(charge, number, seen):
                found.charges += 1
        except BadRow as error:
            found.complain(number, str(error))
    return found


def _is_new(charge: PastCharge, number: int, seen: dict[str, tuple[int, int]]) -> bool:
    before, facts = seen.setdefault(charge.id, (number, hash(charge)))
    if facts != hash(charge):
        raise BadRow(f"{charge.id} is in row {before} already, with other values.")
    return before == number


def _batches(path: Path, zone: tzinfo | None, now: datetime) -> Iterator[list[PastCharge]]:
    layout, rows = _open(path, zone)
    try:
        charges = (charge for _, row in rows if (charge := read_row(layout, row, now)) is not None)
        while some := list(islice(charges, ROWS_A_TRANSACTION)):
            yield some
    except BadRow:
        raise Unusable(f"{path} changed while it was read; nothing was joined. Import it again.") from None


def _open(path: Path, zone: tzinfo | None) -> tuple[Layout, Iterator[Numbered]]:
    """Return the layout of a file and its rows, numbered as a spreadsheet shows them; empty ones left out."""
    rows = _rows(path)
    try:
        _, head = next(rows)
    except StopIteration:
        raise Unusable(
            f"{path} is empty: `dunning import csv --example` shows what it should hold."
        ) from None
    try:
        return layout_of(head, decimal_comma=_delimiter(path)[0] == ";", zone=zone), rows
    except BadHeader as error:
        raise Unusable(f"{path}: {error} `dunning import csv --example` shows the columns.") from None


def _rows(path: Path) -> Iterator[Numbered]:
    delimiter, told = _delimiter(path)
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for number, row in enumerate(reader, start=1):
                if any(cell.strip() for cell in row) and not (told and number == 1):
                    yield number, row
    except UnicodeDecodeError:
        raise Unusable(f"{path} is not UTF-8: save it as “CSV UTF-8”.") from None
    except csv.Error as error:
        raise Unusable(f"{path} is not CSV near line {reader.line_num}: {error}.") from None
    except OSError as error:
        raise Unusable(f"{path} cannot be read ({error.strerror}).") from None


def _delimiter(path: Path) -> tuple[str, bool]:
    """Return what separates the cells, and whether a first line says so, as Excel writes it (`sep=;`)."""
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            first = file.readline(1 << 16)
    except UnicodeDecodeError:
        raise Unusable(f"{path} is not UTF-8: save it as “CSV UTF-8”.") from None
    except OSError as error:
        raise Unusable(f"{path} cannot be read ({error.strerror}).") from None
    told = first.strip().lower().removeprefix("sep=")
    if first.lower().startswith("sep=") and told in {*DELIMITERS}:
        return told, True
    return max(DELIMITERS, key=first.count), False


def _encoding(path: Path) -> str:
    """Return the encoding that the first bytes name: Excel's Unicode text is UTF-16, all else UTF-8."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"


def _digest(path: Path) -> str:
    if not path.is_file():
        raise Unusable(f"{path} is no file: name the export that you saved.")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unusable(f"{path} cannot be read ({error.strerror}).") from None
