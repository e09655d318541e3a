"""What a bearer does: takes consecutive packets of one segment, gives them back as the receiver gets them.

Some bearers need more than a packet at a time: a `MessageBearer` takes all BITS of a message at once, for which its
link collects them (emulator.collection).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edge.segment import Kind
from emulator.channels.noise import SegmentNoise
from emulator.v1 import control_pb2


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


# -- whole messages ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskedLevel:
    """What a source announced of one reliability level: the bit error rate that it was made for, its share of a
    message's bits."""

    ber: float
    share: float


@dataclass(frozen=True, slots=True)
class GroupForm:
    """What is known of one segment of BITS from its message's head: its place in the message, level, shape, and the
    bit error rate that the source announced for the level; None where it announced none."""

    segment: int
    level: int
    shape: tuple[int, ...]
    asked_ber: float | None = None

    @property
    def size_bits(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Group:
    """One segment of BITS as it reached a link. bits: [n], each 0 or 1, 0 where nothing came; present: [n]."""

    form: GroupForm
    bits: NDArray[np.uint8]
    present: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CarriedGroup:
    """One segment of BITS as a receiver gets it. bits: [n], each 0 or 1; delivered: [n], False where nothing comes."""

    bits: NDArray[np.uint8]
    delivered: NDArray[np.bool_]


Draws = Callable[[int], SegmentNoise]
"""The noise of each of a message's segments on its way to one receiver."""


class MessageBearer(Protocol):
    """One way to carry all BITS of a message together."""

    @property
    def collect_s(self) -> float:
        """Model time that its link waits for a message's packets after the first arrived."""
        ...

    def objection(self, asked: Sequence[AskedLevel]) -> str:
        """Why it cannot serve a session whose source announced these levels, naming both; empty where it can."""
        ...

    def check(self, forms: Sequence[GroupForm]) -> None:
        """Raises ValueError, one sentence, when it cannot carry such a message."""
        ...

    def channel_uses(self, forms: Sequence[GroupForm]) -> list[int]:
        """Complex symbols that each group of such a message takes."""
        ...

    def carry(self, groups: Sequence[Group], receivers: Sequence[Draws]) -> list[list[CarriedGroup]]:
        """What each receiver gets of each group: a pure function of groups and noise."""
        ...

    def describe(self) -> control_pb2.LinkBearer:
        """What it holds and chose; the link's name is filled in by the caller."""
        ...
