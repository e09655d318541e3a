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


def pack_indices(indices: NDArray[np.uint16], width: int) -> bytes:
    """[n] values below 2**width to ceil(n * width / 8) bytes."""
    planes = np.unpackbits(indices.astype(">u2").view(np.uint8).reshape(-1, 2), axis=1)
    return np.packbits(planes[:, 16 - width :].reshape(-1)).tobytes()


def unpack_indices(packed: NDArray[np.uint8], width: int, count: int) -> NDArray[np.uint16]:
    """The inverse of pack_indices."""
    planes = np.zeros((count, 16), np.uint8)
    planes[:, 16 - width :] = np.unpackbits(packed, count=count * width).reshape(count, width)
    return np.packbits(planes, axis=1).view(">u2").reshape(-1).astype(np.uint16)
