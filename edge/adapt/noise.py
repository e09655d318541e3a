"""The noise of a link as a receiver with originals can measure it, and fresh noise of the same strength.

A receiver that holds the encoder and a fine-tuning image knows what was sent. What differs tells the noise: bit errors
where vectors arrive as indices of a codebook, additive noise where the map itself was sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge.codecs.quantizer import Codebook

SAME = 1e-4  # relative distance under which two vectors are taken for the same
MOSTLY = 0.9  # share of received vectors that must be codebook vectors to call the errors index errors


@dataclass(frozen=True)
class MapNoise:
    """Noise of one map: additive Gaussian of this standard deviation, bit errors at this rate, or neither."""

    deviation: float = 0.0
    bit_error_rate: float = 0.0

    def on(self, clean: Tensor, codebook: Tensor | None, generator: torch.Generator) -> Tensor:
        """clean [B, D, h, w] (codebook vectors where there are bit errors) -> the same, through noise of this kind."""
        if self.bit_error_rate > 0 and codebook is not None:
            book = as_codebook(codebook)
            bits = (book.entries - 1).bit_length()
            indices = book.nearest(clean)
            flips = torch.rand((*indices.shape, bits), generator=generator) < self.bit_error_rate
            wrong = indices ^ (flips.long() << torch.arange(bits)).sum(-1)
            return book.lookup(wrong.where(wrong < book.entries, indices))
        if self.deviation > 0:
            return clean + self.deviation * torch.randn(clean.shape, generator=generator)
        return clean


def measured(received: Tensor, clean: Tensor, codebook: Tensor | None) -> MapNoise:
    """One map of several pictures as received and as it was sent, [N, D, h, w] both."""
    if codebook is not None:
        book = as_codebook(codebook)
        got_index, sent_index = (book.nearest(one).flatten() for one in (received, clean))
        got = received.permute(0, 2, 3, 1).reshape(-1, book.dimension)
        scale = book.vectors.pow(2).sum(1).mean().sqrt()
        exact = (got - book.vectors[got_index]).norm(dim=1) <= SAME * scale
        if float(exact.float().mean()) >= MOSTLY:
            bits = (book.entries - 1).bit_length()
            different = got_index ^ sent_index
            errors = sum(int(((different >> bit) & 1).sum()) for bit in range(bits))
            return MapNoise(bit_error_rate=errors / (bits * len(different)))
    return MapNoise(deviation=float((received - clean).pow(2).mean().sqrt()))


def as_codebook(vectors: Tensor) -> Codebook:
    """Search and look-up on vectors [K, D] that live elsewhere."""
    with torch.random.fork_rng(devices=[]):  # its initial values are thrown away
        book = Codebook(1, 1)
    book.vectors = vectors
    return book
