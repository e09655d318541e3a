"""Denoising training (FTSC, section III-B): noise on what goes in or across, the clean picture as the label.

Three places, of which any may be set:
- the picture ("semantic noise"): Gaussian, `image_snr_db` below the picture's mean square, then clipped to [0, 1];
- the latent feature map ("channel noise", as the paper adds it): Gaussian on every real number of a quantised map,
  `feature_snr_db` below the map's mean square. That is AWGN at this Es/N0 when pairs of numbers are the symbols;
- the indices, as a digital link would: each bit flipped with probability `index_ber`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Impairment:
    """What training meets; None for nothing of the kind. SNRs in dB, per picture."""

    image_snr_db: float | None = None
    feature_snr_db: float | None = None
    index_ber: float | None = None

    def __post_init__(self) -> None:
        if self.index_ber is not None and not 0 <= self.index_ber <= 0.5:
            raise ValueError(f"index_ber: must be in [0, 0.5], got {self.index_ber}")

    def on_images(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """images [B, 3, H, W] in [0, 1] -> the same, noisy."""
        if self.image_snr_db is None:
            return images
        return noisy(images, self.image_snr_db, generator).clamp_(0, 1)

    def on_features(self, vectors: Tensor, generator: torch.Generator) -> Tensor:
        """vectors [B, D, h, w] -> the same, noisy. Gradients pass."""
        return vectors if self.feature_snr_db is None else noisy(vectors, self.feature_snr_db, generator)

    def on_indices(self, indices: Tensor, bits: int, generator: torch.Generator) -> Tensor:
        """indices (int64), any shape, of `bits` bits each -> the same with bits flipped."""
        if not self.index_ber:
            return indices
        flips = torch.rand((*indices.shape, bits), generator=generator) < self.index_ber
        return indices ^ (flips.long() << torch.arange(bits)).sum(-1)


NO_IMPAIRMENT = Impairment()


def noisy(signal: Tensor, snr_db: float, generator: torch.Generator) -> Tensor:
    """signal [B, ...] plus white Gaussian noise of mean square E[signal^2] / SNR, the mean over each picture."""
    power = signal.detach().pow(2).flatten(1).mean(1)
    deviation = (power * 10 ** (-snr_db / 10)).sqrt().view(-1, *[1] * (signal.dim() - 1))
    return signal + deviation * torch.randn(signal.shape, generator=generator)
