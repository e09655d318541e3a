from __future__ import annotations

import re

import pytest

from emulator.report.chart import COLOURS, Series, draw


def heights(drawing: str) -> list[float]:
    """y of every point."""
    return [float(y) for y in re.findall(r'<circle[^>]* cy="([\d.]+)"', drawing)]


def test_more_is_higher_and_equal_steps_are_equal_distances() -> None:
    drawing = draw([Series("a", [(0, 10.0), (5, 20.0), (10, 30.0)])], "SNR in dB", "PSNR in dB")
    assert drawing is not None
    low, middle, high = heights(drawing)
    assert low > middle > high  # SVG counts downwards
    assert low - middle == pytest.approx(middle - high, abs=0.02)
    assert 'aria-label="PSNR in dB over SNR in dB"' in drawing


def test_on_a_logarithmic_axis_decades_are_equal_distances_and_nought_is_left_out() -> None:
    drawing = draw([Series("a", [(0, 0.1), (1, 0.01), (2, 0.001), (3, 0.0)])], "level", "BER", logarithmic=True)
    assert drawing is not None
    first, second, third = heights(drawing)
    assert second - first == pytest.approx(third - second, abs=0.02)
    assert draw([Series("a", [(0, 0.0)])], "level", "BER", logarithmic=True) is None


def test_bands_and_what_is_only_compared_with() -> None:
    measured = Series("measured", [(0, 1.0)], [(0, 0.5, 1.5)])
    drawing = draw([measured, Series("asked", [(0, 2.0), (1, 2.0)], dashed=True)], "x", "y")
    assert drawing is not None
    assert drawing.count('class="band s0"') == 1
    assert len(heights(drawing)) == 1  # no points on the dashed line
    assert '<span class="key s1 dashed">asked</span>' in drawing


def test_one_point_and_equal_values_make_a_drawing_and_labels_are_escaped() -> None:
    drawing = draw([Series("<b>", [(3, 7.0)]), *(Series(str(i), [(3, 7.0)]) for i in range(COLOURS))], "x", "y")
    assert drawing is not None
    assert "&lt;b&gt;" in drawing
    assert "nan" not in drawing
    assert "inf" not in drawing
    assert draw([], "x", "y") is None
