"""Two codecs small enough to fine-tune in a test: a random VQ-VAE-2, and a continuous one of a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge.adapt.lessons import Lesson
from edge.codecs import weights
from edge.codecs.contract import Codec, CodecDescription, CodecError, Half
from edge.codecs.tensors import Tensors
from edge.codecs.vqvae2 import VQVAE2, shape_metadata
from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape
from edge.images import Picture
from edge.segment import Kind, Segment

torch.set_num_threads(1)
SHAPE = VQVAE2Shape(scale=2, channels=8, fine_channels=8, blocks=1, entries=32, dimension=4)


class Continuous(Codec):
    """One map: 2x2 means of a picture in complex pairs, and a decoder of one transposed convolution."""

    name = "continuous"
    compared_map = 0

    def __init__(self) -> None:
        self.network = nn.ConvTranspose2d(4, 3, 2, stride=2)
        with torch.no_grad():
            self.network.weight.zero_()
            self.network.bias.fill_(0.5)
        self.network.requires_grad_(False)

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        return cls()

    def describe(self) -> CodecDescription:
        return CodecDescription(self.name)

    def check_image(self, height: int, width: int) -> None:
        if height % 2 or width % 2:
            raise CodecError(f"image: {width}x{height} must have even sides")

    def encode(self, image: Picture) -> list[Segment]:
        one = self.features(torch.tensor(image).permute(2, 0, 1)[None].float() / 255)[0][0]
        pairs = one.reshape(2, 2, *one.shape[1:]).numpy()
        return [Segment(Kind.SYMBOLS, (pairs[0] + 1j * pairs[1]).astype(np.complex64))]

    def decode(self, segments: Sequence[Segment]) -> Picture:
        with torch.no_grad():
            pixels = self.reconstruct(self.inputs_from_segments(segments))[0]
        return pixels.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()

    def parameters(self) -> dict[str, NDArray[Any]]:
        return {name: value.detach().numpy().copy() for name, value in self.network.state_dict().items()}

    def replace(self, tensors: Tensors) -> None:
        with torch.no_grad():
            for name, value in tensors.items():
                self.network.state_dict()[name].copy_(torch.from_numpy(value))

    def decoder_tensors(self) -> dict[str, Tensor]:
        return dict(self.network.named_parameters())

    def codebook_tensors(self) -> dict[str, Tensor]:
        return {}

    def knowledge_with(self, codebooks: Tensors) -> str:
        return ""

    def features(self, images: Tensor) -> list[Tensor]:
        means = nn.functional.avg_pool2d(images, 2)
        return [torch.cat([means, means.mean(1, keepdim=True)], dim=1)]

    def quantize(self, maps: Sequence[Tensor]) -> list[Tensor]:
        return list(maps)

    def reconstruct(self, inputs: Sequence[Tensor]) -> Tensor:
        out: Tensor = self.network(inputs[0])
        return out

    def inputs_from_segments(self, segments: Sequence[Segment]) -> list[Tensor]:
        pairs = segments[0].values
        return [torch.from_numpy(np.concatenate([pairs.real, pairs.imag]).astype(np.float32))[None]]


@pytest.fixture(scope="session")
def weight_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    torch.manual_seed(0)
    tensors = TransmitterHalf(SHAPE).state_dict() | ReceiverHalf(SHAPE).state_dict()
    louder = {name: value * 2 for name, value in tensors.items() if name.startswith("encoder") and value.dim() == 4}
    weights.write(path, tensors | louder, shape_metadata(SHAPE))  # else all features are nearly the biases
    return path


@pytest.fixture
def opened(weight_file: Path) -> Callable[..., VQVAE2]:
    """Opens the small VQ-VAE-2: `opened()` with both halves, `opened(Half.DECODER)` with one."""

    def open_one(half: Half = Half.BOTH, **options: str) -> VQVAE2:
        return VQVAE2.open({"scale": "2", "weights": str(weight_file), **options}, half)

    return open_one


@pytest.fixture
def continuous() -> Callable[[], Continuous]:
    return Continuous


@pytest.fixture(scope="session")
def pictures() -> list[Picture]:
    """Eight smooth colourful pictures of 32x32."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:32, 0:32] / 32
    waves = [np.stack([np.sin(a * x + b * y + c) for a, b, c in rng.uniform(0, 6, (3, 3))], axis=2) for _ in range(8)]
    return [((wave + 1) * 127.5).astype(np.uint8) for wave in waves]


@pytest.fixture
def lessons_of() -> Callable[..., list[Lesson]]:
    """`lessons_of(codec, pictures)`: as they arrive over a perfect link; originals=False for LSDFT."""

    def made(codec: Codec, pictures: Sequence[Picture], originals: bool = True) -> list[Lesson]:
        return [Lesson(codec.encode(one), one if originals else None) for one in pictures]

    return made
