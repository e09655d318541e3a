"""Additive white Gaussian noise on complex symbols.

It does not measure or normalise power: that is the sender's duty.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from emulator.channels.noise import BLOCK, SegmentNoise, block_slices
from emulator.channels.validation import require_snr_db, require_vector


class AWGN:
    """y = x + n with n ~ CN(0, N0): variance N0 per complex symbol, N0 / 2 per real dimension.

    SNR is Es/N0 for symbols of average power 1, so N0 = 10 ** (-snr_db / 10).
    """

    def __init__(self, snr_db: float) -> None:
        """snr_db: Es/N0 in dB; inf for no noise."""
        self.snr_db = require_snr_db("snr_db", snr_db)
        self.noise_power = 10.0 ** (-self.snr_db / 10.0)

    @classmethod
    def from_noise_power(cls, noise_power: float) -> AWGN:
        """noise_power: N0, variance per complex symbol where symbols have average power 1; >= 0."""
        if not 0.0 <= noise_power < math.inf:
            raise ValueError(
                f"noise_power: must be finite and >= 0, got {noise_power!r}; give N0 for unit symbol power"
            )
        channel = cls(-10.0 * math.log10(noise_power) if noise_power else math.inf)
        channel.noise_power = float(noise_power)  # without the rounding of a trip through dB
        return channel

    def __call__(self, symbols: NDArray[np.complex64], offset: int, draw: SegmentNoise) -> NDArray[np.complex64]:
        """symbols: complex64 [n], the segment's symbols from ``offset`` on. Returns noisy symbols, complex64 [n]."""
        require_vector("symbols", symbols, np.complex64)
        if self.noise_power == 0.0:
            return symbols.copy()
        received = np.empty_like(symbols)
        reals = received.view(np.float32)
        for part in block_slices(offset, symbols.size):
            target = reals[2 * part.run.start : 2 * part.run.stop]
            if target.size == 2 * BLOCK:
                draw.generator(part.block).standard_normal(dtype=np.float32, out=target)
            else:
                target[:] = draw.normals(part.block)[2 * part.inside.start : 2 * part.inside.stop]
        reals *= np.float32(math.sqrt(self.noise_power / 2.0))
        received += symbols
        return received
