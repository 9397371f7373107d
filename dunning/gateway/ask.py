"""Asking Stripe: read, pay, mint sessions. One of the few places that import stripe.

Only ever `Invoice.pay`, never a PaymentIntent or Charge of our own: Stripe refuses to pay a paid invoice, and
that refusal is the last guard against a double charge.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, TypeVar

import stripe

from dunning import __version__
from dunning.core.billing import Card, Customer, Failure, Invoice, Whose
from dunning.errors import OutcomeUnknown, Refused, Transient
from dunning.gateway.listen_shapes import dig
from dunning.gateway.shapes import AUTHENTICATION_CODES, read_card, read_customer, read_failure, read_invoice

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
READ_RETRIES = 2
API_VERSION: Final[str] = stripe.api_version  # the one this SDK was made for
T = TypeVar("T")

EXPAND_PAYMENTS = "payments.data.payment.payment_intent"


@dataclass(frozen=True, slots=True)
class PayAnswer:
    """What Stripe answered to a charge.

    `outcome`: paid, processing (a bank debit on its way), declined, needs_action, or refused: Stripe would
    not take the question (already paid, void, no card), and the invoice itself tells why. `failure` comes
    with a decline. `replayed`: the answer is the saved one of an earlier asking of the same key.
    """

    outcome: Literal["paid", "processing", "declined", "needs_action", "refused"]
    request_id: str | None = None
    failure: Failure | None = None
    invoice: Invoice | None = None  # as the charge left it; only with paid and processing
    replayed: bool = False
    note: str | None = None


class Stripe:
    """The part of Stripe's API that dunning uses, in core values.

    Raises everywhere:
        Transient: nothing happened; ask again.
        Refused: Stripe said no for good (the message is for the operator).
    """

    def __init__(self, api_key: str, api_base: str) -> None:
        stripe.enable_telemetry = False
        stripe.set_app_info("dunning", __version__)
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base},
            http_client=stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)),
            max_network_retries=READ_RETRIES,
        )

    def invoice(self, whose: Whose, invoice_id: str) -> Invoice:
        """Return the invoice with its payments and their last errors, in one call."""
        expand: Any = {"expand": [EXPAND_PAYMENTS]}
        return read_invoice(_ask(lambda: self._client.v1.invoices.retrieve(invoice_id, expand, _on(whose))))

    def pay(self, whose: Whose, invoice_id: str, *, key: str, card_id: str | None = None) -> PayAnswer:
        """Ask for one charge under `key`; the same key again is a question, never a second charge.

        Raises:
            OutcomeUnknown: a timeout, a broken connection, a 5xx, a key in flight or reused with other
                parameters: the charge may have happened.
            Transient: a 429, which Stripe answers before it looks at the key; nothing happened.
            Refused: the account may not do this (401, 403) or the invoice is gone (404).
        """
        params: dict[str, Any] = {"off_session": True, "expand": [EXPAND_PAYMENTS]}
        if card_id is not None:
            params["payment_method"] = card_id
        options: Any = {**_on(whose), "idempotency_key": key, "max_network_retries": 0}
        try:
            answer = self._client.v1.invoices.pay(invoice_id, params, options)  # type: ignore[arg-type]  # a built dict
        except stripe.StripeError as error:
            return _refused_payment(error)
        raw = answer.to_dict()
        paid = raw.get("status") == "paid"
        response = answer.last_response
        replayed = _replayed(response.headers if response else None)
        request_id = response.request_id if response else None
        return PayAnswer(
            "paid" if paid else "processing",
            request_id,
            invoice=read_invoice(raw),
            replayed=replayed,
        )

    def set_auto_advance(self, whose: Whose, invoice_id: str, *, on: bool) -> None:
        """Let Stripe collect the invoice by itself, or stop it from doing so.

        Source: https://docs.stripe.com/api/invoices/update#update_invoice-auto_advance
        """
        _ask(lambda: self._client.v1.invoices.update(invoice_id, {"auto_advance": on}, _on(whose)))

    def customer(self, whose: Whose, customer_id: str) -> Customer:
        """Return the customer with the default card; of a deleted one, Stripe has nothing to expand."""
        retrieve = self._client.v1.customers.retrieve
        expand: Any = {"expand": ["invoice_settings.default_payment_method"]}
        try:
            return read_customer(_ask(lambda: retrieve(customer_id, expand, _on(whose))))
        except Refused as error:
            if error.status != 400:
                raise
        return read_customer(_ask(lambda: retrieve(customer_id, {}, _on(whose))))

    def card(self, whose: Whose, card_id: str) -> Card:
        """Return one payment method."""
        return read_card(_ask(lambda: self._client.v1.payment_methods.retrieve(card_id, {}, _on(whose))))

    def portal(self, whose: Whose, customer_id: str, *, return_url: str) -> str:
        """Mint a portal session that shows only the card form, and return its short-lived URL."""
        flow: Any = {
            "type": "payment_method_update",
            "after_completion": {"type": "redirect", "redirect": {"return_url": return_url}},
        }
        params: Any = {"customer": customer_id, "flow_data": flow, "return_url": return_url}
        raw = _ask(lambda: self._client.v1.billing_portal.sessions.create(params, _on(whose)))
        return str(raw["url"])

    def open_invoices(self, whose: Whose, *, created_from: int | None = None) -> Iterator[Invoice]:
        """Yield the open invoices, newest first, page by page of 100 (without their payments)."""
        params: dict[str, Any] = {"status": "open", "limit": 100}
        if created_from is not None:
            params["created"] = {"gte": created_from}
        while True:
            page = _ask(lambda: self._client.v1.invoices.list(params, _on(whose)))  # type: ignore[arg-type]  # a built dict
            yield from (read_invoice(raw) for raw in page["data"])
            if not page["has_more"]:
                return
            params["starting_after"] = page["data"][-1]["id"]

    def missed_events(
        self, *, types: tuple[str, ...], since: datetime | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the events of the last 30 days that Stripe could not deliver, newest first.

        With `since` (aware UTC) instead every event made from then on, delivered or not.
        """
        params: dict[str, Any] = {"types": list(types)[:20], "limit": 100}
        params |= {"created": {"gte": int(since.timestamp())}} if since else {"delivery_success": False}
        while True:
            page = _ask(lambda: self._client.v1.events.list(params))  # type: ignore[arg-type]  # a built dict
            yield from page["data"]
            if not page["has_more"]:
                return
            params["starting_after"] = page["data"][-1]["id"]

    def read_list(self, whose: Whose, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what Stripe answers to a GET, as plain JSON and without building the SDK's objects."""
        return _heard(lambda: self._client.raw_request("get", path, **{**params, **_on(whose)}).data)

    def account(self) -> Mapping[str, Any]:
        """Return the account that the key belongs to."""
        return _ask(self._client.v1.accounts.retrieve_current)

    def server_time(self) -> datetime | None:
        """Return what time it is at Stripe, from the Date header of an answer, right to the second."""
        found: list[str | None] = []

        def call() -> Any:
            answer = self._client.v1.accounts.retrieve_current()
            found.append((answer.last_response.headers if answer.last_response else {}).get("date"))
            return answer

        _ask(call)
        return parsedate_to_datetime(found[-1]) if found[-1] else None

    def webhook_endpoints(self) -> tuple[Mapping[str, Any], ...]:
        """Return the account's webhook endpoints."""
        return tuple(_ask(lambda: self._client.v1.webhook_endpoints.list({"limit": 100}))["data"])

    def create_webhook_endpoint(self, url: str, types: tuple[str, ...]) -> Mapping[str, Any]:
        """Create a webhook endpoint for `types`; the answer holds its signing secret, shown only once."""
        params: Any = {"url": url, "enabled_events": list(types), "api_version": stripe.api_version}
        return _ask(lambda: self._client.v1.webhook_endpoints.create(params))


def _on(whose: Whose) -> Any:
    return {} if whose.account_id == "self" else {"stripe_account": whose.account_id}


def _ask(call: Callable[[], Any]) -> dict[str, Any]:
    return _heard(lambda: call().to_dict())


def _heard(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = call()
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise Transient(str(error)) from error
    except stripe.StripeError as error:
        if error.http_status is None or error.http_status >= 500:
            raise Transient(str(error)) from error
        raise Refused(error.user_message or str(error), status=error.http_status, code=error.code) from error
    return answer


def _refused_payment(error: stripe.StripeError) -> PayAnswer:
    body = dig(error.json_body, "error") or {}
    if isinstance(error, stripe.RateLimitError):
        raise Transient(str(error)) from error
    if isinstance(error, stripe.CardError) or body.get("code") in AUTHENTICATION_CODES:
        failure = read_failure(body)
        outcome: Literal["needs_action", "declined"] = "needs_action" if failure.needs_action else "declined"
        return PayAnswer(outcome, error.request_id, failure, replayed=_replayed(error.headers))
    if isinstance(error, stripe.IdempotencyError) or error.http_status is None or error.http_status == 409:
        raise OutcomeUnknown(str(error), in_flight=error.http_status == 409) from error
    if error.http_status >= 500:
        raise OutcomeUnknown(str(error)) from error
    if error.http_status == 400:
        # Stripe gives "already paid" no code, so a 400 is never read: the invoice is.
        return PayAnswer("refused", error.request_id, note=error.user_message)
    raise Refused(error.user_message or str(error), status=error.http_status, code=error.code) from error


def _replayed(headers: Mapping[str, str] | None) -> bool:
    found = {name.lower(): value for name, value in (headers or {}).items()}
    return found.get("idempotent-replayed") == "true"
