"""The VQ-VAE-2 network of FTSC (section III-A): encoder B, encoder T, two codebooks, decoder T, decoder B.

Fully convolutional. The bottom map is the image shrunk by `scale` (2, 4, 8 or 16), the top map half of that. As in
the paper, and unlike the original VQ-VAE-2, the bottom map is quantised as encoder B gives it, without help from
decoder T: the transmitter then needs no decoder, and a decoder can be fine-tuned without the transmitter knowing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge.codecs.quantizer import Codebook

SCALES = (2, 4, 8, 16)


@dataclass(frozen=True)
class VQVAE2Shape:
    """Size of the network.

    scale: side of the image over side of the bottom map; channels: filters at the bottom map; fine_channels: filters
    at maps larger than that; blocks: residual blocks a stage; entries: codebook size K; dimension: codebook vectors.
    """

    scale: int = 4
    channels: int = 64
    fine_channels: int = 32
    blocks: int = 2
    entries: int = 512
    dimension: int = 32

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"scale: must be one of {SCALES}, got {self.scale}")

    @property
    def multiple(self) -> int:
        """Image sides must be a multiple of this."""
        return 2 * self.scale


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


def _residuals(channels: int, blocks: int) -> list[nn.Module]:
    return [*(Residual(channels) for _ in range(blocks)), nn.ReLU()]


def _widths(shape: VQVAE2Shape) -> list[int]:
    """Filters after each halving on the way down to the bottom map."""
    halvings = shape.scale.bit_length() - 1
    return [shape.fine_channels] * (halvings - 1) + [shape.channels]


class EncoderB(nn.Module):
    """Image [B, 3, H, W] in [0, 1] -> bottom features [B, D, H/s, W/s] and their wide form for encoder T."""

    def __init__(self, shape: VQVAE2Shape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in _widths(shape):
            layers += [nn.Conv2d(before, width, 4, stride=2, padding=1), nn.ReLU()]
            before = width
        layers += [nn.Conv2d(before, before, 3, padding=1), *_residuals(before, shape.blocks)]
        self.body = nn.Sequential(*layers)
        self.to_code = nn.Conv2d(before, shape.dimension, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        wide = self.body(images - 0.5)
        return self.to_code(wide), wide


class EncoderT(nn.Module):
    """Encoder B's wide map [B, C, h, w] -> top features [B, D, h/2, w/2]."""

    def __init__(self, shape: VQVAE2Shape) -> None:
        super().__init__()
        c = shape.channels
        self.body = nn.Sequential(
            nn.Conv2d(c, c, 4, stride=2, padding=1),
            *_residuals(c, shape.blocks),
            nn.Conv2d(c, shape.dimension, 1),
        )

    def forward(self, wide: Tensor) -> Tensor:
        out: Tensor = self.body(wide)
        return out


class DecoderT(nn.Module):
    """Top vectors [B, D, h/2, w/2] -> [B, D, h, w], the bottom decoder's second input."""

    def __init__(self, shape: VQVAE2Shape) -> None:
        super().__init__()
        c = shape.channels
        self.body = nn.Sequential(
            nn.Conv2d(shape.dimension, c, 3, padding=1),
            *_residuals(c, shape.blocks),
            nn.ConvTranspose2d(c, shape.dimension, 4, stride=2, padding=1),
        )

    def forward(self, top: Tensor) -> Tensor:
        out: Tensor = self.body(top)
        return out


class DecoderB(nn.Module):
    """Decoder T's map and the bottom vectors, both [B, D, h, w] -> image [B, 3, H, W], not clamped."""

    def __init__(self, shape: VQVAE2Shape) -> None:
        super().__init__()
        widths = list(reversed(_widths(shape)))
        layers: list[nn.Module] = [
            nn.Conv2d(2 * shape.dimension, widths[0], 3, padding=1),
            *_residuals(widths[0], shape.blocks),
        ]
        for width, after in zip(widths, [*widths[1:], 3], strict=True):
            layers += [nn.ConvTranspose2d(width, after, 4, stride=2, padding=1), nn.ReLU()]
        self.body = nn.Sequential(*layers[:-1])

    def forward(self, top: Tensor, bottom: Tensor) -> Tensor:
        out: Tensor = self.body(torch.cat([top, bottom], dim=1)) + 0.5
        return out


class TransmitterHalf(nn.Module):
    """What the sender holds: both encoders and both codebooks."""

    def __init__(self, shape: VQVAE2Shape) -> None:
        super().__init__()
        self.encoder_b = EncoderB(shape)
        self.encoder_t = EncoderT(shape)
        self.codebook_b = Codebook(shape.entries, shape.dimension)
        self.codebook_t = Codebook(shape.entries, shape.dimension)

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images [B, 3, H, W] -> (top [B, D, h/2, w/2], bottom [B, D, h, w]) before quantisation."""
        bottom, wide = self.encoder_b(images)
        return self.encoder_t(wide), bottom

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images [B, 3, H, W] -> indices (top [B, h/2, w/2], bottom [B, h, w])."""
        top, bottom = self.features(images)
        return self.codebook_t.nearest(top), self.codebook_b.nearest(bottom)


class ReceiverHalf(nn.Module):
    """What the receiver holds: both decoders and both codebooks."""

    def __init__(self, shape: VQVAE2Shape) -> None:
        super().__init__()
        self.decoder_t = DecoderT(shape)
        self.decoder_b = DecoderB(shape)
        self.codebook_b = Codebook(shape.entries, shape.dimension)
        self.codebook_t = Codebook(shape.entries, shape.dimension)

    def from_vectors(self, top: Tensor, bottom: Tensor) -> Tensor:
        """Codebook vectors (top [B, D, h/2, w/2], bottom [B, D, h, w]) -> images [B, 3, H, W], not clamped."""
        out: Tensor = self.decoder_b(self.decoder_t(top), bottom)
        return out

    def forward(self, top: Tensor, bottom: Tensor) -> Tensor:
        """Indices -> images [B, 3, H, W], not clamped."""
        return self.from_vectors(self.codebook_t.lookup(top), self.codebook_b.lookup(bottom))
