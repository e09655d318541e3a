from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from emulator.channels.noise import SegmentNoise
from emulator.channels.sparse import SparseHits

MakeDraw = Callable[..., SegmentNoise]
ELEMENTS = 1_000_000


@pytest.mark.parametrize("gaps_per_block", [None, 8])
@pytest.mark.parametrize("probability", [0.01, 0.1])
def test_rate_is_exact_even_when_every_block_runs_out_of_gaps(
    make_draw: MakeDraw, probability: float, gaps_per_block: int | None
) -> None:
    # binomial 4-sigma band; hits at a block's beginning and end are equally likely (64 parts, chi-square, p > 1e-4)
    hits = SparseHits(probability, 4096, gaps_per_block)
    positions = np.concatenate(list(hits.positions(0, ELEMENTS, make_draw())))
    sigma = math.sqrt(probability * (1 - probability) * ELEMENTS)
    assert abs(positions.size - probability * ELEMENTS) < 4 * sigma
    assert (np.diff(positions) > 0).all()
    assert positions[0] >= 0
    assert positions[-1] < ELEMENTS
    whole_blocks = positions[positions < ELEMENTS // 4096 * 4096]
    parts = np.bincount(whole_blocks % 4096 // 64, minlength=64)
    assert stats.chisquare(parts).pvalue > 1e-4


@pytest.mark.parametrize("gaps_per_block", [None, 4])
def test_marked_hits_are_the_same_hits_with_uniform_words(make_draw: MakeDraw, gaps_per_block: int | None) -> None:
    hits = SparseHits(0.05, 4096, gaps_per_block)
    plain = np.concatenate(list(hits.positions(0, ELEMENTS, make_draw())))
    pairs = list(hits.marked(0, ELEMENTS, make_draw()))
    assert np.array_equal(np.concatenate([positions for positions, _ in pairs]), plain)
    words = np.concatenate([words for _, words in pairs])
    assert stats.kstest(words / 2.0**64, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("gaps_per_block", [None, 4])
def test_hits_of_a_slice_are_the_slice_of_the_hits(make_draw: MakeDraw, gaps_per_block: int | None) -> None:
    hits = SparseHits(0.05, 4096, gaps_per_block)
    everything = [np.concatenate(column) for column in zip(*hits.marked(0, 50_000, make_draw()), strict=True)]
    inside = (everything[0] >= 5_000) & (everything[0] < 21_000)
    part = [np.concatenate(column) for column in zip(*hits.marked(5_000, 16_000, make_draw()), strict=True)]
    assert np.array_equal(part[0] + 5_000, everything[0][inside])
    assert np.array_equal(part[1], everything[1][inside])


@pytest.mark.parametrize("probability", [0.0, 1e-300])
def test_vanishing_probability_gives_no_hits(make_draw: MakeDraw, probability: float) -> None:
    hits = SparseHits(probability, 4096)
    assert sum(positions.size for positions in hits.positions(0, ELEMENTS, make_draw())) == 0


def test_certainty_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^probability: must be below 1"):
        SparseHits(1.0, 4096)
