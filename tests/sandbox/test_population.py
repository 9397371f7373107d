from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox

START = datetime(2026, 1, 5, tzinfo=UTC)


def lived(seed: int, books: Path | None = None, customers: int = 300, days: int = 60) -> Sandbox:
    """Let a world live for some days with nobody collecting but Stripe."""
    clock = VirtualClock(START)
    end = START + timedelta(days=days)
    sandbox = Sandbox(clock, seed, books=books)
    sandbox.populate(customers, until=end)
    while (due := sandbox.next_at()) is not None and due <= end:
        clock.advance_to(due)
        sandbox.play()
    sandbox.close()
    return sandbox


def test_one_seed_gives_the_same_books_to_the_byte(tmp_path: Path) -> None:
    first, second, other = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    lived(7, first)
    lived(7, second)
    lived(8, other)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() != other.read_bytes()


def test_books_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "books"
    path.touch()
    with pytest.raises(FileExistsError):
        Sandbox(VirtualClock(START), books=path)


@pytest.mark.parametrize("seed", [7, 11])
def test_a_lively_share_of_first_charges_fails(seed: int) -> None:
    sandbox = lived(seed)
    files = sandbox.world.files.values()
    failed = sum(1 for file in files if file.failed_at is not None)
    assert 540 <= len(files) <= 640
    assert 0.18 <= failed / len(files) <= 0.25


def test_the_world_is_varied() -> None:
    sandbox = lived(7)
    codes = Counter(line["decline_code"] for line in sandbox.books() if line["decline_code"])
    assert codes.most_common(1)[0][0] == "insufficient_funds"
    assert {"do_not_honor", "generic_decline", "expired_card", "authentication_required"} <= set(codes)
    currencies = Counter(line["currency"] for line in sandbox.books())
    assert set(currencies) == {"usd", "eur", "gbp", "jpy"}
    assert currencies["usd"] > sum(currencies.values()) / 2
    amounts = {line["amount"] for line in sandbox.books() if line["kind"] == "charge"}
    assert (min(amounts), max(amounts)) == (900, 24000)


def test_books_say_who_did_it_and_whom_to_thank() -> None:
    lines = lived(7).books()
    assert {line["made_by"] for line in lines} <= {"stripe", "customer", "merchant"}
    first: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line["kind"] == "charge":
            first.setdefault(line["invoice"], line)
    for line in lines:
        recovered = line["outcome"] == "paid" and line is not first.get(line["invoice"])
        assert (line["credited_to"] is not None) == recovered, line


def test_nobody_pays_twice() -> None:
    paid = [line["invoice"] for line in lived(7).books() if line["outcome"] == "paid"]
    assert len(paid) == len(set(paid))


def test_nothing_is_billed_after_the_end() -> None:
    sandbox = lived(7, customers=20, days=10)
    assert sandbox.next_at() is None or all(
        invoice["created"] <= (START + timedelta(days=10)).timestamp()
        for invoice in sandbox.world.tables["invoices"].values()
    )
    assert len(sandbox.world.tables["invoices"]) < 20
