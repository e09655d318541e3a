"""What the wire refuses, and how it says so."""

from __future__ import annotations

import numpy as np
import pytest

from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.integrity import WireError, header_crc
from edge.wire.packets import message_head, packetize
from edge.wire.reassembly import Reassembler

PART = Segment(Kind.OPAQUE, np.arange(3000, dtype=np.uint16).astype(np.uint8))


def opened() -> tuple[Reassembler, packet_pb2.PacketRun]:
    reassembler = Reassembler()
    reassembler.head(message_head("s", 1, [PART]))
    (run,) = packetize("s", 1, [PART])
    return reassembler, run


@pytest.mark.parametrize("field", ["message_id", "segment", "level", "offset", "count", "packet_elements"])
def test_an_altered_header_is_refused(field: str) -> None:
    _, run = opened()
    reassembler = Reassembler()
    setattr(run, field, getattr(run, field) + 1)
    reassembler.head(message_head("s", run.message_id, [PART]))
    with pytest.raises(WireError, match="header CRC does not match"):
        reassembler.run(run)


def test_a_corrupt_opaque_packet_is_missing_and_counted() -> None:
    reassembler, run = opened()
    run.payload = bytes([run.payload[0] ^ 1]) + run.payload[1:]
    reassembler.run(run)
    message = reassembler.end(packet_pb2.MessageEnd(session="s", message_id=1))
    assert message is not None
    assert message.corrupt_packets == 1
    assert message.segments[0].present is not None
    assert message.segments[0].present.sum() == 3000 - 1024


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"segment": 3}, "was not announced"),
        ({"offset": 2048}, "do not fit"),
        ({"offset": 7}, "do not fit"),
        ({"packet_elements": 12}, "multiple of 8"),
        ({"payload": b"short"}, "payload is 5 bytes"),
    ],
)
def test_a_run_that_does_not_fit_its_message_is_refused(change: dict[str, object], sentence: str) -> None:
    reassembler, run = opened()
    for key, value in change.items():
        setattr(run, key, value)
    run.header_crc = header_crc(run)
    with pytest.raises(WireError, match=sentence):
        reassembler.run(run)


def test_a_run_without_a_head_is_refused() -> None:
    _, run = opened()
    with pytest.raises(WireError, match="has no head"):
        Reassembler().run(run)


def test_an_oversize_message_is_refused_before_memory_is_taken() -> None:
    head = message_head("s", 1, [PART])
    head.segments[0].shape[:] = [1 << 20, 1 << 20]
    with pytest.raises(WireError, match="announces"):
        Reassembler().head(head)


def test_an_unknown_kind_and_a_bad_alphabet_are_refused() -> None:
    head = message_head("s", 1, [PART])
    head.segments[0].kind = packet_pb2.SEGMENT_KIND_UNSPECIFIED
    with pytest.raises(WireError, match="kind 0 is not known"):
        Reassembler().head(head)
    head.segments[0].kind = packet_pb2.SEGMENT_KIND_INDICES
    with pytest.raises(WireError, match="alphabet must be in"):
        Reassembler().head(head)


def test_the_oldest_message_gives_way_when_too_many_are_open() -> None:
    reassembler = Reassembler(max_open_messages=2)
    for number in range(3):
        reassembler.head(message_head("s", number, [PART]))
    assert reassembler.open_messages == 2
    assert reassembler.end(packet_pb2.MessageEnd(session="s", message_id=0)) is None


def test_values_that_the_kind_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or 1"):
        list(packetize("s", 1, [Segment(Kind.BITS, np.array([2], np.uint8))]))
    with pytest.raises(ValueError, match="below the alphabet"):
        list(packetize("s", 1, [Segment(Kind.INDICES, np.array([5], np.uint16), alphabet=5)]))
    with pytest.raises(ValueError, match="packet_bytes"):
        list(packetize("s", 1, [PART], packet_bytes=0))
