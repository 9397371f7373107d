"""How many webhooks a second are kept, beside what the same machine can do at best and what a tutorial does.

    python -m benchmarks.ingest --seconds 5 --repeats 3

Signed, distinct events of 6 KB on 32 connections. PostgreSQL and SQLite wait for the disk at each commit, as
in production. The sender shares the cores with everything else. Runs are interleaved; medians are printed.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import psycopg
from servers import postgres, valkey
from sqlalchemy.engine import make_url

from benchmarks.ground import database, environment, free_port, running, upgraded
from benchmarks.load import body
from benchmarks.table import Row, show

PATH = "/webhooks/stripe"
RAW_CONNECTIONS = 8
Run = Callable[[float], dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    show("Ingest of webhooks", rows(options.seconds, options.repeats))


def rows(seconds: float, repeats: int) -> list[Row]:
    """Run everything and return the table's rows."""
    with ExitStack() as stack:
        runs = contenders(stack)
        seen: dict[str, list[dict[str, float]]] = {name: [] for name in runs}
        for _ in range(repeats):
            for name, run in runs.items():
                seen[name].append(run(seconds))
        half = median(one["rate"] for one in seen["web, PostgreSQL"]) / 2
        calm = [runs["web, PostgreSQL at half load"](-half) for _ in range(repeats)]
    del seen["web, PostgreSQL at half load"]
    rates = {name: median(one["rate"] for one in found) for name, found in seen.items()}
    refused = sum(one.get("refused", 0) for found in seen.values() for one in found)
    if refused:
        print(f"{refused:.0f} events were refused: the figures below are not to be believed", file=sys.stderr)
    told = [Row(name, f"{rate:,.0f} events/s", *_beside(name, rates)) for name, rate in rates.items()]
    for name in ("web, PostgreSQL", "SQLite"):
        p50, p99 = (median(one[key] for one in seen[name]) for key in ("p50_ms", "p99_ms"))
        told.append(Row(f"{name}: answer at full load", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms"))
    p50, p99 = (median(one[key] for one in calm) for key in ("p50_ms", "p99_ms"))
    told.append(Row("web, PostgreSQL: answer at half load", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", "≤ 25 ms"))
    return told


def _beside(name: str, rates: dict[str, float]) -> tuple[str, str]:
    """Return the goal and the ratios of a contender."""
    rate = rates[name]
    if name.startswith("web"):
        raw, orm = rates["PostgreSQL, raw inserts"], rates["one ORM commit a request"]
        bare = rates["signature only"]
        ratio = (
            f"{rate / raw:.2f} of raw inserts, {rate / orm:.1f}× the ORM, {rate / bare:.2f} of no database"
        )
        return ("≥ 0.5 of raw, ≥ 8× ORM", ratio)
    if name == "SQLite":
        return ("≥ 0.8 of raw", f"{rate / rates['SQLite, raw commits']:.2f} of raw commits")
    return ("", "")


def contenders(stack: ExitStack) -> dict[str, Run]:
    """Start every server and return what to run, in the order of one round."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dunning-ingest-")))
    admin = stack.enter_context(postgres(durable=True))
    ours, theirs = database(admin, "ours"), database(admin, "theirs")
    sqlite_url = f"sqlite:///{folder}/ingest.db"
    for url in (ours, sqlite_url):
        upgraded(url).engine.dispose()
    given = environment(folder, DATABASE_URL=ours, REDIS_URL=stack.enter_context(valkey()))
    webs = [stack.enter_context(_dunning_web(given)) for _ in range(2)]
    lone = [stack.enter_context(_receiver(kind, url)) for kind, url in _lone(theirs, sqlite_url)]
    bare, orm, on_sqlite = lone
    return {
        "signature only": lambda s: load([bare], s),
        "PostgreSQL, raw inserts": lambda s: raw_postgres(theirs, s),
        "SQLite, raw commits": lambda s: raw_sqlite(folder / "raw.db", s),
        "one ORM commit a request": lambda s: load([orm], s),
        "web, PostgreSQL": lambda s: load(webs[:1], s),
        "web ×2, PostgreSQL": lambda s: load(webs, s),
        "web, PostgreSQL at half load": lambda s: load(webs[:1], 5, rate=-s) if s < 0 else {"rate": 0.0},
        "SQLite": lambda s: load([on_sqlite], s),
    }


def _lone(theirs: str, sqlite_url: str) -> Sequence[tuple[str, str]]:
    return (("bare", ""), ("orm", theirs), ("ours", sqlite_url))


def raw_postgres(url: str, seconds: float) -> dict[str, float]:
    """Insert one row a commit on eight connections, without HTTP; return the rate."""
    found = make_url(url)
    where = f"host={found.query['host']} user=postgres dbname={found.database}"
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS raw_events (seq bigserial PRIMARY KEY, id text UNIQUE, payload bytea)"
        )
        connection.execute("TRUNCATE raw_events")
    counts = [0] * RAW_CONNECTIONS
    until = perf_counter() + seconds

    def insert(place: int) -> None:
        with psycopg.connect(where, autocommit=True) as connection:
            while perf_counter() < until:
                payload = body(counts[place], f"raw{place}_")
                row = (f"{place}_{counts[place]}", payload)
                connection.execute("INSERT INTO raw_events (id, payload) VALUES (%s, %s)", row, prepare=True)
                counts[place] += 1

    threads = [threading.Thread(target=insert, args=(place,)) for place in range(RAW_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"rate": sum(counts) / seconds}


def raw_sqlite(path: Path, seconds: float) -> dict[str, float]:
    """Insert one row a commit, with `synchronous=FULL`; return the rate."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("DROP TABLE IF EXISTS raw_events")
    connection.execute("CREATE TABLE raw_events (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, payload BLOB)")
    count, until = 0, perf_counter() + seconds
    while perf_counter() < until:
        row = (str(count), body(count, "raw"))
        connection.execute("INSERT INTO raw_events (id, payload) VALUES (?, ?)", row)
        count += 1
    connection.close()
    return {"rate": count / seconds}


def load(ports: Sequence[int], seconds: float, *, rate: float | None = None) -> dict[str, float]:
    urls = [f"http://127.0.0.1:{port}{PATH}" for port in ports]
    command = [sys.executable, "-m", "benchmarks.load", "--seconds", str(seconds), "--urls", *urls]
    command += ["--rate", f"{rate:.0f}"] if rate else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout))


@contextmanager
def _dunning_web(given: Mapping[str, str]) -> Iterator[int]:
    port = free_port()
    with running(["dunning", "web", "--port", str(port)], port, given):
        yield port


@contextmanager
def _receiver(kind: str, url: str) -> Iterator[int]:
    port = free_port()
    command = ["benchmarks.receivers", kind, "--port", str(port)]
    with running([*command, "--url", url] if url else command, port):
        yield port


if __name__ == "__main__":
    main()
