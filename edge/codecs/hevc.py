"""HEVC-intra as a transceiver, the class of BPG: the strongest classical baseline here (package pillow-heif: libheif,
x265, libde265).

Charged: the payload of the picture's one slice NAL unit. Not charged: HEIF's boxes, the parameter sets (VPS, SPS, PPS)
and the NAL unit's length and header, some 420 bytes that depend on nothing but size and chroma; the receiver takes them
from a picture of its own. The rest is in still_picture.py.

x265 codes nothing smaller than 64x64. What it would pad is padded here, in the mean colour of the picture's right and
bottom edge: at 32x32 that takes fewer bytes than libheif's replicated edges (docs/split.md).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from PIL import Image

from edge.codecs.contract import CodecDescription, CodecError, Half
from edge.codecs.still_picture import SHARED_OPTIONS, Settings, StillPicture
from edge.images import Picture

CHROMAS = ("420", "444")
LEAST_SIDE = 64  # of x265
NAL_HEAD = 4 + 2  # length and header of a NAL unit
MISSING = "hevc needs the package pillow-heif, which is not installed; pip install 'semedge[hevc]' or use jpeg2000"
# Everything for the squared error: no psychovisual terms, no coarser inter frames, thorough search.
TUNED = {"tune": "psnr", "x265:rd": "6", "x265:rdoq-level": "2", "x265:tu-intra-depth": "3", "x265:ipratio": "1.0"}


class Hevc(StillPicture):
    """See StillPicture. 4:2:0 is the better of the two up to some 3 bits a pixel."""

    name = "hevc"
    options = MappingProxyType(
        {"qp": "quantisation, 0 (best) to 51 (default 32)", "chroma": "420 (default) or 444", **SHARED_OPTIONS}
    )
    quality_option: ClassVar[str] = "qp"
    qualities: ClassVar[range] = range(52)
    default_quality: ClassVar[int] = 32

    def __init__(self, settings: Settings, chroma: str = "420") -> None:
        """Raises CodecError where pillow-heif is not installed."""
        super().__init__(settings)
        self.chroma = chroma
        _heif()

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        """Both halves are the same. Raises CodecError for an unknown option or a bad value."""
        opened = super().open({name: value for name, value in options.items() if name != "chroma"}, half)
        chroma = options.get("chroma", "420")
        if chroma not in CHROMAS:
            raise CodecError(f"codec.options.chroma: must be one of {', '.join(CHROMAS)}, got '{chroma}'")
        return cls(opened.settings, chroma)

    def describe(self) -> CodecDescription:
        described = super().describe()
        return CodecDescription(self.name, {**described.options, "chroma": self.chroma})

    def code(self, image: Picture, quality: int) -> bytes:
        """The slice of image [H, W, 3]; quality: QP."""
        file = _written(image, quality, self.chroma)
        begin = _slice_at(file)
        (size,) = struct.unpack_from(">I", file, begin)
        if begin + 4 + size != len(file):
            raise CodecError("hevc: this pillow-heif wrote more than one NAL unit for a picture; install version 1.8")
        return file[begin + NAL_HEAD :]

    def show(self, data: bytes, height: int, width: int) -> Picture:
        """The picture of a slice, in a file whose other bytes are those of any picture of this size."""
        template, at = _template(height, width, self.chroma)
        file = bytearray(template + data)
        size = len(file) - _slice_at(file)
        struct.pack_into(">I", file, at, size)  # in iloc
        struct.pack_into(">I", file, _slice_at(file) - 8, size + 8)  # of mdat
        struct.pack_into(">I", file, _slice_at(file), size - 4)  # of the NAL unit
        try:
            shown = _heif().read_heif(bytes(file)).to_pillow().convert("RGB")
        except (ValueError, RuntimeError, OSError, EOFError) as error:
            raise CodecError(f"hevc: the slice cannot be decoded ({error}); send the picture again") from error
        return np.asarray(shown)[:height, :width]


def _heif() -> Any:
    """The package, when it is first needed. Raises CodecError where it is missing."""
    try:
        import pillow_heif
    except ImportError as error:
        raise CodecError(MISSING) from error
    return pillow_heif


def _written(image: Picture, qp: int, chroma: str) -> bytes:
    """A HEIF file of image [H, W, 3], padded where x265 needs it."""
    height, width = image.shape[:2]
    tuned = TUNED | {"x265:qp": str(qp)}
    if min(height, width) < LEAST_SIDE:
        image = _padded(image)
        tuned["x265:no-sao"] = "1"  # its syntax costs a byte in thirty
    buffer = io.BytesIO()
    _heif().from_pillow(Image.fromarray(image)).save(buffer, format="HEIF", chroma=int(chroma), enc_params=tuned)
    return buffer.getvalue()


def _padded(image: Picture) -> Picture:
    height, width = image.shape[:2]
    edge = np.concatenate([image[-1], image[:, -1]]).mean(axis=0)
    padded = np.empty((max(height, LEAST_SIDE), max(width, LEAST_SIDE), 3), np.uint8)
    padded[:] = np.rint(edge)
    padded[:height, :width] = image
    return padded


@lru_cache(maxsize=32)
def _template(height: int, width: int, chroma: str) -> tuple[bytes, int]:
    """(the beginning of any file of a picture of this size, up to the slice's payload; where iloc has its length)."""
    file = _written(np.zeros((height, width, 3), np.uint8), 32, chroma)
    begin = _slice_at(file)
    at = file.index(b"iloc") + 26  # version and flags, field sizes, 1 item, its number, base, 1 extent, its offset
    if struct.unpack_from(">I", file, at) != (len(file) - begin,):
        raise CodecError("hevc: this pillow-heif writes files of another layout; install version 1.8")
    return file[: begin + NAL_HEAD], at


def _slice_at(file: bytes | bytearray) -> int:
    """Where the media data begins."""
    return file.index(b"mdat") + 4
