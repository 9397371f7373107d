"""`make proof`: thousands of seeds of the simulation, then the chaos run, then the fuzzing, as one table."""

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import structlog
from conftest import migrate
from simulation.play import again, play
from sqlalchemy import URL

FOLDER = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # a disk would only be in the way
GATEWAY = "tests/gateway"
FUZZED = (f"{GATEWAY}/test_listen_signature.py", f"{GATEWAY}/test_listen.py")


def asked() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="make proof ARGS=…", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many cities are played (2000)")
    parser.add_argument("--first", type=int, default=10_000, help="the first of the seeds (10000)")
    parser.add_argument("--customers", type=int, default=14, help="in each city (14)")
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help="side by side (one a core)"
    )
    parser.add_argument("--chaos", type=int, default=3, help="how many chaos runs (3)")
    parser.add_argument("--chaos-seconds", type=int, default=300, help="how long each lasts (300)")
    parser.add_argument(
        "--examples",
        type=int,
        default=1_000_000,
        help="of hostile posts and tokens, a tenth of texts; 0: none",
    )
    return parser.parse_args()


def one(seed: int, template: Path, folder: Path, customers: int) -> tuple[int, dict[str, int], str]:
    """Play one seed in a process of the pool; return its sums, and what was wrong."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    gc.collect()
    gc.disable()  # a seventh of the time; a city is small
    try:
        city = play(seed, template, folder, customers)
    except AssertionError as wrong:
        return seed, {}, str(wrong)
    except Exception as error:  # noqa: BLE001 - a seed that cannot be played is a finding, too
        return seed, {}, f"{error!r}\nPlay it again: {again(seed, customers)}"
    return seed, asdict(city.tally), ""


def simulate(seeds: range, customers: int, processes: int) -> tuple[Counter[str], list[str]]:
    """Play all seeds; return the sums and what was wrong, telling how far it is every minute or so."""
    sums, wrong, told = Counter[str](), list[str](), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dunning-proof-", dir=FOLDER) as name:
        folder = Path(name)
        template = folder / "template.db"
        migrate(URL.create("sqlite", database=str(template)))
        with ProcessPoolExecutor(processes) as pool:
            runs = [pool.submit(one, seed, template, folder, customers) for seed in seeds]
            for run in runs:
                seed, tally, why = run.result()
                sums.update({"seeds": 1, "violations": bool(why), **tally})
                if why:
                    wrong.append(f"seed {seed}: {why}")
                    print(wrong[-1], file=sys.stderr, flush=True)
                if time.monotonic() > told + 60:
                    told = time.monotonic()
                    sofar = ", ".join(f"{figure:,} {name}" for name, figure in sums.items())
                    print(f"of {len(seeds):,}: {sofar}", file=sys.stderr, flush=True)
    return sums, wrong


def run_tests(*arguments: str, **environment: str) -> bool:
    """Run some tests in a process of their own, showing what they print; return whether they passed."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", *arguments]
    return subprocess.run(command, env=os.environ | environment, check=False).returncode == 0


def table(title: str, figures: dict[str, object]) -> None:
    """Print figures below each other."""
    print(f"\n{title}")
    for name, figure in figures.items():
        shown = f"{figure:,}" if isinstance(figure, int) else str(figure)
        print(f"  {name.replace('_', ' '):24} {shown:>14}")


def main() -> int:
    """Prove it, and return 0 when nothing was wrong."""
    wanted, began = asked(), time.monotonic()
    seeds = range(wanted.first, wanted.first + wanted.seeds)
    sums, wrong = simulate(seeds, wanted.customers, wanted.processes)
    took = time.monotonic() - began
    rate = f"{sums['seeds'] / max(took, 1):.2f} seeds a second"
    table("Simulation", {**sums, "took": f"{took:.0f} s", "rate": rate})
    held = not wrong
    for number in range(1, wanted.chaos + 1):
        chaos = {"CHAOS_SECONDS": str(wanted.chaos_seconds), "CHAOS_SEED": str(number)}
        held &= run_tests("-s", "tests/chaos/test_nemesis.py", **chaos)
    if wanted.examples:
        held &= run_tests("-s", "tests/hostile", HOSTILE_EXAMPLES=str(wanted.examples))
        held &= run_tests(*FUZZED, HOSTILE_EXAMPLES=str(wanted.examples // 10))
    table("In all", {"took": f"{time.monotonic() - began:.0f} s", "held": "yes" if held else "NO"})
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
