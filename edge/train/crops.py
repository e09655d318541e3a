"""Random training crops from pictures held in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from edge.images import ImageError, Named, Picture, resized


class RandomCrops:
    """Draws [B, 3, size, size] batches in [0, 1]: a random picture, place and orientation.

    Without `resize`, one crop in three is taken at half size where the picture allows; with it, every picture is first
    scaled to [resize, resize] (edge.images.resized).
    """

    def __init__(self, groups: Sequence[Sequence[Named]], size: int, seed: int, resize: int | None = None) -> None:
        """groups: sets of pictures that are drawn from equally often, however many each holds."""
        if resize is not None and resize < size:
            raise ImageError(f"--resize: must be at least the crop's {size}, got {resize}; make it larger")
        self.groups = [_Group(group, size, resize) for group in groups]
        if not self.groups or any(not group.full for group in self.groups):
            raise ImageError(
                f"training data: no picture is at least {size}x{size}; use larger pictures, a smaller crop or --resize"
            )
        self.size = size
        self.resize = resize
        self.rng = np.random.default_rng(seed)

    def batch(self, count: int) -> Tensor:
        return torch.from_numpy(np.stack([self._one() for _ in range(count)])).permute(0, 3, 1, 2).float().div_(255.0)

    def _one(self) -> Picture:
        group = self.groups[self.rng.integers(len(self.groups))] if len(self.groups) > 1 else self.groups[0]
        shrunk = bool(group.half) and self.rng.random() < 1 / 3
        pool = group.half if shrunk else group.full
        picture = pool[self.rng.integers(len(pool))]
        if self.resize is not None:
            picture = resized(picture, self.resize)
        top = self.rng.integers(picture.shape[0] - self.size + 1)
        left = self.rng.integers(picture.shape[1] - self.size + 1)
        crop = picture[top : top + self.size, left : left + self.size]
        if self.rng.random() < 0.5:
            crop = crop[:, ::-1]
        if self.rng.random() < 0.5:
            crop = crop.transpose(1, 0, 2)
        return np.ascontiguousarray(crop)


class _Group:
    """The pictures of one set that are large enough, and those that are so at half size."""

    def __init__(self, pictures: Sequence[Named], size: int, resize: int | None) -> None:
        self.full = [p.pixels for p in pictures if resize is not None or min(p.pixels.shape[:2]) >= size]
        self.half = [_halved(p) for p in self.full if resize is None and min(p.shape[:2]) >= 2 * size]


def _halved(picture: Picture) -> Picture:
    """2x2 box average."""
    h, w = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    quads = picture[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).astype(np.uint16).sum(axis=(1, 3))
    averaged: Picture = ((quads + 2) // 4).astype(np.uint8)
    return averaged
