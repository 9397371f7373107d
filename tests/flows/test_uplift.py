"""What an experiment shows, when it shows nothing yet, and what it costs."""

from collections.abc import Iterator
from fractions import Fraction

import pytest
from flows.logged import HALF, keep_log, quiet_house

from dunning.core.vocabulary import Arm, Experiment
from dunning.flows import experiments
from dunning.flows.house import House
from dunning.flows.uplift import uplifts

SAME = dict.fromkeys(Arm, 0.45)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with quiet_house(database_url) as made:
        yield made


@pytest.fixture
def quick_house(sqlite_url: str) -> Iterator[House]:
    with quiet_house(sqlite_url) as made:
        yield made


def test_a_clear_difference_is_known_in_rates_and_money_per_currency(house: House) -> None:
    keep_log(house, 3000, seed=1)
    keep_log(house, 150, seed=2, currency="eur")
    [found] = uplifts(house)
    assert found.experiment is Experiment.RETRIES
    assert found.difference is not None
    assert found.difference.low < 0.1 < found.difference.high
    assert found.known
    assert found.sentence.startswith("With the planner, more is recovered")
    usd, eur = found.currencies["usd"], found.currencies["eur"]
    assert usd.incremental is not None
    assert usd.price is not None
    truth = 0.1 * (900 + 2900 + 9900) / 3 * usd.treated
    assert usd.incremental.low < truth < usd.incremental.high
    assert usd.price.value == pytest.approx(usd.incremental.value * usd.holdout / usd.treated, rel=0.01)
    assert (eur.incremental, eur.price) == (None, None)
    assert found.dumps()["currencies"]["eur"]["incremental"] is None


def test_no_difference_is_not_yet_known(quick_house: House) -> None:
    keep_log(quick_house, 1000, chances=SAME, seed=5)
    [found] = uplifts(quick_house)
    assert not found.known
    assert found.sentence.startswith("Not yet known: between -")
    assert found.needed > 2000


def test_too_few_on_a_side_say_nothing_at_all(house: House) -> None:
    keep_log(house, 500, share=Fraction(1, 20), chances={Arm.TREATED: 1.0, Arm.HOLDOUT: 0.0})
    [found] = uplifts(house)
    assert found.difference is None
    assert not found.known
    assert "100 finished invoices are needed on each side" in found.sentence


def test_the_messages_experiment_is_its_own(house: House) -> None:
    keep_log(house, 1500, experiment=Experiment.MESSAGES)
    keep_log(house, 300, experiment=None, seed=2)
    [found] = uplifts(house)
    assert found.experiment is Experiment.MESSAGES
    assert found.treated + found.holdout == 1500


def test_a_changed_share_does_not_bend_the_rates(quick_house: House) -> None:
    hard, easy = dict.fromkeys(Arm, 0.1), dict.fromkeys(Arm, 0.7)
    keep_log(quick_house, 2000, share=HALF, chances=hard, seed=1)
    keep_log(quick_house, 2000, share=Fraction(1, 10), chances=easy, seed=2)
    [found] = uplifts(quick_house)
    assert found.rates is not None
    # Counted plainly, easy times would be 64 % of the treated and 17 % of those held out.
    assert found.rates[0].value == pytest.approx(0.4, abs=0.05)
    assert found.rates[1].value == pytest.approx(0.4, abs=0.08)
    assert not found.known


def test_an_experiment_without_a_finished_window_waits(house: House) -> None:
    assert uplifts(house) == []
    experiments.set_shares(house, {Experiment.RETRIES: Fraction(1, 10)}, by="ada")
    [found] = uplifts(house)
    assert (found.treated, found.holdout, found.rates, found.currencies) == (0, 0, None, {})
    assert "Not yet known" in found.sentence
    assert found.needed == pytest.approx(8633, rel=0.01)
