"""What is asked of Stripe beside charging: subscriptions, drafts, and the cards that they and customers name.

Every change here sets something to a value, or is refused when it is so already: asking twice does no harm.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import stripe

from dunning.core.billing import Card, Invoice, Subscription, Whose
from dunning.gateway.shapes import read_card, read_invoice, read_subscription

PAGE: Final = 100
WHY_CANCELLED: Final = "The invoice was not paid within the recovery window."


class Subscriptions:
    """A part of Stripe's API, in core values; raises as `dunning.gateway.ask.Stripe` does."""

    def __init__(
        self,
        client: stripe.StripeClient,
        ask: Callable[[Callable[[], Any], Whose], dict[str, Any]],
        on: Callable[[Whose], Any],
    ) -> None:
        self._client = client
        self._ask = ask
        self._on = on

    def read(self, whose: Whose, subscription_id: str) -> Subscription:
        """Return one subscription."""
        retrieve = self._client.v1.subscriptions.retrieve
        return read_subscription(self._ask(lambda: retrieve(subscription_id, {}, self._on(whose)), whose))

    def cards(self, whose: Whose, customer_id: str) -> tuple[Card, ...]:
        """Return every card that a customer has saved."""
        list_page = self._client.v1.customers.payment_methods.list
        params: dict[str, Any] = {"type": "card", "limit": PAGE}
        pages = self._pages(whose, params, lambda: list_page(customer_id, params, self._on(whose)))  # type: ignore[arg-type]  # a built dict
        return tuple(read_card(raw) for raw in pages)

    def invoices(self, whose: Whose, subscription_id: str, status: str) -> tuple[Invoice, ...]:
        """Return a subscription's invoices of one status, oldest first (without their payments)."""
        params: dict[str, Any] = {"subscription": subscription_id, "status": status, "limit": PAGE}
        list_page = self._client.v1.invoices.list
        found = self._pages(whose, params, lambda: list_page(params, self._on(whose)))  # type: ignore[arg-type]  # a built dict
        return tuple(read_invoice(raw) for raw in found)[::-1]

    def set_card(self, whose: Whose, subscription_id: str, card_id: str, *, key: str) -> None:
        """Let a subscription be paid with another card from now on; nothing else of it changes.

        Source: https://docs.stripe.com/api/subscriptions/update#update_subscription-default_payment_method
        """
        update, params = self._client.v1.subscriptions.update, {"default_payment_method": card_id}
        self._ask(lambda: update(subscription_id, params, self._keyed(whose, key)), whose)  # type: ignore[arg-type]  # a built dict

    def set_invoice_card(self, whose: Whose, invoice_id: str, card_id: str, *, key: str) -> None:
        """Let an open invoice be paid with another card from now on; nothing else of it changes."""
        update, params = self._client.v1.invoices.update, {"default_payment_method": card_id}
        self._ask(lambda: update(invoice_id, params, self._keyed(whose, key)), whose)  # type: ignore[arg-type]  # a built dict

    def cancel(self, whose: Whose, subscription_id: str, *, key: str) -> Subscription:
        """Cancel a subscription at once, without a last bill.

        Source: https://docs.stripe.com/api/subscriptions/cancel
        """
        params: Any = {
            "invoice_now": False,
            "prorate": False,
            "cancellation_details": {"comment": WHY_CANCELLED},
        }
        cancel = self._client.v1.subscriptions.cancel
        return read_subscription(
            self._ask(lambda: cancel(subscription_id, params, self._keyed(whose, key)), whose)
        )

    def pause(self, whose: Whose, subscription_id: str, *, key: str) -> Subscription:
        """Stop collecting a subscription; what it bills meanwhile stays a draft, so that nothing is lost.

        Source: https://docs.stripe.com/billing/subscriptions/pause-payment
        """
        params: Any = {"pause_collection": {"behavior": "keep_as_draft"}}
        update = self._client.v1.subscriptions.update
        return read_subscription(
            self._ask(lambda: update(subscription_id, params, self._keyed(whose, key)), whose)
        )

    def mark_uncollectible(self, whose: Whose, invoice_id: str, *, key: str) -> None:
        """Mark an open invoice as bad debt; it can still be paid."""
        mark = self._client.v1.invoices.mark_uncollectible
        self._ask(lambda: mark(invoice_id, {}, self._keyed(whose, key)), whose)

    def finalize(self, whose: Whose, invoice_id: str, *, key: str) -> None:
        """Finalise a draft and let Stripe collect it.

        Source: https://docs.stripe.com/api/invoices/finalize
        """
        finalize = self._client.v1.invoices.finalize_invoice
        self._ask(lambda: finalize(invoice_id, {"auto_advance": True}, self._keyed(whose, key)), whose)

    def _keyed(self, whose: Whose, key: str) -> Any:
        return {**self._on(whose), "idempotency_key": key}

    def _pages(self, whose: Whose, params: dict[str, Any], call: Callable[[], Any]) -> Iterator[Any]:
        while True:
            page = self._ask(call, whose)
            yield from page["data"]
            if not page["has_more"]:
                return
            params["starting_after"] = page["data"][-1]["id"]
