"""Every step from status to status that `decide` can take, found by asking it about every kind of facts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product

from dunning.core import changes as c
from dunning.core.declines import DeclineClass
from dunning.core.policy import Policy
from dunning.core.recovery import Facts, decide
from dunning.core.vocabulary import OPEN, ClosedReason, Retries, Status

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
BEFORE, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
CHANGES: tuple[c.Change, ...] = (
    c.Opened(),
    c.Due(),
    c.Declined(),
    c.NotAttempted("The wire broke."),
    c.Paid(),
    c.Ended(ClosedReason.VOIDED),
    c.GivenUp(),
    c.CardChanged(),
    c.TimeChosen(LATER),
    c.NoTime("Nothing helps."),
    c.StaffRetried(),
    c.StaffPaused(LATER, "a promise"),
    c.StaffResumed(),
    c.StaffStopped(),
    c.ModeSet(Retries.OWN),
)


@cache
def transitions() -> frozenset[tuple[Status, Status]]:
    """Return the pairs (from, to) of different statuses."""
    asked = ((facts, decide(facts, change, Policy(), now=NOW)) for facts in _every() for change in CHANGES)
    found = {(facts.status, decision.status) for facts, decision in asked if decision is not None}
    return frozenset(pair for pair in found if pair[0] is not pair[1])


def _every() -> Iterator[Facts]:
    classes = (DeclineClass.SOFT_FUNDS, DeclineClass.HARD)
    for status, mode, deadline, kind, asked in product(
        Status, Retries, (BEFORE, NOW + timedelta(days=9)), classes, (0, 99)
    ):
        for unfinished, fresh, by_hand in product((False, True), repeat=3):
            yield Facts(
                status=status,
                retries=mode,
                deadline=deadline,
                decline_class=kind,
                attempts_asked=asked,
                unfinished=unfinished and status in OPEN,
                fresh_card=fresh,
                by_hand=by_hand,
                next_attempt_at=BEFORE if status is Status.SCHEDULED else None,
                pause_until=BEFORE if status is Status.PAUSED else None,
            )
