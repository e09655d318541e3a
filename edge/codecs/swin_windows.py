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
        wrapped = (torch.arange(self.extended) >= self.extended - self.shift).long()
        return torch.where(self.places() < self.side, wrapped.reshape(self.count, self.window), 2)

    def places(self) -> Tensor:
        """[count, window]: which of the map's tokens stands there; `side` and more is the extension."""
        return ((torch.arange(self.extended) + self.shift) % self.extended).reshape(self.count, self.window)


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
def order(rows: Axis, columns: Axis) -> tuple[Tensor, Tensor]:
    """Which token of a map of H * W stands at each place of the windows, [windows * N]; and at which place each token
    stands, [H * W]. The first token stands for the extension: it is not seen there, whatever it is."""
    with torch.inference_mode(False):
        down, across = rows.places()[:, None, :, None], columns.places()[None, :, None, :]
        real = ((down < rows.side) & (across < columns.side)).reshape(-1)
        standing = (down * columns.side + across).reshape(-1).where(real, 0)
        places = torch.empty(rows.side * columns.side, dtype=torch.long)
        places[standing[real]] = real.nonzero()[:, 0]
        return standing, places


@lru_cache(REMEMBERED)
def offsets(rows: int, columns: int, window: int) -> Tensor:
    """[N * N]: the place in a table of (2 window - 1)^2 relative positions, for each pair of the N = rows * columns
    tokens of a window. A smaller window uses the middle of the table."""
    with torch.inference_mode(False):
        y, x = (place.reshape(-1) for place in torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"))
        down, right = (place[:, None] - place[None, :] + window - 1 for place in (y, x))
        return (down * (2 * window - 1) + right).reshape(-1)
