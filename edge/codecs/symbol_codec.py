"""What DeepJSCC and the autoencoder share as transceivers: a picture becomes one SYMBOLS segment of average power 1.

A lost packet is a hole in the code, which is filled in from its neighbours. Both ends must use weights of one training:
a digest of the encoder, written into the file by the trainer, is the knowledge they compare, so that a receiver may
tune its decoder and stay compatible.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from edge.codecs import network_codec, weights
from edge.codecs.contract import CodecDescription, CodecError, Half
from edge.codecs.feature_symbols import unfaded
from edge.codecs.network_codec import MEMORY_FORMAT, NetworkCodec
from edge.codecs.symbol_code import SymbolReceiver, SymbolTransmitter, to_code, to_symbols
from edge.codecs.tensors import Tensors
from edge.images import Picture
from edge.segment import Kind, Segment

PAIRING = "pairing"  # key in a weight file's metadata
PERFECT = "none"  # trained without channel noise


class SymbolShape(Protocol):
    """Size of a network: what this file must know of it."""

    @property
    def multiple(self) -> int:
        """Image sides must be a multiple of this."""
        ...

    @property
    def numbers(self) -> int:
        """Of a position of the code."""
        ...


def pairing(tensors: Mapping[str, Tensor]) -> str:
    """Hex digest of the encoder's tensors, by which two ends know that their weights belong together."""
    digest = hashlib.sha256()
    for name in sorted(name for name in tensors if name.startswith("encoder")):
        values = tensors[name].detach().contiguous().numpy()
        digest.update(f"{name} {values.dtype} {values.shape}".encode() + values.tobytes())
    return digest.hexdigest()


class SymbolCodec(NetworkCodec):
    """Subclasses open the weights that their options name, and build their networks."""

    compared_map: ClassVar[int] = 0  # eq. (7) of FTSC has only one map to compare

    def __init__(
        self,
        shape: SymbolShape,
        transmitter: SymbolTransmitter | None,
        receiver: SymbolReceiver | None,
        settings: Mapping[str, str],
        knowledge: str,
    ) -> None:
        """Takes networks that are ready to run; `open` loads them. settings: options that the other end must match."""
        if transmitter is None and receiver is None:
            raise CodecError(f"{self.name}: needs a transmitter, a receiver or both")
        self.shape = shape
        self.transmitter: SymbolTransmitter | None = transmitter
        self.receiver: SymbolReceiver | None = receiver
        self.settings = dict(settings)
        self.knowledge = knowledge

    @classmethod
    @abstractmethod
    def find(cls, options: Mapping[str, str]) -> tuple[Path, SymbolShape, dict[str, str]]:
        """The weight file, the size of its network, and the options that the other end must match."""

    @classmethod
    @abstractmethod
    def build_transmitter(cls, shape: SymbolShape) -> SymbolTransmitter:
        """The sender's half, untrained."""

    @classmethod
    @abstractmethod
    def build_receiver(cls, shape: SymbolShape) -> SymbolReceiver:
        """The receiver's half, untrained."""

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        cls.refuse_unknown(options)
        path, shape, settings = cls.find(options)
        knowledge = weights.read_metadata(path).get(PAIRING, "")
        if not knowledge:
            raise CodecError(
                f"codec.options.weights: {path.name} does not say which encoder and decoder belong together; "
                "train it again"
            )
        transmitter = receiver = None
        if half in (Half.ENCODER, Half.BOTH):
            transmitter = network_codec.load(path, lambda: cls.build_transmitter(shape), ("encoder.",))
        if half in (Half.DECODER, Half.BOTH):
            receiver = network_codec.load(path, lambda: cls.build_receiver(shape), ("decoder.",))
        return cls(shape, transmitter, receiver, settings, knowledge)

    def describe(self) -> CodecDescription:
        return CodecDescription(self.name, self.settings, self.knowledge)

    def check_image(self, height: int, width: int) -> None:
        network_codec.check_multiple(self.name, self.shape.multiple, height, width)

    def encode(self, image: Picture) -> list[Segment]:
        """image [H, W, 3] -> one SYMBOLS segment [h, w * c/2]: c numbers at each position of the code [h, w]."""
        transmitter = self._open_transmitter()
        self.check_image(*image.shape[:2])
        with torch.inference_mode():
            symbols = to_symbols(transmitter(network_codec.as_batch(image)))[0]
        return [Segment(Kind.SYMBOLS, np.ascontiguousarray(symbols.numpy()))]

    def decode(self, segments: Sequence[Segment]) -> Picture:
        """The symbols as received -> [H, W, 3]."""
        self._open_receiver()
        with torch.inference_mode():
            return network_codec.as_picture(self.reconstruct(self.inputs_from_segments(segments)))

    # What follows is edge.codecs.adaptable: the two halves on tensors, for fine-tuning.

    def decoder_tensors(self) -> dict[str, Tensor]:
        """Parameters of the decoder, by name. Raises CodecError when this half is not open."""
        return dict(self._open_receiver().named_parameters())

    def codebook_tensors(self) -> dict[str, Tensor]:
        """None: the map is continuous."""
        return {}

    def knowledge_with(self, codebooks: Tensors) -> str:
        """The same whatever is given: there are no codebooks."""
        del codebooks
        return self.knowledge

    def features(self, images: Tensor) -> list[Tensor]:
        """images [B, 3, H, W] in [0, 1] -> [the normalised code [B, c, h, w]]: pairs have average power 1."""
        network = self._open_transmitter()
        if images.dtype == torch.float64:
            network = network_codec.in_double(network)
        return [network(images.contiguous(memory_format=MEMORY_FORMAT))]

    def quantize(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The maps themselves: `features` normalises already, and nothing is rounded."""
        return list(maps)

    def reconstruct(self, inputs: Sequence[Tensor]) -> Tensor:
        """[code [B, c, h, w]] -> images [B, 3, H, W], not clamped."""
        (code,) = inputs
        images: Tensor = self._open_receiver()(code.contiguous(memory_format=MEMORY_FORMAT))
        return images

    def inputs_from_segments(self, segments: Sequence[Segment]) -> list[Tensor]:
        """The symbols as received -> [code [1, c, h, w]], holes filled."""
        self._check_segments(segments)
        numbers = self.shape.numbers
        code = to_code(unfaded(segments[0])[None], numbers)
        if segments[0].present is None:
            return [code]
        twice = torch.from_numpy(segments[0].present.reshape(segments[0].values.shape)).repeat_interleave(2, dim=1)
        present = twice.reshape(code.shape[2], code.shape[3], numbers).all(dim=2)
        return [network_codec.conceal(code, present, torch.zeros(numbers))]

    def _check_segments(self, segments: Sequence[Segment]) -> None:
        shapes = [segment.values.shape for segment in segments]
        fits = len(shapes) == 1 and segments[0].kind is Kind.SYMBOLS and len(shapes[0]) == 2 and 0 not in shapes[0]
        if not fits or 2 * shapes[0][1] % self.shape.numbers:
            raise CodecError(
                f"{self.name}: expected symbols [h, w * {self.shape.numbers}/2], got "
                f"{[(s.kind.value, list(s.values.shape)) for s in segments]}; use the same codec and weights on both "
                "ends"
            )

    def _open_transmitter(self) -> SymbolTransmitter:
        if self.transmitter is None:
            raise CodecError(f"{self.name}: this half has no encoder; open it with Half.ENCODER or Half.BOTH")
        return self.transmitter

    def _open_receiver(self) -> SymbolReceiver:
        if self.receiver is None:
            raise CodecError(f"{self.name}: this half has no decoder; open it with Half.DECODER or Half.BOTH")
        return self.receiver
