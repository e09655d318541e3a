"""JPEG as a transceiver: the classical baseline, counted as kindly as it can be.

Charged: the entropy-coded scan, the Huffman tables where they are not the standard ones, and 5 bytes of size and
quality; the rest of the container is not sent. Bytes travel as one OPAQUE segment, since a wrong bit ruins all that
follows. With shrink=best the picture may be sent smaller (jpeg_shrink.py), at one byte more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Self

import numpy as np

from edge import images
from edge.codecs import jpeg_shrink
from edge.codecs.contract import Codec, CodecDescription, CodecError, Half
from edge.codecs.jpeg_file import HEAD, HIGHEST, LOWEST, JpegFile, largest_that_fits
from edge.codecs.jpeg_shrink import FACTOR_BYTES, ShrunkenFile
from edge.images import ImageError, Picture
from edge.segment import Kind, Segment

GREY = 128
FALLBACK_SIDE = 256  # of the grey picture when nothing at all says how large the picture was
MAX_SIDE = 0xFFFF
MEAN_COLOUR = 0  # the quality that stands for a picture that did not fit: three bytes of mean colour in its place
MIN_BUDGET_BITS = 8 * (HEAD.size + 3)


class Jpeg(Codec):
    """A picture that does not fit the budget even at quality 1 is sent as its mean colour, an outage.

    A receiver decodes the bytes before the first lost one and paints the rest mid-grey; without the head, a grey
    picture of 256x256.
    """

    name = "jpeg"
    options = MappingProxyType(
        {
            "quality": f"{LOWEST} to {HIGHEST} (default 75)",
            "budget_bits": f"bits for a picture, {MIN_BUDGET_BITS} or more: the best quality that fits, in place of "
            "quality",
            "shrink": "none (default), or best: with budget_bits, also shrink the picture by 2, 4 or 8 where that, "
            "enlarged again, comes out better",
        }
    )

    def __init__(self, quality: int | None, budget_bits: int | None, shrink: bool = False) -> None:
        """One of quality and budget_bits; shrink only with the latter."""
        self.quality = quality
        self.budget_bits = budget_bits
        self.shrink = shrink

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        """Both halves are the same. Raises CodecError for an unknown option or a bad value."""
        del half
        cls.refuse_unknown(options)
        shrink = options.get("shrink", "none")
        if shrink not in ("none", "best"):
            raise CodecError(f"codec.options.shrink: must be none or best, got '{shrink}'")
        if "budget_bits" in options:
            if "quality" in options:
                raise CodecError("codec.options.quality: contradicts budget_bits, which chooses it; leave one out")
            lowest = MIN_BUDGET_BITS + (8 * FACTOR_BYTES if shrink == "best" else 0)
            return cls(None, _whole("budget_bits", options["budget_bits"], lowest, 2**40), shrink == "best")
        if shrink == "best":
            raise CodecError("codec.options.shrink: best needs budget_bits to choose by; give budget_bits")
        return cls(_whole("quality", options.get("quality", "75"), LOWEST, HIGHEST), None)

    def describe(self) -> CodecDescription:
        """The receiver needs to know neither quality nor budget: the bytes say all, once their format is agreed on."""
        return CodecDescription(self.name, {"shrink": "best"} if self.shrink else {})

    def check_image(self, height: int, width: int) -> None:
        if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE and height * width <= images.MAX_PIXELS):
            raise CodecError(f"image: {width}x{height} is empty or too large for jpeg; crop or shrink it")

    def encode(self, image: Picture) -> list[Segment]:
        """image [H, W, 3] -> one OPAQUE segment."""
        self.check_image(*image.shape[:2])
        file = self.file(image)
        data = self._mean_colour(image) if file is None else file.to_bytes()
        return [Segment(Kind.OPAQUE, np.frombuffer(data, np.uint8))]

    def file(self, image: Picture) -> JpegFile | ShrunkenFile | None:
        """What is sent of image [H, W, 3]; None where nothing fits the budget."""
        if self.quality is not None:
            return JpegFile.of(image, self.quality)
        assert self.budget_bits is not None
        if self.shrink:
            return jpeg_shrink.best_that_fits(image, self.budget_bits // 8)
        return largest_that_fits(image, self.budget_bits // 8)

    def decode(self, segments: Sequence[Segment]) -> Picture:
        """The picture, or what can be had of it."""
        if len(segments) != 1 or segments[0].kind is not Kind.OPAQUE or segments[0].values.ndim != 1:
            raise CodecError(f"jpeg: expected 1 OPAQUE segment, got {len(segments)}; use the same codec on both ends")
        present = segments[0].present
        whole = segments[0].values.size if present is None or present.all() else int(np.argmin(present))
        data = segments[0].values[:whole].tobytes()
        head = FACTOR_BYTES if self.shrink else 0
        after = head + HEAD.size
        if len(data) < after:
            return np.full((FALLBACK_SIDE, FALLBACK_SIDE, 3), GREY, np.uint8)
        height, width, quality = HEAD.unpack_from(data, head)
        try:
            self.check_image(height, width)
            if quality != MEAN_COLOUR:
                return self._picture(data)
        except CodecError:
            height = width = FALLBACK_SIDE  # a size that nobody sends: the bytes were damaged
        except (ImageError, ValueError):
            return np.full((height, width, 3), GREY, np.uint8)
        colour = data[after : after + 3]
        return np.full((height, width, 3), list(colour) if len(colour) == 3 else GREY, np.uint8)

    def _picture(self, data: bytes) -> Picture:
        if self.shrink:
            return ShrunkenFile.from_bytes(data).picture()
        return images.decode(JpegFile.from_bytes(data).container(), "received picture")

    def _mean_colour(self, image: Picture) -> bytes:
        mean = np.rint(image.reshape(-1, 3).mean(axis=0)).astype(np.uint8)
        head = HEAD.pack(*image.shape[:2], MEAN_COLOUR)
        return bytes([1] if self.shrink else []) + head + bytes(mean.tolist())


def _whole(option: str, text: str, lowest: int, highest: int) -> int:
    if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
        raise CodecError(f"codec.options.{option}: must be a whole number in [{lowest}, {highest}], got '{text}'")
    return int(text)
