"""DnCNN on latent maps (Zhang et al. 2017, as FTSC section IV-B uses it): a small convolutional net predicts the noise.

One network a map, since top and bottom maps have statistics of their own. A map is brought to unit mean square first,
so that its noise level is its SNR, whatever the codec's scale. No batch normalisation: five layers train without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

SMALLEST_POWER = 1e-12


@dataclass(frozen=True)
class DnCNNShape:
    """maps: networks; dimension: channels of a map; layers: 3x3 convolutions; channels: filters between them."""

    maps: int = 2
    dimension: int = 32
    layers: int = 5
    channels: int = 32

    def __post_init__(self) -> None:
        for name in ("maps", "dimension", "layers", "channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1, got {getattr(self, name)}")


class DnCNN(nn.Module):
    """[B, D, h, w] of unit mean square -> the same without what the net takes for noise."""

    def __init__(self, shape: DnCNNShape) -> None:
        super().__init__()
        widths = [shape.dimension, *[shape.channels] * (shape.layers - 1), shape.dimension]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        for parameter in layers[-2].parameters():
            nn.init.zeros_(parameter)  # the whole begins as the identity
        self.body = nn.Sequential(*layers[:-1])

    def forward(self, noisy: Tensor) -> Tensor:
        out: Tensor = noisy - self.body(noisy)
        return out


class Denoisers(nn.Module):
    """One DnCNN a map, on maps of any power."""

    def __init__(self, shape: DnCNNShape) -> None:
        super().__init__()
        self.shape = shape
        self.of_map = nn.ModuleList(DnCNN(shape) for _ in range(shape.maps))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Decoder inputs as received, each [B, D, h, w] -> denoised, same shapes."""
        return [denoised(net, one) for net, one in zip(self.of_map, maps, strict=True)]


def root_power(one: Tensor) -> Tensor:
    """Root mean square of each of [B, D, h, w], as [B, 1, 1, 1]."""
    return one.pow(2).mean((1, 2, 3), keepdim=True).clamp_min(SMALLEST_POWER).sqrt()


def denoised(net: nn.Module, one: Tensor) -> Tensor:
    """One map of any power through a network for unit power."""
    scale = root_power(one)
    out: Tensor = net(one / scale) * scale
    return out
