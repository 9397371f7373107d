from collections import Counter

import pytest

from dunning.timing.lots import Lots


@pytest.mark.parametrize("unsure", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("turn", [7, 3, 5])
def test_a_time_is_drawn_as_often_as_its_propensity_says(unsure: float, turn: int) -> None:
    lots = Lots([7, 3, 4], turn, unsure)
    drawn = Counter(lots.drawn(lot * 997, lot * 31 + 5) for lot in range(20_000))
    for index in (7, 3, 4, 5):
        assert drawn[index] / 20_000 == pytest.approx(lots.propensity(index), abs=0.02)


def test_propensities_add_up_to_one() -> None:
    lots = Lots([2, 9], 11, 0.3)
    assert sum(map(lots.propensity, (2, 9, 11))) == pytest.approx(1)
    assert lots.propensity(4) == 0
