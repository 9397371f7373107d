"""Arms are compared with intervals, and no winner is named on thin data."""

from dataclasses import replace
from fractions import Fraction

import pytest

from dunning.core.campaign import BUILT_IN, CampaignArm
from dunning.core.experiments import drawn_arm
from dunning.flows.arms import Arms, compare
from dunning.store.arms import InArm

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
TWO = replace(BUILT_IN, arms=(CampaignArm("calls", HALF), CampaignArm("mails", HALF)))
THREE = replace(BUILT_IN, arms=tuple(CampaignArm(key, THIRD) for key in ("a", "b", "c")))


def cases(arm: str, count: int, paid: int, share: Fraction = HALF) -> list[InArm]:
    return [
        InArm("standard", 1, arm, f"{arm}{n}", "eur", 5000 if n < paid else 0, n < paid, share)
        for n in range(count)
    ]


def of_two(calls: tuple[int, int], mails: tuple[int, int]) -> Arms:
    return compare(TWO, [*cases("calls", *calls), *cases("mails", *mails)])


def test_a_clear_difference_names_the_winner_with_its_interval() -> None:
    found = of_two((400, 280), (400, 200))
    assert found.winner == "calls"
    (pair,) = found.comparisons
    assert (pair.arm, pair.other) == ("mails", "calls")
    assert pair.difference is not None
    assert pair.difference.low < -0.2 < pair.difference.high < 0
    money = pair.money["eur"]
    assert money is not None
    assert money.value == pytest.approx(-1000)
    assert money.low < -1000 < money.high < 0
    assert "beyond chance" in found.sentence


@pytest.mark.parametrize("found", [of_two((99, 99), (400, 0)), of_two((0, 0), (0, 0))])
def test_thin_data_names_no_winner_however_clear_it_looks(found: Arms) -> None:
    assert found.winner is None
    assert found.comparisons[0].difference is None
    assert "thin data" in found.sentence


def test_a_small_difference_names_no_winner_and_says_how_much_would_show_it() -> None:
    found = of_two((400, 205), (400, 200))
    assert found.winner is None
    assert found.needed > 1000
    assert "No arm is beyond chance better" in found.sentence


def test_of_several_arms_the_intervals_themselves_must_lie_apart() -> None:
    near = [*cases("a", 400, 230, THIRD), *cases("b", 400, 200, THIRD), *cases("c", 400, 199, THIRD)]
    assert compare(THREE, near).comparisons[0].difference is not None
    assert compare(THREE, near).winner is None
    far = [*cases("a", 400, 300, THIRD), *cases("b", 400, 200, THIRD), *cases("c", 400, 199, THIRD)]
    assert compare(THREE, far).winner == "a"
    assert len(compare(THREE, far).comparisons) == 3


def test_customers_are_drawn_by_share_and_always_alike() -> None:
    drawn = [drawn_arm("standard", f"cus_{n}", TWO.arms, salt="1").key for n in range(2000)]
    assert drawn == [drawn_arm("standard", f"cus_{n}", TWO.arms, salt="1").key for n in range(2000)]
    assert 900 < drawn.count("calls") < 1100
    assert drawn != [drawn_arm("other", f"cus_{n}", TWO.arms, salt="1").key for n in range(2000)]


def test_the_comparison_is_written_as_json() -> None:
    told = of_two((400, 280), (400, 200)).dumps()
    assert told["winner"] == "calls"
    assert told["comparisons"][0]["difference"][0] == pytest.approx(-0.2)
