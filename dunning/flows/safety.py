"""What stands in the way of charging safely, in sentences with their cure: for pages and for the doctor."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from dunning.core.breaker import Breaker, Cause
from dunning.store import beats, breakers, checked, listeners, queue
from dunning.store.listeners import ListenerRow

START_A_CLOCK: Final = "Start a clock and a worker: they find out what is missing, and then go on."
TRIED_AGAIN: Final = "It is tried again by itself; `dunning doctor` says what the key lacks."


def alarms(connection: Connection, now: datetime) -> list[str]:
    """Return what everybody must see: whether charging stands still, and what only a person can mend."""
    found = [" ".join(said) for said in map(breaker_words, breakers.all_open(connection))]
    found += [" ".join(said) for said in safe_mode(connection, now)]
    found += [" ".join(skew_words(skew)) for skew in breakers.skews(connection, now)]
    found += [" ".join(said) for said in _left_to_people(connection)]
    found += [" ".join(said) for said in _broken_laws(connection)]
    found += [_off_words(listener) for listener in listeners.all_of(connection) if listener.off_at]
    return found


def safe_mode(connection: Connection, now: datetime, *, watching: bool = False) -> Iterator[tuple[str, str]]:
    """Yield why the database may lack what has happened, and the cure; `watching` counts an old beat, too."""
    mode = beats.read(connection).mode
    if mode is None or not mode.open:
        why = beats.why_closed(connection, now, watching=watching)
        if why is not None:
            yield f"Nothing is charged, nobody is written to: {why}", START_A_CLOCK
        return
    sentence = f"Nothing is charged, nobody is written to since {mode.begun_at:%d %B %H:%M} UTC: {mode.why}"
    if mode.hindered is not None:
        yield f"{sentence} Stripe's events could not be read: {mode.hindered.rstrip('.')}.", TRIED_AGAIN
    else:
        what = "are handled" if mode.compared_at else "are fetched"
        yield sentence, f"Stripe's events {what} first; it ends by itself: a clock and a worker must run."


def _off_words(listener: ListenerRow) -> str:
    """Return what a listener that was switched off asks of a person."""
    who = f"{listener.kind.capitalize()} {listener.target}"
    return f"{who} is told nothing any more: {listener.off_why} A test of it (Settings) switches it on again."


def breaker_words(breaker: Breaker) -> tuple[str, str]:
    """Return what a breaker says, and its cure."""
    since = f"Nothing is charged since {breaker.opened_at:%d %B %H:%M} UTC"
    if breaker.cause is Cause.KEY:
        whom = "" if breaker.account_id == "self" else f" for {breaker.account_id}"
        cure = "Mend the key (`dunning doctor` says which right it lacks); charges then go on by themselves."
        return f"{since}: Stripe does not let this key charge{whom} ({breaker.why.rstrip('.')}).", cure
    return (
        f"{since}: Stripe is away ({breaker.why.rstrip('.')}).",
        "Charges go on by themselves once it is back.",
    )


def skew_words(skew: dict[str, object]) -> tuple[str, str]:
    """Return what a host said of its clock, and the cure."""
    sentence = f"{skew['host']} charges nothing: its clock is {skew['seconds']} s off {skew['against']}."
    return sentence, "Let NTP set it."


def _left_to_people(connection: Connection) -> Iterator[tuple[str, str]]:
    abandoned, contradicted = queue.abandoned(connection), queue.contradicted(connection)
    if abandoned:
        yield abandoned_words(abandoned)
    if contradicted:
        yield contradicted_words(contradicted)


def _broken_laws(connection: Connection) -> Iterator[tuple[str, str]]:
    look = checked.last(connection)
    for law, count in (look.broken if look else {}).items():
        yield law_words(law, count)


def law_words(law: str, count: int) -> tuple[str, str]:
    """Return what a broken law says, and the cure."""
    sentence = f"{'1 row breaks' if count == 1 else f'{count} rows break'} the law: {law}."
    if law.endswith("left behind"):
        return sentence, "Look whether worker and clock run, and what they log."
    if law.startswith("the database keeps"):
        return sentence, "Restore the indexes and triggers of the migrations before anything is charged."
    return sentence, "Stop charges with `dunning pause --all --reason …`, and report it with this line."


def abandoned_words(keys: Sequence[str]) -> tuple[str, str]:
    """Return what abandoned charges ask of a person, and how; `keys` are their idempotency keys."""
    what = "a charge is" if len(keys) == 1 else f"{len(keys)} charges are"
    cure = "Look them up in Stripe's Dashboard, then `dunning recoveries conclude ID` or the recovery's page."
    return f"The outcome of {what} not known: {_some(keys)}.", cure


def contradicted_words(invoices: Sequence[str]) -> tuple[str, str]:
    """Return what invoices say that Stripe collects beside us, and the cure."""
    what = "an invoice that is" if len(invoices) == 1 else f"{len(invoices)} invoices that are"
    cure = (
        "Find who sets auto_advance on them in Stripe (an automation, a program with a key) and stop it, or "
        "`dunning mode --retries weave`."
    )
    return f"Stripe collects {what} ours to collect; nothing is charged: {_some(invoices)}.", cure


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
