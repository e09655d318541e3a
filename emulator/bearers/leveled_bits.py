"""Carries bits with the error rate of their reliability level (Split DeepJSCC, eq. 6)."""

from __future__ import annotations

from edge.wire.packing import packed_size
from emulator.bearers.bearer import Carried, Freight
from emulator.channels.bsc import BSC
from emulator.channels.noise import SegmentNoise


class LeveledBits:
    """A binary symmetric channel a level. INDICES meet it in the bits that they are packed in."""

    def __init__(self) -> None:
        self._channels: dict[float, BSC] = {}

    def carry(self, freight: Freight, draw: SegmentNoise) -> Carried:
        if freight.ber == 0:
            return Carried(freight.payload)
        channel = self._channels.get(freight.ber)
        if channel is None:
            channel = self._channels[freight.ber] = BSC(freight.ber)
        offset_bytes = packed_size(freight.kind, freight.alphabet, freight.offset)
        received, flipped = channel.flip(freight.payload, offset_bytes, draw)
        return Carried(received, bit_errors=flipped)
