"""What Stripe's answers and errors mean: to a charge, to the account, to whoever asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import stripe

from dunning.core.billing import Failure, Invoice
from dunning.errors import OutcomeUnknown, Refused, Transient, Unreachable
from dunning.gateway.gate import Passage, Verdict
from dunning.gateway.listen_shapes import dig
from dunning.gateway.shapes import AUTHENTICATION_CODES, read_failure


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


def ours(error: stripe.StripeError) -> Transient | Refused:
    """Return the SDK's error as ours; a question that got no answer may be asked again."""
    if isinstance(error, stripe.APIConnectionError):
        return Unreachable(str(error))
    if isinstance(error, stripe.RateLimitError) or error.http_status is None or error.http_status >= 500:
        return Transient(str(error))
    return Refused(error.user_message or str(error), status=error.http_status, code=error.code)


def verdict_of(passage: Passage, error: stripe.StripeError) -> Verdict:
    """Return what an error says of the account: shut to us, broken, or fine but for this one call."""
    if error.http_status == 401 or (passage.charge and error.http_status == 403):
        return Verdict.SHUT
    if error.http_status == 429:
        busy = dig(error.json_body, "error", "code") == "lock_timeout"  # one object's, not the account's
        return Verdict.FINE if busy else Verdict.BROKEN
    return Verdict.BROKEN if error.http_status is None or error.http_status >= 500 else Verdict.FINE


def date_of(headers: Mapping[str, str] | None) -> datetime | None:
    """Return Stripe's clock at an answer, if it says what time it is."""
    found = {name.lower(): value for name, value in (headers or {}).items()}.get("date")
    try:
        return parsedate_to_datetime(found) if found else None
    except ValueError:
        return None


def refused_payment(error: stripe.StripeError) -> PayAnswer:
    """Return what an error says of a charge.

    Raises:
        OutcomeUnknown, Transient, Refused: as `Stripe.pay` does.
    """
    body = dig(error.json_body, "error") or {}
    if isinstance(error, stripe.RateLimitError):
        raise Transient(str(error)) from error
    if isinstance(error, stripe.CardError) or body.get("code") in AUTHENTICATION_CODES:
        failure = read_failure(body)
        outcome: Literal["needs_action", "declined"] = "needs_action" if failure.needs_action else "declined"
        return PayAnswer(outcome, error.request_id, failure, replayed=replayed_of(error.headers))
    if isinstance(error, stripe.IdempotencyError) or error.http_status is None or error.http_status == 409:
        raise OutcomeUnknown(str(error), in_flight=error.http_status == 409) from error
    if error.http_status >= 500:
        raise OutcomeUnknown(str(error), saved=replayed_of(error.headers)) from error
    if error.http_status == 400:
        # Stripe gives "already paid" no code, so a 400 is never read: the invoice is.
        return PayAnswer("refused", error.request_id, note=error.user_message)
    raise Refused(error.user_message or str(error), status=error.http_status, code=error.code) from error


def replayed_of(headers: Mapping[str, str] | None) -> bool:
    """Return whether an answer is the saved one of an earlier asking of the same key."""
    found = {name.lower(): value for name, value in (headers or {}).items()}
    return found.get("idempotent-replayed") == "true"
