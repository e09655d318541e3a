"""Masks by table: every byte value at its exact probability, wherever it stands."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from emulator.channels.mask_table import ENTRIES, MaskTable, placed_uniforms
from emulator.channels.noise import SegmentNoise

BYTES = 1_000_000
MakeDraw = Callable[..., SegmentNoise]


@pytest.mark.parametrize("p", [0.0101, 0.02, 0.1, 0.25, 0.3, 0.4, 0.499, 0.5])
def test_table_and_residual_make_the_exact_law(p: float) -> None:
    # P(b) = n(b) / 65536 + (1 - S / 65536) R(b), up to the rounding of doubles; and the P(b) are those of 8 coin tosses
    table = MaskTable(p)
    counts = np.bincount(table._table[: table.filled], minlength=256)
    residual = np.diff(table._cumulative, prepend=0.0)
    total = counts / ENTRIES + (1 - table.filled / ENTRIES) * residual
    np.testing.assert_allclose(total, table.law, rtol=0, atol=1e-15)
    ones = np.bitwise_count(np.arange(256, dtype=np.uint8))
    by_ones = np.bincount(ones, weights=table.law)
    np.testing.assert_allclose(by_ones, stats.binom.pmf(np.arange(9), 8, p), rtol=1e-12)


@pytest.mark.parametrize("p", [0.02, 0.1, 0.4, 0.5])
def test_byte_values_come_at_their_probabilities(make_draw: MakeDraw, p: float) -> None:
    # chi-square over the byte values that are expected at least 10 times, the others together; p > 1e-4
    table = MaskTable(p)
    observed = np.bincount(table(0, BYTES, make_draw()), minlength=256)
    expected = table.law * BYTES
    often = expected >= 10
    seen = np.append(observed[often], observed[~often].sum())
    wanted = np.append(expected[often], expected[~often].sum())
    keep = wanted > 0
    assert stats.chisquare(seen[keep], wanted[keep] * seen[keep].sum() / wanted[keep].sum()).pvalue > 1e-4


def test_rare_bytes_come_from_the_residual_law_at_their_rate(make_draw: MakeDraw) -> None:
    # at p = 0.02 no byte of three or more ones has a table entry of its own; 4-sigma band for their number
    table = MaskTable(0.02)
    rare = np.bitwise_count(np.arange(256, dtype=np.uint8)) >= 3
    assert not rare[table._table[: table.filled]].any()
    chance = float(table.law[rare].sum())
    seen = int(rare[table(0, BYTES, make_draw())].sum())
    assert abs(seen - BYTES * chance) <= 4 * math.sqrt(BYTES * chance)


@pytest.mark.parametrize(("offset", "count"), [(0, 1), (1, 3), (3, 5), (65_535, 2), (65_530, 70_000), (7, 0)])
def test_a_byte_is_a_function_of_its_place(make_draw: MakeDraw, offset: int, count: int) -> None:
    table = MaskTable(0.3)
    whole = table(0, 140_000, make_draw())
    np.testing.assert_array_equal(table(offset, count, make_draw()), whole[offset : offset + count])


def test_placed_uniforms_are_uniform_and_uncorrelated_with_their_neighbours(make_draw: MakeDraw) -> None:
    drawn = placed_uniforms(np.arange(200_000), make_draw())
    assert stats.kstest(drawn, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 4 / math.sqrt(drawn.size)
    np.testing.assert_array_equal(placed_uniforms(np.array([5, 77]), make_draw()), drawn[[5, 77]])
