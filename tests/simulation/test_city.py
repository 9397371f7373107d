"""Everything fails, at every step, and in the end each invoice was charged once and credited rightly.

A seed that fails is played again by the command in its message.
"""

import os
import shutil
from pathlib import Path

import pytest
from simulation.city import City
from simulation.verdict import count_attempts, problems

from dunning.store import due

NAMED = os.environ.get("SIMULATION_SEEDS")
FAST = range(1, 4)
LONG = range(100, 125)


def play(seed: int, template: Path, folder: Path) -> tuple[int, int]:
    """Play one seed and return how many attempts the network saw, and how many were ours."""
    city = City(seed, Path(shutil.copyfile(template, folder / f"city{seed}.db")))
    try:
        city.run()
        wrong = problems(city)
        found = count_attempts(city)
    finally:
        city.close()
    again = f"SIMULATION_SEEDS={seed} .venv/bin/pytest tests/simulation -n 0"
    assert wrong == [], "\n".join([*wrong, f"Play it again: {again}"])
    return found


def named_seeds() -> list[int]:
    """Return the seeds that the environment names: `7`, or `100-180`."""
    first, _, last = (NAMED or "").partition("-")
    return list(range(int(first), int(last or first) + 1)) if first else []


@pytest.mark.skipif(NAMED is not None, reason="other seeds were asked for")
@pytest.mark.parametrize("seed", FAST)
def test_a_city_in_trouble_comes_right(seed: int, sqlite_template: Path, tmp_path: Path) -> None:
    assert play(seed, sqlite_template, tmp_path) > (0, 0)


@pytest.mark.heavy
@pytest.mark.skipif(NAMED is not None, reason="other seeds were asked for")
@pytest.mark.parametrize("seed", LONG)
def test_many_cities_in_trouble_come_right(seed: int, sqlite_template: Path, tmp_path: Path) -> None:
    assert play(seed, sqlite_template, tmp_path) > (0, 0)


@pytest.mark.skipif(
    NAMED is None, reason="set SIMULATION_SEEDS to play seeds of your own, such as 7 or 100-180"
)
@pytest.mark.parametrize("seed", named_seeds())
def test_the_seeds_that_were_asked_for_come_right(seed: int, sqlite_template: Path, tmp_path: Path) -> None:
    found = play(seed, sqlite_template, tmp_path)
    print(f"seed {seed}: {found[0]} attempts, {found[1]} of them ours")  # noqa: T201 - shown by pytest -s


def test_every_kind_of_row_that_rings_is_worked_on() -> None:
    from simulation.city import WORK

    assert set(due.KINDS) <= set(WORK)
