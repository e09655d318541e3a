"""How a map of tokens falls into attention windows (Liu et al.: "Swin Transformer", 2021): sizes, shifts, and who may
see whom. All of it follows from the map's size; none of it is learned, or kept with the weights.

A window is no larger than the map. A map that windows do not divide is extended below and to the right by tokens that
no real one sees, so its result is the same as if they were not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

REMEMBERED = 32  # masks; a network needs at most two for each of its stages


@dataclass(frozen=True)
class Axis:
    """One side of a map. side: of the map in tokens; window: of a window; shift: by which windows are moved."""

    side: int
    window: int
    shift: int

    @classmethod
    def of(cls, side: int, window: int, shifted: bool) -> Axis:
        """window: at most; a single window is never shifted."""
        return cls(side, min(window, side), window // 2 if shifted and side > window else 0)

    @property
    def count(self) -> int:
        """Windows along this side."""
        return -(-self.side // self.window)

    @property
    def extended(self) -> int:
        """The side that whole windows cover."""
        return self.count * self.window

    @property
    def whole(self) -> bool:
        """Whether every token of a window may see every other."""
        return self.shift == 0 and self.extended == self.side

    def regions(self) -> Tensor:
        """[count, window]: tokens of one window see each other when these are equal. 0 for most, 1 for those that the
        shift brought from the other end of the map, 2 for the extension."""
        place = (torch.arange(self.extended) + self.shift) % self.extended
        wrapped = (torch.arange(self.extended) >= self.extended - self.shift).long()
        return torch.where(place < self.side, wrapped, 2).reshape(self.count, self.window)


@lru_cache(REMEMBERED)
def visible(rows: Axis, columns: Axis) -> Tensor | None:
    """[windows, 1, N, N] (bool): who (third axis) may see whom of a window of N tokens; None where all see all."""
    if rows.whole and columns.whole:
        return None
    with torch.inference_mode(False):  # it may be used in training later
        region = 3 * rows.regions()[:, None, :, None] + columns.regions()[None, :, None, :]
        tokens = region.reshape(rows.count * columns.count, 1, rows.window * columns.window)
        return tokens[..., :, None] == tokens[..., None, :]


@lru_cache(REMEMBERED)
def offsets(rows: int, columns: int, window: int) -> Tensor:
    """[N * N]: the place in a table of (2 window - 1)^2 relative positions, for each pair of the N = rows * columns
    tokens of a window. A smaller window uses the middle of the table."""
    with torch.inference_mode(False):
        y, x = (place.reshape(-1) for place in torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"))
        down, right = (place[:, None] - place[None, :] + window - 1 for place in (y, x))
        return (down * (2 * window - 1) + right).reshape(-1)
