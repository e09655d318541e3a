"""Noise on the picture before it is encoded."""

from __future__ import annotations

import numpy as np

from edge.images import Picture


def noisy_picture(picture: Picture, snr_db: float, seed: int, index: int) -> Picture:
    """ "Semantic noise": the same law as edge.train.impairment, on [H, W, 3] uint8; rounded to uint8 again."""
    rng = np.random.default_rng([seed, index, 20])
    pixels = picture.astype(np.float64) / 255.0
    deviation = np.sqrt(np.mean(pixels**2) * 10 ** (-snr_db / 10))
    noisy = pixels + deviation * rng.standard_normal(pixels.shape)
    return np.asarray(np.rint(np.clip(noisy, 0.0, 1.0) * 255.0), np.uint8)
