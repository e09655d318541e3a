"""The emulator's own bearers in process: what becomes of a message's segments on one radio link.

The noise is a function of seed, message and place, as over sockets (tools/split/sockets.py shows that both agree).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge.segment import Kind, Segment
from emulator.bearers.bearer import Group, GroupForm, MessageBearer
from emulator.bearers.unequal_protection import UnequalProtection
from emulator.channels.levels import geometric_bers
from emulator.channels.noise import NoiseKey, SegmentNoise
from tools.figures import over_bearers

Link = Callable[[Sequence[Segment], int, int], list[Segment]]
"""(segments, seed, message) -> the segments as received."""
Asked = Mapping[int, float]  # bit error rate that the source asks for, by level


def perfect(segments: Sequence[Segment], seed: int, message: int) -> list[Segment]:
    """Everything arrives as it is."""
    del seed, message
    return list(segments)


def learned(weights: Path, snr_db: float) -> Link:
    """h, AWGN and q. weights: their file."""
    from emulator.bearers.learned_mapper import LearnedBits, open_mapper

    return together(LearnedBits(open_mapper(str(weights)), snr_db, 0.1), {})


def unequal(symbols: int, snr_db: float, asked: Asked) -> Link:
    """LDPC and QAM by level, `symbols` channel uses a message."""
    return together(UnequalProtection(symbols, snr_db, 0.1), asked)


def analog(snr_db: float) -> Link:
    """Complex symbols over AWGN."""
    bearers = over_bearers.analog(snr_db)
    return lambda segments, seed, message: over_bearers.transmit(segments, bearers, seed, message)


def medium(asked: Asked) -> Link:
    """The multi-level medium that the source codec was trained over: a binary symmetric channel a level."""
    from emulator.channels.bsc import BSC

    channels = {level: BSC(ber) for level, ber in asked.items()}

    def carry(segments: Sequence[Segment], seed: int, message: int) -> list[Segment]:
        received = []
        for number, segment in enumerate(segments):
            draw = SegmentNoise(_key(seed), message, number)
            payload, _ = channels[segment.level].flip(np.packbits(segment.values.astype(np.uint8)), 0, draw)
            bits = np.unpackbits(payload, count=segment.values.size)
            received.append(replace(segment, values=bits.reshape(segment.values.shape)))
        return received

    return carry


def without(level: int, link: Link) -> Link:
    """The same link, but a level never arrives."""

    def carry(segments: Sequence[Segment], seed: int, message: int) -> list[Segment]:
        return [
            replace(one, present=np.zeros(one.values.shape, np.bool_)) if one.level == level else one
            for one in link(segments, seed, message)
        ]

    return carry


def asked_by(bers: Sequence[float]) -> Asked:
    """Level i asks for bers[i]."""
    return dict(enumerate(bers))


PAPERS_BERS = geometric_bers(10, 0.4, 0.001)  # eq. (17)


def together(bearer: MessageBearer, asked: Asked) -> Link:
    """A link whose BITS go through a bearer of whole messages. asked: for `unequal`."""

    def carry(segments: Sequence[Segment], seed: int, message: int) -> list[Segment]:
        groups = [
            Group(
                GroupForm(number, one.level, one.values.shape, asked.get(one.level)),
                np.ascontiguousarray(one.values.reshape(-1), np.uint8),
                np.ones(one.values.size, np.bool_),
            )
            for number, one in enumerate(segments)
            if one.kind is Kind.BITS
        ]
        bearer.check([group.form for group in groups])
        (carried,) = bearer.carry(groups, [lambda segment: SegmentNoise(_key(seed), message, segment)])
        return [
            replace(
                one,
                values=got.bits.reshape(one.values.shape),
                present=None if got.delivered.all() else got.delivered.reshape(one.values.shape),
            )
            for one, got in zip(segments, carried, strict=True)
        ]

    return carry


def _key(seed: int) -> NoiseKey:
    return NoiseKey(seed=seed, link="radio", receiver="device", session="split", purpose="payload")
