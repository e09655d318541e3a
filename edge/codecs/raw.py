"""The codec that runs no network: the picture as one losslessly coded file in one OPAQUE segment.

For testing links, for measuring what a process costs without torch, and as the "just send it" baseline. It is all or
nothing: a file that lost a byte becomes a grey picture of the right size.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge import images
from edge.codecs.contract import Codec, CodecDescription, CodecError, Half
from edge.images import ImageError, Picture
from edge.segment import Kind, Segment

FORMATS = MappingProxyType({"png": "PNG", "webp": "WEBP"})
SIZE = struct.Struct(">HH")  # height and width: before the file and again behind it, so that one lost packet spares one
MAX_SIDE = 0xFFFF
GREY = 128
FALLBACK_SIDE = 256  # of the grey picture when nothing at all says how large the picture was


class Raw(Codec):
    """Option `format`: the lossless file format, png (default) or webp."""

    name = "raw"
    options = MappingProxyType({"format": "png (default) or webp, both lossless"})

    def __init__(self, file_format: str) -> None:
        self.format = file_format

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        """Both halves are the same. Raises CodecError for an unknown option or format."""
        del half
        cls.refuse_unknown(options)
        chosen = options.get("format", "png")
        if chosen not in FORMATS:
            raise CodecError(f"codec.options.format: must be one of {', '.join(FORMATS)}, got '{chosen}'")
        return cls(chosen)

    def describe(self) -> CodecDescription:
        return CodecDescription(self.name, {"format": self.format})

    def check_image(self, height: int, width: int) -> None:
        if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE and height * width <= images.MAX_PIXELS):
            raise CodecError(f"image: {width}x{height} is empty or too large for raw; crop or shrink it")

    def encode(self, image: Picture) -> list[Segment]:
        """image [H, W, 3] -> one OPAQUE segment: size (4 bytes), file, size again."""
        height, width = image.shape[:2]
        self.check_image(height, width)
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format=FORMATS[self.format], lossless=True)
        size = SIZE.pack(height, width)
        return [Segment(Kind.OPAQUE, np.frombuffer(size + buffer.getvalue() + size, np.uint8))]

    def decode(self, segments: Sequence[Segment]) -> Picture:
        """The picture, bit for bit, when every byte arrived; else mid-grey of the size that a surviving end states."""
        if len(segments) != 1 or segments[0].kind is not Kind.OPAQUE or segments[0].values.ndim != 1:
            raise CodecError(f"raw: expected 1 OPAQUE segment, got {len(segments)}; use the same codec on both ends")
        data = segments[0].values.astype(np.uint8, copy=False)
        present = segments[0].present
        if present is None or bool(present.all()):
            try:
                return images.decode(data[SIZE.size : -SIZE.size].tobytes(), "received picture")
            except ImageError:
                present = np.ones(data.shape, np.bool_)  # delivered but damaged: the same grey as for a loss
        height, width = self._size(data, present)
        return np.full((height, width, 3), GREY, np.uint8)

    def _size(self, data: NDArray[np.uint8], present: NDArray[np.bool_]) -> tuple[int, int]:
        for end in (slice(0, SIZE.size), slice(len(data) - SIZE.size, len(data))):
            if len(data) >= SIZE.size and present[end].all():
                height, width = SIZE.unpack(data[end].tobytes())
                try:
                    self.check_image(height, width)
                except CodecError:
                    continue
                return height, width
        return FALLBACK_SIDE, FALLBACK_SIDE
