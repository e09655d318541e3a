"""Networks of the source mapper f and demapper g of Split DeepJSCC (Tung, Esfahanizadeh, Du, Viswanathan: "Multi-level
Reliability Interface for Semantic Communications over Wireless Networks", fig. 4), at CPU size.

The figure's residual and attention blocks are kept; their widths are smaller, and everything is convolutional, so that
the number of bits grows with the picture. Which bit belongs to which level is said here, and nothing about weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge.codecs.conv_stages import Residual, halvings

SIDE = 32  # of the pictures for which M is stated: CIFAR-10's


@dataclass(frozen=True)
class SplitShape:
    """Size of the two networks.

    bits: of a position of the map, the same number for each level; levels: N; shrink: side of the picture over side of
    the map, 4 or 8; channels: filters at the map; fine_channels: filters above it; blocks: residual blocks a stage.
    """

    bits: int = 40
    levels: int = 10
    shrink: int = 4
    channels: int = 64
    fine_channels: int = 32
    blocks: int = 2

    def __post_init__(self) -> None:
        if self.shrink not in (4, 8):
            raise ValueError(f"shrink: must be 4 or 8, got {self.shrink}")
        if self.levels < 2:
            raise ValueError(f"levels: must be at least 2, got {self.levels}; a single level orders nothing")
        if self.bits < 1 or self.bits % self.levels:
            raise ValueError(
                f"bits: must be a multiple of the {self.levels} levels, got {self.bits}; every level has as many bits"
            )

    @property
    def multiple(self) -> int:
        """Image sides must be a multiple of this."""
        return self.shrink

    @property
    def bits_per_level(self) -> int:
        """Of a position."""
        return self.bits // self.levels

    @property
    def message_bits(self) -> int:
        """M, for a picture of 32x32."""
        return self.bits * (SIDE // self.shrink) ** 2


class Attention(nn.Module):
    """x + a(x) * sigmoid(b(x)): each number decides how much of its update it takes. [B, C, h, w] both ways."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.update = Residual(channels)
        self.mask = nn.Sequential(Residual(channels), nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.update(x) * torch.sigmoid(self.mask(x))
        return out


def _stage(channels: int, blocks: int) -> list[nn.Module]:
    return [*(Residual(channels) for _ in range(blocks)), Attention(channels)]


def downwards(outputs: int, shrink: int, channels: int, fine_channels: int, blocks: int) -> nn.Sequential:
    """f's layers: images [B, 3, H, W], centred -> [B, outputs, H/shrink, W/shrink]. See SplitShape for the sizes."""
    layers: list[nn.Module] = [
        nn.PixelUnshuffle(2),
        nn.Conv2d(12, fine_channels, 3, padding=1),
        Residual(fine_channels),
    ]
    before = fine_channels
    for _ in range(halvings(shrink) - 1):
        layers += [nn.Conv2d(before, channels, 4, stride=2, padding=1), *_stage(channels, blocks)]
        before = channels
    return nn.Sequential(*layers, nn.Conv2d(channels, outputs, 3, padding=1))


def upwards(inputs: int, shrink: int, channels: int, fine_channels: int, blocks: int) -> nn.Sequential:
    """g's layers: [B, inputs, h, w] -> images [B, 3, shrink * h, shrink * w], centred."""
    layers: list[nn.Module] = [nn.Conv2d(inputs, channels, 3, padding=1)]
    steps = halvings(shrink) - 1
    for step in range(steps):
        after = fine_channels if step == steps - 1 else channels
        layers += _stage(channels, blocks)
        layers += [nn.Conv2d(channels, 4 * after, 1), nn.PixelShuffle(2)]
    layers += [Residual(fine_channels), nn.Conv2d(fine_channels, 12, 3, padding=1), nn.PixelShuffle(2)]
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """f: images [B, 3, H, W] in [0, 1] -> log-odds of each bit being 1, [B, bits, H/s, W/s]."""

    def __init__(self, shape: SplitShape) -> None:
        super().__init__()
        self.body = downwards(shape.bits, shape.shrink, shape.channels, shape.fine_channels, shape.blocks)

    def forward(self, images: Tensor) -> Tensor:
        log_odds: Tensor = self.body(4 * (images - 0.5))
        return log_odds


class Decoder(nn.Module):
    """g: bits as received [B, bits, h, w], 0, 1 or 0.5 for a missing one -> images [B, 3, sh, sw], not clamped."""

    def __init__(self, shape: SplitShape) -> None:
        super().__init__()
        self.body = upwards(shape.bits, shape.shrink, shape.channels, shape.fine_channels, shape.blocks)

    def forward(self, bits: Tensor) -> Tensor:
        images: Tensor = self.body(2 * bits - 1)
        return images / 4 + 0.5


class SplitTransmitter(nn.Module):
    """What the application's server holds: f."""

    def __init__(self, shape: SplitShape) -> None:
        super().__init__()
        self.encoder = Encoder(shape)

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, H, W] in [0, 1] -> log-odds of the bits [B, bits, h, w]; a bit is 1 where they are positive."""
        log_odds: Tensor = self.encoder(images)
        return log_odds


class SplitReceiver(nn.Module):
    """What the application's client holds: g."""

    def __init__(self, shape: SplitShape) -> None:
        super().__init__()
        self.decoder = Decoder(shape)

    def forward(self, bits: Tensor) -> Tensor:
        """bits [B, bits, h, w] -> images [B, 3, H, W], not clamped."""
        images: Tensor = self.decoder(bits)
        return images


def to_vectors(bits: Tensor, levels: int) -> Tensor:
    """Bits [B, bits, h, w] -> [B, M], level by level and within a level position by position, as the packets have them.

    So a level is a contiguous group (the paper's first M/N bits go through w_1), and a lost packet is a hole in the
    picture.
    """
    batch, channels, height, width = bits.shape
    groups = bits.reshape(batch, levels, channels // levels, height, width)
    return groups.permute(0, 1, 3, 4, 2).reshape(batch, -1)


def to_maps(vectors: Tensor, levels: int, height: int, width: int) -> Tensor:
    """[B, M] as of `to_vectors` -> [B, bits, height, width] of the map."""
    groups = vectors.reshape(vectors.shape[0], levels, height, width, -1)  # -1: bits of a level at a position
    return groups.permute(0, 1, 4, 2, 3).reshape(vectors.shape[0], -1, height, width)
