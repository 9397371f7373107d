"""The other half of the seeds of `make test`, in a file of its own for a process of its own."""

from pathlib import Path

import pytest
from simulation.play import NAMED, SUMS, play

FAST = range(21, 41)


@pytest.mark.skipif(NAMED is not None, reason="other seeds were asked for")
@pytest.mark.parametrize("seed", FAST)
def test_another_city_in_trouble_comes_right(seed: int, sqlite_template: Path, tmp_path: Path) -> None:
    play(seed, sqlite_template, tmp_path, customers=14)


@pytest.mark.skipif(NAMED is not None, reason="other seeds were asked for")
def test_these_were_trouble_enough() -> None:
    if SUMS["seeds"] < len(FAST):
        pytest.skip("only some of the seeds were played")
    assert SUMS["events"] >= 2_500
    assert SUMS["crashes"] >= 800
