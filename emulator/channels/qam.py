"""Uncoded square QAM with Gray labels and hard decisions: what bits really meet on AWGN, and its closed form."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from emulator.channels.awgn import AWGN
from emulator.channels.noise import SegmentNoise
from emulator.channels.validation import require_vector

ORDERS = (4, 16, 64, 256)


def require_order(order: int) -> int:
    """Returns order; ValueError unless it is a square constellation of 4, 16, 64 or 256 points."""
    if order not in ORDERS:
        raise ValueError(f"order: must be one of {', '.join(map(str, ORDERS))}, got {order!r}")
    return order


def gray_qam_ber(order: int, es_n0_db: float) -> float:
    """Exact bit error rate of Gray-labelled square QAM on AWGN with hard decisions.

    Cho and Yoon, "On the general BER expression of one- and two-dimensional amplitude modulations", IEEE Trans. Commun.
    50(7), 2002, eq. (14), (16); written in Es/N0 (dB, complex symbol), as log2(order) Eb/N0 = Es/N0.
    """
    side = math.isqrt(require_order(order))
    digits = side.bit_length() - 1
    argument = math.sqrt(1.5 * 10.0 ** (es_n0_db / 10.0) / (order - 1))
    total = 0.0
    for k in range(1, digits + 1):
        for j in range(side - (side >> k)):
            sign = -1.0 if (j << (k - 1)) // side % 2 else 1.0
            weight = 2 ** (k - 1) - math.floor((j << (k - 1)) / side + 0.5)
            total += sign * weight * math.erfc((2 * j + 1) * argument)
    return total / (side * digits)


class GrayQAM:
    """Square QAM of unit average power.

    Of a symbol's m bits the first half labels the real axis, the rest the imaginary one.
    Amplitudes are (2 i - (L - 1)) d for i = 0 .. L - 1, L = sqrt(order), labelled with the Gray code i ^ (i >> 1).
    Symbols take their bits in order from the packed bytes, most significant first.
    """

    def __init__(self, order: int) -> None:
        """order: 4, 16, 64 or 256."""
        self.order = require_order(order)
        self.bits_per_symbol = order.bit_length() - 1
        self.bytes_per_group = math.lcm(8, self.bits_per_symbol) // 8
        self.symbols_per_group = 8 * self.bytes_per_group // self.bits_per_symbol
        self._side = math.isqrt(order)
        self._half_step = math.sqrt(1.5 / (order - 1))
        index = np.arange(self._side)
        amplitude_of_label = np.empty(self._side)
        amplitude_of_label[index ^ index >> 1] = (2 * index - (self._side - 1)) * self._half_step
        labels = np.arange(order)
        real, imaginary = labels >> self.bits_per_symbol // 2, labels & self._side - 1
        points = amplitude_of_label[real] + 1j * amplitude_of_label[imaginary]
        self._points: NDArray[np.complex64] = points.astype(np.complex64)

    def modulate(self, packed: NDArray[np.uint8]) -> NDArray[np.complex64]:
        """packed: uint8 [n], for 64-QAM padded with zeros to a multiple of 3 bytes. Returns complex64 symbols."""
        require_vector("packed", packed, np.uint8)
        groups = -(-packed.size // self.bytes_per_group)
        padded = np.zeros((groups, self.bytes_per_group), dtype=np.uint8)
        padded.reshape(-1)[: packed.size] = packed
        together = np.zeros(groups, dtype=np.uint32)
        for column in padded.T:
            together = together << np.uint32(8) | column
        symbols = np.empty((groups, self.symbols_per_group), dtype=np.complex64)
        for place, shift in enumerate(self._shifts()):
            symbols[:, place] = self._points[together >> shift & np.uint32(self.order - 1)]
        return symbols.reshape(-1)

    def demodulate(self, symbols: NDArray[np.complex64], size_bytes: int) -> NDArray[np.uint8]:
        """symbols: as many as ``modulate`` gives for size_bytes bytes. Returns decided bits, uint8 [size_bytes]."""
        require_vector("symbols", symbols, np.complex64)
        groups = -(-size_bytes // self.bytes_per_group)
        if symbols.size != groups * self.symbols_per_group:
            raise ValueError(
                f"symbols: {size_bytes} bytes take {groups * self.symbols_per_group} symbols, got {symbols.size}"
            )
        axes = symbols.view(np.float32) * np.float32(0.5 / self._half_step)
        axes += np.float32((self._side - 1) / 2)
        np.clip(np.rint(axes, out=axes), 0, self._side - 1, out=axes)
        index = axes.astype(np.uint8)
        axis_labels = (index ^ index >> np.uint8(1)).reshape(groups, 2 * self.symbols_per_group)
        together = np.zeros(groups, dtype=np.uint32)
        for column in axis_labels.T:
            together = together << np.uint32(self.bits_per_symbol // 2) | column
        packed = np.empty((groups, self.bytes_per_group), dtype=np.uint8)
        for place in range(self.bytes_per_group):
            packed[:, place] = together >> np.uint32(8 * (self.bytes_per_group - 1 - place)) & np.uint32(0xFF)
        return packed.reshape(-1)[:size_bytes]

    def _shifts(self) -> NDArray[np.uint32]:
        """How far to the left each symbol of a group sits in the group's bits."""
        return np.arange(self.symbols_per_group - 1, -1, -1, dtype=np.uint32) * np.uint32(self.bits_per_symbol)


class UncodedQAM:
    """Packed bits through QAM, AWGN and hard decisions: errors cluster on the weak bits of a label, as on a radio.

    A symbol must not straddle packets: cut segments at multiples of ``bytes_per_group`` (3 for 64-QAM, else 1).
    """

    def __init__(self, order: int, snr_db: float) -> None:
        """order: 4, 16, 64 or 256. snr_db: Es/N0 in dB."""
        self._qam = GrayQAM(order)
        self._awgn = AWGN(snr_db)
        self.order = self._qam.order
        self.snr_db = self._awgn.snr_db
        self.bytes_per_group = self._qam.bytes_per_group

    @property
    def ber(self) -> float:
        """Exact bit error rate for uniform bits."""
        return gray_qam_ber(self.order, self.snr_db)

    def __call__(self, packed: NDArray[np.uint8], offset: int, draw: SegmentNoise) -> NDArray[np.uint8]:
        """packed: uint8 [n], the segment's bytes from byte ``offset`` on. Returns the decided bits, uint8 [n]."""
        if offset % self.bytes_per_group:
            raise ValueError(
                f"offset: must be a multiple of {self.bytes_per_group} bytes for {self.order}-QAM, got {offset}; "
                "cut packets there"
            )
        first_symbol = offset // self.bytes_per_group * self._qam.symbols_per_group
        received = self._awgn(self._qam.modulate(packed), first_symbol, draw)
        return self._qam.demodulate(received, packed.size)
