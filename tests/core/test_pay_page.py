"""What the page behind a link says, decided without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from dunning.core.pay_page import TURN_SPAN, TURNS, PageState, Turns, bill_state, free_at, link_state
from dunning.core.vocabulary import AttemptState, Status

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(days=1), NOW - timedelta(days=1)
SPENT = Turns(NOW - timedelta(minutes=20), TURNS, NOW)


@pytest.mark.parametrize(
    ("status", "invoice", "attempts", "state"),
    [
        (Status.WAITING, "open", frozenset(), "open"),
        (Status.SCHEDULED, None, frozenset(), "open"),
        (Status.LOST, "open", frozenset(), "open"),
        (Status.LOST, "uncollectible", frozenset(), "open"),
        (Status.LOST, "void", frozenset(), "stopped"),
        (Status.STOPPED, "open", frozenset(), "stopped"),
        (Status.WAITING, "paid", frozenset(), "paid"),
        (Status.RECOVERED, "open", frozenset(), "paid"),
        (Status.ATTEMPTING, "open", frozenset({AttemptState.PROCESSING}), "under_way"),
        (Status.WAITING, "open", frozenset({AttemptState.DECLINED}), "open"),
    ],
)
def test_an_invoice_stands_as_its_recovery_its_own_status_and_its_tries_say(
    status: Status, invoice: str | None, attempts: frozenset[AttemptState], state: str
) -> None:
    assert bill_state(status, invoice, attempts) == state


@pytest.mark.parametrize(
    ("own", "others", "turns", "expires", "state"),
    [
        ("open", 0, None, LATER, "open"),
        ("open", 0, None, NOW, "expired"),
        ("open", 0, SPENT, LATER, "too_many"),
        ("open", 0, SPENT, BEFORE, "expired"),
        ("paid", 0, SPENT, BEFORE, "paid"),
        ("paid", 2, None, LATER, "paid"),
        ("paid", 2, None, BEFORE, "paid"),
        ("paid", 2, SPENT, LATER, "too_many"),
        ("stopped", 0, None, BEFORE, "stopped"),
        ("under_way", 1, SPENT, LATER, "under_way"),
    ],
)
def test_a_link_says_what_is_true_of_its_invoice_before_what_is_true_of_the_link(
    own: str, others: int, turns: Turns | None, expires: datetime, state: str
) -> None:
    assert link_state(PageState(own), others, turns, expires, NOW) == state


def test_a_link_that_was_used_too_often_is_free_again_an_hour_after_the_first_turn() -> None:
    assert free_at(Turns(NOW, TURNS - 1, NOW), NOW) is None
    assert free_at(Turns(NOW, TURNS, NOW), NOW) == NOW + TURN_SPAN
    assert free_at(Turns(NOW - TURN_SPAN, TURNS, NOW), NOW) is None
