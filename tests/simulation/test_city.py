"""Everything fails, at every step, and in the end each invoice was charged once and credited rightly.

A seed that fails is played again by the command in its message. `make proof` plays thousands.
"""

from pathlib import Path

import pytest
from simulation.play import CUSTOMERS, NAMED, SUMS, named_seeds, play

from dunning.store import due

FAST = range(1, 21)  # as many again in test_more_cities.py, so that two processes share them
LONG = range(100, 112)


@pytest.mark.skipif(NAMED is not None, reason="other seeds were asked for")
@pytest.mark.parametrize("seed", FAST)
def test_a_city_in_trouble_comes_right(seed: int, sqlite_template: Path, tmp_path: Path) -> None:
    play(seed, sqlite_template, tmp_path, customers=12)


@pytest.mark.skipif(NAMED is not None, reason="other seeds were asked for")
def test_that_was_trouble_enough() -> None:
    if SUMS["seeds"] < len(FAST):
        pytest.skip("only some of the seeds were played")
    assert SUMS["events"] >= 2_500
    assert SUMS["crashes"] >= 800
    assert all(SUMS[name] for name in ("bells_lost", "wipes", "faults", "downs", "forgeries", "mails"))


@pytest.mark.heavy
@pytest.mark.skipif(NAMED is not None, reason="other seeds were asked for")
@pytest.mark.parametrize("seed", LONG)
def test_larger_cities_in_trouble_come_right(seed: int, sqlite_template: Path, tmp_path: Path) -> None:
    play(seed, sqlite_template, tmp_path, customers=20)


@pytest.mark.skipif(
    NAMED is None, reason="set SIMULATION_SEEDS to play seeds of your own, such as 7 or 100-180"
)
@pytest.mark.parametrize("seed", named_seeds())
def test_the_seeds_that_were_asked_for_come_right(seed: int, sqlite_template: Path, tmp_path: Path) -> None:
    city = play(seed, sqlite_template, tmp_path, customers=CUSTOMERS or 10)
    print(f"seed {seed}: {city.tally}")  # noqa: T201 - shown by pytest -s


def test_a_seed_is_played_the_same_way_again(sqlite_template: Path, tmp_path: Path) -> None:
    first, second = (play(7, sqlite_template, tmp_path, customers=3) for _ in range(2))
    assert first.tally == second.tally
    assert first.sandbox.books() == second.sandbox.books()


def test_every_kind_of_row_that_rings_is_worked_on() -> None:
    from simulation.city import WORK

    assert set(due.KINDS) <= set(WORK)
