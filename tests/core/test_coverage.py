"""How far a list was read: every object once, wherever a run stops."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dunning.core.coverage import OVERLAP, Coverage, Leaf, lost_place, next_pass, share_done, turn

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def at(day: int) -> datetime:
    return NOW - (1000 - day) * DAY


def page(made: list[int], going: Coverage, size: int) -> tuple[list[int], Leaf]:
    """Answer as a list of Stripe's does: newest first, from the cursor on, inside the pass."""
    assert going.pass_from is not None
    inside = [n for n in sorted(made, reverse=True) if at(n) >= going.pass_from]
    inside = [n for n in inside if going.pass_to is None or at(n) < going.pass_to]
    rest = [n for n in inside if going.after_id is None or n < int(going.after_id)]
    some = rest[:size]
    if not some:
        return [], Leaf(0, more=False)
    more = len(rest) > size
    return some, Leaf(len(some), more, at(some[0]), at(some[-1]), str(some[-1]))


def read_all(made: list[int], read: Coverage, since: datetime, size: int) -> tuple[list[int], Coverage]:
    got, renewed = [], False
    while (going := next_pass(read, since, renewed=renewed)) is not None:
        renewed = renewed or (read.pass_from is None and going.pass_to is None)
        read = going
        while read.pass_from is not None:
            some, leaf = page(made, read, size)
            got += some
            read = turn(read, leaf)
    return got, read


@given(st.sets(st.integers(0, 900)), st.sets(st.integers(901, 1000)), st.integers(1, 7), st.integers(0, 900))
def test_a_later_run_reads_what_is_newer_and_one_that_goes_further_back_what_is_older(
    old: set[int], new: set[int], size: int, begin: int
) -> None:
    first, read = read_all(list(old), Coverage(), at(begin), size)
    assert first == sorted((n for n in old if n >= begin), reverse=True)
    later, read = read_all([*old, *new], read, at(begin), size)
    assert set(first) | set(later) == {n for n in old | new if n >= begin}
    assert len(later) <= len(new) + 1
    older, read = read_all([*old, *new], read, at(0), size)
    assert set(first) | set(later) | set(older) == old | new
    assert read.covered_from is not None
    assert read.covered_from <= at(0)


def test_a_pass_that_was_begun_is_ended_first() -> None:
    begun = turn(Coverage(pass_from=at(0)), Leaf(2, True, at(900), at(890), "890"))
    assert next_pass(begun, at(500), renewed=False) == begun
    assert (begun.reach, begun.after_id, begun.objects) == (at(900), "890", 2)


def test_what_has_no_outcome_yet_is_read_again_next_time_unless_it_waits_for_ever() -> None:
    going = Coverage(pass_from=at(0))
    waiting = turn(going, Leaf(2, False, at(900), at(880), "880", unfinished_at=at(890)))
    assert waiting.covered_to == at(890)
    following = next_pass(waiting, at(0), renewed=False)
    assert following is not None
    assert following.pass_from == at(890) - OVERLAP
    for_ever = turn(going, Leaf(2, False, at(900), at(800), "800", unfinished_at=at(800)))
    assert for_ever.covered_to == at(900)


def test_a_pass_whose_place_is_gone_goes_on_by_time() -> None:
    begun = turn(Coverage(pass_from=at(0)), Leaf(2, True, at(900), at(890), "890"))
    again = lost_place(begun)
    assert again.after_id is None
    assert again.pass_to == at(890) + timedelta(seconds=1)


def test_an_empty_list_is_read_too() -> None:
    read = turn(Coverage(pass_from=at(5)), Leaf(0, more=False))
    assert (read.covered_from, read.covered_to, read.pass_from) == (at(5), at(5), None)


def test_the_share_done_is_of_the_time_that_the_pass_covers() -> None:
    begun = Coverage(pass_from=at(0), reach=at(1000), after_at=at(250))
    assert share_done(begun, NOW) == 750
    assert share_done(replace(begun, pass_from=None), NOW) == 1000
    assert share_done(Coverage(pass_from=NOW), NOW) == 0
