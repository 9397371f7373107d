"""Which coming renewals may fail, and what their customers are told, once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dunning.core.billing import Card
from dunning.core.notices import NoticeKind, Standing, about_day, deserves_thanks, refusal
from dunning.core.renewals import CardRecord, Renewal, Risk, end_of, expires_before, notice_for, risk_of
from dunning.core.vocabulary import Reason

RENEWS = datetime(2026, 4, 10, 6, tzinfo=UTC)
SINCE = RENEWS - timedelta(days=70)
GOOD = Card("pm_1", exp_month=8, exp_year=2029)
RENEWAL = Renewal("sub_1", "cus_1", RENEWS, "eur", 2900, "Pro", GOOD)
NEVER = CardRecord()


def ago(days: int) -> datetime:
    return RENEWS - timedelta(days=days)


@pytest.mark.parametrize(
    ("changes", "record", "risk"),
    [
        ({}, NEVER, None),
        ({"card": None}, NEVER, Risk.NO_CARD),
        ({"card": replace(GOOD, exp_month=3, exp_year=2026)}, NEVER, Risk.CARD_EXPIRES),
        ({"card": replace(GOOD, exp_month=4, exp_year=2026)}, NEVER, None),
        ({"card": Card("src_1", type="source")}, NEVER, None),
        ({}, CardRecord(refused_at=ago(30)), Risk.CARD_FAILED),
        ({}, CardRecord(refused_at=ago(30), paid_at=ago(60)), Risk.CARD_FAILED),
        ({}, CardRecord(refused_at=ago(30), paid_at=ago(28)), Risk.FAILED_BEFORE),
        ({}, CardRecord(refused_at=ago(90)), None),
        ({}, CardRecord(paid_at=ago(30)), None),
        ({"bills_by_hand": True, "card": None}, NEVER, None),
        ({"ends_before": True, "card": None}, NEVER, None),
    ],
)
def test_a_renewal_is_at_risk_for_one_reason(
    changes: dict[str, object], record: CardRecord, risk: Risk | None
) -> None:
    assert risk_of(replace(RENEWAL, **changes), record, SINCE) is risk  # type: ignore[arg-type]


def test_a_card_is_good_to_the_last_moment_of_its_month() -> None:
    card = Card("pm_1", exp_month=2, exp_year=2028)
    assert end_of(card) == datetime(2028, 3, 1, tzinfo=UTC)
    assert not expires_before(card, datetime(2028, 2, 29, 23, 59, tzinfo=UTC))
    assert expires_before(card, datetime(2028, 3, 1, tzinfo=UTC))
    assert not expires_before(Card("ba_1", type="sepa_debit"), RENEWS)


def test_a_notice_is_about_one_card_and_one_renewal() -> None:
    due = notice_for(RENEWAL, Risk.CARD_EXPIRES)
    assert due is not None
    assert (due.kind, due.at) == (NoticeKind.CARD_EXPIRING, RENEWS - timedelta(days=14))
    other = notice_for(replace(RENEWAL, card=replace(GOOD, id="pm_2")), Risk.CARD_EXPIRES)
    again = notice_for(replace(RENEWAL, renews_at=RENEWS + timedelta(days=30)), Risk.CARD_EXPIRES)
    assert len({due.about, other and other.about, again and again.about}) == 3


@pytest.mark.parametrize("risk", [None, Risk.NO_CARD, Risk.FAILED_BEFORE])
def test_what_paid_in_the_end_is_on_the_list_and_nobody_is_written_to(risk: Risk | None) -> None:
    assert notice_for(RENEWAL, risk) is None


GOES = Standing(messages_on=True, notices_on=True, wanted=True, address="ana@example.com", suppressed=False)


@pytest.mark.parametrize(
    ("kind", "changes", "says"),
    [
        ("thank_you", {}, None),
        ("thank_you", {"notices_on": False}, None),
        ("card_expiring", {"notices_on": False}, "Notices before a failure are switched off."),
        ("renewal_at_risk", {"messages_on": False}, "Messages are switched off."),
        ("new_link", {"messages_on": False}, "Messages are switched off."),
        ("new_link", {"held_out": True}, None),
        ("thank_you", {"held_out": True}, "experiment"),
        ("thank_you", {"thanked": True}, "thanked already"),
        ("new_link", {"thanked": True}, None),
        ("card_expiring", {"wanted": False}, "Its occasion has passed."),
        ("card_expiring", {"late": True}, "Its time is over."),
        ("new_link", {"address": None}, "no email address"),
        ("new_link", {"suppressed": True}, "suppression list"),
    ],
)
def test_a_notice_goes_out_or_says_why_not(kind: str, changes: dict[str, object], says: str | None) -> None:
    found = refusal(NoticeKind(kind), replace(GOES, **changes))  # type: ignore[arg-type]
    assert found is None if says is None else says in str(found)


@pytest.mark.parametrize("reason", list(Reason))
def test_only_customers_who_acted_are_thanked(reason: Reason) -> None:
    acted = reason in {Reason.CUSTOMER_CARD_UPDATE, Reason.CUSTOMER_PAYMENT}
    assert deserves_thanks(reason, imported=False) is acted
    assert not deserves_thanks(reason, imported=True)


def test_what_is_sent_once_a_day_is_about_the_day() -> None:
    assert about_day("rec_1", RENEWS) == "rec_1:2026-04-10"
