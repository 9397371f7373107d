"""Importing the past from Stripe: three lists are read page by page and joined here.

Each page is one transaction that also writes down how far the list was read, and everything has a natural
key: the run may die anywhere, and the next one goes on. Invoices are read before charges, so that a payment
made meanwhile is seen as a charge rather than as paid outside Stripe.

What is still being collected is no history: it becomes an ordinary open recovery, under the present mode of
retries (Stripe goes on alone while that is `watch`), but nobody is written to about what an import found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core import coverage
from dunning.core.billing import Whose
from dunning.core.coverage import Coverage, Leaf
from dunning.errors import Refused, Unusable
from dunning.flows import finding, joining
from dunning.flows.driver import run
from dunning.flows.house import House
from dunning.flows.pacing import Pace
from dunning.gateway import lists
from dunning.gateway.lists import Asked, Page
from dunning.store import imports, past
from dunning.store.imports import ImportRow

LISTS: Final = ("invoices", "payments", "charges")  # in the order in which they must be read
READ: Final[dict[str, Callable[..., Page[Any]]]] = {
    "invoices": lists.invoices,
    "payments": lists.payments,
    "charges": lists.charges,
}
STALE: Final = timedelta(hours=6)  # an open invoice read before is read again
Progress = Callable[[str, int], None]

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Imported:
    """What is here now: objects by list, and recoveries of the past; and how many this run opened."""

    objects: dict[str, int]
    recoveries: int
    opened: int


def import_stripe(
    house: House, since: datetime, *, pace: Pace, progress: Progress = lambda _stage, _done: None
) -> Imported:
    """Read what Stripe made from `since` (aware UTC) on, or since the last run, and join it.

    `progress` is told the stage and how many thousandths of it are done.

    Raises:
        StripeError: a list could not be read; run it again, and it goes on from there.
        Unusable: another run is reading the same lists.
    """
    whose = Whose(livemode=house.settings.livemode)
    with house.store.write() as connection:
        source = imports.begin(connection, whose, "stripe", "Stripe", house.clock.now())
    for name in LISTS:
        _read(house, source, name, since, pace, progress)
    _refresh(house, source, pace)
    opened = join_all(house, source, lambda invoice_id: _open(house, source, invoice_id, pace), progress)
    with house.store.write() as connection:
        imports.change(connection, source.id, finished_at=house.clock.now())
        return Imported(past.counts(connection, whose), imports.brought(connection, source.id), opened)


def join_all(
    house: House, source: ImportRow, open_recovery: Callable[[str], bool], progress: Progress
) -> int:
    """Join everything read, from where the last run stopped; return how many recoveries were opened.

    `open_recovery` is given each invoice that is still being collected, and tells whether it opened one.
    """
    with house.store.write() as connection:
        past.link(connection, source.whose)
        whole = past.count_failed_invoices(connection, source.whose)
    after, done, opened = source.joined_after, 0, 0
    while True:
        last, still_open = joining.join_some(house, source, after)
        opened += sum(open_recovery(invoice_id) for invoice_id in still_open)
        with house.store.write() as connection:
            imports.change(connection, source.id, joined_after=last)
        if last is None:
            return opened
        after, done = last, done + joining.BATCH
        progress("joining", min(1000 * done // max(whole, 1), 1000))


def _open(house: House, source: ImportRow, invoice_id: str, pace: Pace) -> bool:
    try:
        return pace.ask(lambda: run(finding.find(house, source.whose, invoice_id, silent=True)))
    except Refused as error:
        log.warning("invoice_not_opened", invoice=invoice_id, error=str(error))
        return False


def _read(
    house: House, source: ImportRow, name: str, since: datetime, pace: Pace, progress: Progress
) -> None:
    """Read one list to the end of its passes."""
    renewed = False
    while True:
        with house.store.write() as connection:
            read = imports.coverage(connection, source.id, name)
        going = coverage.next_pass(read, since, renewed=renewed)
        if going is None:
            return
        renewed = renewed or (read.pass_from is None and going.pass_to is None)
        _make_pass(house, source, name, read, going, pace, progress)


def _make_pass(
    house: House,
    source: ImportRow,
    name: str,
    seen: Coverage,
    going: Coverage,
    pace: Pace,
    progress: Progress,
) -> None:
    while going.pass_from is not None:
        page, going = _page(house, source, name, going, pace)
        leaf = Leaf(
            len(page.items), page.more, page.newest_at, page.last_at, page.last_id, page.unfinished_at
        )
        turned = coverage.turn(going, leaf)
        with house.store.write() as connection:
            _keep(connection, source, name, page, house.clock.now())
            if not imports.keep_coverage(connection, source.id, name, seen, turned):
                raise Unusable("Another import from Stripe is running: wait until it has ended.")
        seen = going = turned
        progress(name, coverage.share_done(going, house.clock.now()))


def _page(
    house: House, source: ImportRow, name: str, going: Coverage, pace: Pace
) -> tuple[Page[Any], Coverage]:
    assert going.pass_from is not None  # noqa: S101 - only a pass has pages
    asked = Asked(going.pass_from, going.pass_to, going.after_id)
    try:
        return pace.ask(partial(READ[name], house.stripe, source.whose, asked)), going
    except Refused as error:
        if going.after_id is None or error.code != "resource_missing":
            raise
    return _page(house, source, name, coverage.lost_place(going), pace)


def _keep(connection: Connection, source: ImportRow, name: str, page: Page[Any], now: datetime) -> None:
    match name:
        case "charges":
            past.keep_charges(connection, source.whose, source.id, page.items)
        case "payments":
            past.keep_payments(connection, source.whose, page.items)
        case _:
            past.keep_invoices(connection, source.whose, page.items, now)


def _refresh(house: House, source: ImportRow, pace: Pace) -> None:
    """Read again what failed and was still open when an earlier run read it."""
    before, after = house.clock.now() - STALE, ""
    while True:
        with house.store.read() as connection:
            ids = past.stale_open(connection, source.whose, before, after)
        if not ids:
            return
        for invoice_id in ids:
            _read_again(house, source, invoice_id, pace)
        after = ids[-1]


def _read_again(house: House, source: ImportRow, invoice_id: str, pace: Pace) -> None:
    try:
        found = pace.ask(partial(lists.past_invoice, house.stripe, source.whose, invoice_id))
    except Refused as error:
        if error.status != 404:
            raise
        return  # it stays as it was last seen
    with house.store.write() as connection:
        past.keep_invoices(connection, source.whose, [found] if found else [], house.clock.now())
