"""The rate-quality law of FTSC, Q = a + b ln(rho), fitted by least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Law:
    """intercept_db: a. slope_db: b. r_squared: 1 minus residual over total sum of squares."""

    intercept_db: float
    slope_db: float
    r_squared: float


def fit(rho: Sequence[float], quality_db: Sequence[float]) -> Law:
    """Raises ValueError for fewer than three points: two determine the law and leave nothing to judge it by."""
    if len(rho) != len(quality_db) or len(rho) < 3:
        raise ValueError(f"points: need at least three pairs, got {len(rho)} rates and {len(quality_db)} qualities")
    x, y = np.log(np.asarray(rho, np.float64)), np.asarray(quality_db, np.float64)
    slope, intercept = np.polyfit(x, y, 1)
    residual = float(np.sum((y - intercept - slope * x) ** 2))
    total = float(np.sum((y - y.mean()) ** 2))
    return Law(float(intercept), float(slope), 1.0 - residual / total if total else 0.0)
