"""One flow against a stream that is only a list: credit, rounds, receipts, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from edge.codecs.contract import CodecDescription
from edge.node.attachment import DetachedError
from edge.node.flow import Cutting, Event, Flow, Outgoing, Refused
from edge.node.sessions import Session
from edge.segment import Kind, Segment
from edge.v1 import node_pb2, packet_pb2
from emulator.v1 import data_plane_pb2

SIZE_BYTES = 1000
COMPLETE = packet_pb2.RECEIPT_STATUS_COMPLETE


class Stream:
    """What a flow sees of an attachment. It has room while `open` is set."""

    def __init__(self) -> None:
        self.attached = True
        self.open = asyncio.Event()
        self.open.set()
        self.posted: list[data_plane_pb2.AttachRequest] = []

    async def room(self) -> None:
        await self.open.wait()

    def post(self, request: data_plane_pb2.AttachRequest) -> None:
        if not self.attached:
            raise DetachedError
        self.posted.append(request)

    def steps(self) -> list[str]:
        """What was posted, frame by frame: announcement, head 0, run 0, end 0."""
        found = []
        for request in self.posted:
            if request.HasField("announcement"):
                found.append("announcement")
            for frame in request.batch.frames:
                kind = frame.WhichOneof("frame")
                found.append(f"{kind} {getattr(frame, kind).message_id}")
        return found

    def payload_bytes(self) -> int:
        return sum(len(f.run.payload) for r in self.posted for f in r.batch.frames)


def with_flow(
    test: Callable[[Flow, Stream, list[Event]], Awaitable[None]], destinations: tuple[str, ...] = ("rx",)
) -> None:
    async def scenario() -> None:
        stream: Any = Stream()
        session: Any = Session("s", "tx", destinations, None, CodecDescription("none"))  # type: ignore[arg-type]
        flow = Flow(session, stream, Cutting(packet_bytes=100, run_bytes=400))
        running = asyncio.create_task(flow.run())
        events: list[Event] = []
        flow.welcomed(1 << 20)
        await test(flow, stream, events)
        running.cancel()

    asyncio.run(scenario())


def message(number: int, events: list[Event]) -> Outgoing:
    return Outgoing(number, [Segment(Kind.OPAQUE, np.zeros(SIZE_BYTES, np.uint8))], 0.5, events.append)


def answer(destination: str = "rx", accepted: bool = True) -> data_plane_pb2.Answer:
    return data_plane_pb2.Answer(session="s", destination=destination, accepted=accepted, reason="because")


def receipt(number: int, destination: str = "rx") -> packet_pb2.Receipt:
    return packet_pb2.Receipt(session="s", message_id=number, destination=destination, status=COMPLETE)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_nothing_is_sent_before_every_destination_accepts_and_credit_comes() -> None:
    async def test(flow: Flow, stream: Stream, events: list[Event]) -> None:
        flow.offer(message(0, events))
        flow.credited(10_000)
        flow.answered(answer("a"))
        flow.answered(answer("stranger"))
        await settle()
        assert stream.steps() == ["announcement"]
        flow.answered(answer("b"))
        await settle()
        assert stream.steps() == ["announcement", "head 0", "run 0", "run 0", "run 0", "end 0"]

    with_flow(test, ("a", "b"))


def test_no_more_payload_than_credit_leaves() -> None:
    async def test(flow: Flow, stream: Stream, events: list[Event]) -> None:
        flow.answered(answer())
        flow.credited(2400)
        for number in range(3):
            flow.offer(message(number, events))
        await settle()
        assert 2400 - 400 < stream.payload_bytes() <= 2400
        assert [e.message_id for e in events if isinstance(e, node_pb2.MessageSent)] == []
        flow.credited(600)
        await settle()
        assert stream.payload_bytes() == 3000
        assert stream.steps()[-1] == "end 2"
        assert [e.message_id for e in events if isinstance(e, node_pb2.MessageSent)] == [0, 1, 2]

    with_flow(test)


def test_a_new_round_voids_credit_and_sends_from_the_head_what_lacks_receipts() -> None:
    async def test(flow: Flow, stream: Stream, events: list[Event]) -> None:
        flow.answered(answer())
        flow.credited(10_000)
        flow.offer(message(0, events))
        flow.offer(message(1, events))
        await settle()
        flow.receipted(receipt(0))
        stream.posted.clear()
        flow.begin_round()
        flow.answered(answer())
        await settle()
        assert stream.payload_bytes() == 0
        flow.credited(10_000)
        await settle()
        assert stream.steps() == ["announcement", "head 1", "run 1", "run 1", "run 1", "end 1"]
        flow.receipted(receipt(1))
        flow.receipted(receipt(1))
        assert flow.under_way == 0
        sent = [e.message_id for e in events if isinstance(e, node_pb2.MessageSent)]
        received = [e.message_id for e in events if isinstance(e, packet_pb2.Receipt)]
        assert (sent, received) == ([0, 1], [0, 1])

    with_flow(test)


def test_frames_of_an_old_round_never_follow_a_new_announcement() -> None:
    async def test(flow: Flow, stream: Stream, events: list[Event]) -> None:
        flow.answered(answer())
        flow.credited(10_000)
        stream.open.clear()
        flow.offer(message(0, events))
        await settle()
        flow.begin_round()
        stream.open.set()
        await settle()
        assert stream.steps() == ["announcement", "announcement"]
        flow.answered(answer())
        flow.credited(10_000)
        await settle()
        assert stream.steps()[2:] == ["head 0", "run 0", "run 0", "run 0", "end 0"]

    with_flow(test)


def test_a_stream_that_breaks_and_comes_back_begins_a_round() -> None:
    async def test(flow: Flow, stream: Stream, events: list[Event]) -> None:
        flow.answered(answer())
        flow.credited(500)
        flow.offer(message(0, events))
        await settle()
        stream.attached = False
        flow.detached()
        await settle()
        stream.attached = True
        stream.posted.clear()
        flow.welcomed(1 << 20)
        flow.answered(answer())
        flow.credited(5000)
        await settle()
        assert stream.steps() == ["announcement", "head 0", "run 0", "run 0", "run 0", "end 0"]

    with_flow(test)


def test_a_refusal_gives_up_what_is_under_way_and_an_acceptance_lets_new_messages_through() -> None:
    async def test(flow: Flow, stream: Stream, events: list[Event]) -> None:
        flow.answered(answer())
        flow.credited(10_000)
        flow.offer(message(0, events))
        await settle()
        flow.answered(answer(accepted=False))
        assert isinstance(events[-1], Refused)
        assert "rx refuses: because" in events[-1].reason
        assert await flow.agreed() == events[-1].reason
        assert flow.under_way == 0
        flow.answered(answer())
        assert await flow.agreed() is None
        flow.offer(message(1, events))
        await settle()
        assert stream.steps()[-1] == "end 1"

    with_flow(test)


def test_small_messages_share_a_batch_and_none_is_larger_than_allowed() -> None:
    async def test(flow: Flow, stream: Stream, events: list[Event]) -> None:
        flow.welcomed(5 * 1024)
        flow.answered(answer())
        flow.credited(100_000)
        for number in range(10):
            flow.offer(message(number, events))
        await settle()
        batches = [r for r in stream.posted if r.HasField("batch")]
        assert 3 <= len(batches) <= 5
        assert all(r.ByteSize() <= 5 * 1024 for r in batches)
        assert stream.steps().count("end 9") == 1

    with_flow(test)
