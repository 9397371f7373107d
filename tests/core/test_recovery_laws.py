"""Whatever the facts and the change: a decision keeps the laws that the database also checks."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

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
from dunning.core.recovery import Facts, decide, retry_refusal, ring_at
from dunning.core.vocabulary import CLOSED, ClosedReason, Retries, Status

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
INSTANTS = st.integers(-40, 40).map(lambda hours: NOW + timedelta(hours=hours))
MAYBE = st.none() | INSTANTS
CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.sampled_from([Opened(), Due(), Declined(), Paid(), GivenUp(), CardChanged()]),
    st.sampled_from([StaffRetried(), StaffResumed()]),
    st.builds(NotAttempted, st.just("why"), MAYBE),
    st.builds(Ended, st.sampled_from(ClosedReason)),
    st.builds(TimeChosen, INSTANTS),
    st.builds(NoTime, st.just("why")),
    st.builds(StaffPaused, INSTANTS, st.just("why")),
    st.builds(StaffStopped, st.sampled_from(ClosedReason)),
    st.builds(ModeSet, st.sampled_from(Retries)),
)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Facts as the database can hold them: scheduled iff it has a date, paused iff it has an end."""
    status = draw(st.sampled_from(Status))
    return Facts(
        status=status,
        retries=draw(st.sampled_from(Retries)),
        deadline=draw(INSTANTS),
        decline_class=draw(st.sampled_from(DeclineClass)),
        attempts_asked=draw(st.integers(0, 10)),
        unfinished=draw(st.booleans()),
        fresh_card=draw(st.booleans()),
        backup_card=draw(st.none() | st.just("pm_other")),
        card_stopped=draw(st.booleans()),
        next_attempt_at=draw(INSTANTS) if status is Status.SCHEDULED else None,
        stripe_next_attempt_at=draw(MAYBE),
        pause_until=draw(INSTANTS) if status is Status.PAUSED else None,
    )


@given(facts(), CHANGES)
def test_a_decision_can_always_be_written_into_the_database(before: Facts, change: Change) -> None:
    found = decide(before, change, Policy(), now=NOW)
    assume(found is not None)
    assert found is not None
    assert (found.status is Status.SCHEDULED) == (found.next_attempt_at is not None)
    assert (found.status is Status.PAUSED) == (found.pause_until is not None)
    assert (found.status in {Status.LOST, Status.STOPPED}) == (found.closed_reason is not None)
    assert found.why.endswith((".", "why"))
    assert not found.late or found.status is Status.RECOVERED


@given(facts(), CHANGES)
def test_an_attempt_begins_only_when_it_is_due_and_before_the_deadline(before: Facts, change: Change) -> None:
    found = decide(before, change, Policy(), now=NOW)
    if found is not None and found.attempt:
        assert found.status is Status.ATTEMPTING
        assert isinstance(change, Due)
        assert before.next_attempt_at is not None
        assert before.next_attempt_at <= NOW < before.deadline


@given(facts(), CHANGES)
def test_nothing_is_ever_scheduled_at_or_after_the_deadline(before: Facts, change: Change) -> None:
    found = decide(before, change, Policy(), now=NOW)
    if found is not None and found.next_attempt_at is not None:
        assert found.next_attempt_at < before.deadline


@given(facts(), CHANGES)
def test_a_closed_recovery_never_plans_attempts_or_opens_again(before: Facts, change: Change) -> None:
    assume(before.status in CLOSED)
    found = decide(before, change, Policy(), now=NOW)
    assert found is None or (found.status is Status.RECOVERED and not found.plan and not found.attempt)


@given(facts(), CHANGES)
def test_an_open_recovery_always_has_an_instant_at_which_somebody_looks_again(
    before: Facts, change: Change
) -> None:
    found = decide(before, change, Policy(), now=NOW)
    if found is not None:
        assert (ring_at(found, before, now=NOW) is None) == (found.status in CLOSED)


@given(facts())
def test_staff_may_retry_exactly_when_no_rule_is_named(before: Facts) -> None:
    refused = retry_refusal(before, Policy(), now=NOW) is not None
    assert (decide(before, StaffRetried(), Policy(), now=NOW) is None) == refused
