"""What it costs to find what is due among many open recoveries, and to drain a backlog.

    python -m benchmarks.due --sizes 10000,1000000

PostgreSQL, durable. The clock's own two queries: look whether anything is due, then take 100 due rows and
move their due time forward. What must hold is that the cost does not grow with the table.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from time import perf_counter

from servers import postgres
from sqlalchemy import insert, text

from benchmarks.ground import database, upgraded
from benchmarks.table import Row, show
from dunning.core.campaign import BUILT_IN
from dunning.core.policy import Policy
from dunning.store import due, tables
from dunning.store.engine import Store

NOW = datetime(2027, 3, 18, 9, 20, tzinfo=UTC)
BATCH = 100
ROUNDS = 60
BACKLOG = 100_000
PLAIN = text(
    "SELECT id FROM recoveries WHERE status = 'scheduled' AND next_attempt_at <= :now "
    "ORDER BY next_attempt_at LIMIT 100"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="10000,1000000", help="open recoveries, separated by commas")
    parser.add_argument("--url", help="a PostgreSQL server whose databases are made once and kept")
    options = parser.parse_args()
    with ExitStack() as stack:
        admin = options.url or stack.enter_context(postgres(durable=True))
        show("Due work", rows(admin, [int(size) for size in options.sizes.split(",")]))


@dataclass
class Taken:
    """Milliseconds of each round, by what was done in it."""

    empty: list[float] = field(default_factory=list)
    batch: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)


def rows(admin: str, sizes: Sequence[int]) -> list[Row]:
    told: list[Row] = []
    at_smallest = 0.0
    for size in sizes:
        with books(admin, size) as store:
            seen = measured(store)
            cost = median(seen.batch)
            at_smallest = at_smallest or cost
            p99 = quantiles(seen.batch, n=100, method="inclusive")[98]
            ratio = f"{cost / at_smallest:.2f}× that at {sizes[0]:,}"
            beside = f"{ratio}; a query without the index {median(seen.plain) / cost:.1f}×"
            what = f"take and move {BATCH} due rows of {size:,} open recoveries"
            told.append(Row(what, f"p50 {cost:.1f} ms, p99 {p99:.1f} ms", "≤ 1.3×", beside))
            told.append(Row(f"look when nothing is due, of {size:,}", f"{median(seen.empty):.2f} ms"))
            if size == sizes[-1]:
                rate = drained(store, min(BACKLOG, size))
                told.append(
                    Row(f"drain a backlog of {min(BACKLOG, size):,} of {size:,}", f"{rate:,.0f} rows/s")
                )
    return told


def measured(store: Store) -> Taken:
    """Let a hundred rows fall due again and again, and take them."""
    seen = Taken()
    for turn in range(ROUNDS):
        now = NOW + turn * timedelta(seconds=1)
        seen.empty.append(_timed(_look, store, now))
        _let_fall_due(store, turn, now)
        seen.batch.append(_timed(_take, store, now))
        if turn < 5:
            seen.plain.append(_timed(_plain, store, now))
    return seen


def drained(store: Store, count: int) -> float:
    """Make `count` rows due at once and take them in batches; return rows a second."""
    late = NOW + timedelta(days=400)
    with store.write() as connection:
        connection.execute(
            text("UPDATE recoveries SET ring_at = :now WHERE number_of(id) < :count"),
            {"now": late, "count": count},
        )
    began, left = perf_counter(), count
    while left > 0:
        left -= _take(store, late)
    return count / (perf_counter() - began)


def _timed(what: Callable[[Store, datetime], object], store: Store, now: datetime) -> float:
    began = perf_counter()
    what(store, now)
    return (perf_counter() - began) * 1000


def _look(store: Store, now: datetime) -> None:
    with store.read() as connection:
        assert not due.kinds_due(connection, now - timedelta(days=1))


def _take(store: Store, now: datetime) -> int:
    with store.write() as connection:
        return len(due.stamp(connection, "recovery", now, BATCH))


def _plain(store: Store, now: datetime) -> None:
    with store.read() as connection:
        connection.execute(PLAIN, {"now": now}).all()


def _let_fall_due(store: Store, turn: int, now: datetime) -> None:
    first = turn * BATCH
    with store.write() as connection:
        connection.execute(
            text("UPDATE recoveries SET ring_at = :now WHERE id = ANY(:ids)"),
            {"now": now, "ids": [f"rec_{number:09d}" for number in range(first, first + BATCH)]},
        )


@contextmanager
def books(admin: str, size: int) -> Iterator[Store]:
    """A database of so many open recoveries, none of them due; one of an earlier run is taken as it is."""
    store = upgraded(database(admin, f"bench_due_{size}"))
    with store.read() as connection:
        built = connection.execute(text("SELECT 1 FROM recoveries LIMIT 1")).first() is not None
    if not built:
        _build(store, size)
    try:
        yield store
    finally:
        store.engine.dispose()


def _build(store: Store, size: int) -> None:
    with store.write() as connection:
        published = {"version": 1, "published_at": NOW - timedelta(days=900)}
        connection.execute(insert(tables.policies).values(**published, definition=Policy().dumps()))
        connection.execute(text(_number_of()))
        connection.execute(text(_recoveries()), {"count": size})
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE recoveries"))
        connection.execute(text("CHECKPOINT"))


def _number_of() -> str:
    return (
        "CREATE FUNCTION number_of(id text) RETURNS int LANGUAGE sql IMMUTABLE AS "
        "$$ SELECT substr(id, 5)::int $$"
    )


def _recoveries() -> str:
    at = "timestamptz '2027-03-18 09:20:00+00'"
    later = f"{at} + interval '1 day' + (n % 2592000) * interval '1 second'"
    return (
        "INSERT INTO recoveries (id, account_id, livemode, invoice_id, customer_id, invoice_class, status, "
        "retries, currency, amount, failed_at, opened_at, deadline, decline_class, why, next_attempt_at, "
        "policy_version, campaign_key, campaign_version, ring_at) "
        "SELECT 'rec_' || lpad(n::text, 9, '0'), 'self', true, 'in_' || n, 'cus_' || n, 'renewal', "
        "'scheduled', "
        f"'own', 'usd', 4900, {at}, {at}, {later} + interval '9 days', 'soft_funds', 'It failed.', {later}, "
        f"1, '{BUILT_IN.key}', 1, {later} FROM generate_series(0, :count - 1) AS n"
    )


if __name__ == "__main__":
    main()
