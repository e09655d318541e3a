from __future__ import annotations

import numpy as np
import pytest

from tools.ftsc.semantic_noise import noisy_picture


def test_semantic_noise_is_snr_below_the_mean_square() -> None:
    picture = np.full((256, 256, 3), 128, np.uint8)
    noisy = noisy_picture(picture, 20.0, 0, 0)
    error = (noisy.astype(float) - 128) ** 2
    assert error.mean() == pytest.approx(128**2 / 100 + 1 / 12, rel=0.02)  # and rounding
    assert np.array_equal(noisy, noisy_picture(picture, 20.0, 0, 0))
    assert not np.array_equal(noisy, noisy_picture(picture, 20.0, 1, 0))
