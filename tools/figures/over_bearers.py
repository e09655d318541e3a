"""Between the two halves of a codec in one process: segments through the emulator's own bearers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edge.segment import Kind, Segment
from edge.wire import packing
from emulator.bearers.analog_symbols import NoisySymbols
from emulator.bearers.bearer import Bearer, Freight
from emulator.bearers.ideal import Ideal
from emulator.channels.noise import NoiseKey, SegmentNoise

Bearers = Mapping[Kind, Bearer]
IDEAL = Ideal()
PACKET_ELEMENTS = 8  # of a packet: so small that a failed block costs little more than its own bytes


def analog(snr_db: float | None) -> Bearers:
    """Symbols over AWGN at this Es/N0 (over a perfect link when None); everything else arrives as it is."""
    return {} if snr_db is None else {Kind.SYMBOLS: NoisySymbols(snr_db)}


def transmit(segments: Sequence[Segment], bearers: Bearers, seed: int, message: int) -> list[Segment]:
    """Each segment through the bearer of its kind (perfectly where none is given), as the emulator does: the noise is
    a function of seed, message and the segment's number alone."""
    return [_carried(segment, bearers, seed, message, number) for number, segment in enumerate(segments)]


def _carried(segment: Segment, bearers: Bearers, seed: int, message: int, number: int) -> Segment:
    bearer = bearers.get(segment.kind, IDEAL)
    if bearer is IDEAL:
        return segment
    count = int(segment.values.size)
    payload = np.frombuffer(packing.pack(segment.kind, segment.alphabet, segment.values), np.uint8)
    freight = Freight(
        segment.kind,
        segment.alphabet,
        0,
        count,
        PACKET_ELEMENTS,
        payload,
        0.0,
        level=segment.level,
        segment_elements=count,
    )
    key = NoiseKey(seed=seed, link="ftsc", receiver="rx", session="ftsc", purpose="payload")
    carried = bearer.carry(freight, SegmentNoise(key, message, number))
    values = packing.unpack(segment.kind, segment.alphabet, carried.payload.tobytes(), count)
    present = None
    if carried.lost is not None and carried.lost.any():
        present = ~carried.lost.repeat(PACKET_ELEMENTS)[:count]
        values = np.where(present, values, np.zeros(1, values.dtype))
        present = present.reshape(segment.values.shape)
    return replace(segment, values=values.reshape(segment.values.shape), present=present)
