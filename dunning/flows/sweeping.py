"""Sweeping over objects, for what no event tells any more: Stripe keeps events for 30 days.

A sweep compares Stripe's open invoices with our open recoveries. Those that failed and have none get one, and
recoveries whose invoice is not open any more follow it. Whatever is found should have come by webhook: it is
kept as a gap, which doctor, Settings and the metrics show.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from dunning import logs
from dunning.core.billing import Invoice, Whose
from dunning.core.vocabulary import CLOSED
from dunning.errors import Refused
from dunning.flows import catching_up, finding
from dunning.flows.driver import run
from dunning.flows.finding import Between
from dunning.flows.house import House
from dunning.flows.pacing import Pace
from dunning.gateway.lists import Asked, open_invoices
from dunning.store import gaps, recoveries
from dunning.store.gaps import Kind

BILLED_BEFORE: Final = timedelta(days=30)  # how long before its first failure an invoice may have been made
QUIET: Final = timedelta(days=1)

log = logs.get(__name__)


def sweep_openings(house: House, failed: Between, *, pace: Pace, dry_run: bool = False) -> list[str]:
    """Open the recoveries of invoices that `failed` in a time of silence; return the invoices, oldest first.

    What failed before is left alone: it failed before we listened, and `dunning import` is for that.

    Raises:
        StripeError: something could not be read; what was opened until then stays, run it again.
    """
    whose, since = Whose(livemode=house.settings.livemode), failed.since or house.clock.now()
    open_now = _open_now(house, whose, since - BILLED_BEFORE, pace)
    with house.store.read() as connection:
        known = recoveries.known_invoices(connection, whose, list(open_now))
    unknown = [name for name, wanted in open_now.items() if wanted and name not in known]
    found = [one for one in unknown if _opened(house, whose, one, failed, pace, dry_run=dry_run)]
    if not dry_run:
        _keep(house, whose, Kind.OPENINGS, found, since)
    return found


def sweep_endings(house: House, since: datetime, *, pace: Pace, dry_run: bool = False) -> list[str]:
    """Let every open recovery follow whose invoice is not open any more; return the invoices, oldest first.

    `since` (aware UTC) is when news began to be missed. An event that waits to be handled goes first.

    Raises:
        StripeError: something could not be read; run it again.
    """
    whose = Whose(livemode=house.settings.livemode)
    with house.store.read() as connection:
        ours = recoveries.open_invoices(connection, whose)
    if not ours:
        return []
    open_now = _open_now(house, whose, min(made for _, made in ours), pace)
    gone = [name for name, _ in ours if name not in open_now]
    found = [one for one in gone if _ended(house, whose, one, pace, dry_run=dry_run)]
    if not dry_run:
        _keep(house, whose, Kind.ENDINGS, found, since)
    return found


def look_after(house: House, *, pace: Pace) -> list[str]:
    """Look at the invoices of open recoveries of which nothing was heard for a day; return those that ended.

    Raises:
        StripeError: something could not be read; it is looked at again tomorrow.
    """
    before = house.clock.now() - QUIET
    with house.store.read() as connection:
        quiet = recoveries.quiet(connection, before)
    by_owner: dict[Whose, list[tuple[str, datetime]]] = defaultdict(list)
    for row in quiet:
        by_owner[Whose(row["account_id"], row["livemode"])].append((row["invoice_id"], row["since"]))
    ended = []
    for whose, invoices in by_owner.items():
        open_now = _open_now(house, whose, min(made for _, made in invoices), pace)
        gone = [name for name, _ in invoices if name not in open_now]
        found = [one for one in gone if _ended(house, whose, one, pace, dry_run=False)]
        _keep(house, whose, Kind.ENDINGS, found, before)
        ended += found
    return ended


def _open_now(house: House, whose: Whose, created_from: datetime, pace: Pace) -> dict[str, bool]:
    """Return Stripe's open invoices by id, oldest first, each with whether it wants a recovery."""
    found: list[Invoice] = []
    asked: Asked | None = Asked(created_from)
    while asked is not None:
        page = pace.ask(partial(open_invoices, house.stripe, whose, asked))
        found += page.items
        asked = Asked(created_from, after=page.last_id) if page.more else None
    return {one.id: finding.wants_recovery(one) for one in reversed(found)}


def _opened(
    house: House, whose: Whose, invoice_id: str, failed: Between, pace: Pace, *, dry_run: bool
) -> bool:
    """Open an invoice's recovery and return whether there was one to open."""
    try:
        if dry_run:
            return pace.ask(partial(finding.would_find, house, whose, invoice_id, failed))
        pace.ask(lambda: run(finding.find(house, whose, invoice_id, failed=failed)))
    except Refused as error:
        log.warning("invoice_not_read", invoice=invoice_id, error=str(error))
        return False
    with house.store.read() as connection:
        return recoveries.newest_of_invoice(connection, whose, invoice_id) is not None


def _ended(house: House, whose: Whose, invoice_id: str, pace: Pace, *, dry_run: bool) -> bool:
    """Let a recovery follow its invoice and return whether that has closed it."""
    try:
        if dry_run:
            return catching_up.has_ended(pace.ask(partial(house.stripe.invoice, whose, invoice_id)))
        pace.ask(lambda: run(catching_up.catch_up(house, whose, invoice_id)))
    except Refused as error:
        log.warning("invoice_not_read", invoice=invoice_id, error=str(error))
        return False
    with house.store.read() as connection:
        recovery = recoveries.newest_of_invoice(connection, whose, invoice_id)
    return recovery is not None and recovery.status in CLOSED


def _keep(house: House, whose: Whose, kind: Kind, ids: Sequence[str], since: datetime) -> None:
    if not ids:
        return
    now = house.clock.now()
    log.warning("objects_were_missed", kind=kind.value, count=len(ids))
    with house.store.write() as connection:
        gaps.add(connection, whose, kind, ids, since=since, until=now, now=now)
