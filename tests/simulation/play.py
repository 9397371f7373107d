"""Playing seeds: one city from its beginning to its verdict, and the sum over many."""

import os
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from simulation.city import City
from simulation.verdict import problems

NAMED = os.environ.get("SIMULATION_SEEDS")
CUSTOMERS = int(os.environ.get("SIMULATION_CUSTOMERS", "0"))
SUMS: Counter[str] = Counter()  # over the seeds that this process has played


def play(seed: int, template: Path, folder: Path, customers: int) -> City:
    """Play one seed to its end; fail with everything that is wrong and the command that plays it again."""
    database = Path(shutil.copyfile(template, folder / f"city{seed}.db"))
    city = City(seed, database, customers=customers)
    try:
        city.run()
        wrong = problems(city)
    finally:
        city.close()
        for file in folder.glob(f"{database.name}*"):
            file.unlink()
    SUMS.update({"seeds": 1, **asdict(city.tally)})
    assert wrong == [], "\n".join([*wrong, f"Play it again: {again(seed, customers)}"])
    return city


def again(seed: int, customers: int) -> str:
    """Return the command that plays a seed again."""
    given = f"SIMULATION_SEEDS={seed} SIMULATION_CUSTOMERS={customers}"
    return f"{given} .venv/bin/pytest -n 0 tests/simulation/test_city.py"


def named_seeds() -> list[int]:
    """Return the seeds that the environment names: `7`, or `100-180`."""
    first, _, last = (NAMED or "").partition("-")
    return list(range(int(first), int(last or first) + 1)) if first else []
