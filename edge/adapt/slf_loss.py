"""The loss of SLF, eq. (4), over a K-ary channel: of one batch through encoder, codebook, channel and decoder.

Norms are means over elements, so that the terms do not depend on the sizes of picture and map. The *received* codeword
enters all terms, as the paper has it: at a large crossover probability a codeword is drawn towards all features that
arrive as it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edge.codecs.quantizer import lookup, nearest
from edge.codecs.slf_network import SlfReceiver, SlfTransmitter
from emulator.channels.torch_faces import TorchKaryDMC


class SlfLosses(NamedTuple):
    """Scalars, with their graph."""

    total: Tensor
    """Eq. (4)."""
    mse: Tensor
    """Its first term."""


def losses(
    transmitter: SlfTransmitter,
    receiver: SlfReceiver,
    channel: TorchKaryDMC,
    images: Tensor,
    commitment: float,
    generator: torch.Generator,
) -> SlfLosses:
    """images [B, 3, s, s] in [0, 1]. The transmitter quantises with the receiver's codebook. Gradients pass straight
    through quantisation and channel to the features (van den Oord et al. 2017)."""
    features = transmitter.encoder(images)
    with torch.no_grad():
        indices = channel(nearest(features, receiver.codebook), generator)
    received = lookup(indices, receiver.codebook)
    mse = nn.functional.mse_loss(receiver.decoder(features + (received - features).detach()), images)
    to_features = nn.functional.mse_loss(received, features.detach())
    to_codewords = nn.functional.mse_loss(features, received.detach())
    return SlfLosses(mse + to_features + commitment * to_codewords, mse)
