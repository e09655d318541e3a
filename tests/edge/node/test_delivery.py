"""Images from tx to rx: what arrives, what is answered, and that each message is delivered once whatever breaks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from fake_emulator import Lookup, flow, network, picture, pixels, png, start_node

from edge.node.sessions import Role
from edge.v1 import node_pb2, packet_pb2

COMPLETE = packet_pb2.RECEIPT_STATUS_COMPLETE
PARTIAL = packet_pb2.RECEIPT_STATUS_PARTIAL
FAILED = packet_pb2.RECEIPT_STATUS_FAILED


def test_pictures_arrive_bit_for_bit_and_credit_is_respected() -> None:
    async def scenario() -> None:
        async with network() as (emulator, tx, (rx,)):
            sent = [picture(seed) for seed in range(5)]  # 3072 bytes each, against a credit of 4096
            receipts = await tx.transmit(sent, first_message_id=7)
            assert [(r.message_id, r.status) for r in receipts] == [(7 + i, COMPLETE) for i in range(5)]
            collected = await rx.collect()
            assert [d.message_id for d in collected] == [7, 8, 9, 10, 11]
            for original, delivery in zip(sent, collected, strict=True):
                np.testing.assert_array_equal(pixels(delivery.png), original)
            assert emulator.largest_run == 1024

    asyncio.run(scenario())


def test_runs_are_cut_to_fit_a_credit_smaller_than_a_run() -> None:
    async def scenario() -> None:
        async with network(credit_bytes=300) as (emulator, tx, _):
            receipts = await tx.transmit([picture(1)])
            assert [r.status for r in receipts] == [COMPLETE]
            assert emulator.largest_run <= 300

    asyncio.run(scenario())


def test_a_packet_larger_than_the_whole_credit_is_refused_with_a_sentence() -> None:
    async def scenario() -> None:
        async with network(credit_bytes=40) as (_, tx, _):
            with pytest.raises(Exception, match=r"--packet-bytes 64.*queue of 40 bytes"):
                await tx.transmit([picture(1)])

    asyncio.run(scenario())


def test_every_destination_of_a_multicast_answers() -> None:
    async def scenario() -> None:
        async with network(("rx1", "rx2", "rx3")) as (emulator, tx, rxs):
            receipts = await tx.transmit([picture(1), picture(2)])
            assert sorted((r.message_id, r.destination) for r in receipts) == [
                (i, f"rx{n}") for i in (0, 1) for n in (1, 2, 3)
            ]
            assert emulator.heads == [("flow", 0), ("flow", 1)]
            for rx in rxs:
                assert len(await rx.collect("flow")) == 2
                assert await rx.collect("other") == []

    asyncio.run(scenario())


def test_lost_packets_give_a_partial_receipt() -> None:
    async def scenario() -> None:
        async with network() as (emulator, tx, (rx,)):
            emulator.deliver = lambda destination, run: run.offset != 0
            receipts = await tx.transmit([picture(1)])
            assert [r.status for r in receipts] == [PARTIAL]
            (delivery,) = await rx.collect()
            received = pixels(delivery.png)
            assert (received.reshape(-1)[:1024] == 0).all()
            np.testing.assert_array_equal(received.reshape(-1)[1024:], picture(1).reshape(-1)[1024:])

    asyncio.run(scenario())


def test_a_packet_with_a_bad_header_crc_is_left_out_and_the_rest_is_delivered() -> None:
    async def scenario() -> None:
        async with network() as (emulator, tx, _):

            def spoil(frame: packet_pb2.Frame) -> None:
                if frame.WhichOneof("frame") == "run" and frame.run.offset == 0:
                    frame.run.header_crc ^= 1

            emulator.watch = spoil
            receipts = await tx.transmit([picture(1), picture(2)])
            assert [r.status for r in receipts] == [PARTIAL, PARTIAL]

    asyncio.run(scenario())


def test_a_decoder_that_raises_fails_its_message_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with network() as (_, tx, (rx,)):
            first, second = picture(1), picture(2)
            monkeypatch.setattr(Lookup, "fail_at", int(first[0, 0, 0]))
            receipts = await tx.transmit([first, second])
            assert [(r.status, r.reason) for r in receipts] == [(FAILED, "a codec that breaks"), (COMPLETE, "")]
            failed, delivered = await rx.collect()
            assert failed.png == b""
            np.testing.assert_array_equal(pixels(delivered.png), second)

    asyncio.run(scenario())


def test_an_oversize_message_fails_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.node.receiver.MAX_MESSAGE_BYTES", 1000)

    async def scenario() -> None:
        async with network() as (_, tx, _):
            (receipt,) = await tx.transmit([picture(1)])
            assert receipt.status == FAILED
            assert "announces 3072 bytes, more than 1000" in receipt.reason

    asyncio.run(scenario())


@pytest.mark.parametrize("victim", ["tx", "rx", "both"])
def test_a_broken_stream_delivers_each_message_once(victim: str) -> None:
    async def scenario() -> None:
        async with network() as (emulator, tx, (rx,)):
            runs = 0

            def cut_in_the_middle(frame: packet_pb2.Frame) -> None:
                nonlocal runs
                runs += frame.WhichOneof("frame") == "run"
                if runs == 5:  # of 9: in the second message
                    for name in ("tx", "rx") if victim == "both" else (victim,):
                        emulator.cut(name)
                    runs += 100

            emulator.watch = cut_in_the_middle
            sent = [picture(seed) for seed in range(3)]
            receipts = await tx.transmit(sent)
            assert sorted(r.message_id for r in receipts) == [0, 1, 2]
            assert all(r.status == COMPLETE for r in receipts)
            assert sorted(d.message_id for d in rx.deliveries) == [0, 1, 2]
            for original, delivery in zip(sent, await rx.collect(), strict=True):
                np.testing.assert_array_equal(pixels(delivery.png), original)
            assert emulator.headless == []

    asyncio.run(scenario())


def test_a_new_emulator_process_gets_the_messages_without_receipts_again() -> None:
    async def scenario() -> None:
        async with network() as (emulator, tx, (rx,)):
            half_way = asyncio.Event()

            def swallow(destination: str, run: packet_pb2.PacketRun) -> bool:
                if run.message_id == 1:
                    half_way.set()
                return True

            emulator.deliver = swallow
            sending = asyncio.create_task(tx.transmit([picture(seed) for seed in range(4)]))
            await half_way.wait()
            second = await emulator.restarted()
            receipts = await sending
            assert sorted(r.message_id for r in receipts) == [0, 1, 2, 3]
            assert all(r.status == COMPLETE for r in receipts)
            assert sorted(d.message_id for d in rx.deliveries) == [0, 1, 2, 3]
            await second.kill()

    asyncio.run(scenario())


def test_a_repeated_message_is_answered_with_its_first_receipt_and_not_decoded_again() -> None:
    async def scenario() -> None:
        async with network() as (emulator, tx, (rx,)):
            (first,) = await tx.transmit([picture(1)], first_message_id=3)
            (again,) = await tx.transmit([picture(2)], first_message_id=3)
            assert again == first
            assert len(rx.deliveries) == 1
            assert emulator.heads == [("flow", 3), ("flow", 3)]
            (delivery,) = await rx.collect()
            np.testing.assert_array_equal(pixels(delivery.png), picture(1))

    asyncio.run(scenario())


def test_a_replaced_destination_gets_what_it_has_not_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with network(("rx", "other")) as (emulator, tx, (rx, other)):
            await rx.close()
            replacement = await start_node(emulator, "rx", Role.RX, state_dir=tmp_path)
            await replacement.configure(flow(("rx", "other")))
            emulator.deliver = lambda destination, run: True
            stopped = asyncio.Event()

            def stop_at_second(frame: packet_pb2.Frame) -> None:
                if frame.WhichOneof("frame") == "head" and frame.head.message_id == 1:
                    stopped.set()

            emulator.watch = stop_at_second
            sending = asyncio.create_task(tx.transmit([picture(seed) for seed in range(3)]))
            await stopped.wait()
            await replacement.close()
            third = await start_node(emulator, "rx", Role.RX, state_dir=tmp_path)
            await third.configure(flow(("rx", "other")))
            receipts = await sending
            assert sorted((r.destination, r.message_id) for r in receipts) == [
                (name, i) for name in ("other", "rx") for i in range(3)
            ]
            assert all(r.status == COMPLETE for r in receipts)
            delivered = [d.message_id for d in replacement.deliveries + third.deliveries]
            assert sorted(delivered) == [0, 1, 2]
            assert sorted(d.message_id for d in other.deliveries) == [0, 1, 2]
            assert [d.message_id for d in await third.collect()] == [0, 1, 2]
            await third.close()

    asyncio.run(scenario())


def test_a_caller_that_goes_away_stops_the_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.node.flow.MAX_UNDER_WAY", 1)

    async def scenario() -> None:
        async with network() as (emulator, tx, (rx,)):
            emulator.receipts_pass = False
            images = [node_pb2.ImagePayload(name="p", png=png(picture(seed))) for seed in range(4)]
            call = tx.control.Transmit(node_pb2.TransmitRequest(session="flow", images=images))
            assert (await call.read()).sent.message_id == 0
            call.cancel()
            await asyncio.sleep(0.1)
            emulator.receipts_pass = True
            emulator.cut("tx")  # message 0 stays under way until its receipt comes
            (receipt,) = await tx.transmit([picture(9)], first_message_id=1)
            assert receipt.message_id == 1
            np.testing.assert_array_equal(pixels((await rx.collect())[1].png), picture(9))
            assert {number for _, number in emulator.heads} == {0, 1}

    asyncio.run(scenario())


def test_model_times_and_numbers_are_as_the_request_says() -> None:
    async def scenario() -> None:
        async with network() as (emulator, tx, _):
            heads: list[packet_pb2.MessageHead] = []

            def note(frame: packet_pb2.Frame) -> None:
                if frame.WhichOneof("frame") == "head":
                    heads.append(packet_pb2.MessageHead.FromString(frame.head.SerializeToString()))

            emulator.watch = note
            await tx.transmit(
                [picture(1), picture(2), picture(3)],
                first_message_id=10,
                first_offered_ns=5_000,
                interval_ns=100,
                deadline_ns=42,
            )
            assert [(h.message_id, h.offered_ns, h.deadline_ns) for h in heads] == [
                (10, 5_000, 42),
                (11, 5_100, 42),
                (12, 5_200, 42),
            ]

    asyncio.run(scenario())


def test_what_is_sent_is_reported_before_its_receipt_with_its_size_on_the_air() -> None:
    async def scenario() -> None:
        async with network() as (_, tx, _):
            images = [node_pb2.ImagePayload(name="p", png=png(picture(1)))]
            call = tx.control.Transmit(node_pb2.TransmitRequest(session="flow", images=images))
            events = [event async for event in call]
            assert [e.WhichOneof("event") for e in events] == ["sent", "receipt"]
            assert events[0].sent.size_bits == 32 * 32 * 3 * 8
            assert events[0].sent.encode_s > 0

    asyncio.run(scenario())
