"""The breaker: when it opens, how often the door is tried, and how charges come back."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from dunning.core.breaker import LONGEST_WAIT, RAMP, Breaker, Cause, admitted, is_outage, opened

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def calls(fine: int, broken: int, ago_s: int = 5) -> list[tuple[datetime, bool]]:
    at = NOW - timedelta(seconds=ago_s)
    return [(at, True)] * fine + [(at, False)] * broken


@pytest.mark.parametrize(
    ("made", "outage"),
    [
        (calls(0, 19), False),
        (calls(0, 20), True),
        (calls(10, 10), True),
        (calls(11, 10), False),
        (calls(0, 30, ago_s=61), False),
        (calls(0, 30, ago_s=61) + calls(20, 0), False),
        ([], False),
    ],
    ids=str,
)
def test_half_of_twenty_calls_in_a_minute_are_an_outage(
    made: list[tuple[datetime, bool]], *, outage: bool
) -> None:
    assert is_outage(made, NOW) is outage


def test_a_breaker_reads_back_as_it_was_written() -> None:
    open_one = opened(None, "acct_1", Cause.KEY, "no right", NOW)
    closed = open_one.probed(NOW).closed(NOW + timedelta(hours=1))
    for breaker in (open_one, closed):
        assert Breaker.loads(breaker.dumps()) == breaker
    assert (open_one.open, closed.open) == (True, False)


def test_bad_news_changes_nothing_of_an_open_breaker() -> None:
    first = opened(None, "all", Cause.OUTAGE, "500", NOW)
    assert opened(first, "all", Cause.OUTAGE, "502", NOW + timedelta(minutes=5)) is first


def test_the_waits_grow_while_it_opens_again_soon_and_begin_anew_after_a_quiet_time() -> None:
    breaker, now = opened(None, "self", Cause.KEY, "403", NOW), NOW
    for _ in range(12):
        now += breaker.wait
        breaker = opened(breaker.closed(now), "self", Cause.KEY, "403", now + timedelta(seconds=1))
    assert breaker.wait == LONGEST_WAIT
    quiet = breaker.closed(now)
    assert opened(quiet, "self", Cause.KEY, "403", now + 3 * RAMP).wait == timedelta(seconds=30)


def test_charges_come_back_faster_and_faster_until_there_is_no_limit() -> None:
    counts = [admitted(timedelta(seconds=seconds), 10) for seconds in range(0, 300, 10)]
    known = [count for count in counts if count is not None]
    assert counts[0] == 1
    assert known == sorted(known)
    steps = [later - sooner for sooner, later in itertools.pairwise(known)]
    assert steps[0] < 15
    assert 90 <= steps[-1] <= 100
    assert admitted(RAMP, 10) is None
