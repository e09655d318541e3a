"""What a codec may offer beside the contract: a picture as sub-blocks, of which a receiver may take the first layers
only and have the rest later (SMRC, section II).

A sub-block is a segment of its own, and its reliability level is its index: those of layer 1 first. A layer has one
head or more, each of which makes one sub-block; a decoder reads the first head's of every earlier layer, and its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edge.codecs.contract import CodecError
from edge.images import Picture
from edge.segment import Segment


class HeadOfLayer(Protocol):
    """One head. groups: of classes, that its extractor tells apart."""

    @property
    def layer(self) -> int: ...

    @property
    def groups(self) -> Sequence[Sequence[int]]: ...


class LayeredShape(Protocol):
    """heads: by the index of their sub-block; names: of the heads, likewise."""

    @property
    def heads(self) -> Sequence[HeadOfLayer]: ...

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def layers(self) -> int: ...

    def blocks(self, layers: int) -> Sequence[int]:
        """The sub-blocks of layers 1 to `layers`."""
        ...

    def block(self, layer: int | None, head: int | str) -> int:
        """Index of the sub-block of a head, by layer and number, both from 1, or by its name, with which the layer may
        be None. Raises ValueError, naming those there are."""
        ...


class DecodedLayer(Protocol):
    """block: the sub-block of the head whose decoder made the picture; judge: of the head that tells the class, seen:
    what its own decoder made."""

    @property
    def picture(self) -> Picture: ...

    @property
    def block(self) -> int: ...

    @property
    def seen(self) -> Picture: ...

    @property
    def judge(self) -> int: ...


@runtime_checkable
class Layered(Protocol):
    """A codec whose segments are sub-blocks."""

    @property
    def shape(self) -> LayeredShape:
        """Of all that the sender has."""
        ...

    @property
    def layers(self) -> int:
        """How many this end makes or takes."""
        ...

    @property
    def etas(self) -> Sequence[float]:
        """Of each sub-block: its symbols over those by which a single encoding of the same quality grows with it; for
        layer 1, over those of one (SMRC, section I). None when that was not measured."""
        ...

    @property
    def parts(self) -> Sequence[str]:
        """The networks that this end holds, in words that name the head."""
        ...

    def decode_best(self, segments: Sequence[Segment]) -> DecodedLayer:
        """The picture of the highest layer that can be decoded of these. Raises CodecError when there is none."""
        ...

    def class_probabilities(self, picture: Picture, block: int) -> NDArray[np.float64]:
        """A picture of a head's decoder -> probability of each of its groups."""
        ...


def highest_level(codec: object) -> int | None:
    """Highest level that a receiver takes; None when it takes all."""
    if not isinstance(codec, Layered) or codec.layers >= codec.shape.layers:
        return None
    return max(codec.shape.blocks(codec.layers))


def level_of(codec: object, layer: int | None, head: int | str) -> int:
    """Level of a head's sub-block: see LayeredShape.block. Raises CodecError when the codec has no such head, naming
    those it has."""
    if not isinstance(codec, Layered):
        raise CodecError(f"head {head}: the codec of this session has no layers; use one that has")
    try:
        return codec.shape.block(layer, head)
    except ValueError as error:
        raise CodecError(str(error)) from error


def class_of(codec: Layered, block: int, probabilities: NDArray[np.float64]) -> tuple[int | None, float]:
    """The likeliest group of a head, as a class, and its probability; None for a group of several classes."""
    likeliest = int(probabilities.argmax())
    group = codec.shape.heads[block].groups[likeliest]
    return (group[0] if len(group) == 1 else None), float(probabilities[likeliest])


def wanted_levels(destinations: Sequence[str], highest: Mapping[str, int]) -> int | None:
    """Highest level that anybody takes; None when somebody takes all."""
    taken = [highest.get(name) for name in destinations]
    return None if None in taken else max(level for level in taken if level is not None)
