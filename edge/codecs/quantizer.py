"""A codebook: which of its vectors is nearest to a feature, and the vectors of received indices."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def nearest(features: Tensor, vectors: Tensor) -> Tensor:
    """features [B, D, h, w], vectors [K, D] -> indices [B, h, w] (int64) of the nearest in Euclidean distance.

    |z|^2 is left out of the distance: it does not change the argmin, and costs a pass over the features.
    """
    batch, dimension, height, width = features.shape
    flat = features.permute(0, 2, 3, 1).reshape(-1, dimension)
    score = torch.addmm(vectors.pow(2).sum(1)[None, :], flat, vectors.t(), alpha=-2.0)
    return score.argmin(dim=1).view(batch, height, width)


def lookup(indices: Tensor, vectors: Tensor) -> Tensor:
    """indices [B, h, w] in [0, K), vectors [K, D] -> vectors [B, D, h, w]. Gradients pass to the vectors."""
    return nn.functional.embedding(indices, vectors).permute(0, 3, 1, 2)


class Codebook(nn.Module):
    """K vectors of dimension D that no optimizer moves (FTSC, eq. (1)-(2))."""

    vectors: Tensor

    def __init__(self, entries: int, dimension: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.randn(entries, dimension) * 0.1)

    @property
    def entries(self) -> int:
        return int(self.vectors.shape[0])

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])

    def nearest(self, features: Tensor) -> Tensor:
        """features [B, D, h, w] -> indices [B, h, w] (int64) of the nearest vectors."""
        return nearest(features, self.vectors)

    def lookup(self, indices: Tensor) -> Tensor:
        """indices [B, h, w] in [0, K) -> vectors [B, D, h, w]."""
        return lookup(indices, self.vectors)
