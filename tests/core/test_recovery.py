"""The state machine: every pair of a status and a change is classified here, or this file fails."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from dunning.core import changes
from dunning.core.changes import (
    CardChanged,
    Change,
    Declined,
    Due,
    Ended,
    GivenUp,
    ModeSet,
    NotAttempted,
    NoTime,
    Opened,
    Paid,
    StaffPaused,
    StaffResumed,
    StaffRetried,
    StaffStopped,
    TimeChosen,
)
from dunning.core.declines import DeclineClass
from dunning.core.policy import Policy
from dunning.core.recovery import Decision, Facts, attempts_left, decide, retry_refusal, ring_at
from dunning.core.vocabulary import CLOSED, OPEN, ClosedReason, Retries, Status

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
DEADLINE = NOW + timedelta(days=10)
POLICY = Policy()

EXAMPLES: dict[type, Change] = {
    Opened: Opened(),
    Due: Due(),
    Declined: Declined(),
    NotAttempted: NotAttempted("The wire broke."),
    Paid: Paid(),
    Ended: Ended(ClosedReason.VOIDED),
    GivenUp: GivenUp(),
    CardChanged: CardChanged(),
    TimeChosen: TimeChosen(LATER),
    NoTime: NoTime("Nothing helps."),
    StaffRetried: StaffRetried(),
    StaffPaused: StaffPaused(LATER, "a promise"),
    StaffResumed: StaffResumed(),
    StaffStopped: StaffStopped(),
    ModeSet: ModeSet(Retries.OWN),
}

# What becomes of a recovery whose soft decline may be retried, whose window is open and whose next attempt is
# due; an attempt under way is unfinished, a pause has not ended, and Stripe owns what is watched. "plan" asks
# the planner; "-" makes no difference.
TABLE = """
              scheduled  attempting  waiting    paused     watching   recovered  lost       stopped
Opened        plan       plan        plan       plan       watching   -          -          -
Due           attempting -           -          -          -          -          -          -
Declined      plan       -           plan       -          watching   -          -          -
NotAttempted  plan       plan        plan       -          watching   -          -          -
Paid          recovered  recovered   recovered  recovered  recovered  -          late       late
Ended         stopped    stopped     stopped    stopped    stopped    -          -          -
GivenUp       lost       lost        lost       lost       lost       -          -          -
CardChanged   scheduled  -           scheduled  -          -          -          -          -
TimeChosen    scheduled  -           scheduled  scheduled  scheduled  -          -          -
NoTime        waiting    -           waiting    waiting    waiting    -          -          -
StaffRetried  scheduled  -           scheduled  scheduled  -          -          -          -
StaffPaused   paused     paused      paused     paused     paused     -          -          -
StaffResumed  -          -           -          plan       -          -          -          -
StaffStopped  stopped    stopped     stopped    stopped    stopped    -          -          -
ModeSet       plan       -           plan       -          watching   -          -          -
"""


def classified(table: str) -> dict[tuple[str, str], str]:
    header, *lines = [line.split() for line in table.strip().splitlines()]
    return {
        (status, change): word for change, *words in lines for status, word in zip(header, words, strict=True)
    }


EXPECTED = classified(TABLE)


def facts_in(status: Status, **more: object) -> Facts:
    usual = Facts(
        status=status,
        retries=Retries.WATCH if status is Status.WATCHING else Retries.OWN,
        deadline=DEADLINE,
        decline_class=DeclineClass.SOFT_FUNDS,
        attempts_asked=1,
        unfinished=status is Status.ATTEMPTING,
        fresh_card=True,
        next_attempt_at=NOW if status is Status.SCHEDULED else None,
        pause_until=LATER if status is Status.PAUSED else None,
    )
    return replace(usual, **more)  # type: ignore[arg-type]  # names and types are those of Facts


# The same where the invoice's own card is of no use any more, with and without another card of the customer
# that the policy offers: waiting for the customer, or the planner is asked for the other card.
USELESS = """
              scheduled  attempting  waiting    paused     watching   recovered  lost       stopped
Opened        waiting    waiting     waiting    waiting    watching   -          -          -
Due           attempting -           -          -          -          -          -          -
Declined      waiting    -           waiting    -          watching   -          -          -
NotAttempted  waiting    waiting     waiting    -          watching   -          -          -
Paid          recovered  recovered   recovered  recovered  recovered  -          late       late
Ended         stopped    stopped     stopped    stopped    stopped    -          -          -
GivenUp       lost       lost        lost       lost       lost       -          -          -
CardChanged   -          -           -          -          -          -          -          -
TimeChosen    scheduled  -           scheduled  scheduled  scheduled  -          -          -
NoTime        waiting    -           waiting    waiting    waiting    -          -          -
StaffRetried  -          -           -          -          -          -          -          -
StaffPaused   paused     paused      paused     paused     paused     -          -          -
StaffResumed  -          -           -          waiting    -          -          -          -
StaffStopped  stopped    stopped     stopped    stopped    stopped    -          -          -
ModeSet       waiting    -           waiting    -          watching   -          -          -
"""


def word_for(decision: Decision | None) -> str:
    if decision is None:
        return "-"
    if decision.plan:
        return "plan"
    return "late" if decision.late else decision.status.value


def test_every_status_and_every_change_is_classified() -> None:
    members = {change.__name__ for change in get_args(Change)}
    defined = {
        name
        for name, found in vars(changes).items()
        if isinstance(found, type) and found.__module__ == changes.__name__
    }
    assert defined == members, "every change belongs to the closed union Change"
    assert {change.__name__ for change in EXAMPLES} == members, "give the new change an example above"
    wanted = {(status.value, change) for status in Status for change in members}
    missing, stale = sorted(wanted - EXPECTED.keys()), sorted(EXPECTED.keys() - wanted)
    assert not missing, f"decide what these pairs do and write them into TABLE: {missing}"
    assert not stale, f"these pairs of TABLE do not exist any more: {stale}"


@pytest.mark.parametrize("change", EXAMPLES.values(), ids=lambda change: type(change).__name__)
@pytest.mark.parametrize("status", Status)
def test_the_table_says_what_a_change_does(status: Status, change: Change) -> None:
    found = decide(facts_in(status), change, POLICY, now=NOW)
    assert word_for(found) == EXPECTED[status.value, type(change).__name__], (
        f"{type(change).__name__} in status {status}: {found}"
    )


@pytest.mark.parametrize("change", EXAMPLES.values(), ids=lambda change: type(change).__name__)
@pytest.mark.parametrize("status", Status)
def test_a_card_of_no_use_waits_for_the_customer_unless_there_is_a_backup(
    status: Status, change: Change
) -> None:
    pair = (status.value, type(change).__name__)
    useless = facts_in(status, fresh_card=False, decline_class=DeclineClass.HARD)
    expected = classified(USELESS)[pair]
    assert word_for(decide(useless, change, POLICY, now=NOW)) == expected
    backed = word_for(decide(replace(useless, backup_card="pm_other"), change, POLICY, now=NOW))
    if pair[1] in {"Opened", "Declined", "NotAttempted", "StaffResumed", "ModeSet"}:
        expected = expected.replace("waiting", "plan")
    if pair[1] == "StaffRetried":
        expected = EXPECTED[pair]
    assert backed == expected


@pytest.mark.parametrize("change", EXAMPLES.values(), ids=lambda change: type(change).__name__)
@pytest.mark.parametrize("status", sorted(CLOSED))
def test_a_closed_recovery_only_moves_when_it_is_paid(status: Status, change: Change) -> None:
    found = decide(facts_in(status), change, POLICY, now=NOW)
    if isinstance(change, Paid) and status is not Status.RECOVERED:
        assert found is not None
        assert (found.status, found.late) == (Status.RECOVERED, True)
    else:
        assert found is None


@pytest.mark.parametrize("change", EXAMPLES.values(), ids=lambda change: type(change).__name__)
@pytest.mark.parametrize("status", sorted(OPEN))
def test_while_we_watch_nothing_is_attempted_planned_or_scheduled_by_rule(
    status: Status, change: Change
) -> None:
    if isinstance(change, TimeChosen) or (isinstance(change, Due) and status is Status.SCHEDULED):
        return  # a time is only chosen after a plan, and a mode change leaves nothing scheduled
    found = decide(facts_in(status, retries=Retries.WATCH), change, POLICY, now=NOW)
    if found is not None:
        assert not found.plan
        assert not found.attempt
        assert found.status is not Status.SCHEDULED


@pytest.mark.parametrize("at", [DEADLINE, DEADLINE + timedelta(microseconds=1)])
def test_nothing_is_scheduled_at_or_after_the_deadline(at: datetime) -> None:
    for status in OPEN:
        assert decide(facts_in(status), TimeChosen(at), POLICY, now=NOW) is None
    just_before = decide(
        facts_in(Status.WAITING), TimeChosen(DEADLINE - timedelta(seconds=1)), POLICY, now=NOW
    )
    assert just_before is not None


@pytest.mark.parametrize("change", EXAMPLES.values(), ids=lambda change: type(change).__name__)
@pytest.mark.parametrize("status", sorted(OPEN))
def test_once_the_window_is_over_no_attempt_begins_and_none_gets_a_date(
    status: Status, change: Change
) -> None:
    at_the_end = replace(change, at=DEADLINE) if isinstance(change, TimeChosen) else change
    found = decide(facts_in(status), at_the_end, POLICY, now=DEADLINE)
    assert found is None or not (found.attempt or found.plan or found.status is Status.SCHEDULED)


def test_at_the_deadline_an_unpaid_recovery_is_lost_for_the_window_or_for_the_budget() -> None:
    facts = facts_in(Status.WAITING, fresh_card=False)
    window = decide(facts, Due(), POLICY, now=DEADLINE)
    assert window is not None
    assert (window.status, window.closed_reason) == (Status.LOST, ClosedReason.WINDOW)
    spent = replace(facts, attempts_asked=POLICY.attempts_per_invoice)
    budget = decide(spent, Due(), POLICY, now=DEADLINE)
    assert budget is not None
    assert budget.closed_reason is ClosedReason.BUDGET


def test_a_pause_outlives_declines_and_ends_on_its_day() -> None:
    paused = facts_in(Status.PAUSED, fresh_card=False)
    for change in (Declined(), NotAttempted("why"), CardChanged(), ModeSet(Retries.OWN), Due()):
        assert decide(paused, change, POLICY, now=NOW) is None
    over = decide(paused, Due(), POLICY, now=LATER)
    assert over is not None
    assert over.plan


def test_a_pause_that_ends_after_the_window_ends_the_recovery() -> None:
    paused = facts_in(Status.PAUSED, pause_until=DEADLINE + timedelta(days=1))
    found = decide(paused, Due(), POLICY, now=DEADLINE + timedelta(days=1))
    assert found is not None
    assert found.status is Status.LOST


def test_what_stripe_still_has_on_its_calendar_is_watched_beyond_the_window() -> None:
    stripe_next = DEADLINE + timedelta(days=2)
    watched = facts_in(Status.WATCHING, stripe_next_attempt_at=stripe_next)
    going_on = decide(watched, Due(), POLICY, now=DEADLINE)
    assert going_on is not None
    assert going_on.status is Status.WATCHING
    assert ring_at(going_on, watched, now=DEADLINE) == stripe_next + timedelta(days=1)
    ended = decide(watched, Due(), POLICY, now=stripe_next + timedelta(days=1))
    assert ended is not None
    assert ended.status is Status.LOST


@pytest.mark.parametrize("decline_class", DeclineClass)
def test_after_a_decline_only_a_card_that_may_be_tried_again_is_planned(decline_class: DeclineClass) -> None:
    from dunning.core.declines import may_retry

    facts = facts_in(Status.WAITING, fresh_card=False, decline_class=decline_class)
    found = decide(facts, Declined(), POLICY, now=NOW)
    assert found is not None
    assert found.plan is may_retry(decline_class)
    if not found.plan:
        assert found.status is Status.WAITING
        assert "customer" in found.why


def test_a_card_that_the_network_stopped_is_not_tried_again_but_a_new_one_is() -> None:
    stopped = facts_in(Status.WAITING, fresh_card=False, card_stopped=True)
    waiting = decide(stopped, Declined(), POLICY, now=NOW)
    assert waiting is not None
    assert not waiting.plan
    fresh = facts_in(Status.WAITING, fresh_card=True, decline_class=DeclineClass.HARD)
    at_once = decide(fresh, CardChanged(), POLICY, now=NOW)
    assert at_once is not None
    assert (at_once.status, at_once.next_attempt_at) == (Status.SCHEDULED, NOW)


@pytest.mark.parametrize("status", sorted(OPEN - {Status.PAUSED}))
def test_an_attempt_under_way_comes_before_every_new_plan(status: Status) -> None:
    busy = facts_in(status, unfinished=True)
    for change in (Declined(), CardChanged(), ModeSet(Retries.OWN), TimeChosen(LATER), StaffRetried()):
        assert decide(busy, change, POLICY, now=NOW) is None


def test_the_budget_counts_down_to_nothing_and_a_new_card_always_has_one_try() -> None:
    facts = facts_in(Status.WAITING, fresh_card=False)
    left = [attempts_left(replace(facts, attempts_asked=asked), POLICY) for asked in range(10)]
    assert left == [8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert attempts_left(replace(facts, attempts_asked=8, fresh_card=True), POLICY) == 1
    spent = decide(replace(facts, attempts_asked=8), Declined(), POLICY, now=NOW)
    assert spent is not None
    assert (spent.status, spent.plan) == (Status.WAITING, False)


@dataclass(frozen=True)
class Refusal:
    facts: Facts
    says: str


REFUSALS = (
    *(Refusal(facts_in(status), "closed") for status in sorted(CLOSED)),
    Refusal(facts_in(Status.WATCHING), "watch"),
    Refusal(facts_in(Status.ATTEMPTING), "under way"),
    Refusal(facts_in(Status.WAITING, unfinished=True), "under way"),
    Refusal(facts_in(Status.WAITING, fresh_card=False, card_stopped=True), "another one"),
    Refusal(facts_in(Status.WAITING, fresh_card=False, decline_class=DeclineClass.HARD), "another one"),
    Refusal(facts_in(Status.WAITING, fresh_card=False, attempts_asked=8), "All 8 attempts"),
    Refusal(facts_in(Status.WAITING, deadline=NOW), "window is over"),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.says)
def test_staff_are_told_which_rule_forbids_a_retry(refusal: Refusal) -> None:
    sentence = retry_refusal(refusal.facts, POLICY, now=NOW)
    assert sentence is not None
    assert refusal.says in sentence
    assert sentence.endswith(".")
    assert decide(refusal.facts, StaffRetried(), POLICY, now=NOW) is None


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.WAITING, Status.PAUSED])
def test_where_no_rule_forbids_it_staff_may_retry_now(status: Status) -> None:
    assert retry_refusal(facts_in(status), POLICY, now=NOW) is None
    found = decide(facts_in(status), StaffRetried(), POLICY, now=NOW)
    assert found is not None
    assert found.next_attempt_at == NOW
