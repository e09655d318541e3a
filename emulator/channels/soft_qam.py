"""Square QAM with soft decisions: bits to symbols, and symbols to log-likelihood ratios."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from emulator.channels.qam import require_order
from emulator.channels.validation import require_vector


class SoftQAM:
    """Gray-labelled square QAM of unit average power whose strongest label bits carry the first coded bits.

    n coded bits fill n / m symbols row by row: the first n / m are the real sign of each symbol, the next the imaginary
    sign, then the bits inside (the interleaver of 3GPP TS 38.212, section 5.4.2.2, which protects information better
    than parity).
    """

    def __init__(self, order: int, noise_power: float) -> None:
        """order: 4, 16, 64 or 256. noise_power: N0 at unit symbol power, > 0."""
        self.order = require_order(order)
        self.bits_per_symbol = order.bit_length() - 1
        self.noise_power = noise_power
        side = math.isqrt(order)
        index = np.arange(side)
        amplitude = np.empty(side)
        amplitude[index ^ index >> 1] = (2 * index - (side - 1)) * math.sqrt(1.5 / (order - 1))
        self._amplitude_of_label = amplitude.astype(np.float32)
        self._axis_bits = self.bits_per_symbol // 2
        place = np.arange(self._axis_bits - 1, -1, -1)
        self._label_bits = (np.arange(side)[:, None] >> place & 1).astype(bool)  # [label, bit], most significant first

    def modulate(self, bits: NDArray[np.bool_]) -> NDArray[np.complex64]:
        """bits: bool [n], n a multiple of m. Returns complex64 [n / m]."""
        require_vector("bits", bits, np.bool_)
        rows = bits.reshape(self.bits_per_symbol, -1)
        label = np.zeros((2, rows.shape[1]), np.intp)
        for bit in range(self._axis_bits):
            label = label << 1 | rows[2 * bit : 2 * bit + 2]
        axes = self._amplitude_of_label[label]
        return np.ascontiguousarray(axes.T).view(np.complex64)[:, 0]

    def log_likelihood_ratios(self, symbols: NDArray[np.complex64]) -> NDArray[np.float32]:
        """symbols: complex64 [s]. Returns log P(0) / P(1) of each coded bit [m s], exact (log-sum-exp, not max-log)."""
        require_vector("symbols", symbols, np.complex64)
        axes = symbols.view(np.float32).reshape(-1, 2).T  # [2, s]
        distance = axes[None] - self._amplitude_of_label[:, None, None]  # [label, 2, s]
        metric = distance * distance * np.float32(-1.0 / self.noise_power)
        ratios = np.empty((self._axis_bits, *axes.shape), np.float32)
        for bit, ones in enumerate(self._label_bits.T):
            ratios[bit] = _log_sum(metric[~ones]) - _log_sum(metric[ones])
        return ratios.reshape(-1)


def _log_sum(metric: NDArray[np.float32]) -> NDArray[np.float32]:
    top = metric.max(axis=0)
    return np.asarray(top + np.log(np.exp(metric - top).sum(axis=0)), np.float32)
