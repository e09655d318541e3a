"""What every codec that runs a network needs: half of it from a weight file, pictures in and out, tensors by name.

Which segments a picture becomes, and what a lost one does, is the codec's own business.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge.codecs import weights
from edge.codecs.contract import Codec, CodecError
from edge.codecs.tensors import TensorError, Tensors, check_fit
from edge.images import Picture

MEMORY_FORMAT = torch.channels_last  # 1.1 to 1.5 times as fast on a CPU at all four scales, one thread

Network = TypeVar("Network", bound=nn.Module)
Shape = TypeVar("Shape")


class NetworkCodec(Codec):
    """A codec whose tensors can be read and replaced while it runs (edge.codecs.tensors.TensorHolder)."""

    transmitter: nn.Module | None
    receiver: nn.Module | None

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Every tensor of what is open, by name, as float32 copies."""
        return {name: tensor.detach().contiguous().numpy().copy() for name, tensor in self._state().items()}

    def replace(self, tensors: Tensors) -> None:
        """Puts tensors in force, all or none. Raises CodecError when one does not fit."""
        state = self._state()
        try:
            check_fit(tensors, {name: tensor.numpy() for name, tensor in state.items()})
        except TensorError as error:
            raise CodecError(str(error)) from error
        with torch.no_grad():
            for name, value in tensors.items():
                state[name].copy_(torch.from_numpy(value))

    def _state(self) -> dict[str, Tensor]:
        """The tensors themselves: changing them changes the codec."""
        halves = [half for half in (self.transmitter, self.receiver) if half is not None]
        return {name: tensor for half in halves for name, tensor in half.state_dict().items()}


def check_multiple(codec: str, multiple: int, height: int, width: int) -> None:
    """Raises CodecError, naming the fix, unless both sides are a positive multiple. codec: who needs it."""
    if height < 1 or width < 1 or height % multiple or width % multiple:
        fits = f"{width // multiple * multiple}x{height // multiple * multiple}"
        fix = f"crop it to {fits}" if min(height, width) >= multiple else "use a larger picture"
        raise CodecError(
            f"image: {width}x{height} is not a multiple of {multiple} in both sides, which {codec} needs; "
            f"{fix} or choose other settings"
        )


def as_batch(image: Picture) -> Tensor:
    """Picture [H, W, 3] -> [1, 3, H, W] in [0, 1], as the networks want it."""
    pixels = torch.tensor(image).permute(2, 0, 1)[None].float().div_(255.0)
    return pixels.contiguous(memory_format=MEMORY_FORMAT)


def as_picture(pixels: Tensor) -> Picture:
    """[1, 3, H, W], clamped here to [0, 1] -> picture [H, W, 3]."""
    image: Picture = pixels[0].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).contiguous().numpy()
    return image


def choice(options: Mapping[str, str], name: str, allowed: Sequence[str], default: str) -> str:
    """The value of an option that has a few values. Raises CodecError."""
    value = options.get(name, default)
    if value not in allowed:
        raise CodecError(f"codec.options.{name}: must be one of {', '.join(allowed)}, got '{value}'")
    return value


def read_shape(path: Path, architecture: str, shape: Callable[..., Shape], flags: Sequence[str] = ()) -> Shape:
    """The network's size as the file's metadata gives it; flags: fields that are true or false. Raises CodecError for
    another codec's file, or none."""
    metadata = weights.read_metadata(path)
    if metadata["architecture"] != architecture:
        raise CodecError(
            f"codec.options.weights: {path.name} holds a {metadata['architecture']}, not a {architecture}; "
            "give the weights of this codec"
        )
    try:
        fields = json.loads(metadata["shape"])
        for name, value in fields.items():
            flag = name in flags
            if isinstance(value, bool) is not flag or not (isinstance(value, int) and (flag or 0 < value <= 4096)):
                wanted = "true or false" if flag else "an integer in [1, 4096]"
                raise ValueError(f"{name}: must be {wanted}, got {value!r}")
        return shape(**fields)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CodecError(
            f"codec.options.weights: {path.name}: its metadata gives no usable network shape ({error}); train it again"
        ) from error


def check_shape(path: Path, shape: object, wanted: Mapping[str, int]) -> None:
    """Raises CodecError when the file's network has not the sizes that the options ask for."""
    for name, value in wanted.items():
        held = getattr(shape, name)
        if held != value:
            raise CodecError(
                f"codec.options.weights: {path.name} was trained at {name} {held}, not {value}; "
                f"set {name}={held} or give other weights"
            )


def load(path: Path, build: Callable[[], Network], prefixes: tuple[str, ...]) -> Network:
    """Half the network with its tensors (names that start with one of `prefixes`) from the file, ready to run."""
    # Initial values are thrown away, and must not draw from the caller's generator. (The meta device would spare them,
    # but the first draw on it imports torch's compiler, which takes longer than everything else here.)
    with torch.random.fork_rng(devices=[]):
        network = build()
    try:
        network.load_state_dict(weights.read_tensors(path, prefixes), assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise CodecError(
            f"codec.options.weights: {path.name}: its tensors do not fit the network it describes ({reason}); "
            "train it again"
        ) from error
    network.float().eval().requires_grad_(False)
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=MEMORY_FORMAT)
    return network


def in_double(network: Network) -> Network:
    """A copy of the network in float64, where two machines must come to the same result."""
    return copy.deepcopy(network).double()


def conceal(vectors: Tensor, present: Tensor, otherwise: Tensor) -> Tensor:
    """Fills holes from the edge inwards: a missing vector becomes the mean of its known neighbours (3x3), again and
    again until none is left; `otherwise` [D] where nothing is known at all.

    Chosen by measurement (Kodak, scales 2 and 4, single, packet-sized and row losses of 5 to 50 %): 0.0 to 1.5 dB
    better than copying the nearest known vector, up to 6 dB better than the mean of the codebook.

    vectors [1, D, h, w], present [h, w] (bool); returns [1, D, h, w].
    """
    if bool(present.all()):
        return vectors
    if not bool(present.any()):
        return otherwise[None, :, None, None].expand_as(vectors)
    known = present[None, None].to(vectors.dtype)
    filled = vectors * known
    ones = torch.ones(1, 1, 3, 3, dtype=vectors.dtype)
    while not bool(known.all()):
        count = nn.functional.conv2d(known, ones, padding=1)
        total = nn.functional.avg_pool2d(filled, 3, stride=1, padding=1) * 9
        filled = torch.where(known > 0, filled, total / count.clamp_min(1))
        known = (count > 0).to(vectors.dtype)
    return filled


def present_mask(present: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> Tensor:
    """What arrived of a segment, [shape] (bool)."""
    if present is None:
        return torch.ones(shape, dtype=torch.bool)
    return torch.from_numpy(present.reshape(shape))
