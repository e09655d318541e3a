"""Carries bits as uncoded square QAM over AWGN with hard decisions, which gives them their true bit error rate."""

from __future__ import annotations

import numpy as np

from edge.wire.packing import packed_size
from emulator.bearers.bearer import Carried, Freight
from emulator.channels.noise import SegmentNoise
from emulator.channels.qam import UncodedQAM


class QamBits:
    """BITS, and INDICES by the bits that they are packed in, over a Gray-mapped constellation of `order` points.

    Where six-bit symbols do not end with a run of packets, the symbol at the seam is sent with both, padded with zeros.
    """

    def __init__(self, order: int, es_n0_db: float) -> None:
        self._channel = UncodedQAM(order, es_n0_db)

    def carry(self, freight: Freight, draw: SegmentNoise) -> Carried:
        offset_bytes = packed_size(freight.kind, freight.alphabet, freight.offset)
        ahead = offset_bytes % self._channel.bytes_per_group
        if ahead == 0:
            return Carried(self._channel(freight.payload, offset_bytes, draw))
        padded = np.concatenate([np.zeros(ahead, np.uint8), freight.payload])
        return Carried(self._channel(padded, offset_bytes - ahead, draw)[ahead:])
