"""The network of a learned prior over VQ-VAE-2's index maps, in the form that is trained: what comes next, given what
is already known. Not the form that codes: that is exact_prior.py, whose probabilities are the same on every machine.

The top map comes first, then the bottom map given the top. Within a map a position sees the nearest positions that are
decoded before it, in a wavefront order: all positions with equal `x + 2y` are decoded at once, so that a map of h x w
takes w + 2h steps instead of h * w. Indices enter and leave as vectors of the codebook (a small learned term an entry
beside), so that the prior still means something after the codebooks were fine-tuned (FTSC, eq. (5)).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

ARCHITECTURE = "vqvae2-prior"
MAPS = ("top", "bottom")
SLOPE = 2  # a position's step in the wavefront is x + SLOPE * y
REACH = 4  # how far a neighbour may be, in rows and columns
WINDOW = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))  # of the top map, around a bottom position's parent
HEAD_HIDDEN = 128


@dataclass(frozen=True)
class PriorShape:
    """entries, dimension, top_scale: those of the codec. embedding: numbers that stand for a neighbour; hidden: width;
    query: numbers that choose among the entries; neighbours: decoded positions of the same map that are looked at."""

    entries: int = 512
    dimension: int = 32
    top_scale: int = 2
    embedding: int = 16
    hidden: int = 128
    query: int = 48
    neighbours: int = 12

    def __post_init__(self) -> None:
        most = len(earlier_positions())
        if not 1 <= self.neighbours <= most:
            raise ValueError(f"neighbours: must be in [1, {most}], got {self.neighbours}")


def earlier_positions() -> list[tuple[int, int]]:
    """Offsets (dy, dx) within REACH that the wavefront reaches before the position itself, nearest first."""
    near = range(-REACH, REACH + 1)
    earlier = [(dy, dx) for dy in near for dx in near if dy <= 0 and dx + SLOPE * dy < 0]
    return sorted(earlier, key=lambda offset: (offset[0] ** 2 + offset[1] ** 2, offset))


def padded(indices: NDArray[np.generic], outside: int) -> NDArray[np.int64]:
    """indices [..., h, w] -> [..., h + 2 REACH, w + 2 REACH], `outside` around them."""
    margins = [(0, 0)] * (indices.ndim - 2) + [(REACH, REACH)] * 2
    return np.pad(indices.astype(np.int64), margins, constant_values=outside)


def shape_metadata(shape: PriorShape) -> dict[str, str]:
    """What a prior's weight file must say for it to be read again."""
    return {"architecture": ARCHITECTURE, "shape": json.dumps(asdict(shape))}


class MapPrior(nn.Module):
    """The distribution of the next index of one map."""

    scale: Tensor

    def __init__(self, shape: PriorShape, inputs: int, vectors: Tensor) -> None:
        """inputs: numbers that stand for what is known. vectors [K, D]: the codebook that it learns with."""
        super().__init__()
        features = shape.dimension + 1
        self.register_buffer("scale", (1 / vectors.std()).reshape(1))
        self.embed = nn.Linear(features, shape.embedding)
        self.embed_entry = nn.Parameter(torch.zeros(shape.entries + 1, shape.embedding))  # the last: outside the map
        self.first = nn.Linear(inputs, shape.hidden)
        self.second = nn.Linear(shape.hidden, shape.hidden)
        self.third = nn.Linear(shape.hidden, shape.query)
        self.key_first = nn.Linear(features, HEAD_HIDDEN)
        self.key_second = nn.Linear(HEAD_HIDDEN, shape.query)
        self.key_entry = nn.Parameter(torch.zeros(shape.entries, shape.query))
        self.entry_bias = nn.Parameter(torch.zeros(shape.entries))

    def features(self, vectors: Tensor) -> Tensor:
        """Codebook [K, D] -> [K, D + 1]: the vectors, scaled, and their mean square."""
        scaled = vectors * self.scale
        return torch.cat([scaled, scaled.square().mean(1, keepdim=True)], dim=1)

    def table(self, vectors: Tensor) -> Tensor:
        """Codebook [K, D] -> [K + 1, E]: what stands for each entry, and for a neighbour outside the map."""
        inside: Tensor = self.embed(self.features(vectors)) + self.embed_entry[:-1]
        return torch.cat([inside, self.embed_entry[-1:]])

    def forward(self, known: Tensor, vectors: Tensor) -> Tensor:
        """known [n, inputs], codebook [K, D] -> logits [n, K]."""
        hidden = self.first(known).relu()
        hidden = hidden + self.second(hidden).relu()
        keys = self.key_second(self.key_first(self.features(vectors)).relu()) + self.key_entry
        logits: Tensor = self.third(hidden) @ keys.t() + self.entry_bias
        return logits


class IndexPrior(nn.Module):
    """Both maps' priors, for the codebooks of one codec."""

    def __init__(self, shape: PriorShape, top_vectors: Tensor, bottom_vectors: Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.vectors = (top_vectors.clone(), bottom_vectors.clone())  # no buffers: the codec's file has them
        near = shape.neighbours * shape.embedding
        self.top = MapPrior(shape, near, top_vectors)
        self.bottom = MapPrior(shape, near + len(WINDOW) * shape.embedding + 2 * shape.top_scale, bottom_vectors)

    def top_logits(self, near: Tensor) -> Tensor:
        """near [n, neighbours], indices of the earlier positions (K: outside) -> logits [n, K]."""
        vectors = self.vectors[0]
        return self.top(self.top.table(vectors)[near].flatten(1), vectors)  # type: ignore[no-any-return]

    def bottom_logits(self, near: Tensor, above: Tensor, phase: Tensor) -> Tensor:
        """near [n, neighbours]; above [n, 9], top indices in WINDOW around the parent; phase [n, 2], the position
        within its parent (y, x) -> logits [n, K]."""
        top_vectors, vectors = self.vectors
        known = [
            self.bottom.table(vectors)[near].flatten(1),
            self.top.table(top_vectors)[above].flatten(1),
            nn.functional.one_hot(phase, self.shape.top_scale).flatten(1).to(top_vectors.dtype),
        ]
        return self.bottom(torch.cat(known, dim=1), vectors)  # type: ignore[no-any-return]
