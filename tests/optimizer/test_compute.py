"""The compute model against eq. (11)-(17) written out."""

from __future__ import annotations

import math

import pytest

from optimizer.compute import PAPER_ENERGY_COEFFICIENT, ComputeModel
from optimizer.errors import ProblemError
from optimizer.image_format import SCALES, ImageFormat


@pytest.mark.parametrize("scale", SCALES)
def test_work_is_that_of_equation_13_at_every_scale(scale: int) -> None:
    image = ImageFormat()
    c_0 = 256 * 256 * 4**2 * 128**2 / 4
    c_delta = 256 * 256 * 4**2 * 128 * 125 / 4
    by_13 = -c_delta + 4 * c_0 * (1 - 0.25 ** (math.log2(scale) + 1)) / 3
    model = ComputeModel.vqvae2(image)
    assert model.base_mac - model.slope_mac * image.rho_of_scale(scale) == pytest.approx(by_13, rel=1e-13)


def test_work_at_scale_2_is_that_of_equation_11() -> None:
    c_0, c_delta = 256 * 256 * 16 * 128**2 / 4, 256 * 256 * 16 * 128 * 125 / 4
    model = ComputeModel.vqvae2(ImageFormat())
    assert model.base_mac - model.slope_mac * 0.1171875 == pytest.approx(1.25 * c_0 - c_delta, rel=1e-13)


def test_time_and_energy_have_the_sizes_of_the_notes() -> None:
    model = ComputeModel.vqvae2(ImageFormat())
    assert model.time_base_s == pytest.approx(1.135, abs=5e-4)
    assert model.time_base_s - model.time_slope_s * 0.1171875 == pytest.approx(0.870, abs=5e-4)
    assert 0.21 < model.energy_base_j - model.energy_slope_j * 0.1171875 < model.energy_base_j < 0.28
    paper = ComputeModel.vqvae2(ImageFormat(), energy_coefficient=PAPER_ENERGY_COEFFICIENT)
    assert paper.energy_base_j < 1e-10


def test_passes_multiply_time_and_energy() -> None:
    once, thrice = ComputeModel.vqvae2(ImageFormat()), ComputeModel.vqvae2(ImageFormat(), passes=3)
    assert thrice.time_base_s == pytest.approx(3 * once.time_base_s)
    assert thrice.time_slope_s == pytest.approx(3 * once.time_slope_s)
    assert thrice.energy_base_j == pytest.approx(3 * once.energy_base_j)
    assert thrice.energy_slope_j == pytest.approx(3 * once.energy_slope_j)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frequency_hz": 0.0}, "compute.frequency_hz: must be a positive finite number"),
        ({"frequency_hz": math.inf}, "compute.frequency_hz: must be a positive finite number"),
        ({"energy_coefficient": -1e-28}, "compute.energy_coefficient: must be a finite number >= 0"),
        ({"energy_coefficient": math.nan}, "compute.energy_coefficient: must be a finite number >= 0"),
        ({"passes": 0}, "compute.passes: must be a positive finite number"),
        ({"base_mac": -1.0}, "compute.base_mac: must be a finite number >= 0"),
        ({"slope_mac": math.nan}, "compute.slope_mac: must be a finite number"),
    ],
)
def test_bad_numbers_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        ComputeModel(**{"base_mac": 1e9, "slope_mac": 0.0, **changes})
