"""The pictures of the experiments, 32x32x3, and which is used for what. Nothing of the sets is in the package.

MNIST is padded to 32 and repeated to three channels. Transmitters' own pictures come from a set's train part, those
that are scored from its test part, which no training saw. Classes are 0..9 for MNIST and 10..19 for CIFAR-10.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge import images
from edge.images import Picture

SIDE = 32
FILES = {"mnist": "mnist.npz", "cifar10": "cifar10_25k.npz"}
FIRST_CLASS = {"mnist": 0, "cifar10": 10}
ORDER_SEED = 20230509  # of every drawing; changing it makes all figures incomparable


@dataclass(frozen=True)
class Labelled:
    """pixels: uint8 [N, 32, 32, 3]. labels: int64 [N], 0..19."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.pixels.shape != (self.labels.size, SIDE, SIDE, 3):
            raise ValueError(f"pixels: must be [{self.labels.size}, {SIDE}, {SIDE}, 3], got {list(self.pixels.shape)}")


def own(folder: Path, mixture: float, count: int, seed: int) -> Labelled:
    """X_1' of eq. (5): a transmitter's pictures, of which the fraction `mixture` (lambda) is CIFAR-10, the rest MNIST.

    Other seeds draw other pictures. Raises ImageError when a file is missing or holds too few.
    """
    return _mixed(folder, "train", mixture, count, seed)


def scored(folder: Path, mixture: float, count: int) -> Labelled:
    """Pictures to send and score; always the same, those of a mixture in order MNIST, CIFAR-10."""
    return _mixed(folder, "test", mixture, count, 0)


def mixed_counts(mixture: float, count: int) -> dict[str, int]:
    """Pictures of each set; together `count`."""
    if not 0.0 <= mixture <= 1.0:
        raise ValueError(f"mixture: must be in [0, 1], got {mixture}")
    cifar = round(mixture * count)
    return {"mnist": count - cifar, "cifar10": cifar}


def _mixed(folder: Path, part: str, mixture: float, count: int, seed: int) -> Labelled:
    parts = [_drawn(folder, key, part, n, seed) for key, n in mixed_counts(mixture, count).items() if n]
    return Labelled(np.concatenate([p.pixels for p in parts]), np.concatenate([p.labels for p in parts]))


def _drawn(folder: Path, key: str, part: str, count: int, seed: int) -> Labelled:
    """The first `count` in the order of a seed, so that a smaller draw is part of a larger one."""
    pictures, labels = _whole(folder / FILES[key], part)
    if count > len(pictures):
        held = f"{FILES[key]}: holds {len(pictures)} {part} pictures"
        raise images.ImageError(f"{held}, {count} are needed; ask for fewer")
    rng = np.random.default_rng([ORDER_SEED, seed, *f"{key}/{part}".encode()])
    chosen = rng.permutation(len(pictures))[:count]
    pixels = np.stack([images.padded(pictures[i], SIDE) for i in chosen])
    return Labelled(pixels, np.asarray(labels[chosen] + FIRST_CLASS[key], np.int64))


@cache
def _whole(path: Path, part: str) -> tuple[list[Picture], NDArray[np.int64]]:
    named = list(images.read(path, split=part))
    return [one.pixels for one in named], np.array([-1 if one.label is None else one.label for one in named], np.int64)
