"""Who is held out: by a hash, for good, and in the share that was asked for."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.core.experiments import MOST, arm_of, probability, said, share_of
from dunning.core.vocabulary import Arm, Experiment

CUSTOMERS = [f"cus_{number}" for number in range(4000)]


def held_out(experiment: Experiment, share: Fraction, salt: str = "1") -> set[str]:
    return {name for name in CUSTOMERS if arm_of(experiment, name, share, salt=salt) is Arm.HOLDOUT}


@pytest.mark.parametrize(
    ("text", "share"), [("10%", "1/10"), (" 2.5 % ", "1/40"), ("0%", "0"), ("50%", "1/2")]
)
def test_a_share_is_a_percentage(text: str, share: str) -> None:
    assert share_of(text) == Fraction(share)


@pytest.mark.parametrize("text", ["10", "0.1", "51%", "-1%", "ten%", "1/0%", "10%%", "", "nan%"])
def test_anything_else_is_refused_with_the_cure(text: str) -> None:
    with pytest.raises(ValueError, match="such as 10%"):
        share_of(text)


@given(st.integers(0, 500))
def test_a_share_reads_back(permille: int) -> None:
    share = Fraction(permille, 1000)
    assert share_of(said(share)) == share


def test_the_share_held_out_is_the_share_asked_for() -> None:
    assert held_out(Experiment.RETRIES, Fraction(0)) == set()
    count = len(held_out(Experiment.RETRIES, Fraction(1, 10)))
    assert 330 < count < 470


def test_a_greater_share_holds_out_the_same_and_more() -> None:
    assert held_out(Experiment.RETRIES, Fraction(1, 20)) < held_out(Experiment.RETRIES, MOST)


def test_the_two_experiments_draw_apart() -> None:
    both = held_out(Experiment.RETRIES, MOST) & held_out(Experiment.MESSAGES, MOST)
    assert 850 < len(both) < 1150


def test_the_arms_share_the_whole() -> None:
    share = Fraction(1, 10)
    assert probability(Arm.HOLDOUT, share) + probability(Arm.TREATED, share) == 1
