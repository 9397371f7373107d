"""Asking Stripe: read, pay, mint sessions. One of the few places that import stripe.

Only ever `Invoice.pay`, never a PaymentIntent or Charge of our own: Stripe refuses to pay a paid invoice, and
that refusal is the last guard against a double charge.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal

import stripe

from dunning import __version__
from dunning.core.billing import Card, Customer, Failure, Invoice, Whose
from dunning.errors import OutcomeUnknown, Refused, Transient
from dunning.gateway.gate import Errand, Gate, OpenGate, Verdict
from dunning.gateway.listen_shapes import dig
from dunning.gateway.shapes import AUTHENTICATION_CODES, read_card, read_customer, read_failure, read_invoice

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
READ_RETRIES = 2
API_VERSION: Final[str] = stripe.api_version  # the one this SDK was made for
OWN: Final = Whose()

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

    def invoice(self, whose: Whose, invoice_id: str) -> Invoice:
        """Return the invoice with its payments and their last errors, in one call."""
        expand: Any = {"expand": [EXPAND_PAYMENTS]}
        return read_invoice(
            self._ask(lambda: self._client.v1.invoices.retrieve(invoice_id, expand, _on(whose)), whose)
        )

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
        errand = Errand(whose.account_id, charge=True)
        self._gate.enter(errand)
        try:
            answer = self._client.v1.invoices.pay(invoice_id, params, options)  # type: ignore[arg-type]  # a built dict
        except stripe.StripeError as error:
            self._leave(errand, error)
            return _refused_payment(error)
        self._leave(errand, answer)
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
        self._ask(
            lambda: self._client.v1.invoices.update(invoice_id, {"auto_advance": on}, _on(whose)), whose
        )

    def customer(self, whose: Whose, customer_id: str) -> Customer:
        """Return the customer with the default card; of a deleted one, Stripe has nothing to expand."""
        retrieve = self._client.v1.customers.retrieve
        expand: Any = {"expand": ["invoice_settings.default_payment_method"]}
        try:
            return read_customer(self._ask(lambda: retrieve(customer_id, expand, _on(whose)), whose))
        except Refused as error:
            if error.status != 400:
                raise
        return read_customer(self._ask(lambda: retrieve(customer_id, {}, _on(whose)), whose))

    def card(self, whose: Whose, card_id: str) -> Card:
        """Return one payment method."""
        return read_card(
            self._ask(lambda: self._client.v1.payment_methods.retrieve(card_id, {}, _on(whose)), whose)
        )

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
            page = self._ask(lambda: self._client.v1.invoices.list(params, _on(whose)), whose)  # type: ignore[arg-type]  # a built dict
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
            page = self._ask(lambda: self._client.v1.events.list(params))  # type: ignore[arg-type]  # a built dict
            yield from page["data"]
            if not page["has_more"]:
                return
            params["starting_after"] = page["data"][-1]["id"]

    def account(self) -> Mapping[str, Any]:
        """Return the account that the key belongs to."""
        return self._ask(self._client.v1.accounts.retrieve_current)

    def server_time(self) -> datetime | None:
        """Return what time it is at Stripe, from the Date header of an answer, right to the second."""
        found: list[datetime | None] = []

        def call() -> Any:
            answer = self._client.v1.accounts.retrieve_current()
            found.append(_date(answer.last_response.headers if answer.last_response else None))
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
        errand = Errand(whose.account_id)
        self._gate.enter(errand)
        try:
            answer = call()
        except stripe.StripeError as error:
            self._leave(errand, error)
            raise _told(error) from error
        self._leave(errand, answer)
        found: dict[str, Any] = answer.to_dict()
        return found

    def _leave(self, errand: Errand, answer: Any) -> None:
        """Tell the gate what came of a call: an object of the SDK's, or its error."""
        failed = isinstance(answer, stripe.StripeError)
        verdict = _verdict(errand, answer) if failed else Verdict.FINE
        response = getattr(answer, "last_response", None)
        headers = answer.headers if failed else response.headers if response else None
        self._gate.leave(errand, verdict, why=str(answer) if failed else "", date=_date(headers))


def _on(whose: Whose) -> Any:
    return {} if whose.account_id == "self" else {"stripe_account": whose.account_id}


def _told(error: stripe.StripeError) -> Transient | Refused:
    """Return the SDK's error as ours; a question that got no answer may be asked again."""
    asked_too_much = isinstance(error, stripe.APIConnectionError | stripe.RateLimitError)
    if asked_too_much or error.http_status is None or error.http_status >= 500:
        return Transient(str(error))
    return Refused(error.user_message or str(error), status=error.http_status, code=error.code)


def _verdict(errand: Errand, error: stripe.StripeError) -> Verdict:
    if error.http_status == 401 or (errand.charge and error.http_status == 403):
        return Verdict.SHUT
    if error.http_status == 429:
        busy = dig(error.json_body, "error", "code") == "lock_timeout"  # one object's, not the account's
        return Verdict.FINE if busy else Verdict.BROKEN
    return Verdict.BROKEN if error.http_status is None or error.http_status >= 500 else Verdict.FINE


def _date(headers: Mapping[str, str] | None) -> datetime | None:
    """Return Stripe's clock at an answer, if it says what time it is."""
    found = {name.lower(): value for name, value in (headers or {}).items()}.get("date")
    try:
        return parsedate_to_datetime(found) if found else None
    except ValueError:
        return None


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
        raise OutcomeUnknown(str(error), saved=_replayed(error.headers)) from error
    if error.http_status == 400:
        # Stripe gives "already paid" no code, so a 400 is never read: the invoice is.
        return PayAnswer("refused", error.request_id, note=error.user_message)
    raise Refused(error.user_message or str(error), status=error.http_status, code=error.code) from error


def _replayed(headers: Mapping[str, str] | None) -> bool:
    found = {name.lower(): value for name, value in (headers or {}).items()}
    return found.get("idempotent-replayed") == "true"
