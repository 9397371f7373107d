import numpy as np
import pytest

from dunning.timing.smoothing import smoothed

DUE = np.full((1, 24), 6.0)


def test_chance_alone_teaches_next_to_nothing() -> None:
    counts = np.random.default_rng(3).poisson(DUE)
    assert np.abs(smoothed(counts.astype(float), DUE) - 1).max() < 0.2


def test_a_wave_round_the_clock_is_seen_in_few_counts() -> None:
    wave = 1 + 0.6 * np.cos((np.arange(24) - 21) * 2 * np.pi / 24)
    counts = np.random.default_rng(4).poisson(DUE * wave)
    found = smoothed(counts.astype(float), DUE)[0]
    assert found == pytest.approx(wave, abs=0.5)
    assert int(found.argmax()) in {19, 20, 21, 22, 23}


def test_a_place_without_tries_follows_what_was_expected() -> None:
    found = smoothed(np.array([[40.0] * 6 + [0.0] * 18, [0.0] * 24]), np.array([[10.0] * 24, [0.0] * 24]))
    assert found[0, 2] > 2
    assert found[1] == pytest.approx(np.ones(24))
