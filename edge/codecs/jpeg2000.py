"""JPEG 2000 as a transceiver: the classical baseline that Pillow has without another package.

Charged: the packets of the one tile. Not charged: the headers of the codestream and its end marker, which depend on
nothing but the picture's size. Lossy: 9/7 wavelet, one quality layer, cut by OpenJPEG where the budget ends. It is made
for large pictures: at 32x32 its packet headers take most of a small budget. The rest is in still_picture.py.
"""

from __future__ import annotations

import io
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from PIL import Image

from edge import images
from edge.codecs.still_picture import SHARED_OPTIONS, StillPicture
from edge.images import Picture

START_OF_DATA, END = b"\xff\x93", b"\xff\xd9"
MOST_RESOLUTIONS = 6


class Jpeg2000(StillPicture):
    """See StillPicture."""

    name = "jpeg2000"
    options = MappingProxyType({"psnr_db": "what the encoder aims at, 10 to 60 (default 35)", **SHARED_OPTIONS})
    quality_option: ClassVar[str] = "psnr_db"
    qualities: ClassVar[range] = range(60, 9, -1)
    default_quality: ClassVar[int] = 35

    def code(self, image: Picture, quality: int) -> bytes:
        """The packets of image [H, W, 3]; quality: PSNR in dB, over the wavelet coefficients."""
        return _packets(image, "dB", quality)

    def fitting(self, image: Picture, size_bytes: int) -> bytes | None:
        """By asking OpenJPEG for smaller and smaller files: it overshoots, by more the smaller they are."""
        asked = size_bytes + len(_headers(*image.shape[:2])) + len(END)
        while asked > 0:
            data = _packets(image, "rates", image.size / asked)
            if len(data) <= size_bytes:
                return data
            asked -= max(2, len(data) - size_bytes)
        return None

    def show(self, data: bytes, height: int, width: int) -> Picture:
        """The picture of such packets."""
        headers = bytearray(_headers(height, width))
        marker = headers.rindex(b"\xff\x90")  # SOT; Psot, the tile part's length, counts from here
        headers[marker + 6 : marker + 10] = (len(headers) - marker + len(data)).to_bytes(4, "big")
        return images.decode(bytes(headers) + data + END, "received picture")


def _packets(image: Picture, mode: str, layer: float) -> bytes:
    written = _written(image, mode, layer)
    return written[written.index(START_OF_DATA) + 2 : -len(END)]


def _written(image: Picture, mode: str, layer: float) -> bytes:
    """A codestream. layer: what the one quality layer aims at, a compression ratio or dB, as mode says."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(
        buffer,
        "JPEG2000",
        no_jp2=True,
        irreversible=True,
        quality_mode=mode,
        quality_layers=[layer],
        num_resolutions=min(MOST_RESOLUTIONS, max(1, min(image.shape[:2]).bit_length() - 3)),
    )
    return buffer.getvalue()


@lru_cache(maxsize=32)
def _headers(height: int, width: int) -> bytes:
    """All before the packets, of any picture of this size."""
    written = _written(np.zeros((height, width, 3), np.uint8), "dB", 30)
    return written[: written.index(START_OF_DATA) + 2]
