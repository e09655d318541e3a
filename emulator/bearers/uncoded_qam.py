"""Carries bits as uncoded square QAM over AWGN with hard decisions, which gives them their true bit error rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.wire.packing import bits_on_wire, packed_size
from emulator.bearers.bearer import Carried, Freight
from emulator.channels.noise import SegmentNoise
from emulator.channels.qam import UncodedQAM


class QamBits:
    """BITS, and INDICES by the bits that they are packed in, over a Gray-mapped constellation of `order` points.

    Where six-bit symbols do not end with a run of packets, the symbol at the seam is sent with both, padded with zeros.
    """

    def __init__(self, order: int, es_n0_db: float) -> None:
        self._channel = UncodedQAM(order, es_n0_db)

    def channel_uses(self, freight: Freight) -> NDArray[np.int64]:
        """Symbols that each packet takes [packets]; a symbol that two packets share counts with the first."""
        width, per_symbol = bits_on_wire(freight.kind, freight.alphabet), self._channel.order.bit_length() - 1
        edges = freight.offset + np.minimum(np.arange(freight.packets + 1) * freight.packet_elements, freight.count)
        return np.diff(-(-edges * width // per_symbol))

    def carry(self, freight: Freight, draw: SegmentNoise) -> Carried:
        offset_bytes = packed_size(freight.kind, freight.alphabet, freight.offset)
        ahead = offset_bytes % self._channel.bytes_per_group
        if ahead == 0:
            return Carried(self._channel(freight.payload, offset_bytes, draw))
        padded = np.concatenate([np.zeros(ahead, np.uint8), freight.payload])
        return Carried(self._channel(padded, offset_bytes - ahead, draw)[ahead:])
