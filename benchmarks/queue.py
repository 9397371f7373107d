"""How fast the recovery queue answers when it is long: p50 and p95 of tabs, filters, orders, searches.

    python -m benchmarks.queue --url sqlite:////tmp/queue.db --recoveries 200000
    python -m benchmarks.queue --url postgresql+psycopg://… --recoveries 1000000

The database must be empty and is filled first, in SQL: one of eight recoveries is open. What is timed is
what the page asks for: a page of lines with their customers, invoices and plans, and the counts of the tabs.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from time import perf_counter
from typing import Any

from alembic import command
from sqlalchemy import Connection, insert, text

from dunning.core.campaign import BUILT_IN
from dunning.core.policy import Policy
from dunning.resources import alembic_config
from dunning.store import queue, tables
from dunning.store.engine import Store, is_sqlite, open_store
from dunning.store.queue_filter import Sort, Tab, Wanted

NOW = datetime(2027, 3, 18, 9, 20, tzinfo=UTC)
FIRST = "ana zoe kwame yuki priya lukas chiara omar ingrid mateo aoife nikolai fatima tom elif maja".split()
CLASSES = "soft_funds soft_issuer technical limit needs_authentication needs_card hard fraud unknown".split()
PLACES = "needs_action waiting snoozed underway".split()
COUNTRIES = "US DE FR GB NL ES IT SE PL CH AT IE DK LI".split()  # Liechtenstein is rare
COMMON = Wanted(livemode=True, me="ada@example.com")


def main() -> None:
    options = _options()
    command.upgrade(alembic_config(options.url), "head")
    store = open_store(options.url, durable=False)
    with told(f"{options.recoveries:,} recoveries written in"):
        fill(store, options.recoveries, sqlite=is_sqlite(options.url))
    print(f"{'what':46} {'p50 ms':>8} {'p95 ms':>8} {'rows':>6}")
    for name, ask in questions(options.recoveries):
        _time(store, name, ask, options.repeats)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True)
    parser.add_argument("--recoveries", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=30)
    return parser.parse_args()


def questions(count: int) -> Iterator[tuple[str, Callable[[Connection], Any]]]:
    """Yield what the page may ask for."""
    yield "counts of the tabs", lambda c: queue.tab_counts(c, livemode=True, me=COMMON.me)
    for tab in Tab:
        yield f"tab {tab}", _page(tab=tab, sort=Sort.WORTH)
    for sort in Sort:
        yield f"open, order {sort}", _page(tab=Tab.OPEN, sort=sort)
    filters: dict[str, dict[str, Any]] = {
        "class": {"decline_class": "fraud"},
        "currency": {"currency": "jpy"},
        "country": {"country": "DE"},
        "rare country": {"country": "LI"},
        "plan": {"plan": "Plan 8"},
        "owner": {"owner": "owner3@example.com"},
        "nobody's": {"owner": ""},
        "campaign": {"campaign": BUILT_IN.key},
        "amount": {"least": 95_000},
        "value": {"value_least": 950_000},
        "age": {"older_than": timedelta(days=13)},
        "no budget": {"budget": False},
        "slipping": {"slipping": True},
        "late": {"breached": True},
        "class, country, amount": {"decline_class": "hard", "country": "SE", "least": 50_000},
    }
    for tab in (Tab.OPEN, Tab.CLOSED):
        for name, wanted in filters.items():
            yield f"{tab}, filter {name}", _page(tab=tab, sort=Sort.WORTH, **wanted)
    middle = count // 2
    for q in (
        "an",
        "zoe",
        "zoe family12",
        "family1234",
        f"in_{middle:09d}",
        f"cus_{middle // 3:09d}",
        "nobody at all",
    ):
        yield f"search {q}", _page(q=q, sort=Sort.WORTH)
    yield "search in_ by its beginning", _page(q=f"in_{middle:09d}"[:9], sort=Sort.NEWEST)


def _page(**wanted: Any) -> Callable[[Connection], Any]:
    asked = replace(COMMON, **wanted)
    return lambda connection: queue.page(connection, asked, now=NOW).rows


def _time(store: Store, name: str, ask: Callable[[Connection], Any], repeats: int) -> None:
    taken, found = [], 0
    for _ in range(repeats):
        with store.read() as connection:
            began = perf_counter()
            found = len(ask(connection))
            taken.append((perf_counter() - began) * 1000)
    marks = quantiles(taken, n=20, method="inclusive")
    print(f"{name:46} {marks[9]:8.1f} {marks[18]:8.1f} {found:6}", flush=True)


@contextmanager
def told(what: str) -> Iterator[None]:
    began = perf_counter()
    yield
    print(f"{what} {perf_counter() - began:.0f} s", flush=True)


def fill(store: Store, count: int, *, sqlite: bool) -> None:
    """Write a merchant's books of so many recoveries."""
    with store.write() as connection:
        published = {"version": 1, "published_at": NOW - timedelta(days=900)}
        connection.execute(insert(tables.policies).values(**published, definition=Policy().dumps()))
        campaign = {"key": BUILT_IN.key, "definition": BUILT_IN.dumps()}
        connection.execute(insert(tables.campaigns).values(**published, **campaign))
        for statement in statements(count, sqlite=sqlite):
            connection.execute(text(statement))
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if sqlite else "VACUUM ANALYZE"))


def statements(count: int, *, sqlite: bool) -> Iterator[str]:
    """Yield the SQL that fills the tables; `n` numbers the rows."""
    rows = Rows(count, sqlite)
    yield from (customers(rows), invoices(rows), recoveries(rows), items(rows))
    words = (rows.id("rec"), rows.id("in"), rows.id("cus"), rows.email, rows.person)
    for word in (*words, "'family' || (n / 3 % 5000)", "'inv-' || n"):
        into = f"INSERT INTO search_words (word, recovery_id) {rows.head}"
        yield f"{into}SELECT {word}, {rows.id('rec')} FROM s"


@dataclass(frozen=True)
class Rows:
    """The parts of the statements, in the words of one database."""

    count: int
    sqlite: bool
    amount = "(900 + (n % 99000) * 7919 % 99000)"
    is_open = "n % 8 = 0"

    @property
    def head(self) -> str:
        last = self.count - 1
        if self.sqlite:
            return f"WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {last}) "
        return f"WITH s(n) AS (SELECT generate_series(0, {last})) "

    @property
    def mine(self) -> str:
        return "'self', 1" if self.sqlite else "'self', true"

    @property
    def person(self) -> str:
        return one_of(FIRST, "n / 3")

    @property
    def email(self) -> str:
        return f"{self.person} || (n / 3) || '@example.com'"

    @property
    def country(self) -> str:
        return f"CASE WHEN n % 20000 = 0 THEN 'LI' ELSE {one_of(COUNTRIES[:-1], 'n * 31 / 7')} END"

    @property
    def status(self) -> str:
        return f"CASE WHEN {self.is_open} THEN 'watching' WHEN n % 2 = 0 THEN 'recovered' ELSE 'lost' END"

    def id(self, kind: str) -> str:
        number = "n / 3" if kind == "cus" else "n"
        padded = (
            f"substr('000000000' || ({number}), -9)" if self.sqlite else f"lpad(({number})::text, 9, '0')"
        )
        return f"'{kind}_' || {padded}"

    def ago(self, later: int = 0) -> str:
        days, now = f"(({self.count} - n) * 700 / {self.count} - {later})", "2027-03-18 09:20:00.000000"
        if self.sqlite:
            return f"datetime('{now}', printf('%+d days', -{days})) || '.000000'"
        return f"timestamptz '{now}+00' - {days} * interval '1 day'"


def one_of(values: Sequence[str], index: str) -> str:
    cases = " ".join(f"WHEN {place} THEN '{value}'" for place, value in enumerate(values))
    return f"CASE ({index}) % {len(values)} {cases} END"


CURRENCY = one_of(("usd", "usd", "eur", "usd", "gbp", "jpy"), "n / 3")
CLASS = one_of(CLASSES, "n / 5")
PLAN = "'Plan ' || (n % 40)"


def customers(rows: Rows) -> str:
    no = "0" if rows.sqlite else "false"
    return (
        "INSERT INTO customers (account_id, livemode, id, email, name, country, deleted, read_at) "
        f"{rows.head}SELECT {rows.mine}, {rows.id('cus')}, {rows.email}, "
        f"{rows.person} || ' family' || (n / 3 % 5000), "
        f"{rows.country}, {no}, {rows.ago()} FROM s WHERE n % 3 = 0"
    )


def invoices(rows: Rows) -> str:
    return (
        "INSERT INTO invoices (account_id, livemode, id, customer_id, number, invoice_class, plan, currency, "
        f"amount_due, amount_paid, amount_remaining) {rows.head}"
        f"SELECT {rows.mine}, {rows.id('in')}, {rows.id('cus')}, 'INV-' || n, 'renewal', {PLAN}, {CURRENCY}, "
        f"{rows.amount}, 0, {rows.amount} FROM s"
    )


def recoveries(rows: Rows) -> str:
    return (
        "INSERT INTO recoveries (id, account_id, livemode, invoice_id, customer_id, invoice_class, status, "
        "retries, currency, amount, failed_at, opened_at, deadline, decline_class, why, reason, "
        f"closed_reason, closed_at, policy_version, campaign_key, campaign_version) {rows.head}"
        f"SELECT {rows.id('rec')}, {rows.mine}, {rows.id('in')}, {rows.id('cus')}, 'renewal', {rows.status}, "
        f"'watch', {CURRENCY}, {rows.amount}, {rows.ago()}, {rows.ago()}, {rows.ago(14)}, {CLASS}, "
        "'The payment failed.', CASE WHEN n % 8 > 0 AND n % 2 = 0 THEN 'our_retry' END, "
        "CASE WHEN n % 2 = 1 THEN 'window' END, "
        f"CASE WHEN n % 8 > 0 THEN {rows.ago(14)} END, 1, '{BUILT_IN.key}', 1 FROM s"
    )


def items(rows: Rows) -> str:
    place = f"CASE WHEN {rows.is_open} THEN {one_of(PLACES, 'n / 8')} ELSE 'closed' END"
    worth = f"CASE WHEN {rows.is_open} THEN {rows.amount} / (2 + n % 7) ELSE 0 END"
    return (
        "INSERT INTO queue_items (recovery_id, account_id, livemode, open, status, place, cause, breached, "
        "rank, worth, expected, slipping, paid_so_far, value, "
        "amount, face, currency, decline_class, country, plan, "
        f"campaign_key, attempts_left, failed_at, deadline, owner) {rows.head}"
        f"SELECT {rows.id('rec')}, {rows.mine}, {rows.is_open}, {rows.status}, {place}, "
        f"CASE WHEN {place} = 'needs_action' THEN 'silent' END, n % 64 = 0, "
        f"CASE WHEN n % 64 = 0 THEN 2 ELSE 0 END, {worth}, {worth}, "
        f"CASE WHEN {rows.is_open} THEN n / 8 % 6 ELSE 0 END, n % 1000 * 1000, n % 1000 * 1000, "
        f"{rows.amount}, {rows.amount}, {CURRENCY}, "
        f"{CLASS}, {rows.country}, {PLAN}, '{BUILT_IN.key}', n % 9, {rows.ago()}, {rows.ago(14)}, "
        "CASE WHEN n % 80 = 0 THEN 'owner' || (n / 80 % 12) || '@example.com' END FROM s"
    )


if __name__ == "__main__":
    main()
