from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from emulator.channels.bsc import BSC, SPARSE_LIMIT, flip_bits
from emulator.channels.noise import SegmentNoise

BYTES = 250_000
MakeDraw = Callable[..., SegmentNoise]

RATES = [1e-5, 1e-3, 0.01, SPARSE_LIMIT, 0.03, 0.05, 0.1, 0.25, 0.3, 0.4, 0.45, 0.499, 0.5]


def flips(ber: float, draw: SegmentNoise) -> np.ndarray:
    return np.unpackbits(BSC(ber)(np.zeros(BYTES, np.uint8), 0, draw))


@pytest.mark.parametrize("ber", RATES)
def test_flip_rate_and_place_in_the_byte(make_draw: MakeDraw, ber: float) -> None:
    # 2 million bits: binomial 4-sigma band; chi-square over the 8 bit positions, p > 1e-4 (enough flips from 1e-3 on)
    flipped = flips(ber, make_draw())
    assert abs(flipped.mean() - ber) <= 4 * math.sqrt(ber * (1 - ber) / flipped.size)
    if ber >= 1e-3:
        by_place = flipped.reshape(-1, 8).sum(axis=0)
        assert stats.chisquare(by_place).pvalue > 1e-4


@pytest.mark.parametrize("ber", [0.01, 0.03, 0.1, 0.25, 0.4])
def test_flips_of_neighbouring_bits_words_and_blocks_are_uncorrelated(make_draw: MakeDraw, ber: float) -> None:
    # sigma of the correlation is 1 / sqrt(n); 4 sigma. Lags: a bit, a byte, a tile's word, a tile, a block.
    flipped = flips(ber, make_draw()).astype(np.float64) - ber
    for lag in (1, 8, 64, 8192, 32768):
        correlation = (flipped[lag:] * flipped[:-lag]).mean() / (ber * (1 - ber))
        assert abs(correlation) < 4 / math.sqrt(flipped.size - lag), lag


def test_gaps_between_flips_are_geometric(make_draw: MakeDraw) -> None:
    # chi-square over 20 equally likely classes of gap, p > 1e-4; gaps cross block borders
    ber = 0.01
    gaps = np.diff(np.flatnonzero(flips(ber, make_draw())))
    edges = np.unique(stats.geom.ppf(np.linspace(0, 1, 21)[1:-1], ber))
    observed = np.bincount(np.searchsorted(edges, gaps), minlength=edges.size + 1)
    cumulative = np.concatenate([[0.0], stats.geom.cdf(edges, ber), [1.0]])
    assert stats.chisquare(observed, np.diff(cumulative) * gaps.size).pvalue > 1e-4


def test_method_follows_the_rate() -> None:
    chosen = {ber: BSC(ber).method for ber in (0.0, 1e-9, SPARSE_LIMIT, 0.03, 0.25, 0.5)}
    assert list(chosen.values()) == ["none", "sparse", "sparse", "table", "table", "table"]


@pytest.mark.parametrize("ber", [0.0, 1e-3, 0.03, 0.4, 0.5])
def test_the_number_of_flips_is_told(make_draw: MakeDraw, ber: float) -> None:
    packed = np.arange(100_000, dtype=np.uint32).astype(np.uint8)
    received, flipped = BSC(ber).flip(packed, 12, make_draw())
    assert flipped == np.unpackbits(received ^ packed).sum()


def test_flips_that_share_a_byte_all_happen() -> None:
    packed = np.full(2, 0b1111_0000, np.uint8)
    flip_bits(packed, np.array([0, 1, 3, 15]))
    assert packed.tolist() == [0b0010_0000, 0b1111_0001]


def test_zero_rate_changes_nothing_and_empty_slices_pass(make_draw: MakeDraw) -> None:
    packed = np.arange(256, dtype=np.uint8)
    assert np.array_equal(BSC(0.0)(packed, 5, make_draw()), packed)
    for ber in (1e-3, 0.1, 0.25):
        assert BSC(ber)(packed[:0], 5, make_draw()).size == 0


@pytest.mark.parametrize("ber", [-0.1, 0.500001, math.nan])
def test_rates_beyond_a_half_are_refused(ber: float) -> None:
    with pytest.raises(ValueError, match=r"^ber: must be in \[0, 0.5\]"):
        BSC(ber)


@pytest.mark.parametrize("packed", [np.zeros(4, np.int8), np.zeros((2, 2), np.uint8), np.zeros(8, np.uint8)[::2]])
def test_arrays_are_not_cast(make_draw: MakeDraw, packed: np.ndarray) -> None:
    with pytest.raises(TypeError, match=r"^packed: must be a contiguous one-dimensional uint8 array"):
        BSC(0.1)(packed, 0, make_draw())  # type: ignore[arg-type]
