"""Two index maps as one entropy-coded string of bytes, and back (option `entropy=prior` of VQ-VAE-2).

The bytes: height and width of the top map (LEB128 each, at least 1 byte), CRC-16 of the top map, CRC-16 of the bottom
map (little-endian), then the words of one range coder (`constriction`), little-endian. All of it crosses the network
and is counted. Probabilities come from exact_prior.py.

A wrong bit ruins all that follows, so the bytes are to be carried where they arrive intact or not at all (OPAQUE). What
was coded before the first hole is still decoded; the rest is marked as missing. When a check value does not match (the
two ends did not compute the same probabilities, or the bytes are not ours), a map counts as missing: never an error.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import constriction
import numpy as np
from numpy.typing import NDArray

from edge.codecs.exact_prior import ExactPrior
from edge.codecs.index_prior import REACH, SLOPE, WINDOW, earlier_positions, padded
from edge.images import MAX_PIXELS

CHECKS = struct.Struct("<HH")
WORD_BITS = 32
LOOK_AHEAD_BITS = 64  # what a range decoder's state holds: symbols this close to a hole may depend on it
CHUNK = 1024  # positions whose probabilities are in memory together when encoding
VARINT_BYTES = 3  # a side is below 2^21

Indices = NDArray[np.uint16]
Frequencies = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]  # of rows y and columns x


@dataclass(frozen=True, eq=False)
class IndexMap:
    """A map as received: indices [h, w], and which of them are known (zero where not)."""

    indices: Indices
    present: NDArray[np.bool_]


class IndexCoder:
    """Packs and unpacks the maps of one picture. Holds no state between pictures."""

    def __init__(self, prior: ExactPrior) -> None:
        self.prior = prior
        self.entries = prior.shape.entries
        self.times = prior.shape.top_scale
        self.offsets = np.array(earlier_positions()[: prior.shape.neighbours])
        self.window = np.array(WINDOW)
        self.family = constriction.stream.model.Categorical(perfect=False)

    def pack(self, top: Indices, bottom: Indices) -> NDArray[np.uint8]:
        """top [h, w], bottom [th, tw] (t: top scale), indices in [0, K) -> bytes."""
        encoder = constriction.stream.queue.RangeEncoder()
        top_padded, bottom_padded = padded(top, self.entries), padded(bottom, self.entries)
        for indices, frequencies in (
            (top, self._top(top_padded)),
            (bottom, self._bottom(top_padded, bottom_padded)),
        ):
            order = np.concatenate(list(wavefronts(*indices.shape)))
            for start in range(0, len(order), CHUNK):
                y, x = order[start : start + CHUNK].T
                encoder.encode(indices[y, x].astype(np.int32), self.family, frequencies(y, x))
        words = encoder.get_compressed().astype("<u4").tobytes()
        head = _varint(top.shape[0]) + _varint(top.shape[1]) + CHECKS.pack(_check(top), _check(bottom))
        return np.frombuffer(head + words, np.uint8)

    def unpack(
        self, data: NDArray[np.uint8], present: NDArray[np.bool_] | None, otherwise: tuple[int, int]
    ) -> tuple[IndexMap, IndexMap]:
        """Bytes as received, and which of them arrived (None: all) -> top and bottom map.

        otherwise: size of the top map when the bytes do not say it.
        """
        arrived = len(data) if present is None or present.all() else int(np.argmin(present))
        whole = arrived == len(data)
        try:
            size, rest = _size(data[:arrived].tobytes(), self.times)
            checks = CHECKS.unpack_from(rest)
        except (ValueError, struct.error):
            return self._missing(otherwise), self._missing(self._bottom_size(otherwise))
        words = np.frombuffer(rest, "<u4", (len(rest) - CHECKS.size) // 4, CHECKS.size).astype(np.uint32)
        stream = _Stream(words, whole, self.family)
        top_padded = np.full([side + 2 * REACH for side in size], self.entries, np.int64)
        top = self._read(stream, size, top_padded, self._top(top_padded), checks[0])
        bottom_size = self._bottom_size(size)
        if not top.present.all():
            return top, self._missing(bottom_size)
        bottom_padded = np.full([side + 2 * REACH for side in bottom_size], self.entries, np.int64)
        frequencies = self._bottom(top_padded, bottom_padded)
        return top, self._read(stream, bottom_size, bottom_padded, frequencies, checks[1])

    def _read(
        self,
        stream: _Stream,
        size: tuple[int, int],
        known: NDArray[np.int64],
        frequencies: Frequencies,
        check: int,
    ) -> IndexMap:
        """Decodes a map into `known` (padded), as far as it can be trusted."""
        present = np.zeros(size, np.bool_)
        for positions in wavefronts(*size):
            y, x = positions.T
            symbols = stream.read(frequencies(y, x))
            if symbols is None:
                break
            known[y + REACH, x + REACH] = symbols
            present[y, x] = True
        indices = np.where(present, known[REACH:-REACH, REACH:-REACH], 0).astype(np.uint16)
        if present.all() and _check(indices) != check:
            return self._missing(size)
        return IndexMap(indices, present)

    def _top(self, known: NDArray[np.int64]) -> Frequencies:
        return lambda y, x: self.prior.top_frequencies(_around(known, y, x, self.offsets))

    def _bottom(self, top: NDArray[np.int64], known: NDArray[np.int64]) -> Frequencies:
        def frequencies(y: NDArray[np.int64], x: NDArray[np.int64]) -> NDArray[np.float32]:
            above = _around(top, y // self.times, x // self.times, self.window)
            phase = np.stack([y % self.times, x % self.times], axis=1)
            return self.prior.bottom_frequencies(_around(known, y, x, self.offsets), above, phase)

        return frequencies

    def _bottom_size(self, size: tuple[int, int]) -> tuple[int, int]:
        return self.times * size[0], self.times * size[1]

    def _missing(self, size: tuple[int, int]) -> IndexMap:
        return IndexMap(np.zeros(size, np.uint16), np.zeros(size, np.bool_))


class _Stream:
    """A range decoder that knows when what it says can no longer be trusted."""

    def __init__(self, words: NDArray[np.uint32], whole: bool, family: object) -> None:
        self.decoder, self.family = constriction.stream.queue.RangeDecoder(words), family
        margin = LOOK_AHEAD_BITS if whole else -LOOK_AHEAD_BITS
        self.left_bits = float(len(words) * WORD_BITS + margin)  # a sound stream that is whole never uses them up

    def read(self, frequencies: NDArray[np.float32]) -> NDArray[np.int64] | None:
        """frequencies [n, K] -> n indices; None when the stream has no more to say."""
        try:
            symbols: NDArray[np.int64] = self.decoder.decode(self.family, frequencies).astype(np.int64)
        except AssertionError:  # constriction's word for data that no encoder can have written
            return None
        chosen = frequencies[np.arange(len(symbols)), symbols]
        self.left_bits -= float(np.log2(frequencies.sum(axis=1) / chosen).sum())
        return symbols if self.left_bits >= 0 else None


def wavefronts(height: int, width: int) -> Iterator[NDArray[np.int64]]:
    """The positions (y, x) of a map, [n, 2] each time: none of them is an earlier position of another of the same n."""
    for step in range(width + SLOPE * (height - 1)):
        first = max(0, -(-(step - width + 1) // SLOPE))
        y = np.arange(first, min(height - 1, step // SLOPE) + 1)
        if len(y):
            yield np.stack([y, step - SLOPE * y], axis=1)


def _around(
    known: NDArray[np.int64], y: NDArray[np.int64], x: NDArray[np.int64], offsets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """What a padded map holds at the offsets [m, 2] from n positions -> [n, m]."""
    found: NDArray[np.int64] = known[y[:, None] + (REACH + offsets[:, 0]), x[:, None] + (REACH + offsets[:, 1])]
    return found


def _check(indices: Indices) -> int:
    return binascii.crc_hqx(indices.astype("<u2").tobytes(), 0)


def _varint(number: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _size(data: bytes, times: int) -> tuple[tuple[int, int], bytes]:
    """The top map's height and width, and the bytes behind them. Raises ValueError when there is no usable size."""
    sides = []
    for _ in range(2):
        length = next((n + 1 for n, byte in enumerate(data[:VARINT_BYTES]) if byte < 0x80), 0)
        if not length:
            raise ValueError("size: cut short")
        sides.append(sum((byte & 0x7F) << 7 * n for n, byte in enumerate(data[:length])))
        data = data[length:]
    if min(sides) < 1 or sides[0] * sides[1] * times * times > MAX_PIXELS // 4:  # a position is at least 2x2 pixels
        raise ValueError("size: not one of a picture")
    return (sides[0], sides[1]), data
