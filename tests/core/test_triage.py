"""Which recoveries need a person, and what a person's time on them is worth."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from dunning.core import triage, worth
from dunning.core.declines import DeclineClass
from dunning.core.search_words import words_of
from dunning.core.triage import Cause, Place, Standing
from dunning.core.vocabulary import Status
from dunning.core.worth import Pile, Prospect

NOW = datetime(2027, 3, 18, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def standing(status: Status = Status.WAITING, **more: object) -> Standing:
    return Standing(status, DeclineClass.NEEDS_CARD, NOW - 5 * DAY, **more)  # type: ignore[arg-type]


def prospect(**more: object) -> Prospect:
    known: dict[str, object] = {
        "amount": 10_000,
        "currency": "usd",
        "decline_class": DeclineClass.NEEDS_CARD,
        "failed_at": NOW,
        "deadline": NOW + 14 * DAY,
        "refusals": 1,
        "reachable": True,
        "by_itself": False,
    }
    return Prospect(**known | more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "place", "cause"),
    [
        (standing(Status.SCHEDULED), Place.UNDERWAY, None),
        (standing(Status.RECOVERED), Place.CLOSED, None),
        (standing(last_message_at=NOW - HOUR), Place.WAITING, None),
        (standing(next_message_at=NOW + DAY), Place.WAITING, None),
        (standing(next_message_at=NOW - 2 * DAY), Place.NEEDS_ACTION, Cause.SILENT),
        (standing(last_message_at=NOW - 4 * DAY), Place.NEEDS_ACTION, Cause.SILENT),
        (standing(reachable=False, next_message_at=NOW + DAY), Place.NEEDS_ACTION, Cause.UNREACHABLE),
        (standing(snoozed_until=NOW + DAY), Place.SNOOZED, None),
        (standing(Status.SCHEDULED, snoozed_until=NOW + DAY), Place.SNOOZED, None),
        (standing(snoozed_until=NOW), Place.NEEDS_ACTION, Cause.SILENT),
        (standing(Status.PAUSED, pause_until=NOW + DAY), Place.SNOOZED, None),
        (standing(Status.PAUSED, pause_until=NOW), Place.NEEDS_ACTION, Cause.PAUSE_OVER),
        (standing(Status.SCHEDULED, promised_until=NOW), Place.NEEDS_ACTION, Cause.PROMISE_BROKEN),
        (standing(abandoned=True, snoozed_until=NOW + DAY), Place.NEEDS_ACTION, Cause.CONCLUDE),
        (standing(Status.SCHEDULED, contradicted=True), Place.NEEDS_ACTION, Cause.CONTRADICTED),
        (standing(approval_asked=True), Place.NEEDS_ACTION, Cause.APPROVAL),
        (standing(Status.LOST, promised_until=NOW), Place.CLOSED, None),
        (standing(Status.STOPPED, abandoned=True), Place.NEEDS_ACTION, Cause.CONCLUDE),
    ],
)  # fmt: skip
def test_a_recovery_lies_in_one_place_for_one_cause(
    found: Standing, place: Place, cause: Cause | None
) -> None:
    spot = triage.spot(found, now=NOW)
    assert (spot.place, spot.cause) == (place, cause)


def test_a_target_is_missed_until_a_person_does_something() -> None:
    late = standing(cause_before=Cause.SILENT, needed_since=NOW - 25 * HOUR)
    missed = triage.spot(late, now=NOW)
    assert (missed.breached, missed.respond_by) == (True, NOW - HOUR)
    touched = standing(cause_before=Cause.SILENT, needed_since=NOW - 25 * HOUR, touched_at=NOW)
    met = triage.spot(touched, now=NOW)
    assert (met.breached, met.respond_by, met.look_at) == (False, NOW + DAY, NOW + DAY)
    assert missed.rank > met.rank


def test_a_broken_promise_comes_before_what_is_late() -> None:
    broken = triage.spot(standing(Status.SCHEDULED, promised_until=NOW), now=NOW)
    late = triage.spot(standing(cause_before=Cause.SILENT, needed_since=NOW - 9 * DAY), now=NOW)
    assert broken.rank > late.rank


def test_time_alone_is_looked_for_when_it_may_move_a_recovery() -> None:
    assert triage.spot(standing(snoozed_until=NOW + DAY), now=NOW).look_at == NOW + DAY
    written = standing(last_message_at=NOW - DAY)
    assert triage.spot(written, now=NOW).look_at == NOW - DAY + triage.SILENCE
    after = standing(last_message_at=NOW - DAY)
    assert triage.spot(after, now=NOW - DAY + triage.SILENCE).cause is Cause.SILENT
    assert triage.spot(standing(Status.RECOVERED), now=NOW).look_at is None


def test_worth_falls_with_weeks_refusals_silence_and_where_it_recovers_by_itself() -> None:
    best = worth.expected(prospect(), now=NOW)
    assert best == 4000
    for poorer in (
        prospect(failed_at=NOW - 8 * DAY),
        prospect(refusals=3),
        prospect(reachable=False),
        prospect(by_itself=True),
        prospect(decline_class=DeclineClass.FRAUD),
    ):
        assert worth.expected(poorer, now=NOW) < best


@pytest.mark.parametrize(
    ("currency", "amount", "face"), [("usd", 500, 500), ("jpy", 5, 500), ("kwd", 5000, 500)]
)
def test_currencies_are_compared_at_face_value(currency: str, amount: int, face: int) -> None:
    assert worth.face_value(amount, currency) == face


def test_slipping_away_has_points() -> None:
    assert worth.slipping(prospect(), now=NOW) == 0
    half_gone = {"failed_at": NOW - 8 * DAY, "deadline": NOW + 6 * DAY}
    gone = prospect(refusals=4, reachable=False, card_expires=date(2027, 3, 31), **half_gone)
    assert worth.slipping(gone, now=NOW) == 6
    assert worth.slipping(replace(gone, mails_unanswered=2, usage=(100, 70)), now=NOW) == 9
    assert worth.slipping(prospect(mails_unanswered=1, usage=(100, 71)), now=NOW) == 0
    assert worth.slipping(prospect(usage=(0, 0)), now=NOW) == 0


def test_an_outlook_is_inside_its_interval_and_never_over_what_is_owed() -> None:
    piles = [Pile("usd", 10, 100_000, 10 * 10_000**2, 70, 100), Pile("eur", 1, 500, 500**2, 0, 0)]
    found = worth.outlook(piles)
    assert found["usd"].low < found["usd"].amount < found["usd"].high <= 100_000
    assert 69_000 < found["usd"].amount < 71_000
    assert (found["eur"].amount, found["eur"].low, found["eur"].high) == (250, 0, 500)


def test_words_are_found_without_case_and_accents() -> None:
    assert words_of(["Zoë  MARTIN", None, "Zoe@Mail.example", "in_1Ab"]) == {
        "zoe",
        "martin",
        "zoe@mail.example",
        "in_1ab",
    }
