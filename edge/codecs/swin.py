"""Multi-user Swin JSCC as a transceiver (Nguyen et al.: "Optimizing Multi-User Semantic Communication via Transfer
Learning and Knowledge Distillation"): one encoder, and for each receiver a decoder that it has the computing power
for.

A weight file holds the encoder and decoders, all for the same symbols: whoever holds the encoder sends once, whatever
decoders listen. Decoders may also lie in files of their own beside it (swin_files.py). The networks are in
swin_network.py, what they cost in swin_cost.py, their training in edge.train.swin.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.codecs import network_codec, swin_files, weights
from edge.codecs.contract import CodecError, Half
from edge.codecs.swin_cost import decoder_cost
from edge.codecs.swin_network import VARIANTS, SwinReceiver, SwinShape, SwinTransmitter
from edge.codecs.symbol_code import SymbolReceiver, SymbolTransmitter
from edge.codecs.symbol_codec import PAIRING, SymbolCodec, SymbolShape
from edge.codecs.tensors import TensorError, Tensors, check_fit
from edge.codecs.variants import Cost
from edge.images import Picture
from edge.segment import Kind, Segment

ARCHITECTURE = "swin"
DEFAULT = "swin"
SNRS_DB = "snrs_db"  # metadata: JSON list, the SNRs that the weights were trained at

logger = logging.getLogger(__name__)


class Swin(SymbolCodec):
    """H/s * W/s * c/2 complex symbols a picture. One whose sides are no multiple of s is padded with copies of its last
    row and column, and two bytes say how many, so that the receiver can crop.

    Which decoder a receiver runs, and what SNR either end is told, is its own affair: the other end need not match.
    """

    name = ARCHITECTURE
    options = MappingProxyType(
        {
            "weights": f"path of a .safetensors file (default: the shipped {DEFAULT})",
            "decoder": f"for a receiver: {', '.join(VARIANTS)} (default: the first of these that there is)",
            "snr_db": "Es/N0 in dB that this end's channel coder is told (default: the middle of those trained at)",
        }
    )

    def __init__(
        self,
        shape: SymbolShape,
        transmitter: SymbolTransmitter | None,
        receiver: SymbolReceiver | None,
        settings: Mapping[str, str],
        knowledge: str,
        decoders: Sequence[str] = (),
    ) -> None:
        """decoders: those that its weights hold, strongest first. The others: as SymbolCodec's."""
        super().__init__(shape, transmitter, receiver, settings, knowledge)
        self.decoders = tuple(decoders)
        self._said_padded: set[tuple[int, ...]] = set()  # sizes

    @classmethod
    def find(cls, options: Mapping[str, str]) -> tuple[Path, SwinShape, dict[str, str]]:
        path = Path(options.get("weights") or weights.shipped_folder() / f"{DEFAULT}.safetensors")
        shape = network_codec.read_shape(path, cls.name, SwinShape)
        return path, shape, {"shrink": str(shape.shrink), "numbers": str(shape.numbers)}

    @classmethod
    def build_transmitter(cls, shape: SymbolShape) -> SwinTransmitter:
        assert isinstance(shape, SwinShape)
        return SwinTransmitter(shape)

    @classmethod
    def build_receiver(cls, shape: SymbolShape, variant: str = next(iter(VARIANTS))) -> SwinReceiver:
        assert isinstance(shape, SwinShape)
        return SwinReceiver(shape, variant)

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        cls.refuse_unknown(options)
        path, shape, settings = cls.find(options)
        metadata = weights.read_metadata(path)
        if not metadata.get(PAIRING):
            raise CodecError(
                f"codec.options.weights: {path.name} does not say which encoder and decoders belong together; "
                "train it again"
            )
        decoders = _decoders(path, metadata)
        variant = _variant(path, decoders, options.get("decoder"))
        told_db = _told(path, metadata, options.get("snr_db"))
        transmitter = receiver = None
        if half in (Half.ENCODER, Half.BOTH):
            transmitter = network_codec.load(path, lambda: cls.build_transmitter(shape), ("encoder.",))
            transmitter.told_db = told_db
        if half in (Half.DECODER, Half.BOTH):
            only = (f"decoder.{variant}.",)
            receiver = network_codec.load(decoders[variant], lambda: cls.build_receiver(shape, variant), only)
            receiver.told_db = told_db
        return cls(shape, transmitter, receiver, settings, metadata[PAIRING], tuple(decoders))

    # What follows, up to `check_image`, is edge.codecs.variants.

    @property
    def variant(self) -> str:
        """Which decoder is open; empty when only the encoder is."""
        return self.receiver.variant if isinstance(self.receiver, SwinReceiver) else ""

    def cost(self, decoder: str, height: int, width: int) -> Cost:
        """Of that decoder, for a picture of this size."""
        assert isinstance(self.shape, SwinShape)
        return decoder_cost(self.shape, VARIANTS[decoder], height, width)

    def variant_of(self, tensors: Tensors) -> str | None:
        """The decoder that all of these tensors belong to; None when there is not one."""
        found = {name.split(".")[1] for name in tensors if name.startswith("decoder.")}
        whole = len(found) == 1 and all(name.startswith("decoder.") for name in tensors)
        variant = found.pop() if whole else ""
        return variant if variant in VARIANTS else None

    def check_image(self, height: int, width: int) -> None:
        """Any size will do."""
        network_codec.check_multiple(self.name, 1, height, width)

    def encode(self, image: Picture) -> list[Segment]:
        """image [H, W, 3] -> one SYMBOLS segment [h, w * c/2]; and, when the picture was padded, an OPAQUE one of two
        bytes: rows and columns to crop."""
        padded, added = pad(image, self.shape.multiple)
        if any(added) and image.shape not in self._said_padded:
            self._said_padded.add(image.shape)
            logger.warning(
                "image: %dx%d is no multiple of %d in both sides; it is sent padded to %dx%d, the receiver crops it",
                *image.shape[1::-1], self.shape.multiple, *padded.shape[1::-1],
            )  # fmt: skip
        symbols = super().encode(padded)
        return [*symbols, Segment(Kind.OPAQUE, np.array(added, np.uint8))] if any(added) else symbols

    def decode(self, segments: Sequence[Segment]) -> Picture:
        """The symbols as received -> [H, W, 3]. Padding stays when the two bytes about it did not arrive."""
        picture = super().decode(segments[:1])
        rows, columns = self._added(segments)
        height, width = picture.shape[:2]
        return np.ascontiguousarray(picture[: height - rows, : width - columns])

    def features(self, images: Tensor) -> list[Tensor]:
        """As SymbolCodec's, for sides that are multiples of s. Raises CodecError for others."""
        network_codec.check_multiple(f"fine-tuning {self.name}", self.shape.multiple, *images.shape[2:])
        return super().features(images)

    def inputs_from_segments(self, segments: Sequence[Segment]) -> list[Tensor]:
        """The symbols as received -> [code [1, c, h, w]], holes filled, padding and all."""
        self._added(segments)  # what is wrong with them
        return super().inputs_from_segments(segments[:1])

    def replace(self, tensors: Tensors) -> None:
        """Puts tensors in force, all or none. A whole decoder of another variant takes the place of the one that is
        open, at once. Raises CodecError when something does not fit."""
        variant = self.variant_of(tensors)
        if variant is None or self.receiver is None or variant == self.variant:
            super().replace(tensors)
            return
        with torch.random.fork_rng(devices=[]):
            other = self.build_receiver(self.shape, variant)
        state = other.state_dict()
        if missing := sorted(set(state) - set(tensors)):
            raise CodecError(f"tensors.{missing[0]}: missing; to change to decoder '{variant}', send all of it")
        try:
            check_fit(tensors, {name: tensor.numpy() for name, tensor in state.items()})
        except TensorError as error:
            raise CodecError(str(error)) from error
        other.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in tensors.items()})
        assert isinstance(self.receiver, SwinReceiver)
        other.told_db = self.receiver.told_db
        self.receiver = other.eval().requires_grad_(False)

    def _added(self, segments: Sequence[Segment]) -> tuple[int, int]:
        """Rows and columns that the sender added. Raises CodecError for segments that are not of `encode`."""
        side = segments[1:]
        if not side:
            return 0, 0
        if len(side) > 1 or side[0].kind is not Kind.OPAQUE or side[0].values.shape != (2,):
            raise CodecError(
                f"{self.name}: expected symbols, and at most 2 bytes beside them, got "
                f"{[(s.kind.value, list(s.values.shape)) for s in segments]}; use the same codec on both ends"
            )
        arrived = side[0].present is None or bool(side[0].present.all())
        rows, columns = (int(one) for one in side[0].values)
        return (rows, columns) if arrived and max(rows, columns) < self.shape.multiple else (0, 0)


def pad(image: Picture, multiple: int) -> tuple[Picture, tuple[int, int]]:
    """The picture with its last row and column repeated until both sides are multiples; the rows and columns added."""
    height, width = image.shape[:2]
    added = -height % multiple, -width % multiple
    padded: NDArray[np.uint8] = np.pad(image, ((0, added[0]), (0, added[1]), (0, 0)), mode="edge")
    return padded, added


def trained_snrs_db(metadata: Mapping[str, str]) -> list[float]:
    """SNRs that a weight file was trained at. Raises ValueError."""
    snrs = json.loads(metadata.get(SNRS_DB, "[]"))
    if not snrs or not all(isinstance(snr, int | float) and math.isfinite(snr) for snr in snrs):
        raise ValueError(f"{SNRS_DB} must be a list of numbers, got {snrs}")
    return [float(snr) for snr in snrs]


def _decoders(path: Path, metadata: Mapping[str, str]) -> dict[str, Path]:
    try:
        return swin_files.decoders(path, metadata)
    except ValueError as error:
        raise CodecError(f"codec.options.weights: {path.name}: {error}") from error


def _variant(path: Path, decoders: Mapping[str, Path], wanted: str | None) -> str:
    if wanted is not None and wanted not in decoders:
        known = ", ".join(decoders)
        raise CodecError(f"codec.options.decoder: {path.name} holds {known}, not '{wanted}'; choose of these")
    return wanted or next(iter(decoders))


def _told(path: Path, metadata: Mapping[str, str], wanted: str | None) -> float:
    """Within what was trained at: further out, the layers that are told the SNR are anyone's guess."""
    try:
        snrs = trained_snrs_db(metadata)
    except (ValueError, TypeError) as error:
        raise CodecError(f"codec.options.weights: {path.name}: {error}; train it again") from error
    low, high = min(snrs), max(snrs)
    if wanted is None:
        return (low + high) / 2
    try:
        snr_db = float(wanted)
    except ValueError:
        snr_db = math.nan
    if not math.isfinite(snr_db):
        raise CodecError(f"codec.options.snr_db: must be a number of dB, got '{wanted}'")
    told = min(max(snr_db, low), high)
    if told != snr_db:
        logger.warning(
            "codec.options.snr_db: %g is outside the %g to %g dB that %s was trained at; it is told %g",
            snr_db, low, high, path.name, told,
        )  # fmt: skip
    return told
