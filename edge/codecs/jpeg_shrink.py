"""JPEG of a smaller picture: with few bits, shrinking first and enlarging after beats the lowest qualities.

Sent: one byte that names the factor, then what jpeg_file.py sends of the small picture, with the true size in its head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from PIL import Image

from edge import images, metrics
from edge.codecs.jpeg_file import JpegFile, largest_that_fits
from edge.images import Picture

FACTORS = (1, 2, 4, 8)
FACTOR_BYTES = 1


@dataclass(frozen=True)
class ShrunkenFile:
    """factor: of FACTORS. file: of the small picture, but with the height and width of the true one."""

    factor: int
    file: JpegFile

    @property
    def size_bytes(self) -> int:
        return FACTOR_BYTES + self.file.size_bytes

    def to_bytes(self) -> bytes:
        return bytes([self.factor]) + self.file.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """data: all of it, or a beginning. Raises ValueError where factor, head or tables are not there."""
        if not data or data[0] not in FACTORS:
            raise ValueError("the factor is cut off or none of ours")
        return cls(data[0], JpegFile.from_bytes(data[FACTOR_BYTES:]))

    def picture(self) -> Picture:
        """What a receiver shows, of the true size. Raises ImageError where the scan is unreadable."""
        height, width = self.file.height, self.file.width
        small = replace(self.file, height=-(-height // self.factor), width=-(-width // self.factor))
        return scaled(images.decode(small.container(), "received picture"), height, width)


def best_that_fits(image: Picture, size_bytes: int) -> ShrunkenFile | None:
    """image [H, W, 3]: of all factors, each at the best quality of at most size_bytes bytes, the one of the highest
    PSNR; the larger picture at a tie. None where nothing fits."""
    height, width = image.shape[:2]
    best, best_db = None, -np.inf
    for factor in FACTORS:
        small = scaled(image, -(-height // factor), -(-width // factor))
        file = largest_that_fits(small, size_bytes - FACTOR_BYTES)
        if file is None:
            continue
        offered = ShrunkenFile(factor, replace(file, height=height, width=width))
        quality_db = metrics.psnr(image, offered.picture())
        if quality_db > best_db:
            best, best_db = offered, quality_db
    return best


def scaled(image: Picture, height: int, width: int) -> Picture:
    """Bicubic, with the kernel widened when shrinking, so that nothing aliases; the picture itself at its own size."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
