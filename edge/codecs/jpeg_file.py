"""A JPEG picture without its container: what a receiver that knows the codec cannot work out by itself.

Baseline JPEG, 4:2:0. Kept: height, width, quality (5 bytes), the Huffman tables where they are not the standard ones,
and the entropy-coded scan. Quantisation tables follow from the quality, all other markers are always the same.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from PIL import Image

from edge.images import Picture

HEAD = struct.Struct(">HHB")  # height, width, quality; the quality's top bit tells that Huffman tables follow
OWN_TABLES = 0x80
LOWEST, HIGHEST = 1, 95
HUFFMAN_TABLES = 4
_DQT, _SOF0, _DHT, _SOS = 0xDB, 0xC0, 0xC4, 0xDA
_END = b"\xff\xd9"


@dataclass(frozen=True)
class JpegFile:
    """height, width in pixels; quality 1 .. 95 as Pillow and libjpeg count; tables: Huffman tables as DHT holds them,
    empty for the standard ones; scan: entropy-coded data."""

    height: int
    width: int
    quality: int
    tables: bytes
    scan: bytes

    @classmethod
    def of(cls, image: Picture, quality: int) -> Self:
        """image [H, W, 3]: with standard tables or its own, whichever takes fewer bytes."""
        return min((cls._coded(image, quality, own) for own in (False, True)), key=lambda file: file.size_bytes)

    @classmethod
    def _coded(cls, image: Picture, quality: int, own_tables: bool) -> Self:
        markers, scan = _split(_written(Image.fromarray(image), quality, own_tables))
        tables = b"".join(content for marker, content in markers if marker == _DHT) if own_tables else b""
        return cls(image.shape[0], image.shape[1], quality, tables, scan)

    @property
    def size_bytes(self) -> int:
        return HEAD.size + len(self.tables) + len(self.scan)

    def to_bytes(self) -> bytes:
        flag = OWN_TABLES if self.tables else 0
        return HEAD.pack(self.height, self.width, self.quality | flag) + self.tables + self.scan

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """data: all of it, or a beginning. Raises ValueError where head or tables are cut off."""
        if len(data) < HEAD.size:
            raise ValueError("the head is cut off")
        height, width, quality = HEAD.unpack_from(data)
        end = HEAD.size
        if quality & OWN_TABLES:
            for _ in range(HUFFMAN_TABLES):
                end += 17 + sum(data[end + 1 : end + 17])
            if end > len(data):
                raise ValueError("the Huffman tables are cut off")
        return cls(height, width, quality & ~OWN_TABLES, data[HEAD.size : end], data[end:])

    def container(self) -> bytes:
        """A file that any JPEG decoder reads. Where the scan is cut off, libjpeg paints the rest grey."""
        parts = [b"\xff\xd8"]
        for marker, content in _template(self.quality):
            if marker == _SOF0:
                content = content[:1] + struct.pack(">HH", self.height, self.width) + content[5:]
            if marker != _DHT or not self.tables:
                parts.append(_marker(marker, content))
            if marker == _SOF0 and self.tables:
                parts.append(_marker(_DHT, self.tables))
        return b"".join([*parts, self.scan.rstrip(b"\xff"), _END])


def largest_that_fits(image: Picture, size_bytes: int) -> JpegFile | None:
    """The best quality of at most size_bytes bytes, by bisection; None where the lowest is too large."""
    best = JpegFile.of(image, LOWEST)
    if best.size_bytes > size_bytes:
        return None
    low, high = LOWEST + 1, HIGHEST
    while low <= high:
        middle = (low + high) // 2
        file = JpegFile.of(image, middle)
        if file.size_bytes <= size_bytes:
            best, low = file, middle + 1
        else:
            high = middle - 1
    return best


def _written(image: Image.Image, quality: int, own_tables: bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling="4:2:0", optimize=own_tables)
    return buffer.getvalue()


def _split(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """(markers with their content up to the start of the scan, the scan)."""
    markers: list[tuple[int, bytes]] = []
    at = 2
    while not markers or markers[-1][0] != _SOS:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        markers.append((data[at + 1], data[at + 4 : at + 2 + size]))
        at += 2 + size
    return markers, data[at : -len(_END)]


def _marker(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


@lru_cache(maxsize=HIGHEST)
def _template(quality: int) -> list[tuple[int, bytes]]:
    """The markers of any picture of this quality; its size is to be written in."""
    markers, _ = _split(_written(Image.new("RGB", (16, 16)), quality, own_tables=False))
    return [(marker, content) for marker, content in markers if marker in (_DQT, _SOF0, _DHT, _SOS)]
