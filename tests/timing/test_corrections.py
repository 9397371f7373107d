from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dunning.timing import Attempt, Case
from dunning.timing.corrections import SIZES, Corrections, learned, uncorrected
from dunning.timing.history import NEW_CARD, episodes, sampled
from dunning.timing.marks import marks

START = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def places(family: str, size: int) -> dict[str, tuple[list[str], np.ndarray]]:
    """Every try of one decline class, at the two widest levels."""
    nowhere = np.zeros(size, dtype=np.int64)
    return {"all": (["all:"], nowhere), "family": ([f"family:{family}"], nowhere)}


def world(chance: np.ndarray, size: int = 6000) -> Corrections:
    """Return what is learned where a try at each hour pays with the given chance; 0.3 was expected."""
    dice = np.random.default_rng(1)
    bins = {name: dice.integers(0, columns, size) for name, columns in SIZES.items()}
    paid = (dice.random(size) < chance[bins["hour"]]).astype(np.float64)
    return learned(places("soft_funds", size), bins, np.full(size, 0.3), paid)


def by_hour(found: Corrections, family: str = "soft_funds") -> np.ndarray:
    what = marks(family, None, funding="debit", brand="visa", country="US", currency="usd", amount=100)
    return found.rows(what)["hour"]


def test_bins_that_differ_by_chance_only_teach_nothing() -> None:
    expected = by_hour(uncorrected())
    found = by_hour(world(0.3 * expected))
    assert np.abs(found - expected).max() < 0.08


def test_bins_that_truly_differ_are_followed() -> None:
    chance = np.full(24, 0.05)
    chance[9] = 0.9
    found = by_hour(world(chance))
    assert found[9] > 2.5
    assert np.delete(found, 9).max() < 0.35


def test_a_class_without_history_borrows_from_the_others() -> None:
    chance = np.full(24, 0.05)
    chance[9] = 0.9
    assert by_hour(world(chance), "technical").argmax() == 9


def test_an_hour_nobody_tried_is_doubted_beside_hours_that_failed() -> None:
    size = 3000
    hours = np.random.default_rng(2).choice([9, 14, 16], size)
    bins = {name: np.zeros(size, dtype=np.int64) for name in SIZES} | {"hour": hours}
    paid = (hours == 9).astype(np.float64)
    found = by_hour(learned(places("soft_funds", size), bins, np.full(size, 0.3), paid))
    assert found[15] < 0.5
    assert found[10] > 0.9


@pytest.mark.parametrize("seed", [1, 3])
def test_a_class_with_few_payments_leans_on_the_hours_that_all_share(seed: int) -> None:
    dice, size = np.random.default_rng(seed), 1800
    hours, thin = dice.integers(0, 24, size), np.arange(size) >= 1200
    evening = (np.arange(24) + 4) % 24 < 8
    chance = np.where(evening, 0.16, 0.08)[hours] * np.where(thin, 0.25, 1)
    paid = (dice.random(size) < chance).astype(np.float64)
    where = {"all": (["all:"], 0 * hours), "family": (["family:soft_funds", "family:soft_issuer"], 1 * thin)}
    bins = dict.fromkeys(SIZES, 0 * hours) | {"hour": hours}
    found = by_hour(learned(where, bins, np.where(thin, 0.06, 0.1), paid), "soft_issuer")
    assert paid[thin].sum() < 20
    assert found[evening].mean() > 1.3 * found[~evening].mean()


def history(*attempts: Attempt, brand: str = "visa") -> Case:
    return Case("in_1", 100, "usd", attempts, START + 14 * DAY, 3, brand=brand, funding="debit", country="US")


def test_what_a_stopped_card_did_is_not_a_lesson_in_timing() -> None:
    case = history(Attempt(START, False, "lost_card"), Attempt(START + DAY, False, "lost_card"))
    assert episodes([case], START + 5 * DAY) == []


def test_a_new_card_is_an_episode_of_its_own() -> None:
    case = history(
        Attempt(START, False, "insufficient_funds", card="old"),
        Attempt(START + DAY, False, "insufficient_funds", card="old"),
        Attempt(START + 2 * DAY, True, card="new"),
    )
    families = {e.marks.family: [paid for _, paid in e.tries] for e in episodes([case], START + 5 * DAY)}
    assert families == {"soft_funds": [False], NEW_CARD: [True]}


@pytest.mark.parametrize(("until", "tries"), [(0, 0), (1, 1), (2, 2)])
def test_only_the_past_is_read(until: int, tries: int) -> None:
    case = history(*(Attempt(START + day * DAY, False, "do_not_honor") for day in range(4)))
    found = episodes([case], START + until * DAY)
    assert sum(len(e.tries) for e in found) == tries


def test_what_differs_in_one_corner_only_is_learned_there() -> None:
    size, dice = 6000, np.random.default_rng(4)
    bins = {name: dice.integers(0, columns, size) for name, columns in SIZES.items()}
    country = dice.integers(0, 2, size)
    odd = (country == 1) & (bins["hour"] < 12)
    paid = (dice.random(size) < np.where(odd, 0.05, 0.3)).astype(np.float64)
    where = places("soft_funds", size) | {"country": (["country:", "country:US"], country)}
    tables = learned(where, bins, np.full(size, 0.3), paid).tables["hour"]
    morning, evening = tables["country:US"][6:12].mean(), tables["country:US"][12:].mean()
    assert morning < 0.6 * evening
    assert "country:" not in tables or tables["country:"][6:12].mean() > morning


def test_a_sample_keeps_the_newest_and_something_of_every_kind() -> None:
    often = [history(Attempt(START + n * DAY, False, "do_not_honor")) for n in range(100)]
    rare = replace(often[0], country="JP")
    found = sampled([rare, *often], 10)
    assert len(found) == 10
    assert rare in found
    assert found[-5:] == often[-5:]
