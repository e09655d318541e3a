"""The receiver against a stream that is only a list: what a new stream makes void, and whom it may answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from fake_emulator import Lookup, flow, load_codec, picture

from edge.node.agreement import Agreement
from edge.node.codec_thread import CodecThread
from edge.node.descriptions import to_proto
from edge.node.inbox import Inbox
from edge.node.receiver import Receiver
from edge.node.sessions import Role, SessionTable
from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.packets import message_head, packetize
from emulator.v1 import data_plane_pb2

SEGMENTS = [Segment(Kind.INDICES, picture(1).astype(np.uint16), alphabet=256)]
HEAD = packet_pb2.Frame(head=message_head("flow", 0, SEGMENTS))
RUNS = [packet_pb2.Frame(run=run) for run in packetize("flow", 0, SEGMENTS, 64, 1024)]
END = packet_pb2.Frame(end=packet_pb2.MessageEnd(session="flow", message_id=0))
ANNOUNCEMENT = data_plane_pb2.Announcement(
    session="flow", source="tx", destinations=["rx"], codec=to_proto(Lookup(0).describe())
)


class Node:
    """A receiver with its parts; `posted` is what it sent."""

    def __init__(self) -> None:
        self.posted: list[data_plane_pb2.AttachRequest] = []
        stream: Any = self
        thread = CodecThread()
        self.table = SessionTable("rx", Role.RX, thread, load_codec)
        self.agreement = Agreement("rx", self.table, stream)
        self.inbox = Inbox()
        self.receiver = Receiver("rx", stream, self.agreement, self.inbox, thread)

    def post(self, request: data_plane_pb2.AttachRequest) -> None:
        self.posted.append(request)

    def welcomed(self) -> None:
        self.agreement.welcomed()
        self.receiver.welcomed()

    async def take(self, *frames: packet_pb2.Frame) -> None:
        await self.receiver.received(packet_pb2.Batch(frames=frames))

    async def delivered(self, count: int) -> None:
        while len(self.inbox) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    def receipts(self) -> list[int]:
        return [r.receipt.message_id for r in self.posted if r.HasField("receipt")]


def with_node(test: Callable[[Node], Awaitable[None]]) -> None:
    async def scenario() -> None:
        node = Node()
        node.table.put(await node.table.prepare([flow()]))
        node.agreement.announced(ANNOUNCEMENT)
        assert node.posted[-1].answer.accepted
        running = asyncio.create_task(node.receiver.run())
        await test(node)
        node.receiver.stop()
        await running

    asyncio.run(scenario())


def test_what_began_on_an_old_stream_ends_only_after_a_new_head() -> None:
    async def test(node: Node) -> None:
        await node.take(HEAD, *RUNS[:1])
        node.welcomed()
        node.agreement.announced(ANNOUNCEMENT)
        await node.take(*RUNS[1:], END)
        await asyncio.sleep(0.05)
        assert len(node.inbox) == 0
        await node.take(HEAD, *RUNS, END)
        await node.delivered(1)
        assert node.inbox.receipt(("flow", 0)).status == packet_pb2.RECEIPT_STATUS_COMPLETE  # type: ignore[union-attr]

    with_node(test)


def test_a_receipt_waits_for_the_session_to_be_announced_on_the_new_stream() -> None:
    async def test(node: Node) -> None:
        await node.take(HEAD, *RUNS, END)
        node.welcomed()  # before the decoder is done
        await node.delivered(1)
        await asyncio.sleep(0)
        assert node.receipts() == []
        node.agreement.announced(ANNOUNCEMENT)
        await node.take(HEAD, *RUNS, END)
        assert node.receipts() == [0]

    with_node(test)


def test_frames_come_in_any_order_and_more_than_once() -> None:
    async def test(node: Node) -> None:
        await node.take(HEAD, *reversed(RUNS), *RUNS, END, END)
        await node.delivered(1)
        await asyncio.sleep(0.05)
        assert node.receipts() == [0]

    with_node(test)


def test_a_message_that_comes_again_while_it_is_being_decoded_is_answered_once() -> None:
    async def test(node: Node) -> None:
        await node.take(HEAD, *RUNS, END, HEAD, *RUNS, END)
        await node.delivered(1)
        await asyncio.sleep(0.05)
        assert node.receipts() == [0]

    with_node(test)


def test_a_session_whose_codec_was_replaced_here_fails_messages_of_the_old_one() -> None:
    async def test(node: Node) -> None:
        (session,) = await node.table.prepare([flow(shift="9")])
        node.table.put([session])
        node.agreement.opened(session)
        assert len([r for r in node.posted if r.HasField("answer")]) == 1  # the source is about to announce anew
        await node.take(HEAD, *RUNS, END)
        await node.delivered(1)
        receipt = node.inbox.receipt(("flow", 0))
        assert receipt is not None
        assert receipt.status == packet_pb2.RECEIPT_STATUS_FAILED
        assert "rx has lookup(shift=9)" in receipt.reason
        assert "tx has lookup(shift=0)" in receipt.reason

    with_node(test)


def test_what_comes_before_its_session_is_announced_on_a_new_stream_is_left_to_be_sent_again() -> None:
    """It was on its way to the stream before, which is no reason to answer that it cannot be decoded."""

    async def test(node: Node) -> None:
        node.welcomed()
        await node.take(HEAD, *RUNS, END)
        await asyncio.sleep(0.02)
        assert (len(node.inbox), node.receipts()) == (0, [])
        node.agreement.announced(ANNOUNCEMENT)
        await node.take(HEAD, *RUNS, END)
        await node.delivered(1)
        receipt = node.inbox.receipt(("flow", 0))
        assert receipt is not None
        assert receipt.status == packet_pb2.RECEIPT_STATUS_COMPLETE

    with_node(test)
