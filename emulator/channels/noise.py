"""Counter-based randomness: a draw is a pure function of who asks and for which element, never of order or packet size.

Philox4x64 (Salmon et al., SC 2011) turns a 128-bit key and a 256-bit counter into 256 random bits. The key names a
stream (``NoiseKey``); the counter names a place in it, most significant word first::

    word 3   message
    word 2   segment (2**64 - 1 is reserved for draws that a whole message shares)
    word 1   attempt (16 bits) | lane (8 bits) | block (40 bits)
    word 0   position in the draw

Two ways to draw, in separate lanes so that they never meet:

- ``generator``: a NumPy Generator for one block of ``BLOCK`` elements, for laws that consume an unknown number of words
  (ziggurat normals). A packet that covers part of a block takes its slice of the block's draw.
- ``words``: random words addressed by position (word 0 counts, block stays 0). Blocks lie side by side, so a run over
  many is one call, which is what makes bit noise fast: setting a Philox's state costs about 1 us and constructing one
  10 to 25 us, whereas a block of 4096 bytes at 1 GB/s leaves 4 us for everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emulator.channels.validation import require_integer

BLOCK = 4096
"""Elements for which noise is drawn at once: bytes of packed bits, indices, or complex symbols."""

MAX_ATTEMPT = 2**16 - 1
_MAX_WORD = 2**64 - 1
_WHOLE_MESSAGE = _MAX_WORD
_MAX_BLOCK = 2**40 - 1
_WORDS_PER_COUNTER = 4


class Lane(IntEnum):
    """Draws that one channel makes about the same element; each lane is a stream of its own."""

    NOISE = 0
    GAIN = 1
    POSITIONS = 2
    OVERFLOW = 3
    VALUES = 4
    MASK = 5
    PACKET_STATE = 6
    PACKET_LOSS = 7


@dataclass(frozen=True)
class NoiseKey:
    """Names a stream of noise. Streams whose names differ in any field are independent.

    purpose keeps apart the draws that one link makes about one packet ("payload", "erasure", "jitter").
    """

    seed: int
    link: str
    receiver: str
    session: str
    purpose: str

    def __post_init__(self) -> None:
        require_integer("seed", self.seed, 0, _MAX_WORD)

    def for_purpose(self, purpose: str) -> NoiseKey:
        """The same stream's name for another purpose."""
        return replace(self, purpose=purpose)

    @cached_property
    def philox_key(self) -> tuple[int, int]:
        """The Philox key, two 64-bit words: BLAKE2b-128 of the fields, each preceded by its length."""
        digest = hashlib.blake2b(digest_size=16)
        for field in (str(self.seed), self.link, self.receiver, self.session, self.purpose):
            encoded = field.encode()
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
        raw = digest.digest()
        return int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:], "little")


class BlockSlice(NamedTuple):
    """The part of one block that a run of elements covers."""

    block: int
    inside: slice
    """Where the part lies within the block."""
    run: slice
    """Where it lies within the run."""


def block_slices(offset: int, count: int, block_size: int = BLOCK) -> Iterator[BlockSlice]:
    """The blocks that elements [offset, offset + count) of a segment cover, in order."""
    end = offset + count
    for block in range(offset // block_size, -(-end // block_size) if count else 0):
        start, stop = max(offset, block * block_size), min(end, (block + 1) * block_size)
        base = block * block_size
        yield BlockSlice(block, slice(start - base, stop - base), slice(start - offset, stop - offset))


class SegmentNoise:
    """The noise of one segment on its way to one receiver: hands out draws by block and by position.

    Cheap to make, but made to be kept while a segment's packets pass: it owns one Philox whose counter is set for each
    draw, and remembers the last block of normals, so that small packets do not draw a block each. Not to be shared
    between threads; two threads that hold two of these with the same arguments get the same bits.
    """

    def __init__(self, key: NoiseKey, message: int, segment: int, attempt: int = 0) -> None:
        """message, segment: 64-bit identifiers. attempt: 0 for the first transmission, at most 65535."""
        self.key = key
        self.message = require_integer("message", message, 0, _MAX_WORD)
        self.segment = require_integer("segment", segment, 0, _MAX_WORD - 1)
        self.attempt = require_integer("attempt", attempt, 0, MAX_ATTEMPT)
        self._philox = np.random.Philox(0)
        self._generator = np.random.Generator(self._philox)
        self._remembered: tuple[int, NDArray[np.float32]] | None = None

    def generator(self, block: int, lane: Lane = Lane.NOISE) -> np.random.Generator:
        """The generator of one block, at its beginning. Valid until the next call of any method of this object."""
        require_integer("block", block, 0, _MAX_BLOCK)
        self._seek(0, lane, block, self.segment, self.attempt)
        return self._generator

    def words(self, lane: Lane, first: int, count: int) -> NDArray[np.uint64]:
        """Random 64-bit words [count] at positions first, first + 1, ... of a lane."""
        self._seek(first // _WORDS_PER_COUNTER, lane, 0, self.segment, self.attempt)
        skip = first % _WORDS_PER_COUNTER
        return self._philox.random_raw(skip + count)[skip:]

    def uniforms(self, lane: Lane, first: int, count: int) -> NDArray[np.float64]:
        """Uniform numbers [count] in [0, 1), 53 bits each, at positions first, first + 1, ... of a lane."""
        return unit_interval(self.words(lane, first, count))

    def message_uniforms(self, lane: Lane, count: int) -> NDArray[np.float64]:
        """Uniform numbers [count] in [0, 1) that all segments and attempts of the message share."""
        self._seek(0, lane, 0, _WHOLE_MESSAGE, 0)
        return unit_interval(self._philox.random_raw(count))

    def normals(self, block: int) -> NDArray[np.float32]:
        """Standard normals [2 * BLOCK] of a block, real and imaginary parts interleaved; read-only, remembered."""
        remembered = self._remembered
        if remembered is None or remembered[0] != block:
            drawn = self.generator(block).standard_normal(2 * BLOCK, dtype=np.float32)
            drawn.flags.writeable = False
            self._remembered = remembered = (block, drawn)
        return remembered[1]

    def _seek(self, position: int, lane: Lane, block: int, segment: int, attempt: int) -> None:
        low, high = self.key.philox_key
        counter = [position, attempt << 48 | lane << 40 | block, segment, self.message]
        # Any: NumPy's stub asks for arrays, but lists of Python integers are set four times faster.
        state: Any = {
            "bit_generator": "Philox",
            "state": {"counter": counter, "key": [low, high]},
            "buffer": [0, 0, 0, 0],
            "buffer_pos": 4,
            "has_uint32": 0,
            "uinteger": 0,
        }
        self._philox.state = state


def generator(key: NoiseKey, message: int, segment: int, block: int, attempt: int = 0) -> np.random.Generator:
    """The generator of one block, as ``SegmentNoise.generator`` gives it, but the caller's own to keep."""
    return SegmentNoise(key, message, segment, attempt).generator(block)


def packet_uniforms(
    key: NoiseKey, message: int, segment: int, first_packet: int, count: int, attempt: int = 0
) -> NDArray[np.float64]:
    """Uniform numbers [count] in [0, 1), one for each packet from first_packet on: for jitter and other decisions.

    Keyed by the packet's index, so it does not matter how many packets are asked for at once.
    """
    return SegmentNoise(key, message, segment, attempt).uniforms(Lane.PACKET_LOSS, first_packet, count)


def unit_interval(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Random words to uniform numbers in [0, 1): the top 53 bits, as NumPy's own Generator does."""
    return (words >> np.uint64(11)) * np.float64(2.0**-53)
