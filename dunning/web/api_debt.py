"""The shapes of what a subscription owes."""

from datetime import datetime
from typing import Self

from dunning.core.billing import Invoice
from dunning.core.debt import Debt, consequences_of_cancelling
from dunning.web.api_models import Shape


class Bill(Shape):
    """An unpaid invoice of a subscription; of a draft, `why_not_owed` says why it is not to be collected."""

    invoice: str
    amount: int
    currency: str
    created: datetime | None
    why_not_owed: str | None = None


class DebtOfSubscription(Shape):
    """What a subscription owes, as Stripe shows it now, and what cancelling it would do to that."""

    subscription: str
    status: str | None
    open: list[Bill]
    open_amounts: dict[str, int]
    drafts: list[Bill]
    draft_amounts: dict[str, int]
    if_cancelled: list[str]

    @classmethod
    def of(cls, found: Debt) -> Self:
        """Return the shape of a debt."""
        return cls(
            subscription=found.subscription.id,
            status=found.subscription.status,
            open=[_bill(one, one.amount_remaining) for one in found.open],
            open_amounts=found.open_amounts,
            drafts=[_bill(draft.invoice, draft.invoice.amount_due, draft.why_not) for draft in found.drafts],
            draft_amounts=found.draft_amounts,
            if_cancelled=list(consequences_of_cancelling(found)),
        )


def _bill(invoice: Invoice, amount: int, why_not: str | None = None) -> Bill:
    created, currency = invoice.created, invoice.currency
    return Bill(invoice=invoice.id, amount=amount, currency=currency, created=created, why_not_owed=why_not)
