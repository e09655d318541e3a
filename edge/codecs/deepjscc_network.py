"""Deep joint source-channel coding (Bourtsoulatze, Burth Kurka, Gunduz: "Deep Joint Source-Channel Coding for Wireless
Image Transmission", 2019, fig. 2): five convolutions a side, PReLU between.

The encoder's last layer has c channels at a quarter of each side; two of its numbers make one complex symbol
(symbol_code.py), so that k/n = (c * H/4 * W/4 / 2) / (3 * H * W) = c / 96.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from edge.codecs.symbol_code import SymbolReceiver, SymbolTransmitter, rows_pair_up

SHRINK = 4  # side of the picture over side of the code
KERNEL = 5


@dataclass(frozen=True)
class DeepJSCCShape:
    """channels: c, numbers a position of the code; filters: of the other layers."""

    channels: int = 3
    filters: int = 48

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

    def __init__(self, shape: DeepJSCCShape) -> None:
        super().__init__()
        f = shape.filters
        layers: list[nn.Module] = []
        for before, after, stride in ((3, f, 2), (f, f, 2), (f, f, 1), (f, f, 1)):
            layers += [nn.Conv2d(before, after, KERNEL, stride=stride, padding=KERNEL // 2), nn.PReLU(after)]
        self.body = nn.Sequential(*layers, nn.Conv2d(f, shape.channels, KERNEL, padding=KERNEL // 2))

    def forward(self, images: Tensor) -> Tensor:
        code: Tensor = self.body(images - 0.5)
        return code


class Decoder(nn.Module):
    """Code as received [B, c, H/4, W/4] -> image [B, 3, H, W] in (0, 1)."""

    def __init__(self, shape: DeepJSCCShape) -> None:
        super().__init__()
        f = shape.filters
        layers: list[nn.Module] = []
        for before, after, stride in ((shape.channels, f, 1), (f, f, 1), (f, f, 1), (f, f, 2)):
            layers += [_transposed(before, after, stride), nn.PReLU(after)]
        self.body = nn.Sequential(*layers, _transposed(f, 3, 2), nn.Sigmoid())

    def forward(self, code: Tensor) -> Tensor:
        images: Tensor = self.body(code)
        return images


def _transposed(before: int, after: int, stride: int) -> nn.Module:
    return nn.ConvTranspose2d(before, after, KERNEL, stride=stride, padding=KERNEL // 2, output_padding=stride - 1)


def transmitter(shape: DeepJSCCShape) -> SymbolTransmitter:
    """The sender's half, untrained."""
    return SymbolTransmitter(Encoder(shape))


def receiver(shape: DeepJSCCShape) -> SymbolReceiver:
    """The receiver's half, untrained."""
    return SymbolReceiver(Decoder(shape))
