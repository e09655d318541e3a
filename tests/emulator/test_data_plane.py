"""The emulator daemon over real sockets, in this process: attach, sessions, credit, delivery, refusals, stopping."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import pytest

from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.endpoint import EndpointError, Security, open_channel, start_server
from edge.wire.packets import message_head, packetize
from edge.wire.reassembly import Reassembler, ReceivedMessage
from emulator import server
from emulator.v1 import control_pb2 as pb
from emulator.v1 import control_pb2_grpc, data_plane_pb2, data_plane_pb2_grpc

PLAIN = Security("controller")
Request = data_plane_pb2.AttachRequest
Response = data_plane_pb2.AttachResponse


def network(clock: int = pb.CLOCK_MODE_VIRTUAL, rate_bps: float = 2e6, **fields: object) -> pb.Topology:
    rate = pb.LinkRate(fixed=pb.FixedRate(rate_bps=rate_bps))
    link = pb.Link(name="air", source="tx", destinations=["rx"], rate=rate, **fields)  # type: ignore[arg-type]
    return pb.Topology(name="test", seed=3, clock=pb.Clock(mode=clock), nodes=["tx", "rx"], links=[link])  # type: ignore[arg-type]


@asynccontextmanager
async def serving(topology: pb.Topology | None) -> AsyncIterator[str]:
    endpoint, exchange = await server.start("127.0.0.1:0", Security("emulator"), topology)
    try:
        yield endpoint.address
    finally:
        await server.stop(endpoint, exchange, drain_s=5)


class Peer:
    """One attached node, by hand."""

    def __init__(self, address: str, name: str, instance: str = "") -> None:
        self.channel = open_channel(address, PLAIN, "emulator")
        self.name = name
        self.call = data_plane_pb2_grpc.DataPlaneServiceStub(self.channel).Attach()
        self.instance = instance or name

    async def __aenter__(self) -> Peer:
        await self.send(hello=data_plane_pb2.Hello(node=self.name, instance=self.instance))
        assert (await self.next()).WhichOneof("response") == "welcome"
        return self

    async def __aexit__(self, *error: object) -> None:
        self.call.cancel()
        await self.channel.close()

    async def send(self, **fields: object) -> None:
        await self.call.write(Request(**fields))  # type: ignore[arg-type]

    async def next(self) -> Response:
        response = await asyncio.wait_for(self.call.read(), 10)
        assert response is not grpc.aio.EOF
        return response

    async def expect(self, kind: str) -> Response:
        while (response := await self.next()).WhichOneof("response") != kind:
            pass
        return response

    async def refusal(self) -> tuple[grpc.StatusCode, str]:
        try:
            while await asyncio.wait_for(self.call.read(), 10) is not grpc.aio.EOF:
                pass
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details() or ""
        return grpc.StatusCode.OK, ""


async def open_session(tx: Peer, rx: Peer) -> int:
    """Announces tx->rx, accepts it, and gives the credit granted."""
    announcement = data_plane_pb2.Announcement(session="s", source="tx", destinations=["rx"])
    await tx.send(announcement=announcement)
    assert (await rx.expect("announcement")).announcement == announcement
    await rx.send(answer=data_plane_pb2.Answer(session="s", destination="rx", accepted=True))
    assert (await tx.expect("answer")).answer.accepted
    return (await tx.expect("credit")).credit.size_bytes


def frames(part: Segment, number: int = 0) -> packet_pb2.Batch:
    return packet_pb2.Batch(
        frames=[
            packet_pb2.Frame(head=message_head("s", number, [part])),
            *(packet_pb2.Frame(run=run) for run in packetize("s", number, [part])),
            packet_pb2.Frame(end=packet_pb2.MessageEnd(session="s", message_id=number)),
        ]
    )


async def receive(rx: Peer) -> ReceivedMessage:
    return (await receive_all(rx, 1))[0]


async def receive_all(rx: Peer, count: int) -> list[ReceivedMessage]:
    reassembler = Reassembler()
    messages: list[ReceivedMessage] = []
    while len(messages) < count:
        for frame in (await rx.expect("batch")).batch.frames:
            if frame.HasField("head"):
                reassembler.head(frame.head)
            elif frame.HasField("run"):
                reassembler.run(frame.run)
            else:
                message = reassembler.end(frame.end)
                assert message is not None
                messages.append(message)
    return messages


def some_bytes(count: int) -> Segment:
    return Segment(Kind.OPAQUE, np.random.default_rng(1).integers(0, 256, count).astype(np.uint8))


def test_a_message_crosses_with_exact_model_times_and_a_receipt_comes_back() -> None:
    async def scenario() -> None:
        async with serving(network(delay_s=0.02)) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            assert await open_session(tx, rx) == 256 * 1024
            part = some_bytes(114_000)
            await tx.send(batch=frames(part))
            message = await receive(rx)
            np.testing.assert_array_equal(message.segments[0].values, part.values)
            assert message.complete
            assert (message.transit.sent_ns, message.transit.received_ns) == (0, 476_000_000)
            assert (message.transit.packets, message.transit.size_bits) == (112, 912_000)
            receipt = packet_pb2.Receipt(
                session="s", message_id=0, destination="rx", status=packet_pb2.RECEIPT_STATUS_COMPLETE
            )
            await rx.send(receipt=receipt)
            assert (await tx.expect("receipt")).receipt == receipt

    asyncio.run(scenario())


@pytest.mark.parametrize("clock", [pb.CLOCK_MODE_VIRTUAL, pb.CLOCK_MODE_REAL])
def test_clocks_agree_on_bits_errors_and_model_times(clock: int) -> None:
    async def scenario() -> tuple[bytes, str]:
        topology = network(clock, rate_bps=4e5, delay_s=0.01, levels=[pb.ReliabilityLevel(ber=0.01, erasure=0.2)])
        async with serving(topology) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            await open_session(tx, rx)
            bits = Segment(Kind.BITS, np.zeros(80_000, np.uint8))
            await tx.send(batch=frames(bits))
            message = await receive(rx)
            return message.segments[0].values.tobytes(), str(message.transit)

    # the expected figures are what the virtual clock gives for this seed: both clocks must give them
    assert asyncio.run(scenario()) == asyncio.run(_virtual_reference())


async def _virtual_reference() -> tuple[bytes, str]:
    topology = network(rate_bps=4e5, delay_s=0.01, levels=[pb.ReliabilityLevel(ber=0.01, erasure=0.2)])
    async with serving(topology) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
        await open_session(tx, rx)
        await tx.send(batch=frames(Segment(Kind.BITS, np.zeros(80_000, np.uint8))))
        message = await receive(rx)
        assert 0 < message.transit.packets_lost < message.transit.packets
        return message.segments[0].values.tobytes(), str(message.transit)


def test_credit_comes_back_when_bytes_are_served_and_not_before() -> None:
    async def scenario() -> None:
        async with serving(network(queue_bytes=4096)) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            assert await open_session(tx, rx) == 4096
            await tx.send(batch=frames(some_bytes(3000)))
            assert (await tx.expect("credit")).credit.size_bytes == 3000

    asyncio.run(scenario())


def test_sending_far_beyond_the_credit_is_refused() -> None:
    async def scenario() -> tuple[grpc.StatusCode, str]:
        topology = network(pb.CLOCK_MODE_REAL, rate_bps=1000, queue_bytes=4096)
        async with serving(topology) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            await open_session(tx, rx)
            await tx.send(batch=frames(some_bytes(9000)))
            return await tx.refusal()

    code, sentence = asyncio.run(scenario())
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "beyond the credit" in sentence


def test_a_destination_that_comes_back_makes_the_source_resume() -> None:
    async def scenario() -> None:
        async with serving(network()) as address, Peer(address, "tx") as tx:
            async with Peer(address, "rx", "first life") as rx:
                await open_session(tx, rx)
            await asyncio.sleep(0.2)
            async with Peer(address, "rx", "second life") as rx:
                assert (await tx.expect("resume")).resume.destination == "rx"
                await open_session(tx, rx)
                await tx.send(batch=frames(some_bytes(100)))
                assert (await receive(rx)).complete

    asyncio.run(scenario())


def test_a_source_that_reconnects_begins_its_message_again() -> None:
    async def scenario() -> None:
        async with serving(network()) as address, Peer(address, "rx") as rx:
            part = some_bytes(3000)
            async with Peer(address, "tx") as tx:
                await open_session(tx, rx)
                half = frames(part)
                del half.frames[-1]
                await tx.send(batch=half)
                await rx.expect("batch")
            await asyncio.sleep(0.2)
            async with Peer(address, "tx") as tx:
                await open_session(tx, rx)
                await tx.send(batch=frames(part))
                message = await receive(rx)
                assert message.complete
                assert message.transit.packets == 3

    asyncio.run(scenario())


Act = Callable[[Peer, Peer], Awaitable[None]]


async def _announce_as_other(tx: Peer, rx: Peer) -> None:
    await tx.send(announcement=data_plane_pb2.Announcement(session="s", source="rx", destinations=["tx"]))


async def _unknown_destination(tx: Peer, rx: Peer) -> None:
    await tx.send(announcement=data_plane_pb2.Announcement(session="s", source="tx", destinations=["nobody"]))


async def _no_path(tx: Peer, rx: Peer) -> None:
    await tx.send(announcement=data_plane_pb2.Announcement(session="s", source="tx", destinations=["tx"]))


async def _unannounced(tx: Peer, rx: Peer) -> None:
    await tx.send(batch=frames(some_bytes(10)))


async def _bad_crc(tx: Peer, rx: Peer) -> None:
    await open_session(tx, rx)
    batch = frames(some_bytes(10))
    batch.frames[1].run.header_crc ^= 1
    await tx.send(batch=batch)


async def _oversize(tx: Peer, rx: Peer) -> None:
    await open_session(tx, rx)
    head = message_head("s", 0, [some_bytes(10)])
    head.segments[0].shape[:] = [1 << 30]
    await tx.send(batch=packet_pb2.Batch(frames=[packet_pb2.Frame(head=head)]))


async def _empty_frame(tx: Peer, rx: Peer) -> None:
    await open_session(tx, rx)
    await tx.send(batch=packet_pb2.Batch(frames=[packet_pb2.Frame()]))


async def _second_hello(tx: Peer, rx: Peer) -> None:
    await tx.send(hello=data_plane_pb2.Hello(node="tx", instance="tx"))


async def _answer_for_another(tx: Peer, rx: Peer) -> None:
    await open_session(tx, rx)
    await tx.send(answer=data_plane_pb2.Answer(session="s", destination="rx", accepted=True))


async def _receipt_for_another(tx: Peer, rx: Peer) -> None:
    await open_session(tx, rx)
    await tx.send(receipt=packet_pb2.Receipt(session="s", destination="rx"))


@pytest.mark.parametrize(
    ("act", "code", "sentence"),
    [
        (_announce_as_other, "PERMISSION_DENIED", "node 'tx' cannot send as 'rx'"),
        (_unknown_destination, "NOT_FOUND", "destination 'nobody' is not in the topology"),
        (_no_path, "NOT_FOUND", "no path of links from 'tx' to 'tx'"),
        (_unannounced, "NOT_FOUND", "not announced"),
        (_bad_crc, "INVALID_ARGUMENT", "header CRC does not match"),
        (_oversize, "INVALID_ARGUMENT", "announces 1073741824 bytes"),
        (_empty_frame, "INVALID_ARGUMENT", "a frame is empty"),
        (_second_hello, "INVALID_ARGUMENT", "a hello has no place here"),
        (_answer_for_another, "PERMISSION_DENIED", "cannot answer for it"),
        (_receipt_for_another, "PERMISSION_DENIED", "cannot answer for it"),
    ],
)
def test_what_a_node_must_not_do_ends_its_stream_with_one_sentence(act: Act, code: str, sentence: str) -> None:
    async def scenario() -> tuple[grpc.StatusCode, str]:
        async with serving(network()) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            await act(tx, rx)
            return await tx.refusal()

    got, details = asyncio.run(scenario())
    assert got is grpc.StatusCode[code]
    assert sentence in details


@pytest.mark.parametrize(
    ("topology", "hello", "code", "sentence"),
    [
        (network(), data_plane_pb2.Hello(node="who", instance="x"), "NOT_FOUND", "node 'who': not in the topology"),
        (network(), None, "INVALID_ARGUMENT", "the first request must be a hello"),
        (None, data_plane_pb2.Hello(node="tx", instance="x"), "UNAVAILABLE", "no topology yet"),
    ],
)
def test_who_may_attach(
    topology: pb.Topology | None, hello: data_plane_pb2.Hello | None, code: str, sentence: str
) -> None:
    async def scenario() -> tuple[grpc.StatusCode, str]:
        async with serving(topology) as address:
            peer = Peer(address, "x")
            await peer.call.write(Request(answer=data_plane_pb2.Answer()) if hello is None else Request(hello=hello))
            result = await peer.refusal()
            await peer.channel.close()
            return result

    got, details = asyncio.run(scenario())
    assert got is grpc.StatusCode[code]
    assert sentence in details


def test_a_session_that_no_links_carry_is_refused_and_the_stream_goes_on() -> None:
    async def scenario() -> None:
        async with serving(network()) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            back = data_plane_pb2.Announcement(session="back", source="rx", destinations=["tx"])
            await rx.send(announcement=back)
            answer = (await rx.expect("answer")).answer
            assert (answer.session, answer.destination, answer.accepted) == ("back", "tx", False)
            assert "no path of links from 'rx' to 'tx'" in answer.reason
            await open_session(tx, rx)

    asyncio.run(scenario())


def test_a_second_process_of_the_same_name_is_refused_and_the_first_goes_on() -> None:
    async def scenario() -> None:
        async with serving(network()) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            second = Peer(address, "rx", "another process")
            await second.send(hello=data_plane_pb2.Hello(node="rx", instance="another process"))
            code, details = await second.refusal()
            assert code is grpc.StatusCode.ALREADY_EXISTS
            assert "another process is attached" in details
            await second.channel.close()
            await open_session(tx, rx)

    asyncio.run(scenario())


def test_a_client_that_speaks_garbage_harms_nobody() -> None:
    async def scenario() -> None:
        async with serving(network()) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            host, port = address.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as garbage:
                garbage.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(range(256)) * 100)
            channel = grpc.aio.insecure_channel(address)
            call = channel.unary_unary("/emulator.v1.LinkControlService/ApplyTopology")
            with pytest.raises(grpc.aio.AioRpcError):
                await call(b"\xff\xff\xff not protobuf")
            await channel.close()
            await open_session(tx, rx)
            await tx.send(batch=frames(some_bytes(100)))
            assert (await receive(rx)).complete

    asyncio.run(scenario())


def test_links_change_live_and_counters_tell() -> None:
    async def scenario() -> None:
        async with serving(network()) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            await open_session(tx, rx)
            channel = open_channel(address, PLAIN, "emulator")
            control = control_pb2_grpc.LinkControlServiceStub(channel)
            await tx.send(batch=frames(some_bytes(1000), 0))
            first = await receive(rx)
            slower = pb.LinkRate(fixed=pb.FixedRate(rate_bps=1e6))
            answer = await control.UpdateLink(pb.UpdateLinkRequest(name="air", rate=slower, delay_s=0.5))
            assert answer.link.delay_s == 0.5
            await tx.send(batch=frames(some_bytes(1000), 1))
            second = await receive(rx)
            assert first.transit.received_ns == 4_000_000
            assert second.transit.received_ns == 4_000_000 + 8_000_000 + 500_000_000
            (row,) = (await control.GetCounters(pb.GetCountersRequest())).links
            assert row.levels[0].size_bits == 16_000
            assert row.busy_ns == 12_000_000
            assert row.rate_bps == 1e6
            with pytest.raises(grpc.aio.AioRpcError, match="link 'earth': unknown"):
                await control.UpdateLink(pb.UpdateLinkRequest(name="earth"))
            with pytest.raises(grpc.aio.AioRpcError, match=r"links\[air\].delay_s: must be >= 0"):
                await control.UpdateLink(pb.UpdateLinkRequest(name="air", delay_s=-1))
            with pytest.raises(grpc.aio.AioRpcError, match="interval_s: must be at least"):
                await control.WatchCounters(pb.WatchCountersRequest(interval_s=0.001)).read()
            watched = await control.WatchCounters(pb.WatchCountersRequest(interval_s=0.1)).read()
            assert watched.links[0] == row
            await channel.close()

    asyncio.run(scenario())


def test_a_topology_is_refused_while_messages_are_under_way_and_when_it_is_wrong() -> None:
    async def scenario() -> None:
        async with serving(network()) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            channel = open_channel(address, PLAIN, "emulator")
            control = control_pb2_grpc.LinkControlServiceStub(channel)
            bad = network()
            bad.links[0].destinations[:] = ["nobody"]
            with pytest.raises(grpc.aio.AioRpcError, match="node 'nobody' is not among the nodes"):
                await control.ApplyTopology(pb.ApplyTopologyRequest(topology=bad))
            await open_session(tx, rx)
            half = frames(some_bytes(100))
            del half.frames[1:]
            await tx.send(batch=half)
            await rx.expect("batch")
            with pytest.raises(grpc.aio.AioRpcError, match="messages are under way"):
                await control.ApplyTopology(pb.ApplyTopologyRequest(topology=network()))
            await channel.close()

    asyncio.run(scenario())


# -- bearers of whole messages -------------------------------------------------------------------------------------


def leveled(number: int = 0, levels: int = 4) -> packet_pb2.Batch:
    """A message of 4x4 positions, 4 bits each a level."""
    draw = np.random.default_rng(number)
    parts = [Segment(Kind.BITS, draw.integers(0, 2, (4, 4, 4), dtype=np.uint8), level=level) for level in range(levels)]
    return packet_pb2.Batch(
        frames=[
            packet_pb2.Frame(head=message_head("s", number, parts)),
            *(packet_pb2.Frame(run=run) for run in packetize("s", number, parts, packet_bytes=2)),
            packet_pb2.Frame(end=packet_pb2.MessageEnd(session="s", message_id=number)),
        ]
    )


async def announce(tx: Peer, rx: Peer | None, bers: list[float], shares: list[float]) -> data_plane_pb2.Answer:
    """The answer to tx->rx with these levels, which rx accepts if it hears of it."""
    announcement = data_plane_pb2.Announcement(
        session="s", source="tx", destinations=["rx"], level_bers=bers, level_shares=shares
    )
    await tx.send(announcement=announcement)
    if rx is not None:
        assert (await rx.expect("announcement")).announcement == announcement
        await rx.send(answer=data_plane_pb2.Answer(session="s", destination="rx", accepted=True))
    return (await tx.expect("answer")).answer


def through(mapper: Path, snr_db: float = 3.0) -> list[pb.Bearer]:
    return [pb.Bearer(learned_mapper=pb.LearnedMapper(weights=str(mapper), snr_db=snr_db))]


async def _collected(clock: int, mapper: Path) -> list[tuple[bytes, str]]:
    """Three messages of a tx whose link collects them; the last one is never finished by its source."""
    topology = network(clock, rate_bps=4e4, delay_s=0.01, bearers=through(mapper))
    got = []
    async with serving(topology) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
        assert (await announce(tx, rx, [0.4, 0.3, 0.2, 0.1], [0.25] * 4)).accepted
        await tx.expect("credit")
        batches = [leveled(number) for number in range(3)]
        del batches[2].frames[-2]
        for batch in batches:
            await tx.send(batch=batch)
        for message in await receive_all(rx, len(batches)):
            got.append((b"".join(part.values.tobytes() for part in message.segments), str(message.transit)))
    return got


def test_clocks_agree_on_messages_that_are_collected(mapper_file: Path) -> None:
    outcomes = [asyncio.run(_collected(clock, mapper_file)) for clock in (pb.CLOCK_MODE_VIRTUAL, pb.CLOCK_MODE_REAL)]
    assert outcomes[0] == outcomes[1]
    assert len({payload for payload, _ in outcomes[0]}) == 3


def test_a_source_that_reconnects_sends_a_collected_message_from_its_head(mapper_file: Path) -> None:
    async def scenario() -> None:
        topology = network(bearers=through(mapper_file))
        async with serving(topology) as address, Peer(address, "rx") as rx:
            async with Peer(address, "tx") as tx:
                await announce(tx, rx, [0.4, 0.3, 0.2, 0.1], [0.25] * 4)
                half = leveled()
                del half.frames[3:]
                await tx.send(batch=half)
                await rx.expect("batch")  # the head
            await asyncio.sleep(0.2)
            async with Peer(address, "tx") as tx:
                await announce(tx, rx, [0.4, 0.3, 0.2, 0.1], [0.25] * 4)
                await tx.send(batch=leveled())
                message = await receive(rx)
                assert message.complete
                assert (message.transit.packets, message.transit.channel_uses) == (16, 32)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("bers", "shares", "sentence"),
    [
        ([0.1, 0.2], [0.5, 0.5], "level_bers[1]: must not exceed level 0's 0.1, got 0.2"),
        ([0.2, 0.1], [0.5, 0.4], "level_shares: must have sum 1"),
        (
            [0.2, 0.1],
            [0.5, 0.5],
            "session 's' over link 'air': 2 levels with shares of 0.5 are announced, but the",
        ),
    ],
)
def test_levels_that_cannot_be_served_are_answered_with_a_refusal(
    mapper_file: Path, bers: list[float], shares: list[float], sentence: str
) -> None:
    async def scenario() -> None:
        async with serving(network(bearers=through(mapper_file))) as address, Peer(address, "tx") as tx:
            answer = await announce(tx, None, bers, shares)
            assert (answer.accepted, answer.destination) == (False, "rx")
            assert sentence in answer.reason
            async with Peer(address, "rx") as rx:  # and the stream goes on
                assert (await announce(tx, rx, [0.2] * 4, [0.25] * 4)).accepted

    asyncio.run(scenario())


def test_messages_that_do_not_keep_to_what_was_announced_end_the_stream() -> None:
    async def scenario() -> None:
        async with serving(network()) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            await announce(tx, rx, [0.4, 0.3, 0.2], [1 / 3] * 3)
            await tx.send(batch=leveled())
            code, sentence = await tx.refusal()
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert "segment 3 has level 3, but 3 levels were announced; use levels 0 to 2" in sentence

    asyncio.run(scenario())


def test_bearers_are_swapped_and_described_live_but_not_where_they_do_not_fit(mapper_file: Path) -> None:
    async def scenario() -> None:
        async with serving(network()) as address, Peer(address, "tx") as tx, Peer(address, "rx") as rx:
            channel = open_channel(address, PLAIN, "emulator")
            control = control_pb2_grpc.LinkControlServiceStub(channel)

            async def crossed(
                number: int, bearers: list[pb.Bearer]
            ) -> tuple[ReceivedMessage, pb.DescribeBearersResponse]:
                await control.UpdateLink(pb.UpdateLinkRequest(name="air", bearers=bearers))
                await tx.send(batch=leveled(number))
                message = await receive(rx)
                return message, await control.DescribeBearers(pb.DescribeBearersRequest())

            assert not (await control.DescribeBearers(pb.DescribeBearersRequest())).links
            await announce(tx, rx, [0.4, 0.3, 0.2, 0.1], [0.25] * 4)
            message, said = await crossed(0, through(mapper_file, snr_db=7.0))
            (link,) = said.links
            assert (link.link, link.snr_db, message.transit.channel_uses) == ("air", 7.0, 32)
            assert (link.learned_mapper.weights, link.learned_mapper.demapper_digest) == (mapper_file.name, "feed")
            assert "emulator.bearers.mapper_network" in said.network_modules

            unequal = pb.UnequalProtection(symbols=100, snr_db=15.0)
            message, said = await crossed(1, [pb.Bearer(unequal_protection=unequal)])
            (shown,) = said.links[0].unequal_protection.messages
            assert [level.target_ber for level in shown.levels] == [0.4, 0.3, 0.2, 0.1]
            assert sum(level.symbols for level in shown.levels) == message.transit.channel_uses <= 100

            message, said = await crossed(2, [pb.Bearer(leveled_bits=pb.LeveledBits())])
            assert not said.links
            assert message.transit.element_errors == 0

            await announce(tx, rx, [0.4, 0.3], [0.5, 0.5])
            with pytest.raises(grpc.aio.AioRpcError, match=r"session 's' over link 'air': 2 levels with shares of 0.5"):
                await control.UpdateLink(pb.UpdateLinkRequest(name="air", bearers=through(mapper_file)))
            await channel.close()

    asyncio.run(scenario())


def test_a_learned_bearers_network_is_loaded_beside_the_streams(
    mapper_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here or in ApplyTopology, in a thread; and a file that cannot be read is still refused by its place."""
    from emulator.bearers.mapper_network import LearnedMapper

    loaders: list[threading.Thread] = []
    load = LearnedMapper.load

    def watched(path: Path) -> LearnedMapper:
        loaders.append(threading.current_thread())
        return load(path)

    monkeypatch.setattr(LearnedMapper, "load", watched)
    fresh = [tmp_path / f"{name}.safetensors" for name in ("swapped", "applied")]
    for file in fresh:
        file.write_bytes(mapper_file.read_bytes())

    async def scenario() -> None:
        async with serving(network()) as address:
            channel = open_channel(address, PLAIN, "emulator")
            control = control_pb2_grpc.LinkControlServiceStub(channel)
            await control.UpdateLink(pb.UpdateLinkRequest(name="air", bearers=through(fresh[0])))
            with pytest.raises(grpc.aio.AioRpcError, match=r"links\[air\].bearers\[0\].learned_mapper: .*gone"):
                await control.UpdateLink(pb.UpdateLinkRequest(name="air", bearers=through(tmp_path / "gone")))
            changed = network()
            changed.links[0].bearers.extend(through(fresh[1]))
            await control.ApplyTopology(pb.ApplyTopologyRequest(topology=changed))
            await channel.close()

    asyncio.run(scenario())
    assert len(loaders) == 2
    assert threading.main_thread() not in loaders


def test_stopping_delivers_what_was_accepted() -> None:
    async def scenario() -> None:
        topology = network(pb.CLOCK_MODE_REAL, rate_bps=1e6, delay_s=0.5)
        endpoint, exchange = await server.start("127.0.0.1:0", Security("emulator"), topology)
        async with Peer(endpoint.address, "tx") as tx, Peer(endpoint.address, "rx") as rx:
            await open_session(tx, rx)
            await tx.send(batch=frames(some_bytes(10_000)))
            await tx.expect("credit")  # the link has served it; it is still travelling
            stopping = asyncio.create_task(server.stop(endpoint, exchange, drain_s=10))
            assert (await receive(rx)).complete
            await stopping

    asyncio.run(scenario())


def test_a_port_in_use_is_said_in_one_sentence() -> None:
    async def scenario() -> None:
        async with serving(network()) as address:
            with pytest.raises(EndpointError, match=f"--listen {address}: cannot bind"):
                await start_server(address, PLAIN, (), lambda _: None)

    asyncio.run(scenario())
