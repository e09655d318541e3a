"""Training batches of whole, small pictures: SLF's digits and objects, as they are (a mirrored digit is no digit).

Here too: the paper's 8:2 split of a data set into train and test, drawn by a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.images import ImageError, Named, padded

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Split:
    """One source's pictures, cut in two."""

    train: list[Named]
    test: list[Named]


def split(pictures: Sequence[Named], seed: int) -> Split:
    """8:2 in an order that the seed draws. Raises ImageError when a part would be empty."""
    order = np.random.default_rng(seed).permutation(len(pictures))
    test = round(TEST_SHARE * len(pictures))
    if not 0 < test < len(pictures):
        raise ImageError(f"training data: {len(pictures)} pictures cannot be split 8:2; give at least 3")
    return Split([pictures[i] for i in order[test:]], [pictures[i] for i in order[:test]])


class WholePictures:
    """Draws [B, 3, side, side] batches in [0, 1]; smaller pictures are framed in black (edge.images.padded)."""

    resize: int | None = None

    def __init__(self, groups: Sequence[Sequence[Named]], side: int, seed: int) -> None:
        """groups: sets of pictures that are drawn from equally often, however many each holds."""
        if not groups or not all(groups):
            raise ImageError("training data: there is no picture in it; give a source that has some")
        self.groups = [np.stack([padded(one.pixels, side, one.name) for one in group]) for group in groups]
        self.rng = np.random.default_rng(seed)

    def batch(self, count: int) -> Tensor:
        return as_tensor(self.draw(count)[0])

    def draw(self, count: int) -> tuple[NDArray[np.uint8], list[tuple[int, int]]]:
        """Pictures uint8 [count, side, side, 3], and the group and place of each."""
        places = []
        for group in self.rng.integers(len(self.groups), size=count).tolist():
            places.append((group, int(self.rng.integers(len(self.groups[group])))))
        return np.stack([self.groups[group][place] for group, place in places]), places


def as_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """uint8 [N, s, s, 3] -> [N, 3, s, s] in [0, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(255.0)
