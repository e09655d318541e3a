"""An example codec: a thumbnail in bit planes, the most significant plane asking for the most reliable level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Self

import numpy as np

from edge.codecs.contract import Codec, CodecDescription, CodecError, Half
from edge.images import Picture
from edge.segment import Kind, Segment

PLANES = 4


class Thumbnail(Codec):
    name = "thumbnail"
    options = MappingProxyType({"shrink": "picture side over thumbnail side: 4, 8 (default) or 16"})

    def __init__(self, shrink: int) -> None:
        self.shrink = shrink

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        del half  # no weights, nothing to leave out
        cls.refuse_unknown(options)
        shrink = options.get("shrink", "8")
        if shrink not in ("4", "8", "16"):
            raise CodecError(f"codec.options.shrink: must be 4, 8 or 16, got '{shrink}'")
        return cls(int(shrink))

    def describe(self) -> CodecDescription:
        return CodecDescription(self.name, {"shrink": str(self.shrink)})

    def check_image(self, height: int, width: int) -> None:
        if height % self.shrink or width % self.shrink:
            raise CodecError(f"image: {width}x{height} is not a multiple of {self.shrink} in both sides; crop it")

    def encode(self, image: Picture) -> list[Segment]:
        self.check_image(*image.shape[:2])
        height, width = (side // self.shrink for side in image.shape[:2])
        blocks = image.reshape(height, self.shrink, width, self.shrink, 3)
        small = blocks.mean(axis=(1, 3)).astype(np.uint8)
        return [Segment(Kind.BITS, small >> (7 - plane) & 1, level=plane) for plane in range(PLANES)]

    def decode(self, segments: Sequence[Segment]) -> Picture:
        small = np.full(segments[0].values.shape, 128.0 / 2**PLANES)  # the middle of what the planes leave open
        for plane, segment in enumerate(segments):
            known = True if segment.present is None else segment.present
            small += np.where(known, segment.values, 0.5) * 2 ** (7 - plane)  # a lost bit is half a bit
        return small.astype(np.uint8).repeat(self.shrink, axis=0).repeat(self.shrink, axis=1)
