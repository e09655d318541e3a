"""Attaching: who is refused and how, what a reconnecting node waits out, and how a node ends."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import grpc
import grpc.aio
import pytest
from fake_emulator import FakeEmulator, Lookup, Node, eventually, network, picture, start_node
from grpc_health.v1 import health_pb2, health_pb2_grpc

from edge.node import attachment
from edge.node.attachment import AttachRefusedError
from edge.node.sessions import Role
from edge.v1 import node_pb2, packet_pb2


def test_an_unknown_name_is_refused_at_once() -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator(["tx"]).start()
        node = await start_node(emulator, "stranger", Role.RX)
        with pytest.raises(AttachRefusedError, match=r"--name stranger: .*NOT_FOUND.*is not in the topology"):
            await asyncio.wait_for(node.daemon.failure(), 5)
        await node.close()
        await emulator.kill()

    asyncio.run(scenario())


def test_a_name_that_is_taken_is_refused_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachment, "NAME_HELD_AT_FIRST_S", 0.3)

    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        first = await start_node(emulator, "rx", Role.RX)
        await eventually(lambda: "rx" in emulator.peers)
        second = await start_node(emulator, "rx", Role.RX)
        with pytest.raises(AttachRefusedError, match=r"ALREADY_EXISTS.*attached already"):
            await asyncio.wait_for(second.daemon.failure(), 5)
        await second.close()
        await first.close()
        third = await start_node(emulator, "rx", Role.RX)  # the name is free again
        await eventually(lambda: "rx" in emulator.peers)
        await third.close()
        await emulator.kill()

    asyncio.run(scenario())


def test_a_node_started_before_the_emulator_attaches_when_it_comes() -> None:
    async def scenario() -> None:
        absent = await FakeEmulator().start()
        await absent.kill()
        node = await start_node(absent, "rx", Role.RX)
        await asyncio.sleep(0.3)
        described = await node.control.Describe(node_pb2.DescribeRequest())
        assert not described.attached
        emulator = await FakeEmulator().start(absent.port)
        await eventually(lambda: "rx" in emulator.peers)
        described = await node.control.Describe(node_pb2.DescribeRequest())
        assert described.attached
        await node.close()
        await emulator.kill()

    asyncio.run(scenario())


def test_a_request_that_is_refused_again_and_again_ends_the_node() -> None:
    class Strict(FakeEmulator):
        def _announce(self, announcement: Any) -> None:
            self.announced = getattr(self, "announced", 0) + 1
            self.peers["tx"].refusal = (grpc.StatusCode.NOT_FOUND, "destination 'typo' is not in the topology")
            self.cut("tx")

    async def scenario() -> None:
        emulator = await Strict().start()
        tx = await start_node(emulator, "tx", Role.TX)
        config = node_pb2.SessionConfig(session="s", source="tx", destinations=["typo"])
        config.codec.name = "lookup"
        await tx.configure(config)
        with pytest.raises(AttachRefusedError, match="'typo' is not in the topology"):
            await asyncio.wait_for(tx.daemon.failure(), 10)
        assert emulator.announced == attachment.STRIKES
        await tx.close()
        await emulator.kill()

    asyncio.run(scenario())


def test_stopping_answers_the_message_that_is_being_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    whole = Lookup.decode

    def slow(self: Lookup, segments: Any) -> Any:
        begun.set()
        go_on.wait(10)
        return whole(self, segments)

    monkeypatch.setattr(Lookup, "decode", slow)

    async def scenario() -> None:
        async with network() as (emulator, tx, (rx,)):
            sending = asyncio.create_task(tx.transmit([picture(1), picture(2)]))
            await eventually(begun.is_set)
            stopping = asyncio.create_task(rx.close())
            await asyncio.sleep(0.05)
            go_on.set()
            await stopping
            await eventually(lambda: len(emulator.receipts) == 1)
            assert emulator.receipts[0].status == packet_pb2.RECEIPT_STATUS_COMPLETE
            assert [d.message_id for d in rx.deliveries] == [0]
            monkeypatch.setattr(Lookup, "decode", whole)
            sending.cancel()

    asyncio.run(scenario())


def test_health_follows_the_stream() -> None:
    async def status(node: Node) -> int:
        async with grpc.aio.insecure_channel(node.address) as channel:
            request = health_pb2.HealthCheckRequest(service="edge.v1.NodeService")
            answer: health_pb2.HealthCheckResponse = await health_pb2_grpc.HealthStub(channel).Check(request)
            return answer.status

    async def scenario() -> None:
        async with network() as (emulator, tx, _):
            await tx.transmit([picture(1)])  # it is attached now

            async def serving() -> bool:
                return await status(tx) == health_pb2.HealthCheckResponse.SERVING

            async def not_serving() -> bool:
                return not await serving()

            await eventually(serving)
            await emulator.kill()
            await eventually(not_serving)
            again = await FakeEmulator().start(emulator.port)
            await eventually(serving)
            await again.kill()

    asyncio.run(scenario())
