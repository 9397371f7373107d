"""The chain of the audit log, and where it is broken."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dunning.core.audit import START, Entry, Head, changed, first_break, seal, written

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def chain(length: int) -> list[tuple[Entry, str]]:
    """Return a log of so many entries, each with its seal."""
    entries, last = list[tuple[Entry, str]](), START
    for number in range(1, length + 1):
        at = NOW + timedelta(seconds=number)
        one = Entry(number, at, "ada", "recovery.stop", f"rec_{number}", None, written({"n": number}), last)
        last = seal(one)
        entries.append((one, last))
    return entries


def head(entries: list[tuple[Entry, str]]) -> Head:
    return Head(entries[-1][0].seq, entries[-1][1])


def test_a_log_that_only_grew_is_whole() -> None:
    assert first_break(chain(4), head(chain(4))) is None


def test_an_entry_that_was_changed_is_named() -> None:
    entries = chain(4)
    entries[1] = (replace(entries[1][0], actor="eve"), entries[1][1])
    assert first_break(entries, head(entries)) == "Entry 2 was changed after it was written."


def test_an_entry_that_was_changed_and_sealed_anew_breaks_what_follows() -> None:
    entries = chain(4)
    forged = replace(entries[1][0], actor="eve")
    entries[1] = (forged, seal(forged))
    said = first_break(entries, head(entries))
    assert said == "Entry 3 does not follow entry 2 as it stands."


def test_an_entry_that_was_taken_out_is_missing() -> None:
    entries = chain(4)
    del entries[1]
    assert first_break(entries, head(entries)) == "Entry 2 is missing."


def test_entries_cut_off_at_the_end_are_missing_from_it() -> None:
    entries = chain(4)
    said = first_break(entries[:3], head(entries))
    assert said == "The log ends with entry 3, and should end with entry 4."
    assert first_break(entries, None) == "The log ends with entry 4, and should end with entry ?."
    assert first_break([], None) == "The log ends with entry 0, and should end with entry ?."


def test_each_field_of_an_entry_is_under_its_seal() -> None:
    one = chain(1)[0][0]
    others = {
        "seq": 2,
        "at": NOW,
        "actor": "eve",
        "action": "recovery.pause",
        "object": "rec_2",
        "before": "{}",
        "after": None,
        "prev_hash": "x",
    }
    seals = {seal(replace(one, **{name: value})) for name, value in others.items()}
    assert len(seals | {seal(one)}) == len(others) + 1


def test_of_a_change_only_what_differs_is_kept() -> None:
    before, after = changed({"a": 1, "b": 2}, {"b": 3, "a": 1, "c": None})
    assert (before, after) == ({"b": 2}, {"b": 3})
