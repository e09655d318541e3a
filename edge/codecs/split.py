"""Split DeepJSCC's source codec as a transceiver (Tung et al., "Multi-level Reliability Interface for Semantic
Communications over Wireless Networks"): a picture becomes N groups of bits, each asking for a reliability of its own.

It knows nothing of the channel: the network may carry the groups as it likes, best the last level (eq. (17): level 0 is
the least reliable, level N - 1 the most). The networks are in split_network.py, their training in edge.train.split.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Self

import numpy as np
import torch
from torch import Tensor

from edge.codecs import network_codec, weights
from edge.codecs import tensors as held
from edge.codecs.contract import CodecDescription, CodecError, Half
from edge.codecs.network_codec import MEMORY_FORMAT, NetworkCodec
from edge.codecs.split_network import SplitReceiver, SplitShape, SplitTransmitter
from edge.images import Picture
from edge.segment import Kind, Segment

ARCHITECTURE = "split"
DEFAULT = "split-m2560"
PAIRING = "pairing"  # metadata: digest of f
DEMAPPER = "demapper"  # metadata: digest of g, which the trainings of channel mappers note too
LEVEL_BERS = "level_bers"  # metadata: JSON list, the medium that the weights were trained over
UNKNOWN = 0.5  # what g is given for a bit that did not arrive


def digest(tensors: Mapping[str, Tensor], half: str) -> str:
    """Digest of one half's tensors (edge.codecs.tensors). half: `encoder` (f) or `decoder` (g)."""
    return held.digest({name: value.detach().numpy() for name, value in tensors.items() if name.startswith(half)})


class Split(NetworkCodec):
    """M = bits * H/s * W/s bits a picture, in N segments. Larger pictures than 32x32 have proportionally more bits."""

    name = ARCHITECTURE
    options = MappingProxyType(
        {"weights": f"path of a .safetensors file, which decides M and the levels (default: the shipped {DEFAULT})"}
    )

    def __init__(
        self,
        shape: SplitShape,
        level_bers: Sequence[float],
        transmitter: SplitTransmitter | None,
        receiver: SplitReceiver | None,
        knowledge: str,
    ) -> None:
        """Takes networks that are ready to run; `open` loads them. level_bers: what they were trained for, a level
        each, not increasing. Raises CodecError."""
        if transmitter is None and receiver is None:
            raise CodecError(f"{self.name}: needs a transmitter, a receiver or both")
        self.shape = shape
        self.level_bers = _checked(level_bers, shape.levels)
        self.transmitter: SplitTransmitter | None = transmitter
        self.receiver: SplitReceiver | None = receiver
        self.knowledge = knowledge

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        cls.refuse_unknown(options)
        path = Path(options.get("weights") or weights.shipped_folder() / f"{DEFAULT}.safetensors")
        shape = network_codec.read_shape(path, cls.name, SplitShape)
        metadata = weights.read_metadata(path)
        knowledge = metadata.get(PAIRING, "")
        if not knowledge:
            raise CodecError(
                f"codec.options.weights: {path.name} does not say which f and g belong together; train it again"
            )
        transmitter = receiver = None
        if half in (Half.ENCODER, Half.BOTH):
            transmitter = network_codec.load(path, lambda: SplitTransmitter(shape), ("encoder.",))
        if half in (Half.DECODER, Half.BOTH):
            receiver = network_codec.load(path, lambda: SplitReceiver(shape), ("decoder.",))
        return cls(shape, _read_bers(path, metadata), transmitter, receiver, knowledge)

    def describe(self) -> CodecDescription:
        """M at 32x32, N and the announced BERs come with the weights; both ends must have the same."""
        settings = {
            "message_bits": str(self.shape.message_bits),
            "levels": str(self.shape.levels),
            "level_bers": ",".join(f"{ber:.6g}" for ber in self.level_bers),
        }
        return CodecDescription(self.name, settings, self.knowledge)

    @property
    def level_shares(self) -> tuple[float, ...]:
        """Every level has as many bits."""
        return (1 / self.shape.levels,) * self.shape.levels

    def check_image(self, height: int, width: int) -> None:
        network_codec.check_multiple(self.name, self.shape.multiple, height, width)

    def encode(self, image: Picture) -> list[Segment]:
        """image [H, W, 3] -> N segments of BITS [H/s, W/s, bits/N], level 0 (least reliable) first."""
        if self.transmitter is None:
            raise CodecError(f"{self.name}: this half has no encoder; open it with Half.ENCODER or Half.BOTH")
        self.check_image(*image.shape[:2])
        with torch.inference_mode():
            bits = (self.transmitter(network_codec.as_batch(image)) > 0)[0].permute(1, 2, 0).byte().numpy()
        groups = np.split(bits, self.shape.levels, axis=2)
        return [Segment(Kind.BITS, np.ascontiguousarray(group), level=level) for level, group in enumerate(groups)]

    def decode(self, segments: Sequence[Segment]) -> Picture:
        """The groups as received, by their levels in any order; what is missing is as likely 1 as 0 -> [H, W, 3]."""
        if self.receiver is None:
            raise CodecError(f"{self.name}: this half has no decoder; open it with Half.DECODER or Half.BOTH")
        ordered = self._by_level(segments)
        with torch.inference_mode():
            return network_codec.as_picture(self.receiver(received_bits(ordered)))

    def _by_level(self, segments: Sequence[Segment]) -> list[Segment]:
        ordered = sorted(segments, key=lambda segment: segment.level)
        shapes = {segment.values.shape for segment in ordered}
        fits = (
            [segment.level for segment in ordered] == list(range(self.shape.levels))
            and all(segment.kind is Kind.BITS for segment in ordered)
            and len(shapes) == 1
            and len(shape := shapes.pop()) == 3
            and shape[2] == self.shape.bits_per_level
            and 0 not in shape
        )
        if not fits:
            raise CodecError(
                f"{self.name}: expected bits [h, w, {self.shape.bits_per_level}] of each level 0 to "
                f"{self.shape.levels - 1}, got {[(s.level, s.kind.value, list(s.values.shape)) for s in segments]}; "
                "use the same codec and weights on both ends"
            )
        return ordered


def received_bits(ordered: Sequence[Segment]) -> Tensor:
    """Groups [h, w, b] by level -> what g takes, [1, N * b, h, w]: 0, 1, and UNKNOWN where nothing arrived."""
    groups = []
    for segment in ordered:
        bits = segment.values.astype(np.float32)
        if segment.present is not None:
            bits[~segment.present.reshape(bits.shape)] = UNKNOWN
        groups.append(bits)
    stacked = torch.from_numpy(np.concatenate(groups, axis=2)).permute(2, 0, 1)[None]
    return stacked.contiguous(memory_format=MEMORY_FORMAT)


def _read_bers(path: Path, metadata: Mapping[str, str]) -> list[float]:
    try:
        bers = json.loads(metadata[LEVEL_BERS])
        if not isinstance(bers, list) or not all(isinstance(ber, float | int) for ber in bers):
            raise ValueError("not a list of numbers")
    except (KeyError, ValueError) as error:
        raise CodecError(
            f"codec.options.weights: {path.name}: its metadata gives no usable {LEVEL_BERS} ({error}); train it again"
        ) from error
    return [float(ber) for ber in bers]


def _checked(level_bers: Sequence[float], levels: int) -> tuple[float, ...]:
    if len(level_bers) != levels:
        raise CodecError(f"split: {levels} levels need as many bit error rates, got {len(level_bers)}; give one each")
    for level, ber in enumerate(level_bers):
        if not 0 <= ber <= 0.5:
            raise CodecError(f"split: level_bers[{level}]: must be in [0, 0.5], got {ber}; give a bit error rate")
        if level and ber > level_bers[level - 1]:
            raise CodecError(
                f"split: level_bers[{level}]: must not exceed level {level - 1}'s {level_bers[level - 1]:g}, got "
                f"{ber:g}; order the levels from the least reliable to the most"
            )
    return tuple(float(ber) for ber in level_bers)
