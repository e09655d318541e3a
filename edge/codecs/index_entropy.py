"""The option `entropy=prior` of VQ-VAE-2: its two index maps as one OPAQUE segment, by a prior from a weight file.

The bytes are entropy.py's. Here: reading the prior, holding it to the codec, and keeping up with its codebooks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from edge.codecs import exact_prior, network_codec, weights
from edge.codecs.contract import CodecError
from edge.codecs.entropy import IndexCoder, IndexMap
from edge.codecs.exact_prior import ExactPrior, Weights
from edge.codecs.index_prior import ARCHITECTURE, PriorShape
from edge.segment import Kind, Segment

if TYPE_CHECKING:
    from torch import Tensor

    from edge.codecs.vqvae2_network import VQVAE2Shape

NONE, PRIOR = "none", "prior"
UNKNOWN_SIDE = 256  # of a picture whose size was lost with the first bytes
OPTIONS = {
    "entropy": f"{NONE} (default), or {PRIOR}: indices entropy-coded by a learned prior, in one OPAQUE segment",
    "prior": "path of the prior's .safetensors file (default: the shipped one for the scale)",
}


class IndexEntropy:
    """A prior and the coder it makes with the codebooks in force."""

    def __init__(self, shape: PriorShape, tensors: Weights, scale: int) -> None:
        """scale: the codec's; only for the size of a picture that arrived without one."""
        self.shape, self.tensors = shape, tensors
        self.digest = exact_prior.digest(tensors)
        side = max(1, UNKNOWN_SIDE // (scale * shape.top_scale))
        self.otherwise = (side, side)
        self._made: tuple[NDArray[np.float32], NDArray[np.float32], IndexCoder] | None = None

    @classmethod
    def open(cls, path: Path, codec: VQVAE2Shape) -> Self:
        """Raises CodecError when the file holds no prior, or one of another codec."""
        try:
            shape = network_codec.read_shape(path, ARCHITECTURE, PriorShape)
            tensors = {name: tensor.numpy() for name, tensor in weights.read_tensors(path, ("",)).items()}
        except CodecError as error:
            raise CodecError(str(error).replace("options.weights", "options.prior", 1)) from error
        for name in ("entries", "dimension", "top_scale"):
            if getattr(shape, name) != getattr(codec, name):
                raise CodecError(
                    f"codec.options.prior: {path.name} was trained for {name} {getattr(shape, name)}, the codec has "
                    f"{getattr(codec, name)}; give the prior that was trained for these weights"
                )
        try:
            books = [np.zeros((shape.entries, shape.dimension), np.float32)] * 2
            ExactPrior(shape, tensors, books[0], books[1]).check()
        except (KeyError, ValueError, IndexError) as error:
            raise CodecError(
                f"codec.options.prior: {path.name}: its tensors do not fit the prior it describes ({error}); "
                "train it again"
            ) from error
        return cls(shape, tensors, codec.scale)

    def pack(self, segments: Sequence[Segment], books: Sequence[Tensor]) -> list[Segment]:
        """Top and bottom INDICES [h, w] -> one OPAQUE segment. books: the codebooks in force, top first."""
        top, bottom = (segment.values.astype(np.uint16, copy=False) for segment in segments)
        return [Segment(Kind.OPAQUE, self._coder(books).pack(top, bottom))]

    def unpack(self, segments: Sequence[Segment], books: Sequence[Tensor]) -> list[Segment]:
        """What `pack` made, as received -> top and bottom INDICES with what is missing marked. Raises CodecError for
        segments that are no such thing."""
        if len(segments) != 1 or segments[0].kind is not Kind.OPAQUE or segments[0].values.ndim != 1:
            raise CodecError(
                f"vqvae2 with entropy={PRIOR}: expected 1 OPAQUE segment, got {len(segments)}; use the same codec "
                "options on both ends"
            )
        data = segments[0].values.astype(np.uint8, copy=False)
        maps = self._coder(books).unpack(data, segments[0].present, self.otherwise)
        return [self._segment(one, level) for level, one in enumerate(maps)]

    def _segment(self, received: IndexMap, level: int) -> Segment:
        return Segment(Kind.INDICES, received.indices, level, self.shape.entries, received.present)

    def _coder(self, books: Sequence[Tensor]) -> IndexCoder:
        """The coder for these codebooks, made again when they have changed."""
        top, bottom = (book.detach().numpy() for book in books)
        made = self._made
        if made is None or not (np.array_equal(made[0], top) and np.array_equal(made[1], bottom)):
            made = (top.copy(), bottom.copy(), IndexCoder(ExactPrior(self.shape, self.tensors, top, bottom)))
            self._made = made
        return made[2]
