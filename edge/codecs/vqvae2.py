"""VQ-VAE-2 as a transceiver (FTSC, section III): a picture becomes two maps of codebook vectors.

The network is in vqvae2_network.py, its training in edge.train.vqvae2; what it shares with the single-level VQ-VAE, and
that is most of it, in vq_codec.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Self

from torch import Tensor

from edge.codecs import index_entropy, network_codec, vq_codec, weights
from edge.codecs.contract import CodecDescription, CodecError, Half
from edge.codecs.conv_stages import SCALES
from edge.codecs.index_entropy import IndexEntropy
from edge.codecs.tensors import Tensors
from edge.codecs.vq_codec import COMMON_OPTIONS, FEATURES, VQCodec
from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape
from edge.codecs.vqvae_network import VQVAEShape
from edge.images import Picture
from edge.segment import Segment

ARCHITECTURE = "vqvae2"


def shape_metadata(shape: VQVAE2Shape) -> dict[str, str]:
    """What a weight file must say for `VQVAE2.open` to rebuild the network."""
    return vq_codec.shape_metadata(ARCHITECTURE, shape)


class VQVAE2(VQCodec):
    """Top map (level 0), then bottom map (level 1).

    A picture [H, W, 3] gives [H/st, W/st] and [H/s, W/s] indices of 9 bits (512 codebook entries), t being the top
    scale, so that at t = 2 rho = bits / (8 * 3 * H * W) is exactly that of FTSC, eq. (10) and (14). With
    `entropy=prior` both maps become one OPAQUE segment, and rho is what the picture makes it.
    """

    name = ARCHITECTURE
    options = MappingProxyType(
        {
            **COMMON_OPTIONS,
            "top_scale": f"side of the bottom map over side of the top map: {', '.join(map(str, SCALES))} (default 2)",
            **index_entropy.OPTIONS,
        }
    )
    shape_type = VQVAE2Shape
    size_options = MappingProxyType({"scale": "4", "top_scale": "2"})

    entropy: IndexEntropy | None = None

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        codec = super().open(options, half)
        chosen = network_codec.choice(options, "entropy", (index_entropy.NONE, index_entropy.PRIOR), index_entropy.NONE)
        if chosen == index_entropy.PRIOR:
            if codec.carry == FEATURES:
                raise CodecError("codec.options.entropy: prior codes indices; leave it out, or set carry=indices")
            assert isinstance(codec.shape, VQVAE2Shape)
            sizes = {name: getattr(codec.shape, name) for name in cls.size_options}
            shipped = weights.shipped_folder() / cls.shipped_name(sizes).replace(".safetensors", "-prior.safetensors")
            codec.entropy = IndexEntropy.open(Path(options.get("prior") or shipped), codec.shape)
        return codec

    def describe(self) -> CodecDescription:
        """As VQCodec's, and how indices are coded. The prior is part of what both ends must share."""
        described = super().describe()
        chosen = index_entropy.NONE if self.entropy is None else index_entropy.PRIOR
        return replace(described, options=dict(described.options) | {"entropy": chosen})

    def knowledge_with(self, codebooks: Tensors) -> str:
        digest = super().knowledge_with(codebooks)
        if self.entropy is None:
            return digest
        return hashlib.sha256(f"{digest} {self.entropy.digest}".encode()).hexdigest()

    def encode(self, image: Picture) -> list[Segment]:
        segments = super().encode(image)
        return segments if self.entropy is None else self.entropy.pack(segments, self._books())

    def inputs_from_segments(self, segments: Sequence[Segment]) -> list[Tensor]:
        if self.entropy is not None:
            segments = self.entropy.unpack(segments, self._books())
        return super().inputs_from_segments(segments)

    def _books(self) -> list[Tensor]:
        return list(self.codebook_tensors().values())

    @classmethod
    def build_transmitter(cls, shape: VQVAEShape) -> TransmitterHalf:
        assert isinstance(shape, VQVAE2Shape)
        return TransmitterHalf(shape)

    @classmethod
    def build_receiver(cls, shape: VQVAEShape) -> ReceiverHalf:
        assert isinstance(shape, VQVAE2Shape)
        return ReceiverHalf(shape)

    @classmethod
    def shipped_name(cls, sizes: Mapping[str, int]) -> str:
        top = "" if sizes["top_scale"] == 2 else f"-t{sizes['top_scale']}"
        return f"{cls.name}-s{sizes['scale']}{top}.safetensors"

    def _check_sizes(self, sizes: Sequence[tuple[int, ...]]) -> None:
        assert isinstance(self.shape, VQVAE2Shape)
        t = self.shape.top_scale
        fits = len(sizes) == 2 and len(sizes[0]) == 2 and sizes[1] == tuple(t * side for side in sizes[0])
        if not fits or 0 in sizes[0]:
            raise CodecError(
                f"{self.name}: expected a top map [h, w] and a bottom map [{t}h, {t}w], got "
                f"{[list(size) for size in sizes]}; use the same codec on both ends"
            )
