"""The quality curve Q(rho) = a + b ln(rho) in dB of PSNR (FTSC eq. 8): the paper's fits, and fits of our own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.checks import require_finite, require_positive
from optimizer.errors import ProblemError


@dataclass(frozen=True, slots=True)
class QualityCurve:
    """PSNR in dB at compression rate rho: intercept_db + slope_db * ln(rho).

    rmse_db and r_squared say how well the curve fits the points that it came from; None when it was given outright.
    """

    intercept_db: float
    slope_db: float
    rmse_db: float | None = None
    r_squared: float | None = None

    def __post_init__(self) -> None:
        require_finite("quality.intercept_db", self.intercept_db, "dB")
        require_positive("quality.slope_db", self.slope_db, "dB per unit of ln rho")

    @classmethod
    def fit(cls, points: Sequence[tuple[float, float]]) -> QualityCurve:
        """Least squares of PSNR against ln(rho), as the paper's Matlab fit "a + b ln x".

        points: (rho, psnr_db) pairs, at least two different rho. rmse_db divides by the degrees of freedom n - 2, as
        Matlab's fit does (0 when n = 2). Raises ProblemError on anything else.
        """
        for index, (rho, psnr_db) in enumerate(points):
            require_positive(f"quality.points[{index}].rho", rho, "bits per bit")
            require_finite(f"quality.points[{index}].psnr_db", psnr_db, "dB")
        if len({rho for rho, _ in points}) < 2:
            raise ProblemError("quality.points: needs at least two different values of rho to fit a + b ln(rho)")
        log_rho = np.log([rho for rho, _ in points])
        psnr = np.array([psnr_db for _, psnr_db in points], dtype=np.float64)
        centred = log_rho - log_rho.mean()
        slope = float(centred @ psnr / (centred @ centred))
        if slope <= 0:
            raise ProblemError(
                f"quality.points: PSNR must grow with rho, but the fitted slope is {slope:.4g} dB; check the points"
            )
        intercept = float(psnr.mean() - slope * log_rho.mean())
        residual = psnr - intercept - slope * log_rho
        freedom = len(points) - 2
        total = float(((psnr - psnr.mean()) ** 2).sum())
        return cls(
            intercept_db=intercept,
            slope_db=slope,
            rmse_db=math.sqrt(float(residual @ residual) / freedom) if freedom else 0.0,
            r_squared=1.0 - float(residual @ residual) / total,
        )


FFHQ_IDEAL = QualityCurve(41.22, 3.035, rmse_db=0.4959, r_squared=0.9904)
"""The paper's fit on FFHQ without channel noise."""

FFHQ_20DB = QualityCurve(41.03, 3.073, rmse_db=0.4582, r_squared=0.9920)
"""The paper's fit on FFHQ at 20 dB of channel SNR."""

PRESETS = {"ffhq-ideal": FFHQ_IDEAL, "ffhq-20db": FFHQ_20DB}
