"""What the log says of a policy, what it cannot say, and where a figure comes from."""

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

import pytest
from flows.logged import keep_log, quiet_house
from sqlalchemy import update

from dunning.core.vocabulary import Arm
from dunning.flows.backtest import Source, backtest
from dunning.flows.house import House
from dunning.store import tables
from dunning.timing.policies import FOUR, PLAIN, STRIPE_LIKE


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    with quiet_house(database_url) as made:
        yield made


@pytest.fixture
def quick_house(sqlite_url: str) -> Iterator[House]:
    with quiet_house(sqlite_url) as made:
        yield made


def test_a_holdout_lets_both_ways_be_estimated(house: House) -> None:
    keep_log(house, 2000)
    planner, ladder = backtest(house, ["planner", PLAIN])
    for judged, truth in ((planner, 0.5), (ladder, 0.4)):
        assert judged.source is Source.RANDOMISED
        assert judged.invoices is not None
        assert judged.invoices.robust is not None
        assert judged.invoices.robust.low < truth < judged.invoices.robust.high
        assert judged.money["usd"].robust is not None
        assert "by lot" in judged.sentence
    assert planner.invoices is not None
    assert planner.invoices.cases == 2000


def test_shares_that_changed_are_weighed_each_by_its_own_odds(quick_house: House) -> None:
    keep_log(quick_house, 1500, share=Fraction(1, 2), seed=1, chances=dict.fromkeys(Arm, 0.2))
    keep_log(quick_house, 3000, share=Fraction(1, 10), seed=2, chances=dict.fromkeys(Arm, 0.6))
    [ladder] = backtest(quick_house, [PLAIN])
    assert ladder.invoices is not None
    assert ladder.invoices.snips is not None
    assert ladder.invoices.snips.value == pytest.approx((1500 * 0.2 + 3000 * 0.6) / 4500, abs=0.06)


def test_without_a_holdout_the_planner_is_observed_and_a_ladder_only_forecast(house: House) -> None:
    keep_log(house, 400, experiment=None)
    planner, ladder, like = backtest(house, ["planner", PLAIN, STRIPE_LIKE])
    assert planner.source is Source.OBSERVED
    assert planner.invoices is not None
    assert planner.invoices.robust is not None
    assert "nobody drew lots" in planner.sentence
    for judged in (ladder, like):
        assert judged.source is Source.MODEL
        assert judged.invoices is None
        assert "no evidence" in judged.sentence


def test_a_thin_holdout_is_refused_in_a_sentence(house: House) -> None:
    keep_log(house, 600, share=Fraction(1, 10))
    planner, ladder = backtest(house, ["planner", PLAIN])
    assert planner.invoices is not None
    assert planner.invoices.robust is not None
    assert ladder.invoices is not None
    assert ladder.invoices.robust is None
    assert ladder.money == {}
    assert "Overlap is too thin" in ladder.sentence


def test_windows_that_are_not_over_do_not_count(quick_house: House) -> None:
    keep_log(quick_house, 500)
    with quick_house.store.write() as connection:
        later = quick_house.clock.now() + timedelta(seconds=1)
        connection.execute(update(tables.recoveries).values(deadline=later))
    [planner] = backtest(quick_house, ["planner"])
    assert planner.invoices is None


def test_money_that_came_after_the_window_does_not_count(quick_house: House) -> None:
    keep_log(quick_house, 1000, paid_after=14.5)
    [planner] = backtest(quick_house, ["planner"])
    assert planner.invoices is not None
    assert planner.invoices.snips is not None
    assert planner.invoices.snips.value == 0


def test_a_shorter_ladder_is_read_off_the_held_out_one(quick_house: House) -> None:
    keep_log(quick_house, 1000, seed=1, paid_after=3)
    keep_log(quick_house, 1000, seed=2, paid_after=11)
    plain, four = backtest(quick_house, [PLAIN, FOUR])
    assert plain.invoices is not None
    assert four.invoices is not None
    assert plain.invoices.snips is not None
    assert four.invoices.snips is not None
    assert four.source is Source.RANDOMISED
    assert four.invoices.snips.value == pytest.approx(plain.invoices.snips.value / 2, abs=0.05)


def test_what_stripe_did_is_observed_and_never_by_lot(quick_house: House) -> None:
    keep_log(quick_house, 800, experiment=None, retries="watch", seed=1)
    keep_log(quick_house, 800, experiment=None, retries="own", seed=2)
    [stripe] = backtest(quick_house, ["stripe"])
    assert stripe.source is Source.OBSERVED
    assert stripe.invoices is not None
    assert stripe.invoices.taken == 800
    assert "not by lot" in stripe.sentence


def test_an_empty_log_says_so_for_every_policy(house: House) -> None:
    for judged in backtest(house, ["planner", PLAIN, "stripe"]):
        assert judged.source is Source.MODEL
        assert judged.forecast is None
        assert judged.dumps()["invoices"] is None
