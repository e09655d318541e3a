"""What a bearer does: takes consecutive packets of one segment, gives them back as the receiver gets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edge.segment import Kind
from emulator.channels.noise import SegmentNoise


@dataclass(frozen=True, slots=True)
class Freight:
    """Consecutive packets of a segment.

    offset, count: elements; packet_elements: elements in a packet (the last may be shorter). payload: the elements,
    packed (edge.wire.packing). level: their reliability level; ber: its bit error rate on the link at hand.
    segment_elements: elements of the whole segment; 0 where the segment ends with these packets.
    """

    kind: Kind
    alphabet: int
    offset: int
    count: int
    packet_elements: int
    payload: NDArray[np.uint8]
    ber: float
    level: int = 0
    segment_elements: int = 0

    @property
    def packets(self) -> int:
        return -(-self.count // self.packet_elements)


@dataclass(frozen=True, slots=True)
class Carried:
    """What arrived: the payload, each packet's complex channel gain [packets] where the channel fades, how many bits
    were altered where the channel knows it, and which packets [packets] the receiver cannot use, where it can tell."""

    payload: NDArray[np.uint8]
    gains: NDArray[np.complex64] | None = None
    bit_errors: int | None = None
    lost: NDArray[np.bool_] | None = None


class Bearer(Protocol):
    """One way to carry a kind of segment."""

    def carry(self, freight: Freight, draw: SegmentNoise) -> Carried:
        """A pure function of the freight and of the place in the segment that `draw` is keyed by."""
        ...


@runtime_checkable
class Modulator(Protocol):
    """A bearer that makes complex symbols of bits, and so takes channel uses."""

    def channel_uses(self, freight: Freight) -> NDArray[np.int64]:
        """Complex symbols that each packet takes [packets]."""
        ...
