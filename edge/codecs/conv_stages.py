"""The convolutional encoder and decoder that VQ-VAE, VQ-VAE-2 and the plain autoencoder are built from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

SCALES = (2, 4, 8, 16)


@dataclass(frozen=True)
class ConvShape:
    """Size of the network.

    scale: side of the image over side of the (bottom) map; channels: filters at that map; fine_channels: filters at
    maps larger than that; blocks: residual blocks a stage; dimension: numbers at a position of the map.
    """

    scale: int = 4
    channels: int = 64
    fine_channels: int = 32
    blocks: int = 2
    dimension: int = 32

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"scale: must be one of {SCALES}, got {self.scale}")

    @property
    def multiple(self) -> int:
        """Image sides must be a multiple of this."""
        return self.scale

    def widths(self) -> list[int]:
        """Filters after each halving on the way down to the (bottom) map."""
        return [self.fine_channels] * (halvings(self.scale) - 1) + [self.channels]


def halvings(scale: int) -> int:
    """How often a side is halved to shrink it by `scale`, a power of two."""
    return scale.bit_length() - 1


class Residual(nn.Module):
    """x + conv1x1(relu(conv3x3(relu(x)))), [B, C, h, w] -> [B, C, h, w]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


def residuals(channels: int, blocks: int) -> list[nn.Module]:
    """A stage of residual blocks and the ReLU that ends it."""
    return [*(Residual(channels) for _ in range(blocks)), nn.ReLU()]


class Encoder(nn.Module):
    """Image [B, 3, H, W] in [0, 1] -> features [B, D, H/s, W/s] and their wide form [B, C, H/s, W/s]."""

    def __init__(self, shape: ConvShape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in shape.widths():
            layers += [nn.Conv2d(before, width, 4, stride=2, padding=1), nn.ReLU()]
            before = width
        layers += [nn.Conv2d(before, before, 3, padding=1), *residuals(before, shape.blocks)]
        self.body = nn.Sequential(*layers)
        self.to_code = nn.Conv2d(before, shape.dimension, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        wide = self.body(images - 0.5)
        return self.to_code(wide), wide


class Decoder(nn.Module):
    """One or more maps [B, D, h, w], stacked -> image [B, 3, H, W], not clamped."""

    def __init__(self, shape: ConvShape, maps: int = 1) -> None:
        super().__init__()
        widths = list(reversed(shape.widths()))
        layers: list[nn.Module] = [
            nn.Conv2d(maps * shape.dimension, widths[0], 3, padding=1),
            *residuals(widths[0], shape.blocks),
        ]
        for width, after in zip(widths, [*widths[1:], 3], strict=True):
            layers += [nn.ConvTranspose2d(width, after, 4, stride=2, padding=1), nn.ReLU()]
        self.body = nn.Sequential(*layers[:-1])

    def forward(self, *maps: Tensor) -> Tensor:
        out: Tensor = self.body(torch.cat(maps, dim=1)) + 0.5
        return out
