"""The doctor's look at the books: rollups against recomputation, ledger against Stripe, closed months."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from dunning.core.clock import Clock
from dunning.core.report_words import Subject
from dunning.flows import closing
from dunning.flows.doctor import Finding, Mark
from dunning.flows.folding import Reader
from dunning.store import balance, report
from dunning.store.engine import Store
from dunning.store.report import Scope
from dunning.store.rollups import Slice

PROVED_WITHIN: Final = timedelta(days=3)
EVER: Final = (datetime(1, 1, 2, tzinfo=UTC), datetime(9998, 12, 30, tzinfo=UTC))
CUTS: Final = ("reason", "decline_class", "decline_code", "invoice_class", "campaign_key")
Figures = dict[tuple[str, str, str, str], int]


def examine_finance(store: Store, clock: Clock, zone: ZoneInfo, *, livemode: bool) -> Iterator[Finding]:
    """Yield what there is to say about the books; nothing where the database has findings of its own."""
    try:
        with store.read(steady=True) as connection:
            found = [
                _rollups(connection, zone, livemode=livemode),
                _proof(connection, clock.now(), livemode=livemode),
                _months(connection, livemode=livemode),
            ]
    except SQLAlchemyError:
        return
    yield from found


def wrong_sums(connection: Connection, zone: ZoneInfo, *, livemode: bool) -> list[str]:
    """Return which sums differ between the rollups with their tail and a recomputation from the rows."""
    reader = Reader(connection, zone)
    wrong = []
    for imported in (False, True):
        for by in (None, *CUTS):
            ours = _rolled(reader, by, livemode=livemode, imported=imported)
            theirs = _recomputed(connection, by, livemode=livemode, imported=imported)
            places = sorted({*ours, *theirs})
            wrong += [
                f"{' '.join(place)}: {ours.get(place, 0)} is {theirs.get(place, 0)}"
                for place in places
                if ours.get(place, 0) != theirs.get(place, 0)
            ]
    return wrong


def _rolled(reader: Reader, by: str | None, *, livemode: bool, imported: bool) -> Figures:
    dimension = {"campaign_key": "campaign", None: "all"}.get(by, by) or "all"
    found: Figures = {}
    for subject in (Subject.FAILURES, Subject.ENDINGS, Subject.CASH):
        wanted = Slice(subject, dimension, "0001-01-01", "9999-01-01", livemode, imported)
        for (currency, key, _), measured in reader.read(wanted).items():
            _add(found, subject, currency, key if by else "all", measured)
    return found


def _recomputed(connection: Connection, by: str | None, *, livemode: bool, imported: bool) -> Figures:
    scope = Scope(*EVER, livemode=livemode, by=by, imported=imported)
    found: Figures = {}
    asked = (
        (Subject.FAILURES, report.cohort_sums),
        (Subject.ENDINGS, report.closed_sums),
        (Subject.CASH, report.cash_sums),
    )
    for subject, ask in asked:
        for row in ask(connection, scope):
            _add(found, subject, row["currency"], (row["grp"] or "none") if by else "all", dict(row))
    return found


def _add(found: Figures, subject: Subject, currency: str, key: str, measured: Mapping[str, Any]) -> None:
    names = set(COMPARED[subject]) & set(measured)
    for name in names:
        place = (subject.value, key, currency, name)
        found[place] = found.get(place, 0) + int(measured[name])
        if not found[place]:
            del found[place]


COMPARED: Final = {
    Subject.FAILURES: (
        "count",
        "recovered_count",
        "open_count",
        "failed",
        "recovered",
        "lost",
        "stopped",
        "open",
        "refunded",
        "disputed",
        "credited",
    ),
    Subject.ENDINGS: ("lost", "stopped"),
    Subject.CASH: ("recovered_count", "recovered", "refunded", "disputed", "credited"),
}


def _rollups(connection: Connection, zone: ZoneInfo, *, livemode: bool) -> Finding:
    wrong = wrong_sums(connection, zone, livemode=livemode)
    if not wrong:
        return Finding(Mark.OK, "reports", "Rollups and their tail equal a recomputation from the rows.")
    sentence = f"{len(wrong)} sums of the rollups are wrong, such as {wrong[0]}."
    return Finding(Mark.BAD, "reports", sentence, "`dunning report rebuild` folds every recovery anew.")


def _proof(connection: Connection, now: datetime, *, livemode: bool) -> Finding:
    left = balance.all_breaks(connection, livemode=livemode)
    if left:
        one = left[0]
        sentence = (
            f"{len(left)} movements differ from Stripe's balance, such as {one['source_id']}: "
            f"{one['ledger']} here, {one['stripe']} there ({one['currency'].upper()}, minor units)."
        )
        return Finding(
            Mark.BAD, "ledger", sentence, "Look at Report, Proof; `dunning reconcile` may bring it."
        )
    owners = balance.accounts(connection, livemode=livemode)
    behind = [whose for whose in owners if _behind(connection, whose, now)]
    if behind:
        cure = "Look whether clock and worker run, and whether the key may read balance transactions."
        return Finding(Mark.WARN, "ledger", "It was not proved against Stripe's balance lately.", cure)
    return Finding(Mark.OK, "ledger", "Every movement equals Stripe's balance, to the minor unit.")


def _behind(connection: Connection, whose: Any, now: datetime) -> bool:
    last, first = balance.last_proof(connection, whose), balance.first_entry(connection, whose)
    due = (now - PROVED_WITHIN).date()
    return first is not None and first.date() <= due and (last is None or date.fromisoformat(last) < due)


def _months(connection: Connection, *, livemode: bool) -> Finding:
    closed = closing.standing(connection, livemode=livemode)
    changed = [one.month for one in closed if not one.intact]
    if changed:
        sentence = f"The documents of {', '.join(changed)} do not fit their digests."
        return Finding(
            Mark.BAD, "closed months", sentence, "Somebody changed them in the database: restore it."
        )
    words = f"{len(closed)} closed months are as they were closed." if closed else "No month was closed yet."
    return Finding(Mark.OK, "closed months", words)
