"""Array elements to the bytes that cross the wire, and back.

BITS eight to a byte, INDICES at ceil(log2 K) bits without padding between them (both most significant bit first),
SYMBOLS as little-endian float32 pairs, OPAQUE as they are. Eight elements of any kind fill whole bytes, so a slice
that begins at a multiple of eight elements begins on a byte boundary.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.segment import Kind

SYMBOL_BYTES = 8


def bits_on_wire(kind: Kind, alphabet: int) -> int:
    """Bits that one element takes in a payload."""
    if kind is Kind.BITS:
        return 1
    if kind is Kind.INDICES:
        return (alphabet - 1).bit_length()
    return 8 * SYMBOL_BYTES if kind is Kind.SYMBOLS else 8


def packed_size(kind: Kind, alphabet: int, count: int) -> int:
    """Bytes of `count` elements that begin on a byte boundary."""
    return (bits_on_wire(kind, alphabet) * count + 7) // 8


def pack(kind: Kind, alphabet: int, values: NDArray[np.generic]) -> bytes:
    """Flattened values to bytes. Raises ValueError when an index is not below the alphabet, or a bit not 0 or 1."""
    flat = values.reshape(-1)
    if kind is Kind.BITS:
        if flat.size and int(flat.max()) > 1:
            raise ValueError(f"BITS segment: every value must be 0 or 1, got {int(flat.max())}")
        return np.packbits(flat.astype(np.uint8, copy=False)).tobytes()
    if kind is Kind.INDICES:
        if flat.size and int(flat.max()) >= alphabet:
            raise ValueError(
                f"INDICES segment: every value must be below the alphabet {alphabet}, got {int(flat.max())}"
            )
        return pack_indices(flat.astype(np.uint16), (alphabet - 1).bit_length())
    if kind is Kind.SYMBOLS:
        return flat.astype("<c8").tobytes()
    return flat.tobytes()


def unpack(kind: Kind, alphabet: int, payload: bytes | bytearray | memoryview, count: int) -> NDArray[np.generic]:
    """Bytes to [count] values. Indices may exceed the alphabet when K is no power of two and bits were in error."""
    raw = np.frombuffer(payload, np.uint8)
    if kind is Kind.BITS:
        return np.unpackbits(raw, count=count)
    if kind is Kind.INDICES:
        return unpack_indices(raw, (alphabet - 1).bit_length(), count)
    if kind is Kind.SYMBOLS:
        return raw.view("<c8")[:count].astype(np.complex64)
    return raw[:count].copy()


# Eight indices of w bits are 8w bits: whole bytes. For w <= 8 they fit one 64-bit word; for larger w the first four and
# the last four are joined into a number of 8w bits, whose upper 64 bits and lower 8 (w - 8) bits are written apart.


def pack_indices(indices: NDArray[np.uint16], width: int) -> bytes:
    """[n] values below 2**width to ceil(n * width / 8) bytes."""
    groups = np.zeros((-(-indices.size // 8), 8), np.uint64)
    groups.reshape(-1)[: indices.size] = indices
    first, last = _join(groups[:, :4], width), _join(groups[:, 4:], width)
    packed = np.empty((len(groups), width), np.uint8)
    if width <= 8:
        packed[:] = _low_bytes(first << np.uint64(4 * width) | last, width)
    else:
        upper = first << np.uint64(64 - 4 * width) | last >> np.uint64(8 * width - 64)
        packed[:, :8] = _low_bytes(upper, 8)
        packed[:, 8:] = _low_bytes(last, width - 8)
    return packed.tobytes()[: (indices.size * width + 7) // 8]


def unpack_indices(packed: NDArray[np.uint8], width: int, count: int) -> NDArray[np.uint16]:
    """The inverse of pack_indices."""
    rows = np.zeros((-(-count // 8), width), np.uint8)
    used = (count * width + 7) // 8
    rows.reshape(-1)[:used] = packed[:used]
    half = np.uint64((1 << 4 * width) - 1)
    if width <= 8:
        word = _from_bytes(rows)
        first, last = word >> np.uint64(4 * width), word & half
    else:
        upper, rest = _from_bytes(rows[:, :8]), _from_bytes(rows[:, 8:])
        first = upper >> np.uint64(64 - 4 * width)
        last = (upper << np.uint64(8 * width - 64) | rest) & half
    groups = np.empty((len(rows), 8), np.uint16)
    mask = np.uint64((1 << width) - 1)
    for place in range(4):
        shift = np.uint64(width * (3 - place))
        groups[:, place] = first >> shift & mask
        groups[:, 4 + place] = last >> shift & mask
    return groups.reshape(-1)[:count]


def _join(four: NDArray[np.uint64], width: int) -> NDArray[np.uint64]:
    """[n, 4] values of `width` bits to [n] numbers of 4 * width bits, the first value uppermost."""
    joined: NDArray[np.uint64] = four[:, 0].copy()
    for place in range(1, 4):
        joined <<= np.uint64(width)
        joined |= four[:, place]
    return joined


def _low_bytes(words: NDArray[np.uint64], count: int) -> NDArray[np.uint8]:
    """The lowest `count` bytes of each word, most significant first: [n, count]."""
    return words.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - count :]


def _from_bytes(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """[n, k <= 8] bytes, most significant first, to [n] words."""
    whole = np.zeros((len(rows), 8), np.uint8)
    whole[:, 8 - rows.shape[1] :] = rows
    return whole.view(">u8").reshape(-1).astype(np.uint64)
