"""The single-level VQ-VAE (FTSC, Table I), and what a half of any VQ-VAE is: networks and a codebook for each map.

How many entries and dimensions the codebook has, and how wide and deep the network is, is in the shape.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from edge.codecs.conv_stages import ConvShape, Decoder, Encoder
from edge.codecs.quantizer import Codebook


@dataclass(frozen=True)
class VQVAEShape(ConvShape):
    """Size of the network; entries: codebook size K; dimension: of its vectors."""

    entries: int = 512


class VQTransmitter(nn.Module, ABC):
    """What a sender holds: encoders, and a codebook for each map. Maps go from coarse to fine, as the segments do."""

    codebook_names: ClassVar[tuple[str, ...]]

    def codebooks(self) -> list[Codebook]:
        return [getattr(self, name) for name in self.codebook_names]

    @abstractmethod
    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """images [B, 3, H, W] -> each map [B, D, h, w] before quantisation."""

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """images [B, 3, H, W] -> the indices [B, h, w] of each map."""
        maps = self.features(images)
        return tuple(book.nearest(features) for book, features in zip(self.codebooks(), maps, strict=True))


class VQReceiver(nn.Module, ABC):
    """What a receiver holds: decoders, and a codebook for each map."""

    codebook_names: ClassVar[tuple[str, ...]]

    def codebooks(self) -> list[Codebook]:
        return [getattr(self, name) for name in self.codebook_names]

    def share(self, transmitter: VQTransmitter) -> None:
        """One knowledge base for both halves, not two copies."""
        for name, book in zip(self.codebook_names, transmitter.codebooks(), strict=True):
            setattr(self, name, book)

    @abstractmethod
    def from_vectors(self, *maps: Tensor) -> Tensor:
        """The vectors [B, D, h, w] of each map -> images [B, 3, H, W], not clamped."""

    def forward(self, *indices: Tensor) -> Tensor:
        """The indices [B, h, w] of each map -> images [B, 3, H, W], not clamped."""
        return self.from_vectors(*(book.lookup(i) for book, i in zip(self.codebooks(), indices, strict=True)))


class TransmitterHalf(VQTransmitter):
    """Encoder and codebook of the single-level network."""

    codebook_names = ("codebook",)

    def __init__(self, shape: VQVAEShape) -> None:
        super().__init__()
        self.encoder = Encoder(shape)
        self.codebook = Codebook(shape.entries, shape.dimension)

    def features(self, images: Tensor) -> tuple[Tensor]:
        """images [B, 3, H, W] -> (features [B, D, H/s, W/s],) before quantisation."""
        return (self.encoder(images)[0],)


class ReceiverHalf(VQReceiver):
    """Decoder and codebook of the single-level network."""

    codebook_names = ("codebook",)

    def __init__(self, shape: VQVAEShape) -> None:
        super().__init__()
        self.decoder = Decoder(shape)
        self.codebook = Codebook(shape.entries, shape.dimension)

    def from_vectors(self, *maps: Tensor) -> Tensor:
        """Vectors [B, D, h, w] -> images [B, 3, H, W], not clamped."""
        (vectors,) = maps
        out: Tensor = self.decoder(vectors)
        return out
