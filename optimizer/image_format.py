"""What is sent: the size of an image and of its VQ-VAE-2 indices (FTSC eq. 9, 10, 14). Not the codec itself."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.checks import require_positive
from optimizer.errors import ProblemError

SCALES = (2, 4, 8, 16)
"""Bottom scaling rates the codec is built for."""

TOP_SCALE = 2
"""Scaling rate of the top layer, on top of the bottom one: its map is TOP_SCALE * s times smaller than the image."""


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """A colour image of height x width pixels (3 values each) and the width of a codebook index."""

    height: int = 256
    width: int = 256
    value_bits: int = 8
    index_bits: int = 9

    def __post_init__(self) -> None:
        require_positive("image.height", self.height, "pixels")
        require_positive("image.width", self.width, "pixels")
        require_positive("image.value_bits", self.value_bits, "bits")
        require_positive("image.index_bits", self.index_bits, "bits")

    @property
    def source_bits(self) -> int:
        """D: bits of the raw image. Eq. (9) counts values; rho (10) is bits over bits, so D must be in bits."""
        return 3 * self.height * self.width * self.value_bits

    def rho_of_scale(self, scale: int) -> float:
        """Compression rate, bits over bits, of bottom scaling rate `scale` (eq. 10; eq. 14 agrees)."""
        if scale <= 0:
            raise ProblemError(f"scale: must be > 0, got {scale}; choose from {SCALES}")
        indices_per_pixel = (1.0 + 1.0 / TOP_SCALE**2) / scale**2
        return indices_per_pixel * self.index_bits / (3.0 * self.value_bits)
