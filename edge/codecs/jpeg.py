"""JPEG as a transceiver: the classical baseline, counted as kindly as it can be.

Charged: the entropy-coded scan, the Huffman tables where they are not the standard ones, and 5 bytes of size and
quality; the rest of the container is not sent. Bytes travel as one OPAQUE segment, since a wrong bit ruins all that
follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Self

import numpy as np

from edge import images
from edge.codecs.contract import Codec, CodecDescription, CodecError, Half
from edge.codecs.jpeg_file import HEAD, HIGHEST, LOWEST, JpegFile, largest_that_fits
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
        }
    )

    def __init__(self, quality: int | None, budget_bits: int | None) -> None:
        """One of the two."""
        self.quality = quality
        self.budget_bits = budget_bits

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        """Both halves are the same. Raises CodecError for an unknown option or a bad value."""
        del half
        cls.refuse_unknown(options)
        if "budget_bits" in options:
            if "quality" in options:
                raise CodecError("codec.options.quality: contradicts budget_bits, which chooses it; leave one out")
            return cls(None, _whole("budget_bits", options["budget_bits"], MIN_BUDGET_BITS, 2**40))
        return cls(_whole("quality", options.get("quality", "75"), LOWEST, HIGHEST), None)

    def describe(self) -> CodecDescription:
        """The receiver needs to know neither option: the bytes say all."""
        return CodecDescription(self.name)

    def check_image(self, height: int, width: int) -> None:
        if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE and height * width <= images.MAX_PIXELS):
            raise CodecError(f"image: {width}x{height} is empty or too large for jpeg; crop or shrink it")

    def encode(self, image: Picture) -> list[Segment]:
        """image [H, W, 3] -> one OPAQUE segment."""
        self.check_image(*image.shape[:2])
        file = self.file(image)
        data = _mean_colour(image) if file is None else file.to_bytes()
        return [Segment(Kind.OPAQUE, np.frombuffer(data, np.uint8))]

    def file(self, image: Picture) -> JpegFile | None:
        """What is sent of image [H, W, 3]; None where no quality fits the budget."""
        if self.quality is not None:
            return JpegFile.of(image, self.quality)
        assert self.budget_bits is not None
        return largest_that_fits(image, self.budget_bits // 8)

    def decode(self, segments: Sequence[Segment]) -> Picture:
        """The picture, or what can be had of it."""
        if len(segments) != 1 or segments[0].kind is not Kind.OPAQUE or segments[0].values.ndim != 1:
            raise CodecError(f"jpeg: expected 1 OPAQUE segment, got {len(segments)}; use the same codec on both ends")
        present = segments[0].present
        whole = segments[0].values.size if present is None or present.all() else int(np.argmin(present))
        data = segments[0].values[:whole].tobytes()
        if len(data) < HEAD.size:
            return np.full((FALLBACK_SIDE, FALLBACK_SIDE, 3), GREY, np.uint8)
        height, width, quality = HEAD.unpack_from(data)
        try:
            self.check_image(height, width)
            if quality != MEAN_COLOUR:
                return images.decode(JpegFile.from_bytes(data).container(), "received picture")
        except CodecError:
            height = width = FALLBACK_SIDE  # a size that nobody sends: the bytes were damaged
        except (ImageError, ValueError):
            return np.full((height, width, 3), GREY, np.uint8)
        colour = data[HEAD.size : HEAD.size + 3]
        return np.full((height, width, 3), list(colour) if len(colour) == 3 else GREY, np.uint8)


def _mean_colour(image: Picture) -> bytes:
    mean = np.rint(image.reshape(-1, 3).mean(axis=0)).astype(np.uint8)
    head = HEAD.pack(*image.shape[:2], MEAN_COLOUR)
    return head + bytes(mean.tolist())


def _whole(option: str, text: str, lowest: int, highest: int) -> int:
    if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
        raise CodecError(f"codec.options.{option}: must be a whole number in [{lowest}, {highest}], got '{text}'")
    return int(text)
