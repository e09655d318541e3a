"""The best SNR at given prices: the root of (z - 1) e^z = kappa - 1, i.e. z = 1 + W0((kappa - 1) / e), vectorised.

kappa = nu G / (lambda_3 t + pi) weighs the price of bandwidth against that of power; z = ln(1 + SNR). Written with
NumPy alone, because the default solver must start without SciPy.
"""

from __future__ import annotations

import numpy as np

from optimizer.problem import FloatArray

_SERIES_BELOW = 1e-6
_MAX_STEPS = 30


def log_one_plus_snr(kappa: FloatArray, guess: FloatArray | None = None) -> FloatArray:
    """kappa: [...], > 0. guess: same shape, where Newton's method starts. Returns z > 0, to about 1e-15 relative.

    Newton's method on ln(1 + (z - 1) e^z) = ln kappa in the variable ln z, where both ends are straight lines; below
    1e-6 the branch-point series of W0, since there the left-hand side cancels.
    """
    weak = float(kappa.min()) < _SERIES_BELOW
    target = np.log(np.maximum(kappa, _SERIES_BELOW) if weak else kappa)
    z = _start(target) if guess is None else np.maximum(guess, 1e-3)
    for _ in range(_MAX_STEPS):
        exponential = np.exp(z)
        level = z * exponential - np.expm1(z)
        step = (np.log(level) - target) * level / (z * z * exponential)
        z = z * np.exp(-np.maximum(np.minimum(step, 2.0), -2.0))
        if np.abs(step).max() <= 1e-7:  # the convergence is quadratic: what is left is rounding
            break
    if weak:
        p = np.sqrt(2.0 * kappa)
        series = p * (1.0 - p * (1.0 / 3.0 - p * (11.0 / 72.0 - p * 43.0 / 540.0)))
        z = np.where(kappa < _SERIES_BELOW, series, z)
    return z


def _start(target: FloatArray) -> FloatArray:
    """sqrt(2 kappa) for a weak price of bandwidth, ln(kappa) - ln(ln(kappa)) for a strong one."""
    weak = np.exp(0.5 * np.minimum(target, 4.0) + 0.3466)
    strong = target - np.log(np.maximum(target, 1.0)) + 0.5
    return np.where(target < 2.0, np.minimum(weak, 2.0), strong)
