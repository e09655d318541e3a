from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from emulator.channels.bsc import BSC, SPARSE_LIMIT, MaskPlan, join_bits, plan_mask, planes_mask
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
    chosen = {ber: BSC(ber).method for ber in (0.0, 1e-9, SPARSE_LIMIT, 0.03, 0.25, 0.4, 0.5)}
    assert list(chosen.values()) == ["none", "sparse", "sparse", "hybrid", "planes", "hybrid", "planes"]


@pytest.mark.parametrize("ber", [*np.linspace(0.0201, 0.5, 97), math.nextafter(0.5, 0), math.nextafter(0.25, 1)])
def test_sum_rule_of_hybrid_masks(ber: float) -> None:
    # setting: q + (1 - q) s; clearing: q (1 - s). Exact up to the rounding of doubles.
    plan = plan_mask(float(ber))
    kept = plan.dyadic * (1 - plan.correction)
    total = plan.dyadic + (1 - plan.dyadic) * plan.correction if plan.sets else kept
    assert total == pytest.approx(ber, rel=0, abs=2e-16)
    assert plan.numerator % 2 == 1
    assert 1 <= plan.planes <= 8
    assert 0 <= plan.correction < 0.02


@pytest.mark.parametrize(("planes", "numerator"), [(1, 1), (2, 1), (3, 5), (8, 103), (8, 1)])
def test_planes_give_their_dyadic_rate(make_draw: MakeDraw, planes: int, numerator: int) -> None:
    # 2 million bits, binomial 4-sigma band
    mask = planes_mask(MaskPlan(planes, numerator, sets=True, correction=0.0), 0, BYTES, make_draw())
    q = numerator / 2**planes
    assert abs(np.unpackbits(mask).mean() - q) <= 4 * math.sqrt(q * (1 - q) / (8 * BYTES))


@pytest.mark.parametrize(
    ("join", "start", "invert", "expected"),
    [
        (np.bitwise_xor, 0b1111_0000, False, [0b0010_0000, 0b1111_0001]),
        (np.bitwise_or, 0b1111_0000, False, [0b1111_0000, 0b1111_0001]),
        (np.bitwise_and, 0b1111_0000, True, [0b0010_0000, 0b1111_0000]),
    ],
)
def test_bits_that_share_a_byte_are_all_joined(join: np.ufunc, start: int, invert: bool, expected: list[int]) -> None:
    packed = np.full(2, start, np.uint8)
    join_bits(join, packed, np.array([0, 1, 3, 15]), invert)
    assert packed.tolist() == expected


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
