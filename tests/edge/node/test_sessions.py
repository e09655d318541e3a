"""Configuring sessions: what is refused, that a refusal changes nothing, and that two ends must hold one codec."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import grpc
import grpc.aio
import pytest
from fake_emulator import FakeEmulator, eventually, flow, network, picture, png, start_node

from edge.node import sessions
from edge.node.sessions import Role
from edge.v1 import codec_pb2, node_pb2, packet_pb2

LOOKUP = node_pb2.CodecConfig(name="lookup")


async def refused(call: Awaitable[object], code: grpc.StatusCode, *parts: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code
    for part in parts:
        assert part in caught.value.details()


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        (node_pb2.SessionConfig(session="", source="tx", destinations=["rx"]), ["sessions[0].session"]),
        (
            node_pb2.SessionConfig(session="a\nb", source="tx", destinations=["rx"]),
            ["sessions[0].session", "printable"],
        ),
        (node_pb2.SessionConfig(session="s" * 2000, source="tx", destinations=["rx"]), ["sessions[0].session", "1024"]),
        (node_pb2.SessionConfig(session="s", source="tx"), ["sessions[0]", "destinations"]),
        (node_pb2.SessionConfig(session="s", source="tx", destinations=["tx"]), ["sessions[0].destinations"]),
        (node_pb2.SessionConfig(session="s", source="tx", destinations=["rx", "rx"]), ["sessions[0].destinations"]),
        (node_pb2.SessionConfig(session="s", source="bs", destinations=["rx"]), ["sessions[0].source", "'tx'", "'bs'"]),
        (
            node_pb2.SessionConfig(
                session="s", source="tx", destinations=["rx"], codec=node_pb2.CodecConfig(name="nothing")
            ),
            ["sessions[0]", "no codec named 'nothing'", "raw"],
        ),
        (
            node_pb2.SessionConfig(
                session="s",
                source="tx",
                destinations=["rx"],
                codec=node_pb2.CodecConfig(name="raw", options={"quality": "9"}),
            ),
            ["sessions[0]", "codec.options.quality"],
        ),
    ],
)
def test_a_bad_session_is_refused_with_its_field(config: node_pb2.SessionConfig, parts: list[str]) -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        tx = await start_node(emulator, "tx", Role.TX)
        await refused(tx.configure(config), grpc.StatusCode.INVALID_ARGUMENT, *parts)
        await tx.close()
        await emulator.kill()

    asyncio.run(scenario())


def test_one_bad_session_leaves_every_old_one_in_force() -> None:
    async def scenario() -> None:
        async with network() as (_, tx, _):
            before = (await tx.control.Describe(node_pb2.DescribeRequest())).sessions
            good = node_pb2.SessionConfig(session="other", source="tx", destinations=["rx"], codec=LOOKUP)
            bad = node_pb2.SessionConfig(session="bad", source="bs", destinations=["rx"], codec=LOOKUP)
            await refused(tx.configure(good, flow(shift="3"), bad), grpc.StatusCode.INVALID_ARGUMENT, "sessions[2]")
            assert (await tx.control.Describe(node_pb2.DescribeRequest())).sessions == before
            assert len(await tx.transmit([picture(1)])) == 1

    asyncio.run(scenario())


def test_more_sessions_than_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)

    async def scenario() -> None:
        async with network() as (_, tx, _):
            more = [
                node_pb2.SessionConfig(session=name, source="tx", destinations=["rx"], codec=LOOKUP) for name in "ab"
            ]
            await refused(tx.configure(*more), grpc.StatusCode.INVALID_ARGUMENT, "3 are more than 2")
            response = await tx.configure(more[0])
            assert [s.session for s in response.sessions] == ["a", "flow"]

    asyncio.run(scenario())


def test_another_peer_codec_is_refused_with_both_names() -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        rx = await start_node(emulator, "rx", Role.RX)
        config = flow(shift="3")
        config.peer_codec.CopyFrom(codec_pb2.CodecDescription(name="raw", options={"format": "png"}))
        await refused(
            rx.configure(config),
            grpc.StatusCode.FAILED_PRECONDITION,
            "rx has lookup(shift=3)",
            "tx has raw(format=png)",
        )
        config.peer_codec.CopyFrom(codec_pb2.CodecDescription(name="lookup", options={"shift": "3"}, knowledge="256"))
        assert len((await rx.configure(config)).sessions) == 1
        await rx.close()
        await emulator.kill()

    asyncio.run(scenario())


def test_a_destination_with_another_codec_refuses_and_transmit_says_why() -> None:
    async def scenario() -> None:
        async with network() as (emulator, tx, (rx,)):
            await rx.configure(flow(shift="3"))
            await tx.configure(flow(shift="4"))
            images = [node_pb2.ImagePayload(name="p", png=png(picture(1)))]
            call = tx.control.Transmit(node_pb2.TransmitRequest(session="flow", images=images))
            await refused(
                call.read(), grpc.StatusCode.FAILED_PRECONDITION, "rx has lookup(shift=3)", "tx has lookup(shift=4)"
            )
            assert emulator.heads == []
            await rx.configure(flow(shift="4"))
            (receipt,) = await tx.transmit([picture(1)])
            assert receipt.status == packet_pb2.RECEIPT_STATUS_COMPLETE

    asyncio.run(scenario())


@pytest.mark.parametrize("first", ["tx", "rx"])
def test_the_two_ends_may_be_configured_in_any_order(first: str) -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        tx, rx = await start_node(emulator, "tx", Role.TX), await start_node(emulator, "rx", Role.RX)
        one, other = (tx, rx) if first == "tx" else (rx, tx)
        await one.configure(flow())
        transmission = asyncio.create_task(tx.transmit([picture(1)])) if first == "tx" else None
        await asyncio.sleep(0.1)
        await other.configure(flow())
        receipts = await (transmission or tx.transmit([picture(1)]))
        assert len(receipts) == 1
        await tx.close()
        await rx.close()
        await emulator.kill()

    asyncio.run(scenario())


def test_a_session_with_messages_under_way_is_not_replaced() -> None:
    async def scenario() -> None:
        async with network() as (emulator, tx, (rx,)):
            emulator.receipts_pass = False
            sending = asyncio.create_task(tx.transmit([picture(1)]))
            await eventually(lambda: bool(emulator.receipts))
            await refused(tx.configure(flow(shift="1")), grpc.StatusCode.FAILED_PRECONDITION, "'flow'", "under way")
            with pytest.raises(grpc.aio.AioRpcError, match="message 0 of session 'flow' is under way"):
                await tx.transmit([picture(2)])
            emulator.receipts_pass = True
            emulator.cut("tx")  # the source asks again, and is answered
            assert len(await sending) == 1
            assert len(rx.deliveries) == 1
            await tx.configure(flow())

    asyncio.run(scenario())


def test_transmit_checks_its_request_before_anything_is_sent() -> None:
    good = node_pb2.ImagePayload(name="good", png=png(picture(1)))

    async def scenario() -> None:
        async with network() as (emulator, tx, (rx,)):

            async def ask(node: object, code: grpc.StatusCode, *parts: str, **fields: object) -> None:
                request = node_pb2.TransmitRequest(**({"session": "flow", "images": [good]} | fields))  # type: ignore[arg-type]
                await refused(node.control.Transmit(request).read(), code, *parts)  # type: ignore[attr-defined]

            bad = grpc.StatusCode.INVALID_ARGUMENT
            await ask(tx, grpc.StatusCode.NOT_FOUND, "'other'", "flow", session="other")
            await ask(rx, grpc.StatusCode.NOT_FOUND, "'rx' is an rx")
            await ask(tx, bad, "images", images=[])
            junk = node_pb2.ImagePayload(name="junk", png=b"not a picture")
            await ask(tx, bad, "images[1] 'junk'", "not a readable image", images=[good, junk])
            odd = node_pb2.ImagePayload(name="odd", png=png(picture(1, side=30)))
            await ask(tx, bad, "images[1] 'odd'", "30x30 is not a multiple of 8", images=[good, odd])
            await ask(tx, bad, "interval_ns", interval_ns=-1)
            await ask(tx, bad, "deadline_ns", deadline_ns=2**62)
            await ask(tx, bad, "first_message_id", first_message_id=2**64 - 1)
            assert emulator.heads == []

    asyncio.run(scenario())


def test_describe_says_who_the_node_is() -> None:
    async def scenario() -> None:
        async with network() as (_, tx, (rx,)):
            await tx.transmit([picture(1)])  # both are attached now
            described = await rx.control.Describe(node_pb2.DescribeRequest())
            assert (described.name, described.role, described.attached) == ("rx", node_pb2.NODE_ROLE_RX, True)
            assert {"raw", "vqvae2"} <= set(described.codecs)
            assert 10e6 < described.resident_bytes < 10e9
            assert [(s.session, s.codec.name) for s in described.sessions] == [("flow", "lookup")]

    asyncio.run(scenario())
