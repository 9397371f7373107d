"""What Stripe's events tell of one charge: who asked for it, and why the bank said no.

`payment_intent.payment_failed` is the only event that carries the whole refusal, and the key of the charge
with it: proof where the invoice only shows the last error, whoever's it was.
"""

from typing import Final

from sqlalchemy import Connection

from dunning.core.billing import Failure, Whose
from dunning.gateway.listen import parse
from dunning.gateway.listen_shapes import dig, object_id
from dunning.gateway.shapes import read_failure
from dunning.store import inbox
from dunning.store.rows import AttemptRow

REFUSED: Final = "payment_intent.payment_failed"
SAYINGS: Final = {
    "invoice.paid": "paid",
    REFUSED: "failed",
    "invoice.payment_failed": "failed",
    "invoice.payment_action_required": "failed",
}


def outcome(connection: Connection, attempt: AttemptRow) -> str | None:
    """Return what an event that carries the attempt's key says of it: paid, failed, or None."""
    types = inbox.types_of_key(connection, attempt.whose, attempt.idempotency_key or "")
    said = {SAYINGS.get(name.removeprefix("v1.")) for name in types}
    return "paid" if "paid" in said else "failed" if "failed" in said else None


def refusal(connection: Connection, attempt: AttemptRow) -> Failure | None:
    """Return why the bank refused the attempt, in the words of the event that carries its key."""
    return refusal_of_key(connection, attempt.whose, attempt.idempotency_key or "")


def refusal_of_key(connection: Connection, whose: Whose, key: str) -> Failure | None:
    """Return why the bank refused what was asked under a key, also where nobody remembers having asked."""
    return next(map(failure_in, inbox.payloads(connection, whose, REFUSED, key=key)), None)


def asked_by_another(connection: Connection, attempt: AttemptRow, failure: Failure) -> bool:
    """Return whether an event shows that a refused charge was not this attempt's."""
    intent = failure.payment_intent or ""
    shown = inbox.payloads(connection, attempt.whose, REFUSED, object_id=intent)
    return any(
        object_id(dig(parse(payload), "data", "object", "last_payment_error", "charge")) == failure.charge
        for payload in shown
        if dig(parse(payload), "request", "idempotency_key") != attempt.idempotency_key
    )


def failure_in(payload: bytes) -> Failure | None:
    """Return the refusal that a `payment_intent.payment_failed` shows; a thin notification shows none."""
    intent = dig(parse(payload), "data", "object")
    error = dig(intent, "last_payment_error")
    return read_failure(error, object_id(intent)) if isinstance(error, dict) else None
