"""Carries complex symbols over noise, with or without block fading."""

from __future__ import annotations

import numpy as np

from emulator.bearers.bearer import Carried, Freight
from emulator.channels.awgn import AWGN
from emulator.channels.fading import Coherence, Rician
from emulator.channels.noise import SegmentNoise


class NoisySymbols:
    """Additive white Gaussian noise at a given Es/N0 for unit transmit power."""

    def __init__(self, snr_db: float) -> None:
        self._channel = AWGN(snr_db)

    def carry(self, freight: Freight, draw: SegmentNoise) -> Carried:
        received = self._channel(freight.payload.view(np.complex64), freight.offset, draw)
        return Carried(received.view(np.uint8))


class FadedSymbols:
    """Rician block fading (Rayleigh at k_factor 0) and noise; the receiver is told the gain that each packet met."""

    def __init__(self, k_factor: float, snr_db: float, coherence: Coherence) -> None:
        self._k_factor, self._snr_db, self._coherence = k_factor, snr_db, coherence
        self._channels: dict[int | None, Rician] = {}
        self._channel(8 if coherence == "packet" else None)  # a bad setting must fail here, not on the first packet

    def _channel(self, packet_elements: int | None) -> Rician:
        if packet_elements not in self._channels:
            self._channels[packet_elements] = Rician(self._k_factor, self._snr_db, self._coherence, packet_elements)
        return self._channels[packet_elements]

    def carry(self, freight: Freight, draw: SegmentNoise) -> Carried:
        channel = self._channel(freight.packet_elements if self._coherence == "packet" else None)
        received, gain = channel(freight.payload.view(np.complex64), freight.offset, draw)
        return Carried(received.view(np.uint8), gain[:: freight.packet_elements].copy())
