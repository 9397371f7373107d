"""Asking Stripe: read, pay, mint sessions. One of the few places that import stripe.

Only ever `Invoice.pay`, never a PaymentIntent or Charge of our own: Stripe refuses to pay a paid invoice, and
that refusal is the last guard against a double charge.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import quote_plus

import stripe

from dunning import __version__, logs, spans
from dunning.core.billing import Card, Customer, Failure, Invoice, Payment, Whose
from dunning.core.declines import wants_outcome
from dunning.errors import OutcomeUnknown, Refused, StripeError, Transient
from dunning.gateway.answers import PayAnswer, date_of, ours, refused_payment, replayed_of, verdict_of
from dunning.gateway.gate import Gate, OpenGate, Passage, Verdict
from dunning.gateway.listen_shapes import dig
from dunning.gateway.shapes import card_with, read_card, read_customer, read_invoice, with_outcome
from dunning.gateway.subscriptions import Subscriptions

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
READ_RETRIES = 2
API_VERSION: Final[str] = stripe.api_version  # the one this SDK was made for
OWN: Final = Whose()
Kind = Literal["refund", "credit_note", "dispute", "early_fraud_warning"]

SHOWN_AT: Final[Mapping[Kind, str]] = {
    "refund": "refunds",
    "credit_note": "credit_notes",
    "dispute": "disputes",
    "early_fraud_warning": "radar/early_fraud_warnings",
}

log = logs.get(__name__)

EXPAND_PAYMENTS = "payments.data.payment.payment_intent"


class Stripe:
    """The part of Stripe's API that dunning uses, in core values.

    Raises everywhere:
        Transient: nothing happened; ask again.
        Refused: Stripe said no for good (the message is for the operator).
    """

    def __init__(self, api_key: str, api_base: str, gate: Gate | None = None) -> None:
        self._gate = gate or OpenGate()
        stripe.enable_telemetry = False
        stripe.set_app_info("dunning", __version__)
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base},
            http_client=stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)),
            max_network_retries=READ_RETRIES,
        )
        self.subscriptions = Subscriptions(self._client, self._ask, _on)

    def invoice(self, whose: Whose, invoice_id: str) -> Invoice:
        """Return the invoice with its payments and their last errors; a paid one with the card, too."""
        raw = self._read(_path("invoices", invoice_id), whose, expand=[EXPAND_PAYMENTS])
        return self._with_card(whose, read_invoice(raw))

    def failed_invoice(self, whose: Whose, invoice_id: str) -> Invoice:
        """Return the invoice as `invoice` does, its newest failure told to the end (see `told`)."""
        invoice = self.invoice(whose, invoice_id)
        told = tuple(self._told_payment(whose, invoice, payment) for payment in invoice.payments)
        return replace(invoice, payments=told)

    def told(self, whose: Whose, failure: Failure, charge_id: str | None = None) -> Failure:
        """Return a failure with the outcome of its charge, where only that tells a block from the bank's no.

        One more call, for codes that name no reason; when it fails, the failure stays as it was told.
        """
        charge = failure.charge or charge_id
        if charge is None or failure.needs_action or not wants_outcome(failure.decline):
            return failure
        try:
            # No retries: a charge's lease is running.
            raw = self._read(_path("charges", charge), whose, max_network_retries=0)
        except StripeError as error:
            log.warning("outcome_not_read", charge_id=charge, error=str(error))
            return failure
        return with_outcome(failure, raw)

    def _told_payment(self, whose: Whose, invoice: Invoice, payment: Payment) -> Payment:
        if payment.failure is None or payment.failure is not invoice.failure:
            return payment
        return replace(payment, failure=self.told(whose, payment.failure, payment.charge))

    def pay(self, whose: Whose, invoice_id: str, *, key: str, card_id: str | None = None) -> PayAnswer:
        """Ask for one charge under `key`; the same key again is a question, never a second charge.

        Raises:
            OutcomeUnknown: a timeout, a broken connection, a 5xx, a key in flight or reused with other
                parameters: the charge may have happened. Or it did, and its card could not be read.
            Transient: nobody was let through, or a 429, which Stripe answers before it looks at the key.
            Refused: the account may not do this (401, 403) or the invoice is gone (404).
        """
        params: dict[str, Any] = {"off_session": True, "expand": [EXPAND_PAYMENTS]}
        if card_id is not None:
            params["payment_method"] = card_id
        options: Any = {"idempotency_key": key, "max_network_retries": 0}
        passage = Passage(whose.account_id, charge=True)
        self._gate.enter(passage)
        try:
            answer = self._raw("post", _path("invoices", invoice_id) + "/pay", whose, **params, **options)
        except stripe.StripeError as error:
            self._leave(passage, error)
            refused = refused_payment(error)
            return replace(refused, failure=refused.failure and self.told(whose, refused.failure))
        self._leave(passage, answer)
        raw: Any = answer.data
        try:
            invoice = self._with_card(whose, read_invoice(raw))
        except Transient as unread:
            raise OutcomeUnknown(f"Charged, but the card could not be read: {unread}") from unread
        return PayAnswer(
            "paid" if raw.get("status") == "paid" else "processing",
            answer.request_id,
            invoice=invoice,
            replayed=replayed_of(answer.headers),
        )

    def _with_card(self, whose: Whose, invoice: Invoice) -> Invoice:
        """Return an invoice with the card that paid it, or a part; Stripe expands nothing that deep."""
        last = invoice.settled[-1] if invoice.settled else None
        if last is None or last.card_id is None:
            return invoice
        try:
            card = self.card(whose, last.card_id)
        except Refused:
            return invoice
        return replace(invoice, paid_with=card, charged_as=self._charged_as(whose, last, card))

    def _charged_as(self, whose: Whose, payment: Payment, card: Card) -> Card | None:
        """Return the card with the details that the charge shows; None when Stripe does not show the charge.

        Raises:
            Transient: not read now. The card as it is today would be taken for the one that paid.
        """
        if payment.charge is None:
            return None
        try:
            raw = self._read(_path("charges", payment.charge), whose, max_network_retries=0)
        except Refused as error:
            log.warning("charge_not_read", charge_id=payment.charge, error=str(error))
            return None
        return card_with(card.id, card.type, dig(raw, "payment_method_details", card.type) or {})

    def set_auto_advance(self, whose: Whose, invoice_id: str, *, on: bool) -> None:
        """Let Stripe collect the invoice by itself, or stop it from doing so.

        Source: https://docs.stripe.com/api/invoices/update#update_invoice-auto_advance
        """
        self._ask(lambda: self._raw("post", _path("invoices", invoice_id), whose, auto_advance=on), whose)

    def mark_paid(self, whose: Whose, invoice_id: str, *, key: str) -> None:
        """Mark an invoice as paid outside of Stripe: nothing is charged.

        Source: https://docs.stripe.com/api/invoices/pay#pay_invoice-paid_out_of_band
        """
        path, how = _path("invoices", invoice_id) + "/pay", {"paid_out_of_band": True}
        self._ask(lambda: self._raw("post", path, whose, **how, idempotency_key=key), whose)

    def customer(self, whose: Whose, customer_id: str) -> Customer:
        """Return the customer with the default card; of a deleted one, Stripe has nothing to expand."""
        path = _path("customers", customer_id)
        try:
            return read_customer(self._read(path, whose, expand=["invoice_settings.default_payment_method"]))
        except Refused as error:
            if error.status != 400:
                raise
        return read_customer(self._read(path, whose))

    def card(self, whose: Whose, card_id: str) -> Card:
        """Return one payment method."""
        return read_card(self._read(_path("payment_methods", card_id), whose))

    def shown(self, whose: Whose, kind: Kind, object_id: str) -> Mapping[str, Any]:
        """Return an object that a thin notification only names, as Stripe shows it now."""
        return self._read(_path(SHOWN_AT[kind], object_id), whose)

    def portal(self, whose: Whose, customer_id: str, *, return_url: str) -> str:
        """Mint a portal session that shows only the card form, and return its short-lived URL."""
        flow: Any = {
            "type": "payment_method_update",
            "after_completion": {"type": "redirect", "redirect": {"return_url": return_url}},
        }
        params: Any = {"customer": customer_id, "flow_data": flow, "return_url": return_url}
        raw = self._ask(lambda: self._client.v1.billing_portal.sessions.create(params, _on(whose)), whose)
        return str(raw["url"])

    def open_invoices(self, whose: Whose, *, created_from: int | None = None) -> Iterator[Invoice]:
        """Yield the open invoices, newest first, page by page of 100 (without their payments)."""
        params: dict[str, Any] = {"status": "open", "limit": 100}
        if created_from is not None:
            params["created"] = {"gte": created_from}
        while True:
            page = self._read("/v1/invoices", whose, **params)
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
            page = self._read("/v1/events", Whose(), **params)
            yield from page["data"]
            if not page["has_more"]:
                return
            params["starting_after"] = page["data"][-1]["id"]

    def read_list(self, whose: Whose, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what Stripe answers to a GET, as plain JSON."""
        return self._read(path, whose, **params)

    def account(self) -> Mapping[str, Any]:
        """Return the account that the key belongs to."""
        return self._ask(self._client.v1.accounts.retrieve_current)

    def server_time(self) -> datetime | None:
        """Return what time it is at Stripe, from the Date header of an answer, right to the second."""
        found: list[datetime | None] = []

        def call() -> Any:
            answer = self._client.v1.accounts.retrieve_current()
            found.append(date_of(answer.last_response.headers if answer.last_response else None))
            return answer

        self._ask(call)
        return found[-1]

    def portal_configurations(self) -> tuple[Mapping[str, Any], ...]:
        """Return the account's default portal configuration, if it ever saved one."""
        params: Any = {"is_default": True, "active": True}
        return tuple(self._ask(lambda: self._client.v1.billing_portal.configurations.list(params))["data"])

    def webhook_endpoints(self) -> tuple[Mapping[str, Any], ...]:
        """Return the account's webhook endpoints."""
        return tuple(self._ask(lambda: self._client.v1.webhook_endpoints.list({"limit": 100}))["data"])

    def create_webhook_endpoint(self, url: str, types: tuple[str, ...]) -> Mapping[str, Any]:
        """Create a webhook endpoint for `types`; the answer holds its signing secret, shown only once."""
        params: Any = {"url": url, "enabled_events": list(types), "api_version": stripe.api_version}
        return self._ask(lambda: self._client.v1.webhook_endpoints.create(params))

    def _ask(self, call: Callable[[], Any], whose: Whose = OWN) -> dict[str, Any]:
        passage = Passage(whose.account_id)
        self._gate.enter(passage)
        try:
            with spans.span("ask stripe", account=whose.account_id):
                answer = call()
        except stripe.StripeError as error:
            self._leave(passage, error)
            raise ours(error) from error
        self._leave(passage, answer)
        found: Any = answer.data if isinstance(answer, stripe.StripeResponse) else answer.to_dict()
        return dict(found)

    def _leave(self, passage: Passage, answer: Any) -> None:
        """Tell the gate what came of a call: an answer, an object of the SDK's, or its error."""
        failed = isinstance(answer, stripe.StripeError)
        verdict = verdict_of(passage, answer) if failed else Verdict.FINE
        response = answer if hasattr(answer, "headers") else answer.last_response
        headers = response.headers if response else None
        self._gate.leave(passage, verdict, why=str(answer) if failed else "", date=date_of(headers))

    def _read(self, path: str, whose: Whose, **params: Any) -> dict[str, Any]:
        return self._ask(lambda: self._raw("get", path, whose, **params), whose)

    def _raw(self, method: str, path: str, whose: Whose, **params: Any) -> stripe.StripeResponse:
        """Ask for plain JSON values: the SDK's objects take longer to build than an answer takes to come."""
        answer: stripe.StripeResponse = self._client.raw_request(method, path, **params, **_on(whose))
        return answer


def _path(collection: str, object_id: str) -> str:
    return f"/v1/{collection}/{quote_plus(object_id)}"


def _on(whose: Whose) -> Any:
    return {} if whose.account_id == "self" else {"stripe_account": whose.account_id}
