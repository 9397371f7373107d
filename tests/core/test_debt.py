"""What a subscription owes, which drafts are owed, and what a cancelled subscription means."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dunning.core.billing import Invoice, Subscription, class_of
from dunning.core.changes import Ended, GivenUp, subscription_ended
from dunning.core.debt import consequences_of_cancelling, debt_of, why_not_owed
from dunning.core.vocabulary import ClosedReason, InvoiceClass

FAILED_AT = datetime(2026, 1, 5, 6, tzinfo=UTC)
SUBSCRIPTION = Subscription("sub_1", "unpaid")
DRAFT = Invoice(
    "in_draft",
    "draft",
    "usd",
    amount_due=2900,
    amount_paid=0,
    amount_remaining=2900,
    billing_reason="subscription_cycle",
    auto_advance=False,
    created=FAILED_AT + timedelta(days=30),
)
OPEN = replace(DRAFT, id="in_open", status="open", created=FAILED_AT)


def test_what_the_cycle_billed_after_the_failure_is_owed() -> None:
    assert why_not_owed(DRAFT, SUBSCRIPTION, FAILED_AT) is None


@pytest.mark.parametrize(
    ("draft", "subscription", "says"),
    [
        (DRAFT, replace(SUBSCRIPTION, status="canceled"), "ended"),
        (DRAFT, replace(SUBSCRIPTION, collection_paused=True), "paused"),
        (replace(DRAFT, billing_reason="manual"), SUBSCRIPTION, "by hand"),
        (replace(DRAFT, billing_reason=None), SUBSCRIPTION, "by hand"),
        (replace(DRAFT, auto_advance=True), SUBSCRIPTION, "by itself"),
        (replace(DRAFT, created=FAILED_AT - timedelta(days=1)), SUBSCRIPTION, "older"),
        (replace(DRAFT, created=None), SUBSCRIPTION, "older"),
        (replace(DRAFT, collection_method="send_invoice"), SUBSCRIPTION, "to be sent"),
        (replace(DRAFT, amount_due=0), SUBSCRIPTION, "Nothing is due"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_draft_that_is_not_owed_says_why(draft: Invoice, subscription: Subscription, says: str) -> None:
    why = why_not_owed(draft, subscription, FAILED_AT)
    assert why is not None
    assert says in why
    assert why.endswith(".")


def test_amounts_are_summed_per_currency_and_only_there() -> None:
    euros = replace(DRAFT, id="in_eur", currency="eur", amount_due=500)
    debt = debt_of(
        SUBSCRIPTION, [OPEN, replace(OPEN, amount_remaining=0)], [DRAFT, euros], failed_at=FAILED_AT
    )
    assert debt.open_amounts == {"usd": 2900}
    assert debt.draft_amounts == {"eur": 500, "usd": 2900}
    assert [draft.invoice.id for draft in debt.owed_drafts] == ["in_draft", "in_eur"]


def test_a_preview_says_what_becomes_of_open_invoices_and_drafts() -> None:
    said = consequences_of_cancelling(debt_of(SUBSCRIPTION, [OPEN], [DRAFT, DRAFT], failed_at=FAILED_AT))
    assert any("1 open invoice " in sentence and "stay owed" in sentence for sentence in said)
    assert any("2 drafts" in sentence and "never charged" in sentence for sentence in said)
    ended = replace(SUBSCRIPTION, status="canceled")
    [only] = consequences_of_cancelling(debt_of(ended, [OPEN], [], failed_at=FAILED_AT))
    assert "already" in only


@pytest.mark.parametrize(
    ("reason", "means"),
    [
        ("payment_failed", GivenUp()),
        ("payment_disputed", Ended(ClosedReason.DISPUTED)),
        ("cancellation_requested", Ended(ClosedReason.SUBSCRIPTION_CANCELLED)),
        ("canceled_by_retention_policy", Ended(ClosedReason.SUBSCRIPTION_CANCELLED)),
        ("a reason of tomorrow", Ended(ClosedReason.SUBSCRIPTION_CANCELLED)),
        (None, Ended(ClosedReason.SUBSCRIPTION_CANCELLED)),
    ],
)
def test_each_reason_of_a_cancellation_has_its_meaning(reason: str | None, means: Ended | GivenUp) -> None:
    assert subscription_ended(reason) == means
    assert subscription_ended(reason, by_policy=True) == GivenUp()


@pytest.mark.parametrize(
    ("billed_from", "trial_end", "expected"),
    [
        (FAILED_AT, FAILED_AT, InvoiceClass.TRIAL_END),
        (FAILED_AT + timedelta(days=31), FAILED_AT, InvoiceClass.RENEWAL),
        (FAILED_AT, None, InvoiceClass.RENEWAL),
        (None, FAILED_AT, InvoiceClass.RENEWAL),
    ],
)
def test_the_end_of_a_trial_is_told_by_the_period_that_is_billed(
    billed_from: datetime | None, trial_end: datetime | None, expected: InvoiceClass
) -> None:
    bill = replace(OPEN, billed_from=billed_from)
    assert class_of(bill, replace(SUBSCRIPTION, trial_end=trial_end)) is expected
    assert class_of(bill, None) is InvoiceClass.RENEWAL
    first = replace(bill, invoice_class=InvoiceClass.FIRST)
    assert class_of(first, replace(SUBSCRIPTION, trial_end=trial_end)) is InvoiceClass.FIRST
