"""The tripartite network of SLF (section II): encoder theta, decoder phi with its codebook, classifier gamma.

Three convolutions each side, ReLU after all but the last. The decoder's widths are chosen so that what an upload holds
for l = 0..4 frozen layers has the shape of SLF's Table I: 114.6, 78.3, 20.6, 1.0 and 0 kB of float32 (paper: 114, 76,
22, 2, 0; 16 codewords of 16 dimensions are 1.0 kB whatever one does). The encoder is never sent and may be smaller.
Nothing here knows of channels, training or files.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge.codecs.quantizer import lookup, nearest

SHRINK = 4  # side of the picture over side of the map
ENCODER_WIDTHS = (24, 48)
DECODER_WIDTHS = (19, 84)
CLASSIFIER_WIDTHS = (16, 32, 32)  # two convolutions, one hidden linear layer

CODEBOOK = "codebook"
DECODER_LAYERS = (CODEBOOK, "decoder.layer1", "decoder.layer2", "decoder.layer3")  # of phi, from first to last


@dataclass(frozen=True)
class SlfShape:
    """side: of the square pictures, pixels; entries: codewords K; dimension: of a codeword."""

    side: int = 32
    entries: int = 16
    dimension: int = 16

    def __post_init__(self) -> None:
        if self.side % SHRINK or self.side < SHRINK:
            raise ValueError(f"side: must be a positive multiple of {SHRINK}, got {self.side}")
        if self.entries < 2:
            raise ValueError(f"entries: must be at least 2, got {self.entries}")
        if self.dimension < 1:
            raise ValueError(f"dimension: must be at least 1, got {self.dimension}")

    @property
    def map_side(self) -> int:
        return self.side // SHRINK


@dataclass(frozen=True)
class ClassifierShape:
    """side: of the square pictures, pixels; classes: that it tells apart."""

    side: int = 32
    classes: int = 10

    def __post_init__(self) -> None:
        if self.side % 4 or self.side < 4:
            raise ValueError(f"side: must be a positive multiple of 4, got {self.side}")
        if self.classes < 2:
            raise ValueError(f"classes: must be at least 2, got {self.classes}")


class Encoder(nn.Module):
    """Images [B, 3, s, s] in [0, 1] -> features [B, D, s/4, s/4]."""

    def __init__(self, shape: SlfShape) -> None:
        super().__init__()
        first, second = ENCODER_WIDTHS
        self.layer1 = nn.Conv2d(3, first, 4, stride=2, padding=1)
        self.layer2 = nn.Conv2d(first, second, 4, stride=2, padding=1)
        self.layer3 = nn.Conv2d(second, shape.dimension, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.layer3(torch.relu(self.layer2(torch.relu(self.layer1(images)))))
        return out


class Decoder(nn.Module):
    """Codewords [B, D, s/4, s/4] -> images [B, 3, s, s], not clamped."""

    def __init__(self, shape: SlfShape) -> None:
        super().__init__()
        first, second = DECODER_WIDTHS
        self.layer1 = nn.ConvTranspose2d(shape.dimension, first, 4, stride=2, padding=1)
        self.layer2 = nn.Conv2d(first, second, 3, padding=1)
        self.layer3 = nn.ConvTranspose2d(second, 3, 6, stride=2, padding=2)

    def forward(self, codewords: Tensor) -> Tensor:
        out: Tensor = self.layer3(torch.relu(self.layer2(torch.relu(self.layer1(codewords)))))
        return out


class Classifier(nn.Module):
    """Images [B, 3, s, s] in [0, 1] -> scores of the classes [B, classes]."""

    def __init__(self, shape: ClassifierShape) -> None:
        super().__init__()
        first, second, hidden = CLASSIFIER_WIDTHS
        self.layer1 = nn.Conv2d(3, first, 3, padding=1)
        self.layer2 = nn.Conv2d(first, second, 3, padding=1)
        self.layer3 = nn.Linear(second * (shape.side // 4) ** 2, hidden)
        self.layer4 = nn.Linear(hidden, shape.classes)
        self.side = shape.side

    def forward(self, images: Tensor) -> Tensor:
        halved = nn.functional.max_pool2d(torch.relu(self.layer1(images)), 2)
        quartered = nn.functional.max_pool2d(torch.relu(self.layer2(halved)), 2)
        out: Tensor = self.layer4(torch.relu(self.layer3(quartered.flatten(1))))
        return out


def new_codebook(shape: SlfShape) -> nn.Parameter:
    """Random codewords [K, D], small beside the features of an untrained encoder."""
    return nn.Parameter(torch.randn(shape.entries, shape.dimension) * 0.1)


class SlfTransmitter(nn.Module):
    """theta, and the codebook that a transmitter quantises with: its own, or after an alignment its receiver's."""

    def __init__(self, shape: SlfShape) -> None:
        super().__init__()
        self.encoder = Encoder(shape)
        self.codebook = new_codebook(shape)

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, s, s] in [0, 1] -> indices [B, s/4, s/4] (int64)."""
        return nearest(self.encoder(images), self.codebook)


class SlfReceiver(nn.Module):
    """phi, its codebook included. `classifier` is gamma, None where there is none."""

    def __init__(self, shape: SlfShape) -> None:
        super().__init__()
        self.codebook = new_codebook(shape)
        self.decoder = Decoder(shape)
        self.classifier: Classifier | None = None

    def forward(self, indices: Tensor) -> Tensor:
        """indices [B, s/4, s/4] (int64) -> images [B, 3, s, s], not clamped."""
        out: Tensor = self.decoder(lookup(indices, self.codebook))
        return out


class ClassifierPart(nn.Module):
    """gamma alone, named as it is in a receiver."""

    def __init__(self, shape: ClassifierShape) -> None:
        super().__init__()
        self.classifier = Classifier(shape)
