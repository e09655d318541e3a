"""The closed form for the best SNR, against SciPy's Lambert W and its own defining equation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import lambertw

from optimizer.water_level import log_one_plus_snr


def test_agrees_with_lambert_w() -> None:
    kappa = np.logspace(-2, 25, 400)
    reference = 1.0 + lambertw((kappa - 1.0) / np.e).real
    np.testing.assert_allclose(log_one_plus_snr(kappa), reference, rtol=1e-11)


def test_the_weak_end_follows_its_series() -> None:
    # below 1e-2 Lambert's W cancels; there (z - 1) e^z + 1 = z^2/2 + z^3/3 + z^4/8 + ..., summed directly
    kappa = np.logspace(-12, -2, 200)
    z = log_one_plus_snr(kappa)
    term, total = z * z / 2.0, np.zeros_like(z)
    for k in range(2, 20):
        total += term
        term = term * z * k / ((k - 1) * (k + 1))
    np.testing.assert_allclose(total, kappa, rtol=1e-9)


def test_a_guess_changes_nothing() -> None:
    kappa = np.logspace(-8, 20, 300)
    cold = log_one_plus_snr(kappa)
    for factor in (0.1, 0.9, 1.0, 3.0):
        np.testing.assert_allclose(log_one_plus_snr(kappa, cold * factor), cold, rtol=1e-11)


def test_it_grows_with_the_price_of_bandwidth() -> None:
    assert np.all(np.diff(log_one_plus_snr(np.logspace(-10, 30, 1000))) > 0)


def test_one_is_one() -> None:
    assert log_one_plus_snr(np.array([1.0]))[0] == pytest.approx(1.0, rel=1e-14)
