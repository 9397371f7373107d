"""Importing an export: all of it or nothing, once, whatever made the file."""

import csv
import io
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from scenarios.stage import Stage
from sqlalchemy import func, select

from dunning.core.charge_rows import OWN
from dunning.core.vocabulary import Reason, Status
from dunning.errors import Unusable
from dunning.flows.import_csv import Imported, import_csv
from dunning.flows.import_stripe import import_stripe
from dunning.flows.pacing import Pace
from dunning.sandbox import archive
from dunning.sandbox.past import Wanted
from dunning.store import past, tables
from dunning.store.engine import Store

AT = "2025-06-05T09:00:00Z"


def line(number: int, **cells: str) -> list[str]:
    known = {
        "id": f"ch_{number}",
        "invoice": f"in_{number // 2}",
        "amount": "29.00",
        "currency": "usd",
        "at": f"2025-06-{5 + number % 2:02d}T09:00:00Z",
        "status": "failed" if number % 2 == 0 else "paid",
    }
    return [{**known, **cells}.get(name, "") for name in OWN]


def text(rows: Iterable[list[str]], delimiter: str = ",", head: Any = OWN) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([head, *rows])
    return out.getvalue()


def counts(stage: Stage) -> dict[str, int]:
    names = ("recoveries", "attempts", "ledger_entries", "past_charges")
    with stage.house.store.read() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(getattr(tables, name))).scalar_one()
            for name in names
        }


def bring_in(stage: Stage, folder: Path, content: str | bytes) -> Imported:
    file = folder / "export.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_csv(stage.house, file)


WHOLE = {"recoveries": 5, "attempts": 10, "ledger_entries": 5, "past_charges": 10}
TEN = [line(n) for n in range(10)]


def test_an_export_becomes_history_and_a_second_import_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    done = bring_in(stage, tmp_path, text(TEN))
    assert (done.checked.rows, done.checked.charges, done.recoveries) == (10, 10, 5)
    assert counts(stage) == WHOLE
    assert bring_in(stage, tmp_path, text(TEN)).recoveries == 5
    assert bring_in(stage, tmp_path, text(reversed(TEN))).checked.error_count == 0
    assert counts(stage) == WHOLE
    with stage.house.store.read() as connection:
        rows = connection.execute(select(tables.recoveries)).all()
    assert {(row.status, row.reason) for row in rows} == {(Status.RECOVERED, Reason.STRIPE_RETRY)}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + text(TEN).encode(),
        text(TEN, ";").replace("29.00", "29,00").encode(),
        b"sep=;\r\n" + text(TEN, ";").encode(),
        text(TEN, "\t").encode("utf-16"),
        text(TEN).replace("\r\n", "\n").replace("\n", "\n\n").encode(),
        text([[*row, ""] for row in TEN], head=[*OWN, "Notes, mine"]).encode(),
        text(TEN, head=[name.upper() for name in OWN]).encode(),
        text([*TEN, *TEN]).encode(),
    ],
    ids="bom semicolons sep-line utf-16 blank-lines more-columns capitals doubled".split(),
)
def test_what_spreadsheets_make_of_a_file_is_read(content: bytes, quick_stage: Stage, tmp_path: Path) -> None:
    done = bring_in(quick_stage, tmp_path, content)
    assert done.checked.errors == []
    assert counts(quick_stage) == WHOLE


BAD_FILES = {
    "empty": (b"", "is empty"),
    "no header": (text(TEN[1:], head=TEN[0]).encode(), "names no column"),
    "latin 1": (text([line(0, customer="Jos\u00e9")]).encode("latin-1"), "UTF-8"),
    "latin 1 far in": (
        text([*(line(n) for n in range(5000)), line(1, customer="Jos\u00e9")]).encode("latin-1"),
        "UTF-8",
    ),
    "an open quote": (text(TEN).encode() + b'"ch_11,in_9', "not CSV"),
    "a zip": (b"PK\x03\x04\x14\x00\x06\x00\xff\xfe", "UTF-8"),
    "binary zeros": (b"\x00" * 100, "names no column"),
    "a huge cell": (text([line(0, customer="x" * 200_000)]).encode(), "not CSV"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_export_is_refused_in_a_sentence(
    name: str, quick_stage: Stage, tmp_path: Path
) -> None:
    content, said = BAD_FILES[name]
    with pytest.raises(Unusable, match=said):
        bring_in(quick_stage, tmp_path, content)
    assert set(counts(quick_stage).values()) == {0}


def test_a_bad_row_imports_nothing_and_every_bad_row_is_numbered(stage: Stage, tmp_path: Path) -> None:
    rows = [*TEN, line(11, amount="twenty"), line(12, at="yesterday"), line(0, amount="1.00")]
    done = bring_in(stage, tmp_path, text(rows))
    assert [row for row, _ in done.checked.errors] == [12, 13, 14]
    assert "row 2 already" in done.checked.errors[-1][1]
    assert set(counts(stage).values()) == {0}


def test_of_very_many_errors_fifty_are_told_and_the_rest_counted(quick_stage: Stage, tmp_path: Path) -> None:
    done = bring_in(quick_stage, tmp_path, text(line(n, status="?") for n in range(700)))
    assert (len(done.checked.errors), done.checked.error_count) == (50, 700)


def test_a_run_that_dies_leaves_no_half_history_and_the_next_one_ends_it(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [line(n) for n in range(1200)]
    keep, calls = past.keep_charges, []

    def dies(*arguments: Any) -> None:
        keep(*arguments)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(past, "keep_charges", dies)
        with pytest.raises(KeyboardInterrupt):
            bring_in(stage, tmp_path, text(rows))
    assert counts(stage)["recoveries"] == 0
    assert bring_in(stage, tmp_path, text(rows)).recoveries == 600
    assert counts(stage)["attempts"] == 1200


def test_a_file_that_changes_while_it_is_read_is_not_joined(
    quick_stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Store.write

    def changing(self: Store) -> Any:
        (tmp_path / "export.csv").write_text(text(TEN[:4]), encoding="utf-8")
        return write(self)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", changing)
        with pytest.raises(Unusable, match="changed"):
            bring_in(quick_stage, tmp_path, text(TEN))
    assert counts(quick_stage)["recoveries"] == 0


def test_what_failed_lately_is_left_until_its_window_is_over(quick_stage: Stage, tmp_path: Path) -> None:
    lately = (quick_stage.clock.now() - timedelta(days=3)).isoformat()
    done = bring_in(quick_stage, tmp_path, text([line(0, at=lately)]))
    assert (done.checked.error_count, counts(quick_stage)["recoveries"]) == (0, 0)


def test_an_export_beside_an_import_from_stripe_doubles_nothing(stage: Stage, tmp_path: Path) -> None:
    archive.lay_down(stage.sandbox.world, Wanted(charges=120, days=300, fail_share=0.4))
    import_stripe(stage.house, stage.clock.now() - timedelta(days=400), pace=Pace(1_000_000))
    before = counts(stage)
    with stage.house.store.read() as connection:
        query = select(tables.past_charges).where(tables.past_charges.c.invoice_id.is_not(None))
        charges = connection.execute(query).all()
    rows = [
        line(
            0,
            id=one.id,
            invoice=one.invoice_id,
            at=one.at.isoformat(),
            amount=f"{one.amount // 100}.{one.amount % 100:02d}",
            status="paid" if one.paid else "failed",
        )
        for one in charges
    ]
    assert bring_in(stage, tmp_path, text(rows)).checked.error_count == 0
    assert counts(stage) == before
