"""SMRC as a transceiver (Mortaheb et al., "Semantic Multi-Resolution Communications"): a small square picture becomes
one sub-block of complex symbols for each head, and a receiver that takes layers 1 to l gets resolution and semantics l.

The networks are in smrc_network.py, their training in edge.train.smrc. Which sub-block is sent when, to whom and at
what rate is not said here: `encode` makes them all at once, and a sender keeps what it has not sent yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.codecs import network_codec, weights
from edge.codecs.contract import CodecDescription, CodecError, Half
from edge.codecs.feature_symbols import unfaded
from edge.codecs.network_codec import NetworkCodec
from edge.codecs.smrc_file import ARCHITECTURE, read_alphas, read_etas, read_shape
from edge.codecs.smrc_network import SmrcReceiver, SmrcShape, SmrcTransmitter, to_numbers, to_symbols
from edge.codecs.symbol_codec import PAIRING
from edge.images import Picture
from edge.segment import Kind, Segment

DEFAULT = "smrc-mnist"


@dataclass(frozen=True)
class Decoded:
    """picture; block: the sub-block of the head whose decoder made it, layer: that head's layer, from 1. judge: the
    sub-block of the head of that layer whose extractor tells the class, seen: what its own decoder made."""

    picture: Picture
    block: int
    layer: int
    seen: Picture
    judge: int


class Smrc(NetworkCodec):
    """SYMBOLS [n_l] for each head, its level the index of the sub-block: 0 for h_11, and so on through the layers.

    With one head a layer, level l - 1 is layer l. Every head has a decoder and an extractor of its own, which looks at
    what that decoder makes (y_lk from x_lk). Where several heads of the highest layer arrived, the picture is that of
    the one with the largest alpha and the class that of the one with the smallest; among equals the first.
    """

    name = ARCHITECTURE
    options = MappingProxyType(
        {
            "weights": f"a shipped file by its name, or a path of a .safetensors file (default {DEFAULT})",
            "layers": "how many layers this end makes or takes, from 1 (default: all that the weights have)",
        }
    )

    def __init__(
        self,
        shape: SmrcShape,
        transmitter: SmrcTransmitter | None,
        receiver: SmrcReceiver | None,
        knowledge: str,
        layers: int | None = None,
        alphas: Sequence[float] = (),
        etas: Sequence[float] = (),
    ) -> None:
        """Takes networks that are ready to run; `open` loads them. layers: for which they are; all by default. alphas,
        etas: see `read_alphas` and `read_etas`."""
        if transmitter is None and receiver is None:
            raise CodecError(f"{self.name}: needs a transmitter, a receiver or both")
        self.shape = shape
        self.layers = shape.layers if layers is None else layers
        self.transmitter: SmrcTransmitter | None = transmitter
        self.receiver: SmrcReceiver | None = receiver
        self.knowledge = knowledge
        self.alphas = tuple(alphas) or (0.0,) * len(shape.heads)
        self.etas = tuple(etas)

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        cls.refuse_unknown(options)
        path = _file(options.get("weights") or DEFAULT)
        shape = read_shape(path)
        knowledge = weights.read_metadata(path).get(PAIRING, "")
        if not knowledge:
            raise CodecError(
                f"codec.options.weights: {path.name} does not say which encoder and decoder belong together; "
                "train it again"
            )
        layers = _layers(options.get("layers"), shape, path)
        blocks = shape.blocks(layers)
        transmitter = receiver = None
        if half in (Half.ENCODER, Half.BOTH):
            own = ("encoder.trunk.", *(f"encoder.heads.{block}." for block in blocks))
            transmitter = network_codec.load(path, lambda: SmrcTransmitter(shape, blocks), own)
        if half in (Half.DECODER, Half.BOTH):
            own = tuple(f"{part}.{block}." for part in ("decoder", "extractor") for block in blocks)
            receiver = network_codec.load(path, lambda: SmrcReceiver(shape, blocks), own)
        return cls(shape, transmitter, receiver, knowledge, layers, read_alphas(path, shape), read_etas(path, shape))

    def describe(self) -> CodecDescription:
        """The heads and their sizes. Not how many layers an end takes: receivers of several tiers have one sender."""
        settings = {
            "side": str(self.shape.side),
            "colours": str(self.shape.colours),
            "layers": ",".join(str(head.layer) for head in self.shape.heads),
            "symbols": ",".join(str(head.symbols) for head in self.shape.heads),
        }
        return CodecDescription(self.name, settings, self.knowledge)

    def check_image(self, height: int, width: int) -> None:
        side = self.shape.side
        if (height, width) != (side, side):
            raise CodecError(
                f"image: {width}x{height} is not the {side}x{side} that these weights are for; pad or scale it"
            )

    def encode(self, image: Picture) -> list[Segment]:
        """image [s, s, 3] -> a SYMBOLS segment [n_l] for each head, all from one pass. Grey weights see its mean."""
        if self.transmitter is None:
            raise CodecError(f"{self.name}: this half has no encoder; open it with Half.ENCODER or Half.BOTH")
        self.check_image(*image.shape[:2])
        with torch.inference_mode():
            blocks = self.transmitter(network_codec.as_batch(image))
            return [
                Segment(Kind.SYMBOLS, np.ascontiguousarray(to_symbols(numbers[0]).numpy()), level=block)
                for block, numbers in blocks.items()
            ]

    def decode(self, segments: Sequence[Segment]) -> Picture:
        """As `decode_best`, the picture alone."""
        return self.decode_best(segments).picture

    def decode_best(self, segments: Sequence[Segment]) -> Decoded:
        """Sub-blocks as received, by their levels in any order -> what the best decoder makes of them, that of the
        highest layer taken of which something arrived.

        Sub-blocks of layers that this end does not take are passed over. Raises CodecError for a gap: a layer without
        an earlier one.
        """
        received = self._received(segments)
        arrived = [block for block in self.shape.blocks(self.layers) if block in received]
        if not arrived:
            raise CodecError(f"{self.name}: got no sub-block of layers 1 to {self.layers}; send layer 1 at least")
        top = max(self.shape.heads[block].layer for block in arrived)
        heads = [block for block in arrived if self.shape.heads[block].layer == top]
        block, judge = max(heads, key=self.alphas.__getitem__), min(heads, key=self.alphas.__getitem__)
        decoded = self._decoded(block, received)
        return decoded if judge == block else replace(decoded, judge=judge, seen=self._decoded(judge, received).picture)

    def decode_block(self, segments: Sequence[Segment], block: int) -> Decoded:
        """What the decoder of one head makes of them: the sub-blocks that it needs must be among the segments."""
        if block not in self.shape.blocks(self.layers):
            raise CodecError(f"{self.name}: this end has no decoder for sub-block {block}; open more layers")
        return self._decoded(block, self._received(segments))

    @property
    def parts(self) -> list[str]:
        """What this end holds of the networks beside the trunk, by the heads' names: "decoder h11" and so on."""
        held = {"head": None if self.transmitter is None else self.transmitter.encoder.heads}
        if self.receiver is not None:
            held |= {"decoder": self.receiver.decoder, "extractor": self.receiver.extractor}
        names = self.shape.names
        return [f"{kind} {names[int(block)]}" for kind, modules in held.items() for block in modules or ()]

    def class_probabilities(self, picture: Picture, block: int) -> NDArray[np.float64]:
        """A picture as a head's decoder made it -> [|C_lk|], by the extractor of that head; their sum is 1."""
        receiver = self._open_receiver()
        self.check_image(*picture.shape[:2])
        if str(block) not in receiver.extractor:
            raise CodecError(f"{self.name}: this end has no extractor for sub-block {block}; open more layers")
        with torch.inference_mode():
            log_probabilities = receiver.log_probabilities(block, network_codec.as_batch(picture))[0]
            return log_probabilities.double().exp().numpy()

    def _decoded(self, block: int, received: dict[int, Tensor]) -> Decoded:
        layer = self.shape.heads[block].layer
        absent = [self.shape.heads[one].layer for one in self.shape.needed(block) if one not in received]
        if absent:
            raise CodecError(
                f"{self.name}: layer {layer} needs layers 1 to {layer}, and layer {absent[0]} is not among the "
                "segments; subscribe without a gap"
            )
        with torch.inference_mode():
            picture = network_codec.as_picture(self._open_receiver().reconstruct(block, received))
        return Decoded(picture, block, layer, picture, block)

    def _received(self, segments: Sequence[Segment]) -> dict[int, Tensor]:
        """Numbers [1, 2 n_l] of each sub-block, zero where nothing arrived; without those of which nothing did, unless
        it is the first layer's: a picture is made whatever arrived."""
        found: dict[int, Tensor] = {}
        for segment in segments:
            self._check(segment, found)
            lost = segment.present is not None and not segment.present.any()
            if not lost or self.shape.heads[segment.level].layer == 1:
                found[segment.level] = to_numbers(unfaded(segment))[None]
        return found

    def _check(self, segment: Segment, found: Mapping[int, Tensor]) -> None:
        heads = self.shape.heads
        fits = segment.kind is Kind.SYMBOLS and segment.level < len(heads) and segment.level not in found
        if not fits or segment.values.shape != (heads[segment.level].symbols,):
            raise CodecError(
                f"{self.name}: expected symbols [n] of levels 0 to {len(heads) - 1}, once each, n being "
                f"{[head.symbols for head in heads]}, got {segment.kind.value} {list(segment.values.shape)} of level "
                f"{segment.level}; use the same codec and weights on both ends"
            )

    def _open_receiver(self) -> SmrcReceiver:
        if self.receiver is None:
            raise CodecError(f"{self.name}: this half has no decoder; open it with Half.DECODER or Half.BOTH")
        return self.receiver


def _layers(given: str | None, shape: SmrcShape, path: Path) -> int:
    if given is None:
        return shape.layers
    if not given.isdecimal() or not 1 <= int(given) <= shape.layers:
        raise CodecError(
            f"codec.options.layers: {path.name} has layers 1 to {shape.layers}, of which the first few are taken, "
            f"without a gap, got '{given}'; give their number"
        )
    return int(given)


def _file(given: str) -> Path:
    """A bare name is that of a shipped file."""
    path = Path(given)
    is_name = path.name == given and not path.suffix
    return weights.shipped_folder() / f"{given}.safetensors" if is_name else path
