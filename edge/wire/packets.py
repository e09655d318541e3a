"""Segments to packets.

    segment   |-------------------------- elements --------------------------|
    packets   |----|----|----|----|----|----|----|----|----|----|----|----|--|   packet_elements each, but for the last
    runs      |-------------------|-------------------|-------------------|--|   what shares one header in one Frame

The number of elements in a packet is a power of two, so that packets end where the emulator's noise blocks end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.integrity import header_crc, payload_crcs
from edge.wire.packing import bits_on_wire, pack, packed_size

PACKET_BYTES = 1024
RUN_BYTES = 248 * 1024  # a batch of 256 KiB, less what surrounds it: the emulator works run by run

TO_PROTO = {
    Kind.BITS: packet_pb2.SEGMENT_KIND_BITS,
    Kind.INDICES: packet_pb2.SEGMENT_KIND_INDICES,
    Kind.SYMBOLS: packet_pb2.SEGMENT_KIND_SYMBOLS,
    Kind.OPAQUE: packet_pb2.SEGMENT_KIND_OPAQUE,
}
FROM_PROTO = {value: kind for kind, value in TO_PROTO.items()}


def packet_elements(kind: Kind, alphabet: int, packet_bytes: int) -> int:
    """Elements in a packet of at most packet_bytes: a power of two, at least 8."""
    if packet_bytes < 1:
        raise ValueError(f"packet_bytes: must be at least 1, got {packet_bytes}")
    fitting = max(8, packet_bytes * 8 // bits_on_wire(kind, alphabet))
    return 1 << (fitting.bit_length() - 1)


def message_head(
    session: str,
    message_id: int,
    segments: Sequence[Segment],
    offered_ns: int = 0,
    deadline_ns: int = 0,
    purpose: packet_pb2.MessagePurpose = packet_pb2.MESSAGE_PURPOSE_PICTURE,
    destinations: Sequence[str] = (),
) -> packet_pb2.MessageHead:
    """The head that announces these segments. destinations: those it is for; all of the session's without."""
    return packet_pb2.MessageHead(
        session=session,
        message_id=message_id,
        offered_ns=offered_ns,
        deadline_ns=deadline_ns,
        purpose=purpose,
        destinations=destinations,
        segments=[
            packet_pb2.SegmentHead(
                kind=TO_PROTO[s.kind],
                level=s.level,
                alphabet=s.alphabet if s.kind is Kind.INDICES else 0,
                shape=list(s.values.shape),
            )
            for s in segments
        ],
    )


def packetize(
    session: str,
    message_id: int,
    segments: Sequence[Segment],
    packet_bytes: int = PACKET_BYTES,
    run_bytes: int = RUN_BYTES,
) -> Iterator[packet_pb2.PacketRun]:
    """The packets of a message, in runs whose payload is at most run_bytes (but one packet at least)."""
    for index, segment in enumerate(segments):
        payload = pack(segment.kind, segment.alphabet, segment.values)
        elements = packet_elements(segment.kind, segment.alphabet, packet_bytes)
        size = packed_size(segment.kind, segment.alphabet, elements)
        a_run = max(1, run_bytes // size) * elements
        total = int(segment.values.size)
        for offset in range(0, total, a_run):
            count = min(a_run, total - offset)
            start = packed_size(segment.kind, segment.alphabet, offset)
            part = payload[start : start + packed_size(segment.kind, segment.alphabet, count)]
            run = packet_pb2.PacketRun(
                session=session,
                message_id=message_id,
                segment=index,
                level=segment.level,
                offset=offset,
                count=count,
                packet_elements=elements,
                payload=part,
                payload_crcs=payload_crcs(part, size) if segment.kind is Kind.OPAQUE else [],
            )
            run.header_crc = header_crc(run)
            yield run
