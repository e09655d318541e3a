"""Rician and Rayleigh block fading: one complex gain for a message or for a packet, then AWGN.

The gain is reported beside the received symbols, since a receiver is assumed to estimate it (perfect CSI); nothing is
equalised here. Noise follows the transmitted power, never the faded power: a deep fade is an outage.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emulator.channels.awgn import AWGN
from emulator.channels.noise import Lane, SegmentNoise
from emulator.channels.validation import require_integer, require_vector

Coherence = Literal["message", "packet"]

_UNIFORMS_PER_GAIN = 2
_MAX_PACKET_ELEMENTS = 2**32


class Faded(NamedTuple):
    """What the receiver sees, and what it is told."""

    symbols: NDArray[np.complex64]
    """h x + n, complex64 [n]."""
    gain: NDArray[np.complex64]
    """h of every symbol, complex64 [n]; constant over a coherence block. May be read-only."""


class Rician:
    """y = h x + n, h = sqrt(K / (K + 1)) + sqrt(1 / (K + 1)) g, g ~ CN(0, 1), so E|h|^2 = 1; n ~ CN(0, N0).

    The line-of-sight part has phase zero. SNR is the average one, Es/N0 of the transmitted symbols.
    With coherence "message" all segments and retransmissions of a message share h; with "packet" every run of
    ``packet_elements`` symbols of a segment has its own, drawn anew for a retransmission.
    """

    def __init__(
        self, k_factor: float, snr_db: float, coherence: Coherence = "message", packet_elements: int | None = None
    ) -> None:
        """k_factor: power of the line-of-sight part over that of the scattered part, linear, >= 0 and finite.

        snr_db: mean Es/N0 in dB. packet_elements: symbols in a packet, given if and only if coherence is "packet".
        """
        if not 0.0 <= k_factor < math.inf:
            raise ValueError(f"k_factor: must be finite and >= 0 (linear, not dB), got {k_factor!r}")
        if coherence not in ("message", "packet"):
            raise ValueError(f'coherence: must be "message" or "packet", got {coherence!r}')
        if coherence == "message" and packet_elements is not None:
            raise ValueError('packet_elements: has no meaning with coherence "message"; leave it out')
        if coherence == "packet":
            if packet_elements is None:
                raise ValueError('packet_elements: missing; coherence "packet" needs the symbols in a packet')
            require_integer("packet_elements", packet_elements, 1, _MAX_PACKET_ELEMENTS)
        self.k_factor = float(k_factor)
        self.coherence = coherence
        self.packet_elements = packet_elements
        self._awgn = AWGN(snr_db)
        self.snr_db = self._awgn.snr_db

    def __call__(self, symbols: NDArray[np.complex64], offset: int, draw: SegmentNoise) -> Faded:
        """symbols: complex64 [n], the segment's symbols from ``offset`` on, of unit average power."""
        require_vector("symbols", symbols, np.complex64)
        gain = self.gain(offset, symbols.size, draw)
        return Faded(self._awgn(symbols * gain, offset, draw), gain)

    def gain(self, offset: int, count: int, draw: SegmentNoise) -> NDArray[np.complex64]:
        """h of the symbols [offset, offset + count) of a segment, complex64 [count]."""
        if self.packet_elements is None:
            return np.broadcast_to(self._gains(draw.message_uniforms(Lane.GAIN, _UNIFORMS_PER_GAIN)), (count,))
        first = offset // self.packet_elements
        packets = -(-(offset + count) // self.packet_elements) - first
        uniforms = draw.uniforms(Lane.GAIN, first * _UNIFORMS_PER_GAIN, packets * _UNIFORMS_PER_GAIN)
        repeated = np.repeat(self._gains(uniforms), self.packet_elements)
        return repeated[offset - first * self.packet_elements :][:count]

    def _gains(self, uniforms: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Pairs of uniforms to gains: Box and Muller's transform gives g with E|g|^2 = 1."""
        radius_uniform, angle_uniform = uniforms.reshape(-1, _UNIFORMS_PER_GAIN).T
        scattered = np.sqrt(-np.log1p(-radius_uniform)) * np.exp(2j * np.pi * angle_uniform)
        line_of_sight = math.sqrt(self.k_factor / (self.k_factor + 1.0))
        gains: NDArray[np.complex64] = (line_of_sight + math.sqrt(1.0 / (self.k_factor + 1.0)) * scattered).astype(
            np.complex64
        )
        return gains


class Rayleigh(Rician):
    """Rician fading without a line of sight (K = 0): |h|^2 is exponential with mean 1, so outage below a gain g0 has
    probability 1 - exp(-g0)."""

    def __init__(self, snr_db: float, coherence: Coherence = "message", packet_elements: int | None = None) -> None:
        """As for Rician."""
        super().__init__(0.0, snr_db, coherence, packet_elements)
