"""DeepJSCC with the residual and attention blocks of Split DeepJSCC's f and g (Tung et al., section IV-B: "the same
architecture ... with adjustments made to the number of channels in the last convolutional layer").

The last layer of the encoder gives c numbers a position in place of bits, and the first of the decoder takes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from edge.codecs.split_network import downwards, upwards
from edge.codecs.symbol_code import SymbolReceiver, SymbolTransmitter, rows_pair_up

SHRINK = 4  # side of the picture over side of the code


@dataclass(frozen=True)
class AttentionShape:
    """channels: c, numbers a position of the code, k/n = c/96; filters: at the map, half as many above it; blocks:
    residual blocks a stage. The defaults are split's."""

    channels: int = 4
    filters: int = 64
    blocks: int = 2

    @property
    def multiple(self) -> int:
        """Image sides must be a multiple of this."""
        return rows_pair_up(SHRINK, self.channels)

    @property
    def numbers(self) -> int:
        """Of a position of the code."""
        return self.channels


class Encoder(nn.Module):
    """Image [B, 3, H, W] in [0, 1] -> code [B, c, H/4, W/4], not normalised."""

    def __init__(self, shape: AttentionShape) -> None:
        super().__init__()
        self.body = downwards(shape.channels, SHRINK, shape.filters, max(1, shape.filters // 2), shape.blocks)

    def forward(self, images: Tensor) -> Tensor:
        code: Tensor = self.body(4 * (images - 0.5))
        return code


class Decoder(nn.Module):
    """Code as received [B, c, H/4, W/4] -> image [B, 3, H, W], not clamped."""

    def __init__(self, shape: AttentionShape) -> None:
        super().__init__()
        self.body = upwards(shape.channels, SHRINK, shape.filters, max(1, shape.filters // 2), shape.blocks)

    def forward(self, code: Tensor) -> Tensor:
        images: Tensor = self.body(code)
        return images / 4 + 0.5


def transmitter(shape: AttentionShape) -> SymbolTransmitter:
    """The sender's half, untrained."""
    return SymbolTransmitter(Encoder(shape))


def receiver(shape: AttentionShape) -> SymbolReceiver:
    """The receiver's half, untrained."""
    return SymbolReceiver(Decoder(shape))
