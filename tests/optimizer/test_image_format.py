"""Sizes and rates of eq. (9), (10) and (14)."""

from __future__ import annotations

import math

import pytest

from optimizer.errors import ProblemError
from optimizer.image_format import SCALES, ImageFormat


def test_rho_times_source_bits_is_the_bits_of_the_indices_exactly() -> None:
    image = ImageFormat()
    assert image.source_bits == 1_572_864
    assert image.rho_of_scale(4) * image.source_bits == (64 * 64 + 32 * 32) * 9 == 46_080
    assert image.rho_of_scale(4) == pytest.approx(0.03, rel=0.03)


def test_rho_of_scale_2_is_the_papers() -> None:
    assert ImageFormat().rho_of_scale(2) == 0.1171875


@pytest.mark.parametrize("scale", SCALES)
def test_equation_14_agrees_with_equation_10(scale: int) -> None:
    image = ImageFormat()
    by_14 = 16 * image.rho_of_scale(2) * 0.25 ** (math.log2(scale) + 1)
    assert image.rho_of_scale(scale) == pytest.approx(by_14, rel=1e-15)


@pytest.mark.parametrize("field", ["height", "width", "value_bits", "index_bits"])
def test_a_size_must_be_positive(field: str) -> None:
    with pytest.raises(ProblemError, match=rf"image\.{field}: must be a positive finite number"):
        ImageFormat(**{field: 0})


def test_a_scale_must_be_positive() -> None:
    with pytest.raises(ProblemError, match="scale: must be > 0"):
        ImageFormat().rho_of_scale(0)
