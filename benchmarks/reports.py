"""How fast the reports answer over many attempts: from the rollups, and the same question without them.

    python -m benchmarks.reports --attempts 1000000 [--database URL] [--repeats 9] [--week]

Builds a database of that many attempts (four a failed invoice, two years, three currencies), folds it, and
prints p50 and p95 of each report over the newest year. A database that an earlier run has built is asked as
it is; without --database it is an SQLite file in a temporary folder.

With --week one week is built and folded, and the database copies its rows and its cells to the other 103
weeks of two years: ten million attempts in minutes. Whether the copied rollups are what a recomputation from
the copied rows gives is then asked of the doctor, and printed.
"""

import argparse
import gc
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, text

from benchmarks.copied_week import copy_week, told_anew
from dunning import app
from dunning.core.policy import Policy
from dunning.core.report_words import DIMENSIONS, Subject
from dunning.flows import doctor_finance, folding, grouped, report
from dunning.flows.report import Basis, GroupBy, Question
from dunning.store import report as recomputed
from dunning.store import rollups, stories, tables
from dunning.store.engine import Store, open_store
from dunning.store.report import Scope

START, DAYS = datetime(2025, 1, 1, tzinfo=UTC), 730
YEAR = (date(2026, 1, 1), date(2027, 1, 1))
ZONE = ZoneInfo("UTC")
TRIES, BATCH, WEEKS = 4, 5000, 104
CODES = (
    "insufficient_funds do_not_honor generic_decline expired_card card_velocity_exceeded lost_card "
    "processing_error try_again_later authentication_required transaction_not_allowed"
).split()
CLASSES = "soft_funds soft_issuer soft_issuer needs_card limit hard technical technical".split()
CLASSES += ["needs_authentication", "hard"]
BRANDS, FUNDINGS, COUNTRIES = (
    ("visa", "mastercard", "amex"),
    ("credit", "debit"),
    ("US", "GB", "DE", "FR", "JP"),
)
PLANS, CURRENCIES = ("Solo", "Studio", "Team", "Studio, yearly"), ("usd", "usd", "eur", "jpy")
WHOSE = {"account_id": "self", "livemode": False}
Row = dict[str, Any]


class House:
    """What folding needs of a house."""

    class settings:  # noqa: N801 - stands for an object
        report_timezone = "UTC"

    class clock:  # noqa: N801 - stands for an object
        @staticmethod
        def now() -> datetime:
            return START + timedelta(days=DAYS)

    def __init__(self, store: Store) -> None:
        self.store = store


def rows(count: int, days: int = DAYS) -> Iterator[tuple[Row, Row, list[Row], list[Row]]]:
    """Yield per failed invoice its recovery, its invoice, its attempts and its money."""
    chance = random.Random(7)
    for number in range(count):
        at = START + timedelta(seconds=number * days * 86400 // count)
        code = chance.randrange(len(CODES))
        paid, amount = chance.random() < 0.6, chance.choice((1900, 4900, 14900))
        ends = at + timedelta(days=9, hours=chance.randrange(24))
        yield _one(number, at, ends, code, chance.choice(CURRENCIES), amount, chance, paid=paid)


def _one(
    number: int,
    at: datetime,
    ends: datetime,
    code: int,
    currency: str,
    amount: int,
    chance: random.Random,
    *,
    paid: bool,
) -> tuple[Row, Row, list[Row], list[Row]]:
    names = {"invoice_id": f"in_{number:09d}", "customer_id": f"cus_{number % 500_000:06d}"}
    recovery_id = f"rec_{number:09d}"
    status, reason = ("recovered", "our_retry") if paid else ("lost", None)
    recovery = (
        WHOSE | names | {"id": recovery_id, "invoice_class": "renewal", "retries": "own", "status": status}
    )
    recovery |= {"currency": currency, "amount": amount, "failed_at": at, "opened_at": at, "deadline": ends}
    recovery |= {
        "decline_class": CLASSES[code],
        "decline_code": CODES[code],
        "why": "A benchmark.",
        "reason": reason,
    }
    recovery |= {"closed_at": ends, "closed_reason": None if paid else "window", "policy_version": 1}
    recovery |= {"campaign_key": "standard", "campaign_version": 1}
    invoice = WHOSE | {"id": names["invoice_id"], "invoice_class": "renewal", "plan": chance.choice(PLANS)}
    invoice |= {"currency": currency, "amount_due": amount, "amount_paid": 0, "amount_remaining": amount}
    card = {
        "brand": chance.choice(BRANDS),
        "funding": chance.choice(FUNDINGS),
        "country": chance.choice(COUNTRIES),
    }
    known = {"currency": currency, "amount": amount, "decline": (CODES[code], CLASSES[code])}
    attempts = _tries(number, at, ends, WHOSE | names | card | {"recovery_id": recovery_id}, known, paid=paid)
    own = WHOSE | {"recovery_id": recovery_id, "invoice_id": names["invoice_id"], "currency": currency}
    own |= {"at": ends, "recorded_at": ends, "charge_id": attempts[-1]["charge_id"]}
    name = f"{number:09d}"
    money = [own | {"id": f"led_{name}", "kind": "recovered", "source_id": f"inpay_{name}", "amount": amount}]
    money[0] |= {"reason": "our_retry"}
    return recovery, invoice, attempts, money if paid else []


def _tries(number: int, at: datetime, ends: datetime, same: Row, known: Row, *, paid: bool) -> list[Row]:
    attempts = []
    decline_code, decline_class = known["decline"]
    for place in range(TRIES):
        last = paid and place == TRIES - 1
        tried = at + (ends - at) * place / (TRIES - 1)
        row = same | {"id": f"att_{number:09d}{place}", "charge_id": f"ch_{number:09d}{place}"}
        row |= {
            "made_by": "stripe",
            "state": "paid" if last else "declined",
            "at": tried,
            "finished_at": tried,
        }
        row |= {"currency": known["currency"], "amount": known["amount"]}
        row |= {"decline_code": None if last else decline_code}
        attempts.append(row | {"decline_class": None if last else decline_class})
    return attempts


def build(store: Store, attempts: int, days: int = DAYS) -> None:
    """Fill the database in batches."""
    with store.write() as connection:
        rule = {"version": 1, "definition": Policy().dumps(), "published_at": START}
        connection.execute(insert(tables.policies).values(**rule))
    made = rows(attempts // TRIES, days)
    while some := list(itertools.islice(made, BATCH)):
        with store.write() as connection:
            connection.execute(insert(tables.invoices), [one[1] for one in some])
            connection.execute(insert(tables.recoveries), [one[0] for one in some])
            connection.execute(insert(tables.attempts), [row for one in some for row in one[2]])
            money = [row for one in some for row in one[3]]
            connection.execute(insert(tables.ledger_entries), money)


def timed(store: Store, repeats: int, ask: Callable[[Connection], object]) -> tuple[float, float, float]:
    """Return p50 and p95 in milliseconds, and the median of this process's own (on SQLite all there is)."""
    took, worked = [], []
    for _ in range(repeats):
        begun, own = time.perf_counter(), time.process_time()
        with store.read(steady=True) as connection:
            ask(connection)
        took.append((time.perf_counter() - begun) * 1000)
        worked.append((time.process_time() - own) * 1000)
    took.sort()
    return statistics.median(took), took[min(len(took) - 1, int(len(took) * 0.95))], statistics.median(worked)


def questions(now: datetime) -> Iterator[tuple[str, Callable[[Connection], object]]]:
    """Yield every report over the newest year."""
    for subject in Subject:
        for by in DIMENSIONS[subject]:
            cut = grouped.Cut(subject, by, *YEAR, ZONE, livemode=False)
            yield f"{subject.value} by {by}", lambda c, cut=cut: grouped.answer(c, cut, now=now)
    for basis in Basis:
        for group in (GroupBy.REASON, GroupBy.MONTH):
            asked = Question(*YEAR, ZONE, livemode=False, basis=basis, group_by=group)
            yield (
                f"recovered revenue, {basis} by {group}",
                lambda c, asked=asked: report.recovered_revenue(c, asked, now=now),
            )


def without(connection: Connection) -> Iterator[tuple[str, Callable[[Connection], object]]]:
    """Yield four of the same questions, asked of the rows themselves."""
    span = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    scope = Scope(*span, livemode=False, by="decline_code")
    yield "failures by decline_code", lambda c: recomputed.cohort_sums(c, scope)
    reasons = Scope(*span, livemode=False, by="reason")
    yield "cash by reason", lambda c: recomputed.cash_sums(c, reasons)
    lite = connection.dialect.name == "sqlite"
    hour = "strftime('%H', at)" if lite else "extract(hour FROM at)"
    bounds = (
        {"a": "2026-01-01 00:00:00", "b": "2027-01-01 00:00:00"}
        if lite
        else dict(zip("ab", span, strict=True))
    )
    for by, key in (("hour", hour), ("brand", "brand")):
        query = text(
            f"SELECT currency, {key}, count(*), sum(amount), sum(CASE WHEN state = 'paid' THEN 1 ELSE 0 END) "
            "FROM attempts WHERE at >= :a AND at < :b "
            "AND state IN ('paid', 'declined', 'needs_action') GROUP BY 1, 2"
        )
        yield f"attempts by {by}", lambda c, query=query: c.execute(query, bounds).all()


def main() -> None:
    """Build, fold, ask, print."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--attempts", type=int, default=100_000)
    options.add_argument("--database")
    options.add_argument("--repeats", type=int, default=9)
    options.add_argument("--week", action="store_true", help="build one week, and copy it")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="dunning-reports-") as folder:
        url = asked.database or f"sqlite:///{Path(folder) / 'reports.sqlite3'}"
        store = open_store(url, durable=False)
        app.upgrade(store, url)
        with store.read() as connection:
            built = connection.execute(text("SELECT 1 FROM attempts LIMIT 1")).first() is not None
        if built:
            print("the attempts of an earlier run are taken", flush=True)
        elif asked.week:
            fill(store, asked.attempts // WEEKS, 7)
            copied(store)
        else:
            fill(store, asked.attempts, DAYS)
        gc.collect()
        gc.freeze()  # as a running web process does
        report_all(store, asked.repeats)
        store.engine.dispose()


def fill(store: Store, attempts: int, days: int) -> None:
    """Build and fold, and print what each took."""
    begun = time.perf_counter()
    build(store, attempts, days)
    built = time.perf_counter()
    print(f"{attempts:,} attempts built in {built - begun:.0f} s", flush=True)
    folded = folding.fold(House(store), most=1_000_000_000)  # type: ignore[arg-type]
    took = time.perf_counter() - built
    each = took / max(folded, 1) * 1e6
    print(f"{folded:,} recoveries folded in {took:.0f} s ({each:.0f} µs each)", flush=True)


def copied(store: Store) -> None:
    """Copy the week, and print what that took and whether the rollups still are what the rows say."""
    begun = time.perf_counter()
    copy_week(store, WEEKS)
    with store.read() as connection:
        count = connection.execute(text("SELECT count(*) FROM attempts")).scalar_one()
    print(f"{count:,} attempts by copies in {time.perf_counter() - begun:.0f} s", flush=True)
    begun = time.perf_counter()
    with store.read(steady=True) as connection:
        wrong = doctor_finance.wrong_sums(connection, ZONE, livemode=False)
    print(f"{len(wrong)} sums differ from a recomputation ({time.perf_counter() - begun:.0f} s)", flush=True)


def report_all(store: Store, repeats: int) -> None:
    """Print each report, and some of them without rollups."""
    print()
    print(f"{'report, over one year':44} {'p50 ms':>8} {'p95 ms':>8} {'cpu ms':>8}")
    found = {}
    for name, ask in questions(House.clock.now()):
        found[name] = timed(store, repeats, ask)
        print(f"{name:44} " + " ".join(f"{one:8.1f}" for one in found[name]))
    print(f"\n{'the same without rollups':44} {'p50 ms':>8} {'times':>8}")
    with store.read() as connection:
        bare = list(without(connection))
    for name, ask in bare:
        slow = timed(store, 1, ask)[0]
        print(f"{name:44} {slow:8.1f} {slow / found[name][0]:8.1f}")
    marks(store, repeats)


def marks(store: Store, repeats: int) -> None:
    """Print what an unfolded tail of a thousand recoveries costs."""
    with store.write() as connection:
        some = connection.execute(text("SELECT id FROM recoveries LIMIT 1000")).scalars().all()
        connection.execute(insert(tables.rollup_marks), [{"recovery_id": name} for name in some])
        told_anew(connection, stories.read(connection, some))
    cut = grouped.Cut(Subject.FAILURES, "decline_code", *YEAR, ZONE, livemode=False)
    took = timed(store, repeats, lambda c: grouped.answer(c, cut, now=House.clock.now()))
    with store.read() as connection:
        waiting = len(rollups.marked(connection))
    print(f"\n{f'with an unfolded tail of {waiting:,}':44} {took[0]:8.1f} {took[1]:8.1f} {took[2]:8.1f}")
    folding.fold(House(store), most=1_000_000)  # type: ignore[arg-type]  # for the next run


if __name__ == "__main__":
    main()
