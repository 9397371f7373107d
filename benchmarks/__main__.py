"""Run the benchmarks one after another and write what they say into one file.

    make bench                              (up to a million rows, about fifteen minutes on two cores)
    make bench-full ARGS="--url postgresql+psycopg://…"       (ten million; the databases are kept)

Every figure stands beside a limit or a plain alternative that was measured in the same run on the same
machine. Close what else runs: the programs under test, their databases and the sender share the cores.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from servers import postgres

from benchmarks.ground import database

MILLION = 1_000_000


@dataclass(frozen=True)
class Part:
    """One benchmark: its title, its command, and whether it prints a Markdown table of its own."""

    title: str
    command: tuple[str, ...]
    tabled: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="ten million rows instead of up to one million")
    parser.add_argument("--url", help="with --full: the PostgreSQL server whose databases are made and kept")
    parser.add_argument("--only", default="", help="names of benchmarks, separated by commas")
    parser.add_argument("--into", type=Path, default=Path("benchmarks.md"), help="the file to write")
    options = parser.parse_args()
    with ExitStack() as stack:
        admin = options.url or stack.enter_context(postgres(durable=True))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dunning-bench-")))
        parts = full(admin) if options.full else usual(admin, folder)
        only = set(filter(None, options.only.split(",")))
        chosen = [part for part in parts if not only or part.command[0] in only]
        options.into.write_text("\n".join(_report(chosen)), encoding="utf-8")
    print(f"Written: {options.into}", file=sys.stderr)


def usual(admin: str, folder: Path) -> list[Part]:
    """What `make bench` runs."""
    queue, reports = database(admin, "bench_queue"), database(admin, "bench_reports")
    return [
        Part("Ingest", ("ingest", "--seconds", "4"), tabled=True),
        Part("Pipeline", ("pipeline", "--recoveries", "150"), tabled=True),
        Part("Due work", ("due", "--sizes", f"10000,{MILLION}"), tabled=True),
        Part("Planner, 10,000 attempts", ("planner", "--attempts", "10000")),
        Part("Planner, 100,000 attempts", ("planner", "--attempts", "100000")),
        Part("Queue, 200,000 recoveries, SQLite", ("queue", "--url", f"sqlite:///{folder}/queue.db")),
        Part(
            "Queue, 1,000,000 recoveries, PostgreSQL",
            ("queue", "--url", queue, "--recoveries", str(MILLION), "--repeats", "15"),
        ),
        Part(
            "Reports, 1,000,000 attempts, PostgreSQL",
            ("reports", "--database", reports, "--attempts", str(MILLION), "--week"),
        ),
        Part("Start-up and footprint", ("startup",), tabled=True),
    ]


def full(admin: str) -> list[Part]:
    """What `make bench-full` runs, beside the rest: the same questions to ten million rows."""
    reports = database(admin, "bench_reports")
    return [
        Part("Due work", ("due", "--sizes", f"10000,{10 * MILLION}", "--url", admin), tabled=True),
        Part("Planner, 1,000,000 attempts", ("planner", "--attempts", str(MILLION))),
        Part(
            "Reports, 10,000,000 attempts, PostgreSQL",
            ("reports", "--database", reports, "--attempts", str(10 * MILLION), "--week"),
        ),
    ]


def _report(parts: Sequence[Part]) -> Iterator[str]:
    yield f"Measured on {datetime.now(UTC):%Y-%m-%d} on {_machine()}.\n"
    for part in parts:
        print(f"{part.title} …", file=sys.stderr, flush=True)
        began = perf_counter()
        command = [sys.executable, "-m", f"benchmarks.{part.command[0]}", *part.command[1:]]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        said = done.stdout.strip()
        table = said.partition("\n\n")[2] if part.tabled else f"```\n{said}\n```"
        failed = "" if done.returncode == 0 else f"\n\nIt failed (exit {done.returncode})."
        yield f"## {part.title}\n\n{table}{failed}\n"
        print(f"{part.title}: {perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


def _machine() -> str:
    quick = "with" if find_spec("httptools") and find_spec("uvloop") else "without"
    python = f"Python {platform.python_version()}"
    return f"{os.cpu_count()} cores ({platform.machine()}), {python}, {quick} the extra `fast`"


if __name__ == "__main__":
    main()
