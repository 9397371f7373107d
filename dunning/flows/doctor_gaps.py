"""The doctor's look at what webhooks should have brought and did not."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from dunning.core.clock import Clock
from dunning.flows.doctor import Finding, Mark
from dunning.store import gaps, inbox
from dunning.store.engine import Store
from dunning.store.gaps import Kind

FRESH: Final = timedelta(days=1)
LATE: Final = timedelta(hours=6)
WORDS: Final = {
    Kind.EVENTS: ("event", "events"),
    Kind.OPENINGS: ("failed invoice", "failed invoices"),
    Kind.ENDINGS: ("invoice that ended", "invoices that ended"),
}


def examine_gaps(store: Store, clock: Clock, *, livemode: bool) -> Iterator[Finding]:
    """Yield the finding about the last seven days; what was found in the last day is bad."""
    try:
        with store.read() as connection:
            found = gaps.recent(connection, clock.now(), livemode=livemode)
            compared = inbox.reconciled(connection)
    except SQLAlchemyError:
        return  # the database has findings of its own
    yield _missed(found, clock.now()) if found else _nothing_missed(compared, clock.now())


def _nothing_missed(compared: datetime | None, now: datetime) -> Finding:
    if compared is None or now - compared > LATE:
        since = f"since {compared:%d %B %H:%M} UTC" if compared else "yet"
        cure = "Look whether clock and worker run; `dunning reconcile` does it once."
        return Finding(Mark.WARN, "missed events", f"Nobody has compared events with Stripe's {since}.", cure)
    return Finding(Mark.OK, "missed events", "Every event of the last 7 days came by webhook.")


def missed(found: Sequence[RowMapping]) -> str:
    """Return what gaps hold, in words: `12 events and 3 failed invoices`."""
    counts = {kind: sum(row["count"] for row in found if row["kind"] == kind) for kind in Kind}
    return " and ".join(f"{count} {WORDS[kind][count != 1]}" for kind, count in counts.items() if count)


def _missed(found: Sequence[RowMapping], now: datetime) -> Finding:
    since, until = min(row["since"] for row in found), max(row["until"] for row in found)
    last = max(row["found_at"] for row in found)
    mark = Mark.BAD if now - last < FRESH else Mark.WARN
    sentence = (
        f"No webhook brought {missed(found)} of {since:%d %B %H:%M} to {until:%d %B %H:%M} UTC; "
        f"they were fetched, last on {last:%d %B %H:%M}."
    )
    cure = (
        f"The webhook endpoint was disabled, or did not answer, since {since:%d %B}: look at its deliveries "
        "in the Stripe Dashboard, and enable it."
    )
    return Finding(mark, "missed events", sentence, cure)
