"""Rare independent hits found without visiting the misses: the common ground of the sparse BSC and the sparse DMC.

The gap to the next hit of a Bernoulli(p) sequence is geometric: floor(E / -ln(1 - p)) misses for a standard exponential
E, which is exact to the 53 bits of the uniform behind E. Each block starts afresh: a packet needs only its own blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emulator.channels.noise import Lane, SegmentNoise
from emulator.channels.validation import require_probability

_WORDS_AT_ONCE = 16384
"""Gaps drawn in one go: 128 KiB of float64 stay in a second-level cache."""

_PHILOX_WORDS = 4
"""Words a Philox counter gives: blocks begin at a multiple, so that a draw never starts inside one."""


class SparseHits:
    """Independent hits of probability p at each element of a segment, drawn block by block.

    For every block a fixed number of gaps is set aside (mean + 3 sigma + 2 hits), so a run of many blocks is drawn
    in one call. A block that wants more, once in a thousand, goes on from a lane of its own: the law stays exact.
    """

    def __init__(self, probability: float, block_elements: int, gaps_per_block: int | None = None) -> None:
        """probability: below 1. block_elements: elements in a block. gaps_per_block: instead of mean + 3 sigma + 2."""
        require_probability("probability", probability)
        if probability == 1.0:
            raise ValueError("probability: must be below 1 for sparse hits, got 1; use a dense method")
        mean = probability * block_elements
        enough = gaps_per_block or math.ceil(mean + 3.0 * math.sqrt(mean) + 2)
        self._gaps = -(-enough // _PHILOX_WORDS) * _PHILOX_WORDS
        self._block_elements = block_elements
        self._rate = -math.log1p(-probability)

    def positions(self, offset: int, count: int, draw: SegmentNoise) -> Iterator[NDArray[np.int64]]:
        """Hits among elements [offset, offset + count), counted from offset; each array ascends, and so do they."""
        for first, last in self._block_runs(offset, count):
            hits, inside = self._hits(first, last, offset, draw)
            spilled = first + np.flatnonzero(inside[:, -1])
            positions = hits[inside].astype(np.int64)
            if spilled.size:
                extra, _ = self._overflow(spilled, hits[spilled - first, -1], offset, draw)
                positions = np.sort(np.concatenate([positions, extra]))
            yield positions[slice(*np.searchsorted(positions, (0, count)))]

    def marked(
        self, offset: int, count: int, draw: SegmentNoise
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint64]]]:
        """Like ``positions``, with a random word for each hit that says what it does to its element."""
        for first, last in self._block_runs(offset, count):
            hits, inside = self._hits(first, last, offset, draw)
            spilled = first + np.flatnonzero(inside[:, -1])
            positions = hits[inside].astype(np.int64)
            words = draw.words(Lane.VALUES, first * self._gaps, inside.size).reshape(inside.shape)[inside]
            if spilled.size:
                extra, extra_words = self._overflow(spilled, hits[spilled - first, -1], offset, draw)
                positions, words = np.concatenate([positions, extra]), np.concatenate([words, extra_words])
                order = np.argsort(positions)
                positions, words = positions[order], words[order]
            covered = slice(*np.searchsorted(positions, (0, count)))
            yield positions[covered], words[covered]

    def _block_runs(self, offset: int, count: int) -> Iterator[tuple[int, int]]:
        if self._rate == 0.0 or count == 0:
            return
        end = -(-(offset + count) // self._block_elements)
        step = max(1, _WORDS_AT_ONCE // self._gaps)
        for first in range(offset // self._block_elements, end, step):
            yield first, min(first + step, end)

    def _hits(
        self, first: int, last: int, offset: int, draw: SegmentNoise
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Candidates [last - first, gaps] counted from offset (whole numbers), and which lie inside their block."""
        words = draw.words(Lane.POSITIONS, first * self._gaps, (last - first) * self._gaps)
        words >>= np.uint64(11)
        words += np.uint64(1)
        steps: NDArray[np.float64] = words * np.float64(2.0**-53)  # in (0, 1], so its logarithm is finite
        np.log(steps, out=steps)
        steps *= -1.0 / self._rate
        np.minimum(steps, self._block_elements, out=steps)  # keeps the sum exact when p is tiny
        np.floor(steps, out=steps)
        steps += 1.0
        hits = steps.reshape(last - first, self._gaps)
        ends = np.arange(first + 1, last + 1) * float(self._block_elements) - offset
        hits[:, 0] += ends - (self._block_elements + 1)
        np.cumsum(hits, axis=1, out=hits)
        return hits, hits < ends[:, None]

    def _overflow(
        self, blocks: NDArray[np.int64], last_hits: NDArray[np.float64], offset: int, draw: SegmentNoise
    ) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """The hits of blocks whose gaps were used up before the block's end, and their words."""
        positions: list[int] = []
        words: list[int] = []
        for block, last_hit in zip(blocks.tolist(), last_hits.tolist(), strict=True):
            generator = draw.generator(block, Lane.OVERFLOW)
            end = (block + 1) * self._block_elements - offset
            hit = int(last_hit) + 1 + math.floor(generator.standard_exponential() / self._rate)
            while hit < end:
                positions.append(hit)
                words.append(int(generator.integers(0, 2**64 - 1, dtype=np.uint64, endpoint=True)))
                hit += 1 + math.floor(generator.standard_exponential() / self._rate)
        return np.array(positions, dtype=np.int64), np.array(words, dtype=np.uint64)
