"""Random training crops from pictures held in memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from edge.images import ImageError, Named, Picture


class RandomCrops:
    """Draws [B, 3, size, size] batches in [0, 1]: a random picture, place, flip, and (one time in three) half size."""

    def __init__(self, pictures: list[Named], size: int, seed: int) -> None:
        usable = [p.pixels for p in pictures if min(p.pixels.shape[:2]) >= size]
        if not usable:
            raise ImageError(
                f"training data: no picture is at least {size}x{size}; use larger pictures or a smaller crop"
            )
        self.full = usable
        self.half = [_halved(p) for p in usable if min(p.shape[:2]) >= 2 * size]
        self.size = size
        self.rng = np.random.default_rng(seed)

    def batch(self, count: int) -> Tensor:
        return torch.from_numpy(np.stack([self._one() for _ in range(count)])).permute(0, 3, 1, 2).float().div_(255.0)

    def _one(self) -> Picture:
        shrunk = bool(self.half) and self.rng.random() < 1 / 3
        pool = self.half if shrunk else self.full
        picture = pool[self.rng.integers(len(pool))]
        top = self.rng.integers(picture.shape[0] - self.size + 1)
        left = self.rng.integers(picture.shape[1] - self.size + 1)
        crop = picture[top : top + self.size, left : left + self.size]
        if self.rng.random() < 0.5:
            crop = crop[:, ::-1]
        if self.rng.random() < 0.5:
            crop = crop.transpose(1, 0, 2)
        return np.ascontiguousarray(crop)


def _halved(picture: Picture) -> Picture:
    """2x2 box average."""
    h, w = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    quads = picture[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).astype(np.uint16).sum(axis=(1, 3))
    averaged: Picture = ((quads + 2) // 4).astype(np.uint8)
    return averaged
