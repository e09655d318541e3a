"""What a codec offers beside the contract so that it can be fine-tuned after deployment (`edge.adapt`: DFT, LSDFT).

A picture becomes one or more *maps* [B, D, h, w], in the order of the codec's segments. The encoder half makes them,
the quantiser (where the codec has codebooks) turns them into decoder inputs of the same shapes, the decoder half makes
a picture of those. Nothing here trains anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from edge.codecs.tensors import TensorHolder, Tensors
from edge.segment import Segment

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Adaptable(TensorHolder, Protocol):
    """A codec that DFT and LSDFT can work on. All tensors are float32 on the CPU unless said otherwise."""

    @property
    def compared_map(self) -> int:
        """Which map eq. (7) of FTSC compares: the index of the bottom (finest) one."""
        ...

    def decoder_tensors(self) -> dict[str, Tensor]:
        """What fine-tuning changes: every trainable tensor of the decoder half, by its name in `parameters()`. The
        tensors themselves, not copies. Raises CodecError when this half is not open."""
        ...

    def codebook_tensors(self) -> dict[str, Tensor]:
        """One codebook [K, D] a map, in the order of the maps, by its name in `parameters()`; empty for a codec whose
        maps are continuous. The tensors themselves, not copies."""
        ...

    def knowledge_with(self, codebooks: Tensors) -> str:
        """`describe().knowledge` as it would be with these codebooks (some or all of `codebook_tensors`) in force."""
        ...

    def features(self, images: Tensor) -> list[Tensor]:
        """The encoder half, before quantisation: images [B, 3, H, W] in [0, 1] -> maps [B, D, h, w]. Gradients pass.

        Runs in the dtype of `images`: float64 is asked for where two machines must come to the same result. Raises
        CodecError when the encoder half is not open.
        """
        ...

    def quantize(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps -> the decoder inputs that a receiver gets of them over a perfect link: the nearest vectors of the
        codebooks in force, or, for a continuous codec, the maps as its power normalisation leaves them."""
        ...

    def reconstruct(self, inputs: Sequence[Tensor]) -> Tensor:
        """The decoder half: decoder inputs -> images [B, 3, H, W], not clamped. Gradients pass."""
        ...

    def inputs_from_segments(self, segments: Sequence[Segment]) -> list[Tensor]:
        """What `decode` feeds its decoder: segments as received -> decoder inputs, each [1, D, h, w], holes filled.
        Raises CodecError as `decode` does."""
        ...
