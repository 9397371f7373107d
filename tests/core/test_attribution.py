"""Whom a recovered invoice is credited to: the first reason that holds, in the published order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from dunning.core.attribution import OURS, PaymentFacts, attribute
from dunning.core.definitions import REASONS
from dunning.core.vocabulary import MadeBy, Reason

FAILED = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONTACT = FAILED + HOUR
BARE = PaymentFacts(failed_at=FAILED, made_by=MadeBy.DUNNING)
EVERYTHING = PaymentFacts(
    failed_at=FAILED,
    made_by=MadeBy.CUSTOMER,
    first_contact_at=CONTACT,
    card_added_at=CONTACT + HOUR,
    card_updated_by_network_at=CONTACT,
    other_card_passed=True,
)


def test_a_card_that_came_after_our_message_comes_first_whoever_charged_it() -> None:
    for made_by in MadeBy:
        assert attribute(replace(EVERYTHING, made_by=made_by)) is Reason.CUSTOMER_CARD_UPDATE


def test_without_a_new_card_a_customer_on_a_page_comes_second() -> None:
    assert attribute(replace(EVERYTHING, card_added_at=None)) is Reason.CUSTOMER_PAYMENT


def test_then_comes_the_account_updater() -> None:
    assert attribute(replace(EVERYTHING, card_added_at=None, made_by=MadeBy.STAFF)) is Reason.ACCOUNT_UPDATER


def test_then_comes_a_backup_card() -> None:
    facts = replace(EVERYTHING, card_added_at=None, card_updated_by_network_at=None, made_by=MadeBy.STAFF)
    assert attribute(facts) is Reason.BACKUP_CARD


@pytest.mark.parametrize(
    ("made_by", "reason"),
    [
        (MadeBy.STAFF, Reason.STAFF),
        (MadeBy.DUNNING, Reason.OUR_RETRY),
        (MadeBy.STRIPE, Reason.STRIPE_RETRY),
        (MadeBy.MERCHANT, Reason.MERCHANT),
    ],
)
def test_then_whoever_asked_for_the_charge(made_by: MadeBy, reason: Reason) -> None:
    assert attribute(replace(BARE, made_by=made_by)) is reason


def test_what_nobody_charged_is_out_of_band_whatever_else_is_known() -> None:
    assert attribute(replace(EVERYTHING, made_by=None)) is Reason.OUT_OF_BAND


def test_a_card_that_came_before_our_first_message_is_credited_to_whoever_charged_it() -> None:
    unasked = replace(BARE, first_contact_at=CONTACT, card_added_at=CONTACT - timedelta(seconds=1))
    assert attribute(unasked) is Reason.OUR_RETRY
    assert attribute(replace(unasked, card_added_at=CONTACT)) is Reason.CUSTOMER_CARD_UPDATE


def test_a_card_without_any_message_of_ours_is_not_our_doing() -> None:
    assert attribute(replace(BARE, card_added_at=CONTACT)) is Reason.OUR_RETRY


def test_a_renewal_before_the_failure_explains_nothing() -> None:
    early = replace(BARE, card_updated_by_network_at=FAILED - timedelta(seconds=1))
    assert attribute(early) is Reason.OUR_RETRY
    assert attribute(replace(early, card_updated_by_network_at=FAILED)) is Reason.ACCOUNT_UPDATER


def test_every_payment_has_exactly_one_reason_and_every_reason_can_be_had() -> None:
    instants = (None, FAILED - HOUR, CONTACT, CONTACT + HOUR)
    found = {
        attribute(PaymentFacts(FAILED, *rest))
        for rest in product((*MadeBy, None), (None, CONTACT), instants, instants, (False, True))
    }
    assert found == set(Reason)


def test_every_reason_has_its_definition_in_the_published_order() -> None:
    assert list(REASONS) == [reason.value for reason in Reason]
    assert set(Reason) > OURS
