"""The doctor's look at charging: what stops it, who else collects, what a person must conclude.

What Stripe's API does not tell (its own mails, its retry settings) becomes a question to check by hand.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from dunning.core.clock import Clock
from dunning.core.vocabulary import Retries
from dunning.flows import safety
from dunning.flows.doctor import Finding, Mark
from dunning.store import breakers, queue, segments, switches
from dunning.store.engine import Store

MAILS_PAGE: Final = "https://dashboard.stripe.com/settings/billing/automatic"
RETRIES_PAGE: Final = "https://dashboard.stripe.com/settings/billing/automatic"


def examine_charges(store: Store, clock: Clock) -> Iterator[Finding]:
    """Yield what there is to say about charging; nothing where the database has findings of its own."""
    try:
        with store.read() as connection:
            found = list(_all(connection, clock.now()))
    except SQLAlchemyError:
        return
    yield from found


def _all(connection: Connection, now: datetime) -> Iterator[Finding]:
    yield from _breaker(connection, now)
    yield from _contradictions(connection)
    yield _abandoned(connection)
    yield from _stripes_retries(connection, now)
    yield from _stripes_mails(connection)


def _breaker(connection: Connection, now: datetime) -> Iterator[Finding]:
    stopped = [safety.breaker_words(breaker) for breaker in breakers.all_open(connection)]
    stopped += safety.safe_mode(connection, now, watching=True)
    stopped += [safety.skew_words(skew) for skew in breakers.skews(connection, now)]
    for sentence, cure in stopped:
        yield Finding(Mark.BAD, "charging", sentence, cure)
    if not stopped:
        yield Finding(Mark.OK, "charging", "Nothing stands between us and Stripe.")


def _contradictions(connection: Connection) -> Iterator[Finding]:
    found = queue.contradicted(connection)
    if found:
        yield Finding(Mark.BAD, "contradictions", *safety.contradicted_words(found))
    else:
        yield Finding(Mark.OK, "contradictions", "Stripe collects no invoice that is ours alone.")


def _abandoned(connection: Connection) -> Finding:
    keys = queue.abandoned(connection)
    if keys:
        return Finding(Mark.BAD, "unknown charges", *safety.abandoned_words(keys))
    return Finding(Mark.OK, "unknown charges", "No charge waits for a person to conclude it.")


def _stripes_retries(connection: Connection, now: datetime) -> Iterator[Finding]:
    """Judge Stripe's retries by what its invoices say: their settings are in the Dashboard only."""
    left = queue.left_to_stripe(connection, now)
    if not left.open:
        if _modes(connection) != {Retries.OWN}:
            cure = f"Look at {RETRIES_PAGE}: Smart Retries, and what happens after the last one."
            yield Finding(Mark.ASK, "Stripe's retries", "Are they set as you want them?", cure)
        return
    sentence = (
        f"Stripe has a next try for {left.scheduled} of the {left.open} open invoices that are left to it."
    )
    if left.scheduled:
        yield Finding(Mark.OK, "Stripe's retries", sentence)
        return
    cure = f"Are they switched on? Look at {RETRIES_PAGE}, or `dunning mode --retries own`."
    yield Finding(Mark.WARN, "Stripe's retries", sentence, cure)


def _stripes_mails(connection: Connection) -> Iterator[Finding]:
    parts = segments.current(connection).all
    if switches.read(connection).messages or any(segment.messages for segment in parts):
        cure = f"Look at {MAILS_PAGE} and switch its mails about failed payments off, or customers get both."
        yield Finding(
            Mark.ASK, "Stripe's mails", "Does Stripe write to customers about failed payments?", cure
        )


def _modes(connection: Connection) -> set[Retries]:
    overall = switches.read(connection).retries
    return {overall} | {segment.retries or overall for segment in segments.current(connection).all}
