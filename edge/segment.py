"""A segment: the unit that a codec hands to the network, an array with a kind and a reliability level.

Codecs make and read segments; `edge.wire` moves them. Neither needs to know the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray


class Kind(Enum):
    """What the elements of a segment are, and hence how a channel may treat them."""

    BITS = "bits"  # uint8, each 0 or 1; 1 bit on the air each
    INDICES = "indices"  # uint16 in [0, alphabet); ceil(log2 alphabet) bits each
    SYMBOLS = "symbols"  # complex64 baseband samples, unit average power per message; one channel use each
    OPAQUE = "opaque"  # uint8 bytes that must arrive intact: parameters, original images


DTYPES = {Kind.BITS: np.uint8, Kind.INDICES: np.uint16, Kind.SYMBOLS: np.complex64, Kind.OPAQUE: np.uint8}
MAX_ALPHABET = 1 << 16


@dataclass(frozen=True, eq=False)
class Segment:
    """One array on its way.

    values: any shape, C order, dtype as DTYPES says for the kind. level: reliability level asked of the network, an
    index into the link's list. alphabet: K of INDICES, ignored otherwise. present: after transport, a boolean array of
    the same shape, False where nothing arrived (values are zero there); None when everything arrived. csi: after
    transport over a fading channel, the complex gain each symbol met, same shape; else None.
    """

    kind: Kind
    values: NDArray[np.generic]
    level: int = 0
    alphabet: int = 2
    present: NDArray[np.bool_] | None = None
    csi: NDArray[np.complex64] | None = None

    def __post_init__(self) -> None:
        if self.values.dtype != DTYPES[self.kind]:
            raise ValueError(
                f"segment of {self.kind.value}: values must be {DTYPES[self.kind].__name__}, got {self.values.dtype}"
            )
        if not 0 <= self.level < 256:
            raise ValueError(f"segment level: must be in [0, 255], got {self.level}")
        if self.kind is Kind.INDICES and not 2 <= self.alphabet <= MAX_ALPHABET:
            raise ValueError(f"segment alphabet: must be in [2, {MAX_ALPHABET}], got {self.alphabet}")

    @property
    def bits_per_element(self) -> int:
        """Bits that one element costs on a bit-carrying link; 0 for SYMBOLS, which cost channel uses instead."""
        return {Kind.BITS: 1, Kind.INDICES: (self.alphabet - 1).bit_length(), Kind.SYMBOLS: 0, Kind.OPAQUE: 8}[
            self.kind
        ]

    @property
    def size_bits(self) -> int:
        """Bits on the air; 0 for SYMBOLS."""
        return self.bits_per_element * int(self.values.size)

    @property
    def channel_uses(self) -> int:
        """Complex symbols on the air; 0 for anything but SYMBOLS."""
        return int(self.values.size) if self.kind is Kind.SYMBOLS else 0
