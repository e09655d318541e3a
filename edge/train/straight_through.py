"""Quantisation in training (VQ-VAE; FTSC, eq. (4)): gradients pass straight through, the codebook learns by averages.

EMA (ema_codebook.py) minimises the codebook terms of eq. (4) in closed form; here is what the encoder sees of it, the
commitment, and where denoising training puts its noise.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edge.train.ema_codebook import EMACodebook
from edge.train.impairment import Impairment

BETA = 0.25  # weight of the commitment terms (FTSC, section III-A)


class Quantized(NamedTuple):
    received: Tensor
    """What the decoder gets [B, D, h, w]: codebook vectors, impaired. Gradients go to the features."""
    commitment: Tensor
    """Mean squared distance of the features to their vectors, a scalar."""


def quantize(features: Tensor, average: EMACodebook, impairment: Impairment, generator: torch.Generator) -> Quantized:
    """features [B, D, h, w]; moves the codebook towards them."""
    codebook = average.codebook
    with torch.no_grad():
        indices = codebook.nearest(features)
        vectors = codebook.lookup(indices)
        bits = (codebook.entries - 1).bit_length()
        received = codebook.lookup(impairment.on_indices(indices, bits, generator))
        received = impairment.on_features(received, generator)
    average.update(features, indices, generator)
    return Quantized(features + (received - features).detach(), nn.functional.mse_loss(features, vectors))
