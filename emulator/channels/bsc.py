"""Binary symmetric channel on packed bits: every bit flips with the same probability, independently.

Three methods, chosen by the bit error rate p:

- ``sparse``: geometric gaps between flips; the cost grows with p, and is next to nothing at 1e-5.
- ``planes``: for p = a / 2**n, n random words are joined by AND and OR, from the lowest binary digit of p to the
  highest: OR with a fair bit maps q to (1 + q) / 2, AND maps q to q / 2. Costs n words for 64 bits, whatever p is.
- ``hybrid``: planes for a dyadic q close to p, and sparse corrections that make it exact. Where q < p, bits of the mask
  are set with s = (p - q) / (1 - q), as q + (1 - q) s = p; where q > p they are cleared with s = 1 - p / q. (An XOR
  would need s = (p - q) / (1 - 2 q), which grows without bound as q nears 1/2.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emulator.channels.noise import BLOCK, Lane, SegmentNoise
from emulator.channels.sparse import SparseHits
from emulator.channels.validation import require_probability, require_vector

Method = Literal["none", "sparse", "hybrid", "planes"]

SPARSE_LIMIT = 0.02
"""Above this rate planes are faster than sparse flips (measured: tools/bench/noise.py)."""

_MAX_PLANES = 8
_PLANES_PER_RATE = 400.0
"""What sparse corrections of rate 1 cost, in planes: decides how many planes are worth their while (measured)."""

_TILE_WORDS = 128
"""Words of payload that share a run of the PLANES lane: small, so that a packet of 1 KiB draws only its own."""

_TILE_BYTES = _TILE_WORDS * 8
_TILES_AT_ONCE = 16
"""Tiles masked at once: with 8 planes 128 KiB of random words, which stay in a second-level cache."""

_BIT_MASKS = np.array([0x80 >> bit for bit in range(8)], dtype=np.uint8)


@dataclass(frozen=True)
class MaskPlan:
    """How a mask of ones with probability p is made: planes give numerator / 2**planes, corrections the rest."""

    planes: int
    numerator: int
    """Odd: an even one would waste a plane."""
    sets: bool
    """Whether corrections set bits of the mask (True) or clear them."""
    correction: float
    """Rate of the corrections; 0 when p is dyadic."""

    @property
    def dyadic(self) -> float:
        """What the planes alone give."""
        return self.numerator / (1 << self.planes)

    @property
    def cost(self) -> float:
        """In planes."""
        return self.planes + _PLANES_PER_RATE * self.correction


def plan_mask(ber: float) -> MaskPlan:
    """The cheapest exact plan with at most 8 planes for 0 < ber <= 0.5."""
    plans = []
    for planes in range(1, _MAX_PLANES + 1):
        below = math.floor(ber * (1 << planes))  # exact: a power of two only moves the exponent
        dyadic = below / (1 << planes)
        if below:
            plans.append(MaskPlan(planes, below, True, (ber - dyadic) / (1.0 - dyadic)))
        plans.append(MaskPlan(planes, below + 1, False, 1.0 - ber * (1 << planes) / (below + 1)))
    return min(plans, key=lambda plan: plan.cost)


class BSC:
    """Binary symmetric channel on packed bits, most significant bit first; exact at every rate.

    Noise belongs to the bit's place in the segment, so any cut into byte slices gives the same corrupted segment.
    """

    def __init__(self, ber: float) -> None:
        """ber: probability that a bit flips, in [0, 0.5]."""
        self.ber = require_probability("ber", ber, upper=0.5)
        self._plan: MaskPlan | None = None
        self._hits: SparseHits | None = None
        if self.ber > SPARSE_LIMIT:
            self._plan = plan_mask(self.ber)
            if self._plan.correction:
                self._hits = SparseHits(self._plan.correction, 8 * BLOCK)
        elif self.ber:
            self._hits = SparseHits(self.ber, 8 * BLOCK)

    @property
    def method(self) -> Method:
        """How flips are drawn at this rate."""
        if self._plan is None:
            return "none" if self._hits is None else "sparse"
        return "planes" if self._hits is None else "hybrid"

    def __call__(self, packed: NDArray[np.uint8], offset: int, draw: SegmentNoise) -> NDArray[np.uint8]:
        """packed: uint8 [n], the segment's bytes from byte ``offset`` on. Returns a corrupted copy, uint8 [n]."""
        return self.flip(packed, offset, draw)[0]

    def flip(self, packed: NDArray[np.uint8], offset: int, draw: SegmentNoise) -> tuple[NDArray[np.uint8], int]:
        """As a call, and the number of bits that were flipped, which is known here for less than it costs to count."""
        require_vector("packed", packed, np.uint8)
        if self._plan is not None:
            mask = self._mask(self._plan, offset, packed.size, draw)
            return packed ^ mask, int(np.bitwise_count(mask).sum(dtype=np.int64))
        received = packed.copy()
        flipped = 0
        if self._hits is not None:
            for flips in self._hits.positions(8 * offset, 8 * packed.size, draw):
                join_bits(np.bitwise_xor, received, flips)
                flipped += flips.size
        return received, flipped

    def _mask(self, plan: MaskPlan, offset: int, count: int, draw: SegmentNoise) -> NDArray[np.uint8]:
        mask = planes_mask(plan, offset, count, draw)
        if self._hits is not None:
            for corrections in self._hits.positions(8 * offset, 8 * count, draw):
                if plan.sets:
                    join_bits(np.bitwise_or, mask, corrections)
                else:
                    join_bits(np.bitwise_and, mask, corrections, invert=True)
        return mask


def join_bits(join: np.ufunc, packed: NDArray[np.uint8], positions: NDArray[np.int64], invert: bool = False) -> None:
    """Joins the bits at ascending positions of packed, in place, with ones (or, inverted, with zeros among ones)."""
    places = positions >> 3
    masks = _BIT_MASKS[positions & 7]
    if invert:
        np.invert(masks, out=masks)
    # Assignment to a repeated index keeps the last value, so bits that share a byte with a later one are joined after.
    # Three times faster than join.at for all, since few do.
    packed[places] = join(packed[places], masks)
    earlier = np.flatnonzero(places[1:] == places[:-1])
    if earlier.size:
        join.at(packed, places[earlier], masks[earlier])


def planes_mask(plan: MaskPlan, offset: int, count: int, draw: SegmentNoise) -> NDArray[np.uint8]:
    """Mask for bytes [offset, offset + count) whose bits are 1 with probability plan.dyadic; uint8 [count]."""
    first, end = offset // _TILE_BYTES, -(-(offset + count) // _TILE_BYTES)
    mask = np.empty((max(end - first, 0), _TILE_WORDS), dtype="<u8")
    digits = [plan.numerator >> place & 1 for place in range(plan.planes)]
    tile_words = plan.planes * _TILE_WORDS
    for start in range(first, end, _TILES_AT_ONCE):
        stop = min(start + _TILES_AT_ONCE, end)
        words = draw.words(Lane.PLANES, start * tile_words, (stop - start) * tile_words)
        planes = words.reshape(stop - start, plan.planes, _TILE_WORDS)
        joined = mask[start - first : stop - first]
        np.copyto(joined, planes[:, 0])  # the lowest digit is 1: an OR with nothing
        for place in range(1, plan.planes):
            join = np.bitwise_or if digits[place] else np.bitwise_and
            join(joined, planes[:, place], out=joined)
    return mask.reshape(-1).view(np.uint8)[offset - first * _TILE_BYTES :][:count]
