"""Vector quantisation with one codebook.

The codebook is a plain buffer: nothing here updates it. How it is learned (EMA, loss (4) of FTSC, eq. (5)) is a
trainer's business, so a frozen codec cannot drift.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Codebook(nn.Module):
    """K vectors of dimension D; nearest-neighbour search and look-up (FTSC, eq. (1)-(2); SLF, section II)."""

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
        """features [B, D, h, w] -> indices [B, h, w] (int64) of the nearest vectors in Euclidean distance.

        |z|^2 is left out of the distance: it does not change the argmin, and costs a pass over the features.
        """
        flat = features.permute(0, 2, 3, 1).reshape(-1, self.dimension)
        score = torch.addmm(self.vectors.pow(2).sum(1)[None, :], flat, self.vectors.t(), alpha=-2.0)
        batch, _, height, width = features.shape
        return score.argmin(dim=1).view(batch, height, width)

    def lookup(self, indices: Tensor) -> Tensor:
        """indices [B, h, w] in [0, K) -> vectors [B, D, h, w]."""
        return nn.functional.embedding(indices, self.vectors).permute(0, 3, 1, 2)
