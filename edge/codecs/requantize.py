"""Codebook vectors that met additive noise: the likely ones, and how strong the noise was. No training, no side data.

PSNR in dB of what the deployed decoder makes of noisy maps as they are / of the nearest vectors / of these means, for
VQ-VAE-2 pretrained at scale 4, eight pictures a set: anime faces 36.4 / 36.9 / 36.9 at 20 dB, 33.1 / 34.1 / 34.6 at
10 dB, 24.3 / 26.2 / 27.2 at 0 dB; X-rays 37.7 / 38.1 / 38.1, 34.9 / 35.8 / 36.3, 26.5 / 28.3 / 29.8. Measured by
`python -m tools.ftsc.ablations` (docs/ftsc.md).
"""

from __future__ import annotations

import torch
from torch import Tensor

ITERATIONS = 12
LEAST = 1e-4  # deviation over the root mean square of the vectors, below which there is no noise to speak of


def soft_requantized(noisy: Tensor, vectors: Tensor, deviation: float) -> Tensor:
    """The mean of the codebook vectors [K, D] weighted by how likely each made a received one [B, D, h, w], in Gaussian
    noise of this standard deviation: the best guess (least squares) that looks at one position alone."""
    flat = noisy.permute(0, 2, 3, 1).reshape(-1, noisy.shape[1])
    closeness = torch.addmm(vectors.pow(2).sum(1)[None, :], flat, vectors.t(), beta=-0.5) / max(deviation, 1e-6) ** 2
    mean = closeness.softmax(dim=1) @ vectors
    batch, dimension, height, width = noisy.shape
    return mean.view(batch, height, width, dimension).permute(0, 3, 1, 2)


def estimated_deviation(noisy: Tensor, vectors: Tensor) -> float:
    """The standard deviation of the Gaussian noise on each real of [1, D, h, w], given that every position was one of
    the vectors [K, D], all equally likely: expectation maximisation, from above. 0 when there is none."""
    flat = noisy.permute(0, 2, 3, 1).reshape(-1, noisy.shape[1])
    distances = torch.cdist(flat, vectors, compute_mode="donot_use_mm_for_euclid_dist").pow(2)
    least = LEAST**2 * float(vectors.pow(2).mean())
    variance = float(flat.pow(2).mean())
    for _ in range(ITERATIONS):
        if variance <= least:
            return 0.0
        shares = (distances / (-2 * variance)).softmax(dim=1)
        variance = float((shares * distances).sum(1).mean()) / noisy.shape[1]
    return float(variance**0.5)


def cleaned(noisy: Tensor, vectors: Tensor) -> Tensor:
    """[N, D, h, w] as received, each picture with noise of its own strength -> the likely vectors' means."""
    parts = []
    for one in torch.split(noisy, 1):
        deviation = estimated_deviation(one, vectors)
        parts.append(soft_requantized(one, vectors, deviation) if deviation > 0 else one)
    return torch.cat(parts)
