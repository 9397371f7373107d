"""What somebody who owes may still use, invoice by invoice and as a whole."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dunning.core.access import FULL, SAID, Level, Owed, Terms, Verdict, Why, counts, strictest, verdict_on
from dunning.core.policy import Policy
from dunning.core.vocabulary import ClosedReason, Retries, Status

FAILED = datetime(2026, 3, 2, 12, tzinfo=UTC)
TERMS = Terms(timedelta(days=7), Level.RESTRICTED, Level.NONE)
OWED = Owed("rec_1", "in_1", "sub_1", Status.SCHEDULED, Retries.OWN, FAILED, 2900, "eur", TERMS)


def day(number: float) -> datetime:
    return FAILED + timedelta(days=number)


@pytest.mark.parametrize(
    ("changes", "at", "verdict"),
    [
        ({}, 0, Verdict(Level.GRACE, Why.PAYMENT_FAILED, day(7))),
        ({}, 6.99, Verdict(Level.GRACE, Why.PAYMENT_FAILED, day(7))),
        ({}, 7, Verdict(Level.RESTRICTED, Why.GRACE_OVER)),
        ({"status": Status.WAITING}, 9, Verdict(Level.RESTRICTED, Why.GRACE_OVER)),
        ({"status": Status.LOST}, 15, Verdict(Level.NONE, Why.LOST)),
        ({"status": Status.RECOVERED}, 15, FULL),
        ({"settled": True}, 15, FULL),
        ({"status": Status.PAUSED, "pause_until": day(20)}, 9, Verdict(Level.GRACE, Why.PROMISED, day(20))),
        ({"status": Status.PAUSED, "pause_until": day(2)}, 1, Verdict(Level.GRACE, Why.PROMISED, day(7))),
        ({"status": Status.PAUSED, "pause_until": day(8)}, 9, Verdict(Level.RESTRICTED, Why.GRACE_OVER)),
        ({"under_way": True}, 9, Verdict(Level.GRACE, Why.UNDER_WAY)),
        ({"retries": Retries.WATCH, "status": Status.WATCHING}, 60, Verdict(Level.GRACE, Why.WATCHED)),
        ({"retries": Retries.WATCH, "status": Status.LOST}, 60, Verdict(Level.GRACE, Why.WATCHED)),
        ({"status": Status.STOPPED, "closed_reason": ClosedReason.VOIDED}, 1, FULL),
        ({"status": Status.STOPPED, "closed_reason": ClosedReason.STAFF}, 1, FULL),
        (
            {"status": Status.STOPPED, "closed_reason": ClosedReason.WRITTEN_OFF},
            1,
            Verdict(Level.NONE, Why.LOST),
        ),
        (
            {"status": Status.STOPPED, "closed_reason": ClosedReason.SUBSCRIPTION_CANCELLED},
            1,
            Verdict(Level.NONE, Why.SUBSCRIPTION_ENDED),
        ),
        (
            {"status": Status.STOPPED, "closed_reason": ClosedReason.UNCOLLECTIBLE, "retries": Retries.WATCH},
            1,
            Verdict(Level.GRACE, Why.WATCHED),
        ),
    ],
)
def test_an_invoice_leaves_this_much_access(changes: dict[str, object], at: float, verdict: Verdict) -> None:
    assert verdict_on(replace(OWED, **changes), now=day(at)) == verdict  # type: ignore[arg-type]


def test_the_policy_may_never_restrict_anybody() -> None:
    kind = replace(OWED, terms=Terms(timedelta(0), Level.GRACE, Level.FULL))
    assert verdict_on(kind, now=day(0)).level is Level.GRACE
    assert verdict_on(replace(kind, status=Status.LOST), now=day(30)).level is Level.FULL


def test_the_strictest_invoice_decides_and_of_equals_the_one_that_ends_first() -> None:
    soon, late = (Verdict(Level.GRACE, Why.PAYMENT_FAILED, day(number)) for number in (1, 3))
    shut = Verdict(Level.RESTRICTED, Why.GRACE_OVER)
    assert strictest([late, soon, FULL]) == soon
    assert strictest([soon, Verdict(Level.GRACE, Why.WATCHED)]) == soon
    assert strictest([soon, shut, late]) == shut
    assert strictest([]) == FULL


def test_a_subscription_that_has_ended_counts_only_where_no_other_goes_on() -> None:
    ended = replace(OWED, status=Status.STOPPED, closed_reason=ClosedReason.SUBSCRIPTION_CANCELLED)
    assert counts(ended, frozenset())
    assert counts(ended, frozenset({"sub_1"}))
    assert not counts(ended, frozenset({"sub_1", "sub_2"}))
    assert counts(OWED, frozenset({"sub_2"}))


def test_every_reason_has_its_sentence() -> None:
    assert set(SAID) == set(Why)


def test_a_policy_from_before_has_the_terms_that_are_built_in() -> None:
    assert Policy.loads({"version": 3}).terms == Terms(timedelta(days=14), Level.RESTRICTED, Level.NONE)
    kept = Policy(grace=timedelta(days=3), after_grace=Level.NONE)
    assert Policy.loads(kept.dumps()) == kept
