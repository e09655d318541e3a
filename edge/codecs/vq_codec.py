"""What VQ-VAE and VQ-VAE-2 share as transceivers: a picture becomes one or more maps of vectors out of codebooks.

A map crosses as indices (`carry=indices`), or as the vectors' own numbers in analog symbols (`carry=features`, as FTSC
adds channel noise to the latent space). Here too: what happens when something was changed or lost on the way.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from edge.codecs import feature_symbols, network_codec, requantize, weights
from edge.codecs.contract import CodecDescription, CodecError, Half
from edge.codecs.conv_stages import SCALES
from edge.codecs.network_codec import MEMORY_FORMAT, NetworkCodec, conceal
from edge.codecs.tensors import Tensors
from edge.codecs.vqvae_network import VQReceiver, VQTransmitter, VQVAEShape
from edge.images import Picture
from edge.segment import Kind, Segment

INDICES, FEATURES = "indices", "features"
REQUANTIZE = ("none", "nearest", "soft")
TRANSMITTER, RECEIVER = ("encoder", "codebook"), ("decoder", "codebook")  # how the tensors' names begin

COMMON_OPTIONS = MappingProxyType(
    {
        "scale": f"side of the picture over side of the (bottom) map: {', '.join(map(str, SCALES))} (default 4)",
        "weights": "path of a .safetensors file (default: the shipped one for the scale)",
        "carry": f"{INDICES} (default), or {FEATURES}: the vectors' numbers as analog symbols",
        "requantize": "with carry=features, what to take for a received vector: itself (none, default), the nearest "
        "codebook vector (nearest), or the mean of the likely ones (soft)",
    }
)


class VQCodec(NetworkCodec):
    """Maps from coarse to fine, level 0 for the first. Subclasses name their networks and sizes."""

    shape_type: ClassVar[type[VQVAEShape]]
    size_options: ClassVar[Mapping[str, str]] = MappingProxyType({"scale": "4"})  # fields of the shape, and defaults

    def __init__(
        self,
        shape: VQVAEShape,
        transmitter: VQTransmitter | None,
        receiver: VQReceiver | None,
        carry: str = INDICES,
        requantize: str = "none",
    ) -> None:
        """Takes networks that are ready to run; `open` loads them. At least one half must be there."""
        if transmitter is None and receiver is None:
            raise CodecError(f"{self.name}: needs a transmitter, a receiver or both")
        if carry == FEATURES:
            feature_symbols.check_dimension(self.name, shape.dimension)
        self.shape = shape
        self.transmitter: VQTransmitter | None = transmitter
        self.receiver: VQReceiver | None = receiver
        self.carry = carry
        self.requantize = requantize

    @classmethod
    @abstractmethod
    def build_transmitter(cls, shape: VQVAEShape) -> VQTransmitter:
        """The sender's half, untrained."""

    @classmethod
    @abstractmethod
    def build_receiver(cls, shape: VQVAEShape) -> VQReceiver:
        """The receiver's half, untrained."""

    @classmethod
    def shipped_name(cls, sizes: Mapping[str, int]) -> str:
        """File name of the weights that come with the package for these sizes."""
        return f"{cls.name}-s{sizes['scale']}.safetensors"

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        cls.refuse_unknown(options)
        scales = [str(scale) for scale in SCALES]
        sizes = {name: int(network_codec.choice(options, name, scales, d)) for name, d in cls.size_options.items()}
        carry = network_codec.choice(options, "carry", (INDICES, FEATURES), INDICES)
        rounding = network_codec.choice(options, "requantize", REQUANTIZE, "none")
        path = Path(options.get("weights") or weights.shipped_folder() / cls.shipped_name(sizes))
        shape = network_codec.read_shape(path, cls.name, cls.shape_type)
        network_codec.check_shape(path, shape, sizes)
        transmitter = receiver = None
        if half in (Half.ENCODER, Half.BOTH):
            transmitter = network_codec.load(path, lambda: cls.build_transmitter(shape), TRANSMITTER)
        if half in (Half.DECODER, Half.BOTH):
            receiver = network_codec.load(path, lambda: cls.build_receiver(shape), RECEIVER)
        if transmitter is not None and receiver is not None:
            receiver.share(transmitter)
        return cls(shape, transmitter, receiver, carry, rounding)

    def describe(self) -> CodecDescription:
        """Sizes, carriage, and a digest of the codebooks. Not the networks: a receiver may fine-tune its decoder (DFT).
        Not `requantize` either, which is the receiver's own affair."""
        sizes = {name: str(getattr(self.shape, name)) for name in self.size_options}
        return CodecDescription(self.name, sizes | {"carry": self.carry}, self.knowledge_with({}))

    def knowledge_with(self, codebooks: Tensors) -> str:
        """The digest of the codebooks as they would be with these in force (see edge.codecs.adaptable)."""
        held = {name: tensor.detach().numpy() for name, tensor in self.codebook_tensors().items()} | dict(codebooks)
        digest = hashlib.sha256()
        for name in sorted(self.codebook_tensors()):
            vectors = np.ascontiguousarray(held[name], "<f4")
            digest.update(f"{vectors.shape}".encode() + vectors.tobytes())
        return digest.hexdigest()

    def check_image(self, height: int, width: int) -> None:
        sizes = " and ".join(f"{name} {getattr(self.shape, name)}" for name in self.size_options)
        network_codec.check_multiple(f"{self.name} at {sizes}", self.shape.multiple, height, width)

    def encode(self, image: Picture) -> list[Segment]:
        """image [H, W, 3] -> a segment a map, coarse to fine: INDICES [h, w]; or SYMBOLS [h, w, D/2] and one OPAQUE."""
        transmitter = self._open_transmitter()
        self.check_image(*image.shape[:2])
        with torch.inference_mode():
            indices = transmitter(network_codec.as_batch(image))
            if self.carry == FEATURES:
                books = transmitter.codebooks()
                return feature_symbols.to_segments([book.lookup(one) for book, one in zip(books, indices, strict=True)])
        return [
            Segment(Kind.INDICES, one[0].numpy().astype(np.uint16), level=level, alphabet=self.shape.entries)
            for level, one in enumerate(indices)
        ]

    def decode(self, segments: Sequence[Segment]) -> Picture:
        """The maps as received -> [H, W, 3]. Missing vectors are filled in from their neighbours (`conceal`)."""
        self._open_receiver()
        with torch.inference_mode():
            return network_codec.as_picture(self.reconstruct(self.inputs_from_segments(segments)))

    # What follows is edge.codecs.adaptable: the two halves on tensors, for fine-tuning.

    @property
    def compared_map(self) -> int:
        """Eq. (7) compares the bottom, finest map."""
        return len(self.codebook_tensors()) - 1

    def decoder_tensors(self) -> dict[str, Tensor]:
        """Parameters of the decoders, by name. Raises CodecError when this half is not open."""
        return dict(self._open_receiver().named_parameters())

    def codebook_tensors(self) -> dict[str, Tensor]:
        """The codebooks [K, D], coarse to fine as in the segments."""
        holder = self._holder()
        return {
            f"{name}.vectors": book.vectors
            for name, book in zip(holder.codebook_names, holder.codebooks(), strict=True)
        }

    def features(self, images: Tensor) -> list[Tensor]:
        """images [B, 3, H, W] in [0, 1], float32 or float64 -> maps before quantisation, in that dtype."""
        network = self._open_transmitter()
        if images.dtype == torch.float64:
            network = network_codec.in_double(network)
        return list(network.features(images.contiguous(memory_format=MEMORY_FORMAT)))

    def quantize(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Features -> the nearest codebook vectors, same shapes."""
        books = self._holder().codebooks()
        return [book.lookup(book.nearest(features)) for book, features in zip(books, maps, strict=True)]

    def reconstruct(self, inputs: Sequence[Tensor]) -> Tensor:
        """Vectors of each map -> images [B, 3, H, W], not clamped."""
        receiver = self._open_receiver()
        return receiver.from_vectors(*(vectors.contiguous(memory_format=MEMORY_FORMAT) for vectors in inputs))

    def inputs_from_segments(self, segments: Sequence[Segment]) -> list[Tensor]:
        """The maps as received -> vectors [1, D, h, w] of each, holes filled (`conceal`)."""
        books = list(self.codebook_tensors().values())
        if self.carry == FEATURES:
            return self._vectors_from_symbols(segments, books)
        self._check_indices(segments)
        return [vectors_from_indices(segment, book) for segment, book in zip(segments, books, strict=True)]

    def _vectors_from_symbols(self, segments: Sequence[Segment], books: Sequence[Tensor]) -> list[Tensor]:
        feature_symbols.check_segments(self.name, segments, [book.shape[1] for book in books])
        self._check_sizes([segment.values.shape[:2] for segment in segments[:-1]])
        usual = [float(book.square().sum(1).mul(2 / book.shape[1]).mean().sqrt()) for book in books]
        maps = [
            conceal(vectors, present, book.mean(0))
            for (vectors, present), book in zip(feature_symbols.from_segments(segments, usual), books, strict=True)
        ]
        if self.requantize == "soft":
            return [requantize.cleaned(vectors, book) for vectors, book in zip(maps, books, strict=True)]
        return self.quantize(maps) if self.requantize == "nearest" else maps

    def _check_indices(self, segments: Sequence[Segment]) -> None:
        self._check_sizes([segment.values.shape for segment in segments])
        for segment in segments:
            if segment.kind is not Kind.INDICES or segment.alphabet != self.shape.entries:
                raise CodecError(
                    f"{self.name}: expected indices of an alphabet of {self.shape.entries}, got "
                    f"{segment.kind.value} of {segment.alphabet}; use the same codec and weights on both ends"
                )

    @abstractmethod
    def _check_sizes(self, sizes: Sequence[tuple[int, ...]]) -> None:
        """Raises CodecError unless these are the sizes [h, w] of the maps of one picture."""

    def _holder(self) -> VQTransmitter | VQReceiver:
        holder = self.transmitter or self.receiver
        assert holder is not None  # the constructor saw to it
        return holder

    def _open_transmitter(self) -> VQTransmitter:
        if self.transmitter is None:
            raise CodecError(f"{self.name}: this half has no encoder; open it with Half.ENCODER or Half.BOTH")
        return self.transmitter

    def _open_receiver(self) -> VQReceiver:
        if self.receiver is None:
            raise CodecError(f"{self.name}: this half has no decoder; open it with Half.DECODER or Half.BOTH")
        return self.receiver


def shape_metadata(architecture: str, shape: VQVAEShape) -> dict[str, str]:
    """What a weight file must say for `open` to rebuild the network."""
    return {"architecture": architecture, "shape": json.dumps(asdict(shape))}


def vectors_from_indices(segment: Segment, codebook: Tensor) -> Tensor:
    """Received indices [h, w] -> vectors [1, D, h, w], complete. An index outside the codebook counts as missing."""
    indices = torch.from_numpy(segment.values.astype(np.int64))
    present = (indices < codebook.shape[0]) & network_codec.present_mask(segment.present, indices.shape)
    vectors = codebook[indices.where(present, 0)].permute(2, 0, 1)[None]
    return conceal(vectors, present, codebook.mean(0))
