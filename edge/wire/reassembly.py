"""Packets to segments: tolerates loss, reordering, duplicates and lateness; bounds what it holds.

A message ends when its MessageEnd comes, which the emulator sends after the last packet that will arrive. Whatever is
missing then stays marked as missing: that is a fact for the codec, not an error.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.segment import MAX_ALPHABET, Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.integrity import WireError, check_header, payload_crcs
from edge.wire.packets import FROM_PROTO
from edge.wire.packing import bits_on_wire, packed_size, unpack

MAX_SEGMENTS = 256
MAX_DIMENSIONS = 8
MAX_MESSAGE_BYTES = 256 * 1024 * 1024
MAX_OPEN_MESSAGES = 64


@dataclass(frozen=True)
class SegmentLayout:
    """A segment's head, checked. withheld: nothing of it will come, as was agreed."""

    kind: Kind
    level: int
    alphabet: int
    shape: tuple[int, ...]
    withheld: bool = False

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        return packed_size(self.kind, self.alphabet, self.elements)

    @property
    def is_symbols(self) -> bool:
        return self.kind is Kind.SYMBOLS

    def packed_size(self, count: int) -> int:
        return packed_size(self.kind, self.alphabet, count)

    def bits(self, count: int) -> int:
        """Bits that `count` elements take on the wire."""
        return bits_on_wire(self.kind, self.alphabet) * count


def segment_layout(head: packet_pb2.SegmentHead) -> SegmentLayout:
    """Checks a segment's head. Raises WireError."""
    kind = FROM_PROTO.get(head.kind)
    if kind is None:
        raise WireError(f"segment head: kind {head.kind} is not known; send BITS, INDICES, SYMBOLS or OPAQUE")
    if kind is Kind.INDICES and not 2 <= head.alphabet <= MAX_ALPHABET:
        raise WireError(f"segment head: alphabet must be in [2, {MAX_ALPHABET}], got {head.alphabet}")
    if head.level > 255 or len(head.shape) > MAX_DIMENSIONS:
        raise WireError(f"segment head: level must be at most 255 and dimensions at most {MAX_DIMENSIONS}")
    return SegmentLayout(kind, head.level, head.alphabet or 2, tuple(head.shape), head.withheld)


def message_layout(head: packet_pb2.MessageHead, max_message_bytes: int = MAX_MESSAGE_BYTES) -> list[SegmentLayout]:
    """Checks a message's head. Raises WireError when it announces more than max_message_bytes."""
    if len(head.segments) > MAX_SEGMENTS:
        raise WireError(f"message {head.message_id}: {len(head.segments)} segments are more than {MAX_SEGMENTS}")
    layouts = [segment_layout(s) for s in head.segments]
    size = sum(layout.size_bytes for layout in layouts if not layout.withheld)
    if size > max_message_bytes:
        raise WireError(f"message {head.message_id} announces {size} bytes, more than {max_message_bytes}; send less")
    return layouts


def check_run(run: packet_pb2.PacketRun, payload: bytes, layouts: list[SegmentLayout]) -> SegmentLayout:
    """Checks a run against its message's head, and gives its segment's layout. Raises WireError.

    payload: the run's, which callers read once: protobuf copies a bytes field each time it is read.
    """
    check_header(run)
    where = f"packet of session '{run.session}' message {run.message_id}"
    if run.segment >= len(layouts):
        raise WireError(f"{where}: segment {run.segment} was not announced ({len(layouts)} were)")
    layout = layouts[run.segment]
    if layout.withheld:
        raise WireError(f"{where}: segment {run.segment} was withheld, because this end does not take its level")
    if run.packet_elements < 8 or run.packet_elements % 8:
        raise WireError(f"{where}: packet_elements must be a multiple of 8, got {run.packet_elements}")
    if run.offset % run.packet_elements or run.count < 1 or run.offset + run.count > layout.elements:
        raise WireError(f"{where}: elements {run.offset} to {run.offset + run.count} do not fit {layout.elements}")
    if len(payload) != layout.packed_size(run.count):
        raise WireError(f"{where}: payload is {len(payload)} bytes, {layout.packed_size(run.count)} expected")
    return layout


@dataclass(frozen=True)
class ReceivedMessage:
    """A message as it arrived.

    segments: without those that were withheld. complete: every packet of them came in time. late_packets: came after
    the deadline and were left out. corrupt_packets: OPAQUE packets whose CRC did not match, left out too. purpose: as
    the head said, a picture where it said nothing.
    refines, offer: as in MessageHead; offer is None where there was none.
    """

    session: str
    message_id: int
    segments: list[Segment]
    complete: bool
    late_packets: int
    corrupt_packets: int
    transit: packet_pb2.Transit
    purpose: packet_pb2.MessagePurpose = packet_pb2.MESSAGE_PURPOSE_PICTURE
    refines: int = 0
    offer: packet_pb2.RefinementOffer | None = None


class _Partial:
    """One segment being put together."""

    def __init__(self, layout: SegmentLayout) -> None:
        self.layout = layout
        self.buffer = bytearray(0 if layout.withheld else layout.size_bytes)
        self.packet_elements = 0
        self.present: NDArray[np.bool_] = np.zeros(0, bool)
        self.gains: NDArray[np.complex64] | None = None

    def place(self, run: packet_pb2.PacketRun, payload: bytes, usable: NDArray[np.bool_]) -> None:
        """Copies the usable packets of a run that are not there yet."""
        if run.packet_elements != self.packet_elements:  # the sender was replaced and cuts otherwise: begin again
            self.packet_elements = run.packet_elements
            self.present = np.zeros(-(-self.layout.elements // run.packet_elements), bool)
        first = run.offset // run.packet_elements
        fresh = usable & ~self.present[first : first + usable.size]
        size = self.layout.packed_size(run.packet_elements)
        base = first * size
        if fresh.all():
            self.buffer[base : base + len(payload)] = payload
        else:
            for i in np.flatnonzero(fresh):
                part = payload[i * size : (i + 1) * size]
                self.buffer[base + i * size : base + i * size + len(part)] = part
        self.present[first : first + usable.size] |= fresh
        if run.gains:
            if self.gains is None:
                self.gains = np.ones(self.present.size, np.complex64)
            self.gains[first : first + usable.size][fresh] = np.frombuffer(run.gains, "<c8")[fresh]

    def finish(self) -> Segment:
        layout = self.layout
        values = unpack(layout.kind, layout.alphabet, self.buffer, layout.elements)
        mask = None
        if layout.elements and not (self.present.size and self.present.all()):
            mask = np.zeros(layout.elements, bool)
            if self.present.size:
                mask = np.repeat(self.present, self.packet_elements)[: layout.elements]
            values[~mask] = 0
        csi = None if self.gains is None else np.repeat(self.gains, self.packet_elements)[: layout.elements]
        return Segment(
            layout.kind,
            values.reshape(layout.shape),
            layout.level,
            layout.alphabet,
            None if mask is None else mask.reshape(layout.shape),
            None if csi is None else csi.reshape(layout.shape),
        )


class _Open:
    """One message being put together."""

    def __init__(self, head: packet_pb2.MessageHead, layouts: list[SegmentLayout]) -> None:
        self.head = head
        self.layouts = layouts
        self.parts = [_Partial(layout) for layout in layouts]
        self.late = 0
        self.corrupt = 0

    def usable(self, run: packet_pb2.PacketRun, payload: bytes, layout: SegmentLayout) -> NDArray[np.bool_]:
        """Which packets of a run came in time and intact; counts the others."""
        packets = -(-run.count // run.packet_elements)
        good = np.ones(packets, bool)
        if run.arrivals_ns and self.head.deadline_ns:
            arrivals = np.frombuffer(run.arrivals_ns, "<i8")
            if arrivals.size != packets:
                raise WireError(f"message {run.message_id}: {arrivals.size} arrival times for {packets} packets")
            good &= arrivals <= self.head.offered_ns + self.head.deadline_ns
            self.late += int(packets - np.count_nonzero(good))
        if layout.kind is Kind.OPAQUE:
            intact = np.array(payload_crcs(payload, run.packet_elements)) == np.array(run.payload_crcs)
            if intact.shape != (packets,):
                raise WireError(f"message {run.message_id}: {len(run.payload_crcs)} payload CRCs for {packets} packets")
            self.corrupt += int(np.count_nonzero(good & ~intact))
            good &= intact
        if run.gains and len(run.gains) != 8 * packets:
            raise WireError(f"message {run.message_id}: {len(run.gains)} bytes of gains for {packets} packets")
        return good


class Reassembler:
    """Puts the messages of one receiver together."""

    def __init__(self, max_message_bytes: int = MAX_MESSAGE_BYTES, max_open_messages: int = MAX_OPEN_MESSAGES) -> None:
        self.max_message_bytes = max_message_bytes
        self.max_open_messages = max_open_messages
        self._open: OrderedDict[tuple[str, int], _Open] = OrderedDict()

    @property
    def open_messages(self) -> int:
        return len(self._open)

    def head(self, head: packet_pb2.MessageHead) -> None:
        """Opens a message. A second head of the same message continues it. The oldest message gives way when too many
        are open: its sender is gone, or it would have been ended."""
        key = (head.session, head.message_id)
        layouts = message_layout(head, self.max_message_bytes)
        held = self._open.get(key)
        if held is None or held.layouts != layouts or held.head.purpose != head.purpose:
            self._open[key] = _Open(head, layouts)
        while len(self._open) > self.max_open_messages:
            self._open.popitem(last=False)

    def run(self, run: packet_pb2.PacketRun) -> None:
        """Takes packets. Raises WireError when they cannot belong to the message."""
        message = self._open.get((run.session, run.message_id))
        if message is None:
            raise WireError(f"packet of session '{run.session}' message {run.message_id}: the message has no head")
        payload = run.payload
        layout = check_run(run, payload, message.layouts)
        message.parts[run.segment].place(run, payload, message.usable(run, payload, layout))

    def end(self, end: packet_pb2.MessageEnd) -> ReceivedMessage | None:
        """Closes a message and gives what arrived of it; None when it is not open (a duplicate end)."""
        message = self._open.pop((end.session, end.message_id), None)
        if message is None:
            return None
        segments = [part.finish() for part in message.parts if not part.layout.withheld]
        return ReceivedMessage(
            end.session,
            end.message_id,
            segments,
            all(s.present is None for s in segments),
            message.late,
            message.corrupt,
            end.transit,
            message.head.purpose or packet_pb2.MESSAGE_PURPOSE_PICTURE,
            message.head.refines,
            message.head.offer if message.head.HasField("offer") else None,
        )
