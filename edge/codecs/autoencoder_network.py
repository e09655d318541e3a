"""A plain convolutional autoencoder with a continuous latent map: encoder and decoder of VQ-VAE without the codebook.

It stands for "any codec with an encoder and a decoder" (FTSC, section VI-B). With D numbers a position at scale s, two
of which make one complex symbol (symbol_code.py), k/n = D / (6 s^2).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from edge.codecs import conv_stages
from edge.codecs.conv_stages import ConvShape, Decoder
from edge.codecs.symbol_code import SymbolReceiver, SymbolTransmitter, rows_pair_up


@dataclass(frozen=True)
class AutoencoderShape(ConvShape):
    """Size of the network; dimension: numbers a position of the latent map."""

    dimension: int = 6

    @property
    def multiple(self) -> int:
        """Image sides must be a multiple of this."""
        return rows_pair_up(self.scale, self.dimension)

    @property
    def numbers(self) -> int:
        """Of a position of the latent map."""
        return self.dimension


class Encoder(nn.Module):
    """Image [B, 3, H, W] in [0, 1] -> latent map [B, D, H/s, W/s], not normalised."""

    def __init__(self, shape: AutoencoderShape) -> None:
        super().__init__()
        self.stages = conv_stages.Encoder(shape)

    def forward(self, images: Tensor) -> Tensor:
        latent: Tensor = self.stages(images)[0]
        return latent


def transmitter(shape: AutoencoderShape) -> SymbolTransmitter:
    """The sender's half, untrained."""
    return SymbolTransmitter(Encoder(shape))


def receiver(shape: AutoencoderShape) -> SymbolReceiver:
    """The receiver's half, untrained."""
    return SymbolReceiver(Decoder(shape))
