"""What HEVC-intra and JPEG 2000 share as transceivers: a picture is one OPAQUE segment of bytes, counted kindly.

Charged: the coded data that the picture alone decides. Not charged: the container and the parameter sets, which a
receiver rebuilds from the picture's size and the options. The size itself takes 4 bytes unless `size` says that both
ends agreed on it; with shrink=best one byte more names the factor (jpeg_shrink.py). How a format codes is said in
hevc.py and jpeg2000.py.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple, Self

import numpy as np

from edge import images, metrics
from edge.codecs.contract import Codec, CodecDescription, CodecError, Half
from edge.codecs.jpeg_shrink import FACTOR_BYTES, FACTORS, scaled
from edge.images import Picture
from edge.segment import Kind, Segment

SIZE = struct.Struct(">HH")  # height, width
MEAN_COLOUR_BYTES = 3  # no coded picture is so short
GREY = 128
FALLBACK_SIDE = 256  # of the grey picture when nothing at all says how large the picture was
MAX_SIDE = 8192
SHARED_OPTIONS = {
    "budget_bits": "bits for a picture: the best quality that fits, in place of a quality",
    "shrink": "none (default), or best: with budget_bits, also shrink the picture by 2, 4 or 8 where that, enlarged "
    "again, comes out better",
    "size": "WIDTHxHEIGHT that both ends agreed on, which is then not sent (default: sent, 4 bytes)",
}


class Settings(NamedTuple):
    """quality: on the format's own scale. budget_bytes: of a picture, everything charged; one of the two is None. size:
    agreed (height, width)."""

    quality: int | None
    budget_bytes: int | None
    shrink: bool
    size: tuple[int, int] | None


class StillPicture(Codec):
    """A picture that does not fit the budget is sent as its mean colour, an outage. A subclass codes and shows.

    Coded data is worth nothing unless it all arrives: a receiver that lacks a byte shows grey, of 256x256 where it does
    not even know the size.
    """

    quality_option: ClassVar[str]
    qualities: ClassVar[range]
    """Every value of that option, best first."""
    default_quality: ClassVar[int]

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        """Both halves are the same. Raises CodecError for an unknown option or a bad value."""
        del half
        cls.refuse_unknown(options)
        return cls(_settings(options, cls.quality_option, cls.qualities, cls.default_quality))

    @abstractmethod
    def code(self, image: Picture, quality: int) -> bytes:
        """The data that image [H, W, 3] alone decides."""

    @abstractmethod
    def show(self, data: bytes, height: int, width: int) -> Picture:
        """What a decoder makes of such data. Raises ImageError or CodecError where it makes nothing of it."""

    def fitting(self, image: Picture, size_bytes: int) -> bytes | None:
        """The best data of at most so many bytes, by bisection over the qualities; None where none fits."""
        best, low, high = None, 0, len(self.qualities) - 1
        while low <= high:
            middle = (low + high) // 2
            data = self.code(image, self.qualities[middle])
            if len(data) <= size_bytes:
                best, high = data, middle - 1
            else:
                low = middle + 1
        return best

    def describe(self) -> CodecDescription:
        """The receiver needs to know neither quality nor budget."""
        agreed = self.settings.size
        known = {"shrink": "best"} if self.settings.shrink else {}
        return CodecDescription(self.name, known | ({"size": f"{agreed[1]}x{agreed[0]}"} if agreed else {}))

    def check_image(self, height: int, width: int) -> None:
        if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE and height * width <= images.MAX_PIXELS):
            raise CodecError(f"image: {width}x{height} is empty or too large for {self.name}; crop or shrink it")
        if self.settings.size not in (None, (height, width)):
            agreed = f"{self.settings.size[1]}x{self.settings.size[0]}" if self.settings.size else ""
            raise CodecError(f"image: {width}x{height} is not the agreed size {agreed}; resize it or leave out size")

    def encode(self, image: Picture) -> list[Segment]:
        """image [H, W, 3] -> one OPAQUE segment."""
        self.check_image(*image.shape[:2])
        data = self.coded(image)
        if data is None:
            mean = np.rint(image.reshape(-1, 3).mean(axis=0)).astype(np.uint8)
            data = bytes([1] if self.settings.shrink else []) + bytes(mean.tolist())
        return [Segment(Kind.OPAQUE, np.frombuffer(self._size_sent(image) + data, np.uint8))]

    def coded(self, image: Picture) -> bytes | None:
        """All that is sent of image [H, W, 3] but its size; None where nothing fits the budget."""
        if self.settings.budget_bytes is None:
            assert self.settings.quality is not None
            return self.code(image, self.settings.quality)
        room = self.settings.budget_bytes - len(self._size_sent(image))
        if self.settings.shrink:
            return max(self._shrunken(image, room), default=(0.0, None), key=lambda found: found[0])[1]
        return self.fitting(image, room)

    def _shrunken(self, image: Picture, size_bytes: int) -> Iterator[tuple[float, bytes]]:
        """(PSNR in dB, data that begins with the factor) for each factor at which something fits."""
        height, width = image.shape[:2]
        for factor in FACTORS:
            data = self.fitting(scaled(image, -(-height // factor), -(-width // factor)), size_bytes - FACTOR_BYTES)
            if data is not None:
                sent = bytes([factor]) + data
                yield metrics.psnr(image, self._shown(sent, height, width)), sent

    def decode(self, segments: Sequence[Segment]) -> Picture:
        """The picture, its mean colour where that was sent, or grey where bytes are missing or make no picture."""
        if len(segments) != 1 or segments[0].kind is not Kind.OPAQUE or segments[0].values.ndim != 1:
            raise CodecError(
                f"{self.name}: expected 1 OPAQUE segment, got {len(segments)}; use the same codec on both ends"
            )
        present = segments[0].present
        whole = segments[0].values.size if present is None or present.all() else int(np.argmin(present))
        data = segments[0].values[:whole].tobytes()
        height, width = FALLBACK_SIDE, FALLBACK_SIDE
        try:
            if self.settings.size is not None:
                height, width = self.settings.size
            else:
                sent = SIZE.unpack_from(data)
                self.check_image(*sent)
                height, width = sent
                data = data[SIZE.size :]
            if whole == segments[0].values.size:
                return self._shown(data, height, width)
        except (struct.error, CodecError, images.ImageError):
            pass  # damaged or cut off: grey, below
        return np.full((height, width, 3), GREY, np.uint8)

    def _shown(self, data: bytes, height: int, width: int) -> Picture:
        """data: without the size; height, width: of the true picture."""
        factor = 1
        if self.settings.shrink:
            if not data or data[0] not in FACTORS:
                raise CodecError(f"{self.name}: the factor is cut off or none of ours; send the picture again")
            factor, data = data[0], data[FACTOR_BYTES:]
        if len(data) == MEAN_COLOUR_BYTES:
            return np.full((height, width, 3), list(data), np.uint8)
        return scaled(self.show(data, -(-height // factor), -(-width // factor)), height, width)

    def _size_sent(self, image: Picture) -> bytes:
        return b"" if self.settings.size is not None else SIZE.pack(*image.shape[:2])


def _settings(options: Mapping[str, str], quality: str, qualities: range, default: int) -> Settings:
    shrink = options.get("shrink", "none")
    if shrink not in ("none", "best"):
        raise CodecError(f"codec.options.shrink: must be none or best, got '{shrink}'")
    size = _size(options["size"]) if "size" in options else None
    if "budget_bits" in options:
        if quality in options:
            raise CodecError(f"codec.options.{quality}: contradicts budget_bits, which chooses it; leave one out")
        least = MEAN_COLOUR_BYTES + (0 if size else SIZE.size) + (FACTOR_BYTES if shrink == "best" else 0)
        return Settings(
            None, _whole("budget_bits", options["budget_bits"], 8 * least, 2**40) // 8, shrink == "best", size
        )
    if shrink == "best":
        raise CodecError("codec.options.shrink: best needs budget_bits to choose by; give budget_bits")
    value = _whole(quality, options.get(quality, str(default)), min(qualities), max(qualities))
    return Settings(value, None, False, size)


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.partition("x")
    if not cross:
        raise CodecError(f"codec.options.size: must be WIDTHxHEIGHT, got '{text}'; give for example 32x32")
    return _whole("size", height, 1, MAX_SIDE), _whole("size", width, 1, MAX_SIDE)


def _whole(option: str, text: str, lowest: int, highest: int) -> int:
    if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
        raise CodecError(f"codec.options.{option}: must be a whole number in [{lowest}, {highest}], got '{text}'")
    return int(text)
