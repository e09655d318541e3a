"""Quality curves: fits of known curves, of noisy points against the closed form, and refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optimizer.errors import ProblemError
from optimizer.quality import FFHQ_20DB, FFHQ_IDEAL, QualityCurve

RATES = (0.00183, 0.00732, 0.0293, 0.117)


def test_the_papers_fits() -> None:
    assert (FFHQ_IDEAL.intercept_db, FFHQ_IDEAL.slope_db) == (41.22, 3.035)
    assert (FFHQ_20DB.intercept_db, FFHQ_20DB.slope_db) == (41.03, 3.073)


def test_points_on_a_curve_give_that_curve_back() -> None:
    curve = QualityCurve.fit([(rho, 40.0 + 2.5 * math.log(rho)) for rho in RATES])
    assert curve.intercept_db == pytest.approx(40.0, abs=1e-10)
    assert curve.slope_db == pytest.approx(2.5, abs=1e-10)
    assert curve.rmse_db == pytest.approx(0.0, abs=1e-10)
    assert curve.r_squared == pytest.approx(1.0, abs=1e-12)


def test_noisy_points_give_the_least_squares_curve_rmse_and_r_squared() -> None:
    psnr = np.array([20.4, 23.1, 27.6, 30.2])
    curve = QualityCurve.fit(list(zip(RATES, psnr.tolist(), strict=True)))
    slope, intercept = np.polyfit(np.log(RATES), psnr, 1)
    residual = psnr - intercept - slope * np.log(RATES)
    assert curve.slope_db == pytest.approx(slope, rel=1e-12)
    assert curve.intercept_db == pytest.approx(intercept, rel=1e-12)
    assert curve.rmse_db == pytest.approx(math.sqrt((residual**2).sum() / 2), rel=1e-9)
    assert curve.r_squared == pytest.approx(1 - (residual**2).sum() / ((psnr - psnr.mean()) ** 2).sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(0.03, 30.0)], "needs at least two different values of rho"),
        ([(0.03, 30.0), (0.03, 31.0)], "needs at least two different values of rho"),
        ([(0.03, 30.0), (0.1, 25.0)], "PSNR must grow with rho"),
        ([(0.03, 30.0), (0.0, 31.0)], r"quality.points\[1\].rho: must be a positive"),
        ([(0.03, math.nan), (0.1, 31.0)], r"quality.points\[0\].psnr_db: must be a finite"),
    ],
)
def test_points_that_make_no_curve_are_refused(points: list[tuple[float, float]], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        QualityCurve.fit(points)


@pytest.mark.parametrize("slope", [0.0, -1.0, math.nan])
def test_the_slope_must_be_positive(slope: float) -> None:
    with pytest.raises(ProblemError, match=r"quality\.slope_db: must be a positive finite number"):
        QualityCurve(40.0, slope)
