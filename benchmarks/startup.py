"""How long a newcomer waits, and what an installation takes up: `--help`, the demo's first page, memory.

    python -m benchmarks.startup

Beside `--help` stands the Python that it starts: an interpreter that does nothing.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx
from packaging.requirements import Requirement

from benchmarks.ground import environment, free_port, running, upgraded
from benchmarks.ingest import load
from benchmarks.table import Row, show

REPEATED = 5


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    show("Start-up and footprint", rows())


def rows() -> list[Row]:
    """Measure, and return the table's rows."""
    with tempfile.TemporaryDirectory(prefix="dunning-startup-") as name:
        folder = Path(name)
        nothing, help_s = _command_s(["-c", "pass"]), _command_s(["-m", "dunning", "--help"])
        beside = f"{help_s / nothing:.0f}× a bare Python"
        told = [Row("`dunning --help`", f"{help_s:.2f} s", "< 0.5 s", beside)]
        told.append(Row("`dunning demo`, to its first page", f"{_demo_s(folder):.1f} s", "< 5 s"))
        told.append(Row("installed size, all dependencies included", f"{_installed_mb():.0f} MB"))
        return told + _memory(folder)


def _installed_mb() -> float:
    """The files of our own distribution and of everything that it needs, without extras."""
    wanted, seen = ["dunning"], set[str]()
    size = 0
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        found = distribution(name)
        paths = [Path(str(found.locate_file(each))) for each in found.files or ()]
        size += sum(path.stat().st_size for path in paths if path.is_file())
        needed = [Requirement(text) for text in found.requires or ()]
        wanted += [each.name for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    return size / 1e6


def _command_s(arguments: Sequence[str]) -> float:
    taken = []
    for _ in range(REPEATED):
        began = perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        taken.append(perf_counter() - began)
    return median(taken)


def _demo_s(folder: Path) -> float:
    taken = []
    for _ in range(3):
        port, began = free_port(), perf_counter()
        with running(["dunning", "demo", "--port", str(port), "--no-open"], port, environment(folder)):
            httpx.get(f"http://127.0.0.1:{port}/", timeout=30).raise_for_status()
            taken.append(perf_counter() - began)
    return median(taken)


def _memory(folder: Path) -> list[Row]:
    url = f"sqlite:///{folder}/serve.db"
    upgraded(url).engine.dispose()
    port = free_port()
    given = environment(folder, DATABASE_URL=url, STRIPE_API_BASE="http://127.0.0.1:9")
    with running(["dunning", "serve", "--port", str(port)], port, given) as process:
        httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30).raise_for_status()
        time.sleep(2)
        at_rest = _resident_mb(process.pid)
        load([port], 5)
        under_load = _resident_mb(process.pid)
    return [
        Row("memory of `dunning serve` at rest", f"{at_rest:.0f} MB"),
        Row("the same after five seconds of webhooks as fast as they go", f"{under_load:.0f} MB"),
    ]


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this machine does not tell how much memory a process has")


if __name__ == "__main__":
    main()
