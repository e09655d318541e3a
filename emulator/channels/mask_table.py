"""Bytes whose bits are ones with a given probability, independently: one 16-bit draw and one table look-up each.

Of 65 536 table entries, byte value b has n(b) = floor(65 536 P(b)), where P(b) = p^k (1 - p)^(8 - k) for k ones in b.
The entries left over (fewer than 256) send their draws to the residual law P(b) - n(b) / 65 536, which a second,
53-bit uniform resolves. So the law is exact to the precision of doubles, for two random bits a bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.channels.noise import Lane, SegmentNoise, unit_interval

ENTRIES = 1 << 16
_DRAWS_PER_WORD = 4
_BYTES_AT_ONCE = 65_536
"""Bytes made at once: their draws, 128 KiB, stay in a second-level cache."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class MaskTable:
    """Masks of ones with probability p. Every byte is a function of its place in the segment."""

    def __init__(self, probability: float) -> None:
        """probability: p, in (0, 0.5]."""
        ones = np.bitwise_count(np.arange(256, dtype=np.uint8)).astype(np.float64)
        self.law: NDArray[np.float64] = probability**ones * (1.0 - probability) ** (8.0 - ones)
        counts = np.floor(self.law * ENTRIES).astype(np.int64)
        self.filled = int(counts.sum())
        self._table = np.zeros(ENTRIES, np.uint8)
        self._table[: self.filled] = np.repeat(np.arange(256, dtype=np.uint8), counts)
        residual = self.law * ENTRIES - counts
        self._cumulative = np.cumsum(residual) / max(float(residual.sum()), np.finfo(np.float64).tiny)

    def __call__(self, offset: int, count: int, draw: SegmentNoise) -> NDArray[np.uint8]:
        """The mask of bytes [offset, offset + count) of a segment, uint8 [count]."""
        mask = np.empty(count, np.uint8)
        for start in range(offset, offset + count, _BYTES_AT_ONCE):
            stop = min(start + _BYTES_AT_ONCE, offset + count)
            mask[start - offset : stop - offset] = self._part(start, stop, draw)
        return mask

    def _part(self, start: int, stop: int, draw: SegmentNoise) -> NDArray[np.uint8]:
        first, end = start // _DRAWS_PER_WORD, -(-stop // _DRAWS_PER_WORD)
        words = draw.words(Lane.MASK, first, end - first).astype("<u8", copy=False)
        draws = np.ascontiguousarray(words).view("<u2")[start - first * _DRAWS_PER_WORD :][: stop - start]
        part = np.take(self._table, draws)
        if self.filled < ENTRIES:
            left = np.flatnonzero(draws >= self.filled)
            if left.size:
                uniforms = placed_uniforms(left + start, draw)
                part[left] = np.minimum(np.searchsorted(self._cumulative, uniforms, side="right"), 255)
        return part


def placed_uniforms(places: NDArray[np.int64], draw: SegmentNoise) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1) at scattered places of a segment: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of the
    place, keyed by one Philox word, since a Philox counter a place would cost a microsecond each."""
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is what is wanted
        mixed = draw.words(Lane.VALUES, 0, 1) + (places.astype(np.uint64) + np.uint64(1)) * _GOLDEN
        mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return unit_interval(mixed ^ mixed >> np.uint64(31))
