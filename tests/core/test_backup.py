"""Which other card an attempt uses, if the policy lets it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.core.backup import Candidate, Refused, backup_for
from dunning.core.declines import DeclineClass
from dunning.core.policy import BackupCards, Policy

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DEADLINE = NOW + timedelta(days=10)
ON = Policy(backup_cards=BackupCards.NEWEST_FIRST, backup_after=3)
OWN = Candidate("pm_own", "fp_own", NOW, NOW - timedelta(days=300))
OLD = Candidate("pm_old", "fp_old", NOW, NOW - timedelta(days=200))
NEW = Candidate("pm_new", "fp_new", NOW, NOW - timedelta(days=100))
SOFT = Refused(DeclineClass.SOFT_FUNDS, "insufficient_funds", 1)


def chosen(
    policy: Policy = ON,
    own: Candidate | None = OWN,
    others: tuple[Candidate, ...] = (OLD, NEW),
    refused: Refused = SOFT,
    *,
    stuck: bool = False,
) -> str | None:
    return backup_for(policy, own, others, refused, deadline=DEADLINE, stuck=stuck)


def test_a_card_that_can_still_be_tried_keeps_its_turn() -> None:
    assert chosen() is None


def test_a_card_that_can_be_tried_no_more_gives_way_at_once() -> None:
    assert chosen(own=replace(OWN, useless=True)) == "pm_new"
    assert chosen(own=replace(OWN, free_at=DEADLINE)) == "pm_new"
    assert chosen(own=None) == "pm_new"
    assert chosen(stuck=True) == "pm_new"


def test_from_the_nth_refusal_on_the_least_refused_card_has_its_turn() -> None:
    third = replace(SOFT, declines=3)
    assert chosen(own=replace(OWN, declines=3), refused=third) == "pm_new"
    fresh_off = (replace(NEW, declines=3), replace(OLD, declines=3))
    assert chosen(own=replace(OWN, declines=3), others=fresh_off, refused=third) is None


def test_the_policy_says_which_of_several_comes_first() -> None:
    spent = replace(OWN, useless=True)
    assert chosen(own=spent) == "pm_new"
    oldest = replace(ON, backup_cards=BackupCards.OLDEST_FIRST)
    assert chosen(oldest, own=spent) == "pm_old"


def test_off_is_off() -> None:
    assert chosen(Policy(), own=replace(OWN, useless=True), stuck=True) is None


def test_a_useless_or_busy_card_is_no_backup_nor_is_the_same_plastic() -> None:
    spent = replace(OWN, useless=True)
    assert chosen(own=spent, others=(replace(NEW, useless=True), OLD)) == "pm_old"
    assert chosen(own=spent, others=(replace(NEW, free_at=DEADLINE), OLD)) == "pm_old"
    assert chosen(own=spent, others=(replace(NEW, fingerprint="fp_own"), OLD)) == "pm_old"
    assert chosen(own=spent, others=()) is None


@pytest.mark.parametrize(
    "refused",
    [
        Refused(DeclineClass.FRAUD, "fraudulent", 9),
        Refused(DeclineClass.NEEDS_AUTHENTICATION, "authentication_required", 9),
        Refused(DeclineClass.HARD, "revocation_of_authorization", 9),
        Refused(DeclineClass.HARD, "stop_payment_order", 9),
    ],
    ids=lambda refused: refused.code,
)
def test_where_the_customer_said_no_or_must_be_asked_there_is_no_backup(refused: Refused) -> None:
    assert chosen(own=replace(OWN, useless=True), refused=refused, stuck=True) is None


CANDIDATES = st.builds(
    Candidate,
    st.sampled_from(["pm_own", "pm_a", "pm_b", "pm_c"]),
    st.sampled_from(["fp_own", "fp_a", None]),
    st.integers(-5, 15).map(lambda days: NOW + timedelta(days=days)),
    st.none() | st.integers(0, 400).map(lambda days: NOW - timedelta(days=days)),
    st.integers(0, 5),
    st.booleans(),
)


@given(
    st.sampled_from(BackupCards),
    st.none() | CANDIDATES,
    st.lists(CANDIDATES, max_size=4),
    st.sampled_from(DeclineClass),
    st.integers(0, 9),
    st.booleans(),
)
def test_a_backup_is_always_another_card_that_may_be_charged_in_time(
    order: BackupCards,
    own: Candidate | None,
    others: list[Candidate],
    decline_class: DeclineClass,
    declines: int,
    stuck: bool,  # noqa: FBT001 - hypothesis passes by position
) -> None:
    policy = replace(ON, backup_cards=order)
    refused = Refused(decline_class, None, declines)
    found = backup_for(policy, own, others, refused, deadline=DEADLINE, stuck=stuck)
    if found is None:
        return
    assert order is not BackupCards.OFF
    assert decline_class not in {DeclineClass.FRAUD, DeclineClass.NEEDS_AUTHENTICATION}
    [*cards] = [card for card in others if card.id == found]
    assert any(not card.useless and card.free_at < DEADLINE for card in cards)
    assert own is None or found != own.id
