"""The VQ-VAE-2 network of FTSC (section III-A): encoder B, encoder T, two codebooks, decoder T, decoder B.

Fully convolutional. The bottom map is the image shrunk by `scale` (2, 4, 8 or 16), the top map that again by
`top_scale`. As in the paper, and unlike the original VQ-VAE-2, the bottom map is quantised as encoder B gives it,
without help from decoder T: the transmitter then needs no decoder, and a decoder can be fine-tuned without the
transmitter knowing.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from edge.codecs.conv_stages import SCALES, Decoder, Encoder, halvings, residuals
from edge.codecs.quantizer import Codebook
from edge.codecs.vqvae_network import VQReceiver, VQTransmitter, VQVAEShape


@dataclass(frozen=True)
class VQVAE2Shape(VQVAEShape):
    """Size of the network: that of the single-level one, and top_scale: side of the bottom map over side of the top
    map (FTSC, Fig. 3)."""

    top_scale: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.top_scale not in SCALES:
            raise ValueError(f"top_scale: must be one of {SCALES}, got {self.top_scale}")

    @property
    def multiple(self) -> int:
        """Image sides must be a multiple of this."""
        return self.top_scale * self.scale


class EncoderT(nn.Module):
    """Encoder B's wide map [B, C, h, w] -> top features [B, D, h/t, w/t]."""

    def __init__(self, shape: VQVAE2Shape) -> None:
        super().__init__()
        c = shape.channels
        layers: list[nn.Module] = []
        for _ in range(halvings(shape.top_scale)):
            layers += [nn.Conv2d(c, c, 4, stride=2, padding=1), nn.ReLU()]
        self.body = nn.Sequential(*layers[:-1], *residuals(c, shape.blocks), nn.Conv2d(c, shape.dimension, 1))

    def forward(self, wide: Tensor) -> Tensor:
        out: Tensor = self.body(wide)
        return out


class DecoderT(nn.Module):
    """Top vectors [B, D, h/t, w/t] -> [B, D, h, w], the bottom decoder's second input."""

    def __init__(self, shape: VQVAE2Shape) -> None:
        super().__init__()
        c = shape.channels
        layers: list[nn.Module] = [nn.Conv2d(shape.dimension, c, 3, padding=1), *residuals(c, shape.blocks)]
        for _ in range(halvings(shape.top_scale) - 1):
            layers += [nn.ConvTranspose2d(c, c, 4, stride=2, padding=1), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.ConvTranspose2d(c, shape.dimension, 4, stride=2, padding=1))

    def forward(self, top: Tensor) -> Tensor:
        out: Tensor = self.body(top)
        return out


class TransmitterHalf(VQTransmitter):
    """What the sender holds: both encoders and both codebooks."""

    codebook_names = ("codebook_t", "codebook_b")

    def __init__(self, shape: VQVAE2Shape) -> None:
        super().__init__()
        self.encoder_b = Encoder(shape)
        self.encoder_t = EncoderT(shape)
        self.codebook_b = Codebook(shape.entries, shape.dimension)
        self.codebook_t = Codebook(shape.entries, shape.dimension)

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images [B, 3, H, W] -> (top [B, D, h/t, w/t], bottom [B, D, h, w]) before quantisation."""
        bottom, wide = self.encoder_b(images)
        return self.encoder_t(wide), bottom


class ReceiverHalf(VQReceiver):
    """What the receiver holds: both decoders and both codebooks."""

    codebook_names = ("codebook_t", "codebook_b")

    def __init__(self, shape: VQVAE2Shape) -> None:
        super().__init__()
        self.decoder_t = DecoderT(shape)
        self.decoder_b = Decoder(shape, maps=2)
        self.codebook_b = Codebook(shape.entries, shape.dimension)
        self.codebook_t = Codebook(shape.entries, shape.dimension)

    def from_vectors(self, *maps: Tensor) -> Tensor:
        """Codebook vectors (top [B, D, h/t, w/t], bottom [B, D, h, w]) -> images [B, 3, H, W], not clamped."""
        top, bottom = maps
        out: Tensor = self.decoder_b(self.decoder_t(top), bottom)
        return out
