"""Binary symmetric channel on packed bits: every bit flips with the same probability, independently.

Two methods, chosen by the bit error rate: ``sparse`` draws the geometric gaps between flips, whose cost grows with the
rate and is next to nothing at 1e-5; ``table`` draws the mask of each byte whole (mask_table.py), at the same cost for
every rate.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emulator.channels.mask_table import MaskTable
from emulator.channels.noise import BLOCK, SegmentNoise
from emulator.channels.sparse import SparseHits
from emulator.channels.validation import require_probability, require_vector

Method = Literal["none", "sparse", "table"]

SPARSE_LIMIT = 0.01
"""Above this rate the table is faster than sparse flips (measured: tools/bench/noise.py)."""

_SPARSE_BLOCK_BITS = 8 * 8 * BLOCK
"""Bits whose flips are drawn at once: 32 KiB waste a fifth of the gaps set aside, 4 KiB half of them."""

_BIT_MASKS = np.array([0x80 >> bit for bit in range(8)], dtype=np.uint8)


class BSC:
    """Binary symmetric channel on packed bits, most significant bit first; exact at every rate.

    Noise belongs to the bit's place in the segment, so any cut into byte slices gives the same corrupted segment.
    """

    def __init__(self, ber: float) -> None:
        """ber: probability that a bit flips, in [0, 0.5]."""
        self.ber = require_probability("ber", ber, upper=0.5)
        self._table = MaskTable(self.ber) if self.ber > SPARSE_LIMIT else None
        self._hits = SparseHits(self.ber, _SPARSE_BLOCK_BITS) if 0 < self.ber <= SPARSE_LIMIT else None

    @property
    def method(self) -> Method:
        """How flips are drawn at this rate."""
        if self._table is not None:
            return "table"
        return "none" if self._hits is None else "sparse"

    def __call__(self, packed: NDArray[np.uint8], offset: int, draw: SegmentNoise) -> NDArray[np.uint8]:
        """packed: uint8 [n], the segment's bytes from byte ``offset`` on. Returns a corrupted copy, uint8 [n]."""
        return self.flip(packed, offset, draw)[0]

    def flip(self, packed: NDArray[np.uint8], offset: int, draw: SegmentNoise) -> tuple[NDArray[np.uint8], int]:
        """As a call, and the number of bits that were flipped, which is known here for less than it costs to count."""
        require_vector("packed", packed, np.uint8)
        if self._table is not None:
            mask = self._table(offset, packed.size, draw)
            return packed ^ mask, int(np.bitwise_count(mask).sum(dtype=np.int64))
        received = packed.copy()
        flipped = 0
        if self._hits is not None:
            for flips in self._hits.positions(8 * offset, 8 * packed.size, draw):
                flip_bits(received, flips)
                flipped += flips.size
        return received, flipped


def flip_bits(packed: NDArray[np.uint8], positions: NDArray[np.int64]) -> None:
    """Flips the bits at ascending positions of packed, in place."""
    places = positions >> 3
    masks = _BIT_MASKS[positions & 7]
    # Assignment to a repeated index keeps the last value, so bits that share a byte with a later one are flipped after.
    # Three times faster than bitwise_xor.at for all, since few do.
    packed[places] ^= masks
    earlier = np.flatnonzero(places[1:] == places[:-1])
    if earlier.size:
        np.bitwise_xor.at(packed, places[earlier], masks[earlier])
