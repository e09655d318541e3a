"""Carries indices over a K-ary symmetric channel (SLF, eq. 2)."""

from __future__ import annotations

import numpy as np

from edge.segment import Kind
from edge.wire.packing import pack, unpack
from emulator.bearers.bearer import Carried, Freight
from emulator.channels.dmc import KaryDMC
from emulator.channels.noise import SegmentNoise


class IndexChannel:
    """Each index is kept, or replaced by one of the other K - 1 with equal probability. K is the segment's own."""

    def __init__(self, crossover_probability: float) -> None:
        self.crossover_probability = crossover_probability
        self._channels: dict[int, KaryDMC] = {}

    def carry(self, freight: Freight, draw: SegmentNoise) -> Carried:
        if self.crossover_probability == 0:
            return Carried(freight.payload)
        channel = self._channels.get(freight.alphabet)
        if channel is None:
            channel = self._channels[freight.alphabet] = KaryDMC(freight.alphabet, self.crossover_probability)
        sent = unpack(Kind.INDICES, freight.alphabet, freight.payload.data, freight.count).astype(np.uint16, copy=False)
        # bit errors on an earlier link may have made an index that no codebook has, when K is no power of two
        received = channel(np.minimum(sent, np.uint16(freight.alphabet - 1)), freight.offset, draw)
        return Carried(np.frombuffer(pack(Kind.INDICES, freight.alphabet, received), np.uint8).copy())
