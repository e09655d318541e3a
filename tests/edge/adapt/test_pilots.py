from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, chisquare

from edge.adapt.errors import AdaptError
from edge.adapt.pilots import estimate_crossover, jeffreys_interval, pilot_indices
from edge.adapt.slf_settings import SlfSettings
from emulator.channels.dmc import KaryDMC
from emulator.channels.noise import NoiseKey, SegmentNoise

PILOTS = SlfSettings(0).pilots


@pytest.mark.parametrize("crossover", [1e-1, 1e-2, 1e-3, 1e-4, 1e-5])
def test_the_interval_covers_the_truth_as_often_as_it_says(crossover: float) -> None:
    # closed form: the binomial mass of the error counts whose interval holds the truth
    counts = np.arange(0, int(PILOTS * crossover + 12 * np.sqrt(PILOTS * crossover) + 20))
    mass = binom.pmf(counts, PILOTS, crossover)
    intervals = [jeffreys_interval(int(count), PILOTS, 0.95) for count in counts]
    coverage = sum(m for m, (low, high) in zip(mass, intervals, strict=True) if low <= crossover <= high)
    assert 0.93 <= coverage <= 0.97


def test_the_emulators_own_channel_is_measured() -> None:
    sent = pilot_indices(16, PILOTS, "S 7")
    key = NoiseKey(seed=3, link="down", receiver="tx", session="S/down", purpose="payload")
    received = KaryDMC(16, 1e-2)(sent.astype(np.uint16), 0, SegmentNoise(key, 0, 0))
    found = estimate_crossover(sent, received)
    assert found.errors == int((sent != received).sum())
    assert found.low <= 1e-2 <= found.high
    assert found.high - found.low < 0.24 * 1e-2  # about +-11 %
    assert (found.pilots, found.confidence) == (PILOTS, 0.95)


def test_lost_pilots_are_left_out() -> None:
    sent = np.array([1, 2, 3, 4], np.uint8)
    found = estimate_crossover(sent, np.array([1, 0, 0, 5], np.uint16), np.array([True, False, True, True]))
    assert (found.pilots, found.errors, found.estimate) == (3, 2, 2 / 3)


def test_a_perfect_and_a_hopeless_channel_are_not_excluded() -> None:
    sent = pilot_indices(16, 50, "k")
    perfect, hopeless = estimate_crossover(sent, sent), estimate_crossover(sent, (sent + 1) % 16)
    assert (perfect.estimate, perfect.low) == (0.0, 0.0)
    assert (hopeless.estimate, hopeless.high) == (1.0, 1.0)
    assert perfect.high < 0.1
    assert hopeless.low > 0.9


def test_pilots_are_uniform_and_depend_on_the_key_alone() -> None:
    drawn = pilot_indices(16, 16_000, "S 7")
    assert chisquare(np.bincount(drawn, minlength=16)).pvalue > 1e-4
    assert np.array_equal(pilot_indices(16, 16_000, "S 7"), drawn)
    assert np.array_equal(pilot_indices(16, 100, "S 7"), drawn[:100])
    assert not np.array_equal(pilot_indices(16, 16_000, "S 8"), drawn)
    assert pilot_indices(16, 8, "both ends must draw these").tolist() == [6, 10, 7, 13, 4, 12, 2, 7]


@pytest.mark.parametrize(("alphabet", "count"), [(1, 5), (257, 5), (16, 0)])
def test_pilots_that_cannot_be_drawn_are_refused(alphabet: int, count: int) -> None:
    with pytest.raises(AdaptError, match="must be"):
        pilot_indices(alphabet, count, "k")


def test_pilots_that_tell_nothing_are_refused() -> None:
    sent = np.zeros(4, np.uint8)
    with pytest.raises(AdaptError, match="none arrived"):
        estimate_crossover(sent, sent, np.zeros(4, bool))
    with pytest.raises(AdaptError, match=r"\[3\] arrived of \[4\]"):
        estimate_crossover(sent, sent[:3])
