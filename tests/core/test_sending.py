"""When messages go out: the customer's daytime, days off, caps; and every clock change until 2037."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from dunning.core.campaign import BUILT_IN, Anchor, Step
from dunning.core.conditions import NotUsable
from dunning.core.course import Course, Retry, plan
from dunning.core.sending import Moved, Sending, due, due_before
from dunning.core.vocabulary import Channel, Recipient

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
PLAIN = Sending()
WORKDAYS = Sending(weekends=False, holidays=frozenset({date(2026, 12, 25)}))
HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)


def local(zone: ZoneInfo, *moment: int) -> datetime:
    return datetime(*moment, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type,misc]  # year, month, …


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((2026, 5, 4, 8, 59), (2026, 5, 4, 9, 0)),
        ((2026, 5, 4, 9, 0), (2026, 5, 4, 9, 0)),
        ((2026, 5, 4, 17, 59), (2026, 5, 4, 17, 59)),
        ((2026, 5, 4, 18, 0), (2026, 5, 5, 9, 0)),
        ((2026, 5, 4, 0, 0), (2026, 5, 4, 9, 0)),
        ((2026, 12, 31, 23, 0), (2027, 1, 1, 9, 0)),
        ((2026, 3, 28, 20, 0), (2026, 3, 29, 9, 0)),  # the night in which clocks go forward
        ((2026, 3, 29, 1, 59), (2026, 3, 29, 9, 0)),
        ((2026, 10, 24, 20, 0), (2026, 10, 25, 9, 0)),  # the night in which they go back
        ((2026, 10, 25, 2, 30), (2026, 10, 25, 9, 0)),
    ],
)
def test_a_message_waits_for_the_customers_own_daytime(
    before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    found = due(local(BERLIN, *before), BERLIN, PLAIN)
    assert found.at == local(BERLIN, *after)
    assert found.moved == (() if before == after else (Moved.QUIET_HOURS,))


def test_the_night_of_a_clock_change_is_an_hour_shorter_or_longer() -> None:
    spring, autumn = local(NEW_YORK, 2026, 3, 7, 18, 0), local(NEW_YORK, 2026, 10, 31, 18, 0)
    waits = [due(evening, NEW_YORK, PLAIN).at - evening for evening in (spring, autumn)]
    assert waits == [timedelta(hours=14), timedelta(hours=16)]


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ((2026, 5, 8, 12), (2026, 5, 8, 12), ()),  # a Friday
        ((2026, 5, 9, 12), (2026, 5, 11, 9), (Moved.WEEKEND,)),
        ((2026, 5, 8, 20), (2026, 5, 11, 9), (Moved.QUIET_HOURS, Moved.WEEKEND)),
        ((2026, 12, 25, 12), (2026, 12, 28, 9), (Moved.HOLIDAY, Moved.WEEKEND)),
    ],
)
def test_days_off_are_passed_over_and_named(
    before: tuple[int, ...], after: tuple[int, ...], moved: tuple[Moved, ...]
) -> None:
    found = due(local(BERLIN, *before), BERLIN, WORKDAYS)
    assert (found.at, found.moved) == (local(BERLIN, *after), moved)


def test_an_address_gets_its_share_of_a_day_and_a_week_and_no_more() -> None:
    noon = local(BERLIN, 2026, 5, 4, 12)
    later = due(noon + HOUR, BERLIN, PLAIN, [noon])
    assert (later.at, later.moved) == (noon + A_DAY, (Moved.DAY_CAP,))
    week = [noon + A_DAY * day for day in range(5)]
    full = due(week[-1] + A_DAY, BERLIN, PLAIN, week)
    assert (full.at, full.moved) == (noon + 7 * A_DAY, (Moved.WEEK_CAP,))
    assert due(noon + HOUR, BERLIN, replace(PLAIN, a_day=2), [noon]).at == noon + HOUR


def test_what_announces_a_retry_comes_before_it_or_not_at_all() -> None:
    retry = local(BERLIN, 2026, 5, 5, 6)  # six in the morning: the daytime before is the one of the 4th
    found = due_before(retry - 3 * HOUR, retry, BERLIN, PLAIN)
    assert found is not None
    assert (found.at, found.moved) == (local(BERLIN, 2026, 5, 4, 17), (Moved.QUIET_HOURS, Moved.RETRY))
    in_time = due_before(retry - A_DAY, retry, BERLIN, PLAIN)
    assert in_time is not None
    assert in_time.at == local(BERLIN, 2026, 5, 4, 9)
    written = [local(BERLIN, 2026, 5, 4, 16)]
    assert due_before(retry - 3 * HOUR, retry, BERLIN, PLAIN, written) is None


@pytest.mark.parametrize(
    ("said", "complains"),
    [
        ({"opening": "9"}, None),
        ({"opening": "nine"}, "opening"),
        ({"opening": "18:00", "closing": "09:00"}, "two hours"),
        ({"opening": "09:00", "closing": "10:30"}, "two hours"),
        ({"holidays": ["25.12.2026"]}, "2026-12-25"),
        ({"a_day": 0}, "a_day"),
        ({"a_week": True}, "a_week"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(said: dict[str, object], complains: str | None) -> None:
    if complains is None:
        complains = "time of day"
    with pytest.raises(NotUsable, match=complains):
        Sending.loads(said)


def test_rules_survive_being_written_down() -> None:
    assert Sending.loads(WORKDAYS.dumps()) == WORKDAYS
    assert Sending.loads({}) == PLAIN


def clock_changes(zone: ZoneInfo) -> list[tuple[datetime, timedelta]]:
    """Return the instants from 2024 to 2037 at which a zone's clocks change, with the offset from then on."""
    found, last = [], datetime(2038, 1, 1, tzinfo=UTC)
    steps = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=6) * n for n in range(854)]
    offsets = [instant.astimezone(zone).utcoffset() or timedelta(0) for instant in steps]
    for (low, high), (before, after) in zip(pairwise(steps), pairwise(offsets), strict=True):
        if before != after:
            start, end = low, min(high, last)
            while end - start > timedelta(minutes=1):
                middle = (start + (end - start) / 2).replace(second=0, microsecond=0)
                start, end = (
                    (middle, end) if middle.astimezone(zone).utcoffset() == before else (start, middle)
                )
            found.append((end, after))
    return found


def zones_that_differ() -> list[tuple[ZoneInfo, list[datetime]]]:
    """Return one zone for each table of offsets and changes that there is in the world."""
    alike: dict[object, list[str]] = defaultdict(list)
    changes: dict[str, list[datetime]] = {}
    for name in sorted(available_timezones() - {"localtime"}):
        zone = ZoneInfo(name)
        table = clock_changes(zone)
        changes[name] = [at for at, _ in table]
        alike[datetime(2024, 1, 1, tzinfo=UTC).astimezone(zone).utcoffset(), tuple(table)].append(name)
    return [(ZoneInfo(names[0]), changes[names[0]]) for names in alike.values()]


def sent_by_a_clock(wish: datetime, zone: ZoneInfo, sending: Sending) -> list[datetime]:
    """Ring for one message as the clock does, at its due time and at each that it is put off to."""
    sent, rings = [], [due(wish, zone, sending).at]
    while rings:
        now = rings.pop()
        again = due(now, zone, sending).at
        if again > now:
            rings.append(again)
        elif not sent:
            sent.append(now)
            rings.append(now + timedelta(seconds=100))  # bells ring twice
    return sent


def test_in_every_zone_and_over_every_clock_change_each_step_goes_out_once_and_by_day() -> None:
    """Each opening lies so that a step of the campaign falls on the hours about the change."""
    zones = zones_that_differ()
    assert len(zones) > 60
    assert sum(len(changes) for _, changes in zones) > 800
    night_owl = Sending(
        opening=time(1, 30), closing=time(4, 30)
    )  # the hours that clock changes swallow or repeat
    for zone, changes in zones:
        for change in changes or [datetime(2030, 6, 1, tzinfo=UTC)]:
            for sending in (PLAIN, night_owl):
                for hours in (-26, -13, -2, -1, 0, 1, 7):
                    wish = change + timedelta(hours=hours, minutes=20)
                    (went,) = sent_by_a_clock(wish, zone, sending)
                    assert sending.opening <= went.astimezone(zone).time() < sending.closing, (zone, wish)
                    assert wish <= went <= wish + timedelta(hours=47), (zone, wish)


def test_a_plan_keeps_the_caps_of_each_address_apart_as_the_clock_does() -> None:
    noon = local(BERLIN, 2026, 5, 4, 12)
    steps = (
        Step("first", HOUR, "payment_failed"),
        Step("second", 2 * HOUR, "payment_reminder", recipient=Recipient.SECOND_CONTACT),
        Step("text", 3 * HOUR, "payment_reminder", channel=Channel.SMS),
    )
    course = Course(noon, noon, noon + timedelta(days=14))
    found = plan(replace(BUILT_IN, steps=steps), course, BERLIN, PLAIN, sent=[noon - HOUR])
    went = {one.step.key: (one.due_at, one.moved) for one in found}
    assert went["first"] == (noon + A_DAY - HOUR, (Moved.DAY_CAP,))
    assert went["second"] == (noon + 2 * HOUR, ())
    assert went["text"] == (noon + 3 * HOUR, ())


def test_a_whole_campaign_over_each_clock_change_of_a_few_zones_goes_out_in_order() -> None:
    steps = (
        *BUILT_IN.steps,
        Step("again", HOUR, "payment_reminder", anchor=Anchor.AFTER_RETRY),
        Step("soon", A_DAY, "payment_reminder", anchor=Anchor.BEFORE_RETRY),
        Step("last", 2 * A_DAY, "final_notice", anchor=Anchor.LAST_CHANCE),
    )
    campaign = replace(BUILT_IN, steps=steps)
    for name in ("America/New_York", "Africa/Casablanca", "Australia/Lord_Howe", "America/Santiago"):
        zone = ZoneInfo(name)
        for change, _ in clock_changes(zone):
            opened = change - timedelta(days=4, hours=5)
            failed = (Retry(change - HOUR, "1"), Retry(change + 3 * A_DAY, "2"))
            coming = (Retry(change + 7 * A_DAY, "3"),)
            course = Course(opened, opened, opened + timedelta(days=14), failed, coming)
            found = plan(campaign, course, zone, PLAIN)
            assert len(found) == len({(one.step.key, one.occurrence) for one in found}) == 7
            goes = [one.due_at for one in found if one.why_not is None]
            assert all(time(9) <= at.astimezone(zone).time() < time(18) for at in goes)
            assert all(later - sooner >= A_DAY for sooner, later in pairwise(goes))
            assert goes[0] >= opened


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({"opening": "nine"}, "write a time of day"),
        ({"closing": "18:00+02:00"}, "the customer’s own time"),
        ({"opening": "09:00", "closing": "10:30"}, "two hours or more"),
        ({"holidays": [f"{2000 + number}-12-25" for number in range(401)]}, "holidays are too many"),
    ],
)
def test_hours_that_cannot_be_kept_are_refused_in_words(said: dict[str, object], refused: str) -> None:
    with pytest.raises(NotUsable, match=refused):
        Sending.loads(said)
