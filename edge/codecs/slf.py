"""SLF's transceiver: a small square picture becomes one map of codewords, carried as indices over a K-ary channel.

Strangers must be able to talk, and so to find out that they do not understand each other: two ends are compatible when
their networks have the same sizes, whatever their weights and codebooks (SLF, section III-A). The network is in
slf_network.py, its training in edge.train.slf, alignment in edge.adapt.slf. FTSC's single-level codec is vqvae.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Self

import numpy as np
import torch

from edge.codecs import network_codec, weights
from edge.codecs.contract import CodecDescription, CodecError, Half
from edge.codecs.network_codec import NetworkCodec
from edge.codecs.slf_network import (
    CODEBOOK,
    ClassifierPart,
    ClassifierShape,
    SlfReceiver,
    SlfShape,
    SlfTransmitter,
)
from edge.codecs.vq_codec import vectors_from_indices
from edge.images import Picture
from edge.segment import Kind, Segment

ARCHITECTURE = "slf"
CLASSIFIER_ARCHITECTURE = "slf-classifier"
DEFAULT_WEIGHTS = "slf-trx1"


class Slf(NetworkCodec):
    """One INDICES segment [s/4, s/4], level 0. `can_classify` and `classify`: see edge.codecs.classifies."""

    name = ARCHITECTURE
    options = MappingProxyType(
        {
            "weights": f"a shipped file by its name, or a path of a .safetensors file (default {DEFAULT_WEIGHTS})",
            "classifier": "for a receiver: likewise, a classifier of what it decodes (default: none)",
        }
    )

    def __init__(self, shape: SlfShape, transmitter: SlfTransmitter | None, receiver: SlfReceiver | None) -> None:
        """Takes networks that are ready to run; `open` loads them. At least one half must be there."""
        if transmitter is None and receiver is None:
            raise CodecError(f"{self.name}: needs a transmitter, a receiver or both")
        self.shape = shape
        self.transmitter: SlfTransmitter | None = transmitter
        self.receiver: SlfReceiver | None = receiver

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        cls.refuse_unknown(options)
        path = _file(options.get("weights") or DEFAULT_WEIGHTS)
        shape = network_codec.read_shape(path, ARCHITECTURE, SlfShape)
        transmitter = receiver = None
        if half in (Half.ENCODER, Half.BOTH):
            transmitter = network_codec.load(path, lambda: SlfTransmitter(shape), ("encoder.", CODEBOOK))
        if half in (Half.DECODER, Half.BOTH):
            receiver = network_codec.load(path, lambda: SlfReceiver(shape), ("decoder.", CODEBOOK))
            if options.get("classifier"):
                _add_classifier(receiver, shape, _file(options["classifier"]))
        if transmitter is not None and receiver is not None:
            receiver.codebook = transmitter.codebook
        return cls(shape, transmitter, receiver)

    def describe(self) -> CodecDescription:
        """Sizes only. Not the codebook: that two ends hold different ones is what an alignment is for."""
        sizes = {"entries": self.shape.entries, "dimension": self.shape.dimension, "side": self.shape.side}
        return CodecDescription(self.name, {name: str(size) for name, size in sizes.items()})

    def check_image(self, height: int, width: int) -> None:
        side = self.shape.side
        if (height, width) != (side, side):
            raise CodecError(
                f"image: {width}x{height} is not the {side}x{side} that slf was trained for; pad or scale it"
            )

    def encode(self, image: Picture) -> list[Segment]:
        """image [s, s, 3] -> one INDICES segment [s/4, s/4]."""
        if self.transmitter is None:
            raise CodecError(f"{self.name}: this half has no encoder; open it with Half.ENCODER or Half.BOTH")
        self.check_image(*image.shape[:2])
        with torch.inference_mode():
            indices = self.transmitter(network_codec.as_batch(image))[0]
        return [Segment(Kind.INDICES, indices.numpy().astype(np.uint16), alphabet=self.shape.entries)]

    def decode(self, segments: Sequence[Segment]) -> Picture:
        """The map as received -> [s, s, 3]. Missing codewords are filled in from their neighbours (`conceal`)."""
        receiver = self._open_receiver()
        self._check_segments(segments)
        with torch.inference_mode():
            codewords = vectors_from_indices(segments[0], receiver.codebook)
            return network_codec.as_picture(receiver.decoder(codewords))

    @property
    def can_classify(self) -> bool:
        return self.receiver is not None and self.receiver.classifier is not None

    def classify(self, picture: Picture) -> int:
        """A decoded picture [s, s, 3] -> its class, from 0. Raises CodecError when there is no classifier."""
        classifier = self._open_receiver().classifier
        if classifier is None:
            raise CodecError("codec.options.classifier: none was opened; name one, such as slf-classifier-mnist")
        self.check_image(*picture.shape[:2])
        with torch.inference_mode():
            return int(classifier(network_codec.as_batch(picture)).argmax())

    def _check_segments(self, segments: Sequence[Segment]) -> None:
        expected = (self.shape.map_side, self.shape.map_side)
        sizes = [segment.values.shape for segment in segments]
        if sizes != [expected]:
            raise CodecError(
                f"{self.name}: expected one map {list(expected)}, got {[list(size) for size in sizes]}; "
                "use the same codec on both ends"
            )
        (segment,) = segments
        if segment.kind is not Kind.INDICES or segment.alphabet != self.shape.entries:
            raise CodecError(
                f"{self.name}: expected indices of an alphabet of {self.shape.entries}, got {segment.kind.value} of "
                f"{segment.alphabet}; use the same codec on both ends"
            )

    def _open_receiver(self) -> SlfReceiver:
        if self.receiver is None:
            raise CodecError(f"{self.name}: this half has no decoder; open it with Half.DECODER or Half.BOTH")
        return self.receiver


def _file(given: str) -> Path:
    """A bare name is that of a shipped file."""
    path = Path(given)
    is_name = path.name == given and not path.suffix
    return weights.shipped_folder() / f"{given}.safetensors" if is_name else path


def _add_classifier(receiver: SlfReceiver, shape: SlfShape, path: Path) -> None:
    own = network_codec.read_shape(path, CLASSIFIER_ARCHITECTURE, ClassifierShape)
    if own.side != shape.side:
        raise CodecError(
            f"codec.options.classifier: {path.name} is for pictures of {own.side}x{own.side}, the decoder's are "
            f"{shape.side}x{shape.side}; give another"
        )
    part = network_codec.load(path, lambda: ClassifierPart(own), ("classifier.",))
    receiver.classifier = part.classifier
