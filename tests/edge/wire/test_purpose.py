"""What a message is for travels in its head; an old head means a picture."""

from __future__ import annotations

import numpy as np
import pytest

from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.packets import message_head, packetize
from edge.wire.reassembly import Reassembler, ReceivedMessage

SEGMENTS = [Segment(Kind.OPAQUE, np.arange(10, dtype=np.uint8))]
PURPOSES = [packet_pb2.MessagePurpose.Value(f"MESSAGE_PURPOSE_{n}") for n in ("PICTURE", "LESSON", "ROUND", "FINISH")]


def through(head: packet_pb2.MessageHead) -> ReceivedMessage:
    reassembler = Reassembler()
    reassembler.head(head)
    for run in packetize("s", 1, SEGMENTS):
        reassembler.run(run)
    message = reassembler.end(packet_pb2.MessageEnd(session="s", message_id=1))
    assert message is not None
    return message


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_purpose_arrives(purpose: packet_pb2.MessagePurpose) -> None:
    assert through(message_head("s", 1, SEGMENTS, purpose=purpose)).purpose == purpose


def test_a_head_that_says_nothing_is_a_pictures() -> None:
    head = message_head("s", 1, SEGMENTS)
    assert head.purpose == packet_pb2.MESSAGE_PURPOSE_PICTURE
    head.ClearField("purpose")
    assert through(head).purpose == packet_pb2.MESSAGE_PURPOSE_PICTURE
