"""Crops of latent maps that lie exactly over crops of their pictures, and which of their pixels may be judged.

A decoder at the edge of a crop misses neighbours that it has in service. Training on such pixels spoils it: on 64-pixel
crops whose edges count, DFT did not get better than the decoder it began with, on any of four sets (docs/ftsc.md). So a
margin of four top-map positions, the reach of our decoders, counts for nothing, except where the crop's edge is the
picture's own. Whole pictures waste nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MARGIN = 4  # positions of the coarsest map


@dataclass(frozen=True)
class Grid:
    """Where crops of rows x columns pixels may lie: corners and sides on multiples of `unit`.

    Maps are as many times smaller than the picture as `ratios` says. A map that does not divide the picture evenly
    leaves only the whole picture.
    """

    height: int
    width: int
    rows: int
    columns: int
    unit: int
    ratios: tuple[int, ...]

    @property
    def _margin(self) -> tuple[int, int]:
        """Pixels at the top or bottom, and at the left or right, that lack neighbours; something is always left."""
        return self._lacking(self.rows), self._lacking(self.columns)

    def _lacking(self, side: int) -> int:
        return min(MARGIN * self.unit, (side - self.unit) // 2 // self.unit * self.unit)

    @classmethod
    def over(cls, height: int, width: int, maps: Sequence[Tensor], crop: int) -> Grid:
        """maps: one batch of each, [B, D, h, w], for pictures of height x width."""
        sides = [one.shape[-2:] for one in maps]
        ratios = tuple(height // h for h, _ in sides)
        if any(h * r != height or w * r != width for (h, w), r in zip(sides, ratios, strict=True)):
            return cls(height, width, height, width, math.lcm(height, width), (0,) * len(sides))
        unit = math.lcm(*ratios)
        return cls(height, width, _side(height, crop, unit), _side(width, crop, unit), unit, ratios)

    def draw(self, generator: torch.Generator) -> tuple[int, int]:
        """Top left corner of a crop, in pixels."""
        top, left = (
            int(torch.randint((whole - side) // self.unit + 1, (1,), generator=generator)) * self.unit
            for whole, side in ((self.height, self.rows), (self.width, self.columns))
        )
        return top, left

    def of_picture(self, picture: Tensor, top: int, left: int) -> Tensor:
        """picture [C, H, W] -> [C, rows, columns]."""
        return picture[:, top : top + self.rows, left : left + self.columns]

    def moved(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """pictures [B, C, rows, columns] -> the same, all moved and mirrored alike: a window one unit smaller (where
        there is room) at any pixel, flipped or not, transposed or not."""
        rows, columns = (side - self.unit if side > self.unit else side for side in pictures.shape[-2:])
        spare = [whole - part + 1 for whole, part in zip(pictures.shape[-2:], (rows, columns), strict=True)]
        top, left = (int(torch.randint(choices, (1,), generator=generator)) for choices in spare)
        window = pictures[:, :, top : top + rows, left : left + columns]
        mirror, turn = torch.randint(2, (2,), generator=generator).tolist()
        window = window.flip(3) if mirror else window
        return (window.transpose(2, 3) if turn else window).contiguous()

    def counted(self, top: int, left: int) -> Tensor:
        """[1, rows, columns]: 1 where a crop's pixels count, 0 in the margin."""
        tall, wide = self._margin
        mask = torch.zeros(1, self.rows, self.columns)
        low, right = self.rows - tall, self.columns - wide
        first_row, last_row = 0 if top == 0 else tall, self.rows if top + self.rows == self.height else low
        first, last = 0 if left == 0 else wide, self.columns if left + self.columns == self.width else right
        mask[:, first_row:last_row, first:last] = 1
        return mask

    def of_maps(self, maps: Sequence[Tensor], top: int, left: int) -> list[Tensor]:
        """One picture's maps, each [D, h, w] -> their parts under the crop."""
        return [
            one[:, top // r : (top + self.rows) // r, left // r : (left + self.columns) // r] if r else one
            for one, r in zip(maps, self.ratios, strict=True)
        ]


def masked_mse(found: Tensor, wanted: Tensor, counted: Tensor) -> Tensor:
    """Mean square difference of [B, C, h, w] over the places where counted [B, 1, h, w] is 1."""
    return ((found - wanted).pow(2) * counted).sum() / (counted.sum() * found.shape[1])


def _side(whole: int, crop: int, unit: int) -> int:
    return min(whole, max(unit, crop // unit * unit))
