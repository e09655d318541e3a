"""Teacher and pupil over a stream: what is adopted and what is not, what goes on meanwhile, and what a kill costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import grpc.aio
import pytest
from fake_adaptation import (
    Learner,
    Taught,
    classroom,
    lesson_pictures,
    session,
    start_learner,
    teach,
    teach_request,
)
from fake_emulator import FakeEmulator, eventually, picture, pixels

from edge.images import Named
from edge.node.sessions import Role
from edge.node.transmitter import Schedule
from edge.v1 import adapt_pb2, packet_pb2

COMPLETE = packet_pb2.RECEIPT_STATUS_COMPLETE
FAILED = packet_pb2.RECEIPT_STATUS_FAILED
PICTURE = picture(1) // 2  # so that a gain of up to 2 clips nothing


def with_classroom(
    test: Callable[[FakeEmulator, Learner, list[Learner]], Awaitable[None]],
    receivers: tuple[str, ...] = ("rx",),
    state_dir: Path | None = None,
    **options: str,
) -> None:
    async def scenario() -> None:
        async with classroom(receivers, state_dir, **options) as (emulator, tx, rxs):
            await test(emulator, tx, rxs)

    asyncio.run(scenario())


async def shown_gain(tx: Learner, rx: Learner, message_id: int) -> float:
    """Sends a picture; by how much the receiver made it brighter."""
    receipts = await tx.transmit([PICTURE], first_message_id=message_id)
    assert [r.status for r in receipts] == [COMPLETE], receipts
    (delivery,) = [d for d in await rx.collect() if d.message_id == message_id]
    return round(float(pixels(delivery.png).sum() / PICTURE.sum()), 1)


def test_dft_changes_codebook_and_decoder_at_both_ends() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        taught = await teach(tx, teach_request(steps=50))
        assert taught.adopted, taught.reason
        assert [(r.round, r.digest) for r in taught.rounds] == [(1, "book-1"), (2, "book-2")]
        assert [r.status for r in taught.receipts] == [COMPLETE] * 8  # opening, 4 lessons, 2 rounds, finish
        assert [s.message_id for s in taught.sent] == list(range(1000, 1008))
        assert [r.purpose for r in taught.receipts] == [
            *[packet_pb2.MESSAGE_PURPOSE_LESSON] * 5,
            *[packet_pb2.MESSAGE_PURPOSE_ROUND] * 2,
            packet_pb2.MESSAGE_PURPOSE_FINISH,
        ]
        assert tx.book == rxs[0].book == 2
        assert tx.codec.describe() == rxs[0].codec.describe()
        assert taught.verdict is not None
        assert taught.verdict.digest == "book-2"
        assert await shown_gain(tx, rxs[0], 1) == 1.5
        assert [d.message_id for d in await rxs[0].collect()] == [1]  # lessons are no pictures

    with_classroom(test)


def test_lsdft_changes_the_decoder_alone() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        dft = await teach(tx, teach_request(steps=1))
        taught = await teach(tx, teach_request("lsdft", first=2000, steps=50))
        assert taught.adopted, taught.reason
        assert len(taught.sent) == 6
        assert sum(s.size_bits for s in taught.sent) < sum(s.size_bits for s in dft.sent) / 2  # no originals
        assert (tx.book, rxs[0].book) == (2, 2)
        assert rxs[0].gain == 1.51
        assert [s.method for s in await tx.states()] == ["initial", "dft"]
        assert [(s.method, s.active) for s in await rxs[0].states()] == [
            ("initial", False),
            ("dft", False),
            ("lsdft", True),
        ]

    with_classroom(test)


def test_pictures_are_decoded_with_the_old_decoder_until_the_new_one_is_ready() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        (rx,) = rxs
        rx.workshop.gate.clear()
        teaching = asyncio.create_task(teach(tx, teach_request(steps=50)))
        await eventually(lambda: rx.workshop.lessons_seen == [4])
        assert await shown_gain(tx, rx, 1) == 1.0
        assert not teaching.done()
        rx.workshop.gate.set()
        assert (await teaching).adopted
        assert await shown_gain(tx, rx, 2) == 1.5

    with_classroom(test)


def test_no_picture_meets_another_codebook_while_many_are_sent() -> None:
    """The codec fails a picture that was encoded with another codebook than the one in force."""

    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        enough = False

        def pictures() -> Iterator[Named]:
            while not enough:
                time.sleep(0.02)  # or the lessons would queue behind many of them
                yield Named("p", picture(1, 8))

        async def send() -> list[int]:
            events = tx.daemon.transmitter.transmit("flow", pictures(), Schedule(first_message_id=10_000))
            return [e.status async for e in events if isinstance(e, packet_pb2.Receipt)]

        sending = asyncio.create_task(send())
        for first in (1000, 2000):
            assert (await teach(tx, teach_request(first=first, steps=1))).adopted
        enough = True
        statuses = await sending
        assert tx.book == 4
        assert set(statuses) == {COMPLETE}
        assert len(statuses) > 3

    with_classroom(test)


def test_digests_that_differ_stop_the_adaptation_with_both_named() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        (rx,) = rxs
        rx.workshop.rounds_step = 3.0
        taught = await teach(tx, teach_request())
        assert not taught.adopted
        assert "codebook digests differ after round 1: book-3 here, book-1 at tx" in taught.reason
        assert len(taught.rounds) == 1
        assert (tx.book, rx.book, rx.gain) == (0, 0, 1)
        assert await shown_gain(tx, rx, 1) == 1.0
        last = [response async for response in rx.watch()][-1]
        assert last.phase == adapt_pb2.ADAPT_PHASE_ENDED
        assert (last.adopted, "digests differ" in last.reason) == (False, True)
        rx.workshop.rounds_step = 1.0
        assert (await teach(tx, teach_request(first=2000))).adopted

    with_classroom(test)


@pytest.mark.parametrize(
    ("better", "breaks_at", "sentence"), [(False, None, "not better"), (True, 5, "loss is not finite")]
)
def test_what_is_not_better_or_breaks_leaves_everything_as_it_was(
    better: bool, breaks_at: int | None, sentence: str
) -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        (rx,) = rxs
        rx.workshop.better, rx.workshop.breaks_at = better, breaks_at
        for method, first in (("dft", 1000), ("lsdft", 2000)):
            taught = await teach(tx, teach_request(method, first=first))
            assert not taught.adopted
            assert sentence in taught.reason
            assert (tx.book, rx.book, rx.gain) == (0, 0, 1)
        assert await tx.states() == []
        assert await shown_gain(tx, rx, 1) == 1.0

    with_classroom(test)


def test_one_receiver_that_is_not_better_keeps_the_codebook_for_all() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        rxs[1].workshop.better = False
        taught = await teach(tx, teach_request())
        assert taught.verdict is not None
        assert not taught.adopted
        assert [(d.destination, d.better) for d in taught.verdict.destinations] == [("rx1", True), ("rx2", False)]
        assert [node.book for node in (tx, *rxs)] == [0, 0, 0]
        assert [node.gain for node in rxs] == [1, 1]
        receipts = await tx.transmit([PICTURE], first_message_id=1)
        assert [r.status for r in receipts] == [COMPLETE] * 2

    with_classroom(test, ("rx1", "rx2"))


def test_one_receiver_that_cannot_begin_calls_it_off_for_all() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        rxs[1].workshop.rounds_step = 9.0
        taught = await teach(tx, teach_request())
        assert taught.reason.startswith("rx2: codebook digests differ")
        (last,) = [r async for r in rxs[0].watch()]
        assert last.phase == adapt_pb2.ADAPT_PHASE_ENDED
        assert last.reason.startswith("called off by tx: rx2: codebook digests differ")

    with_classroom(test, ("rx1", "rx2"))


def test_a_receiver_that_is_replaced_in_training_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        rx = rxs[0]
        rx.workshop.pause_at = 35
        teaching = asyncio.create_task(teach(tx, teach_request(steps=50, checkpoint_steps=20)))
        await eventually(lambda: rx.workshop.steps_done == 35)
        closing = asyncio.create_task(rx.close())
        await emulator.left_by("rx")
        rx.workshop.gate.set()
        await closing
        assert not teaching.done()
        rxs[0] = rx = await start_learner(emulator, "rx", Role.RX, tmp_path)
        rx.workshop.gate.clear()
        await rx.configure(session())
        await eventually(lambda: rx.workshop.lessons_seen == [4])
        rx.workshop.gate.set()
        taught = await teaching
        assert taught.adopted, taught.reason
        last = [r async for r in rx.watch()][-1]
        assert last.resumed_at_step == 20
        assert rx.workshop.steps_done == 30
        assert (tx.book, rx.book, rx.gain) == (2, 2, 1.5)
        assert len(taught.receipts) == 8

    with_classroom(test, state_dir=tmp_path)


def test_a_receiver_that_forgot_its_lessons_says_so() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        rxs[0].workshop.gate.clear()
        teaching = asyncio.create_task(teach(tx, teach_request()))
        await eventually(lambda: rxs[0].workshop.lessons_seen == [4])
        closing = asyncio.create_task(rxs[0].close())
        await emulator.left_by("rx")
        rxs[0].workshop.gate.set()
        await closing
        rxs[0] = await start_learner(emulator, "rx", Role.RX)
        await rxs[0].configure(session())
        taught = await teaching
        assert "rx has no lessons of this adaptation; start it with --state" in taught.reason
        assert tx.book == 0

    with_classroom(test)


def test_an_adaptation_survives_the_emulator() -> None:
    async def scenario() -> None:
        async with classroom() as (emulator, tx, rxs):
            rxs[0].workshop.gate.clear()
            teaching = asyncio.create_task(teach(tx, teach_request()))
            await eventually(lambda: rxs[0].workshop.lessons_seen == [4])
            emulator = await emulator.restarted()
            try:
                await eventually(lambda: ("flow", 1007) in emulator.heads)  # the finish comes again
                rxs[0].workshop.gate.set()
                assert (await teaching).adopted
                assert await shown_gain(tx, rxs[0], 1) == 1.1
                assert rxs[0].workshop.lessons_seen == [4]
            finally:
                await tx.close()
                await emulator.kill()

    asyncio.run(scenario())


def test_what_was_adopted_is_in_force_after_a_restart(tmp_path: Path) -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        assert (await teach(tx, teach_request("lsdft"))).adopted
        await rxs[0].close()
        rxs[0] = await start_learner(emulator, "rx", Role.RX, tmp_path)
        await rxs[0].configure(session())
        assert rxs[0].gain == 1.1
        assert await shown_gain(tx, rxs[0], 1) == 1.1

    with_classroom(test, state_dir=tmp_path)


def test_a_receiver_follows_a_source_that_was_replaced_and_has_its_old_codebook(tmp_path: Path) -> None:
    """And the other way round: one that was replaced follows a source with the new one."""

    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        assert (await teach(tx, teach_request())).adopted
        await rxs[0].close()
        rxs[0] = await start_learner(emulator, "rx", Role.RX, tmp_path)
        await rxs[0].configure(session())
        assert await shown_gain(tx, rxs[0], 1) == 1.1
        await tx.configure(session())  # anew, from its states in memory
        assert tx.book == 2
        fresh = await start_fresh_tx(emulator, tx)
        try:
            assert await shown_gain(fresh, rxs[0], 2) == 1.0
            assert (fresh.book, rxs[0].book) == (0, 0)
        finally:
            await fresh.close()

    with_classroom(test, state_dir=tmp_path)


async def start_fresh_tx(emulator: FakeEmulator, tx: Learner) -> Learner:
    await tx.daemon.stop()
    fresh = await start_learner(emulator, "tx", Role.TX)
    await fresh.configure(session())
    return fresh


def test_rolling_back_a_codebook_at_the_source_takes_the_receivers_along() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        (rx,) = rxs
        assert (await teach(tx, teach_request())).adopted
        with pytest.raises(Exception, match=r"has another codebook .* roll back at tx, and this node follows"):
            await rx.roll_back()
        assert (await tx.roll_back()).method == "initial"
        assert (tx.book, rx.book, rx.gain) == (0, 0, 1)
        assert await shown_gain(tx, rx, 1) == 1.0
        (dft,) = [s.id for s in await tx.states() if s.method == "dft"]
        assert (await tx.roll_back(dft)).digest == "book-2"
        assert await shown_gain(tx, rx, 2) == 1.1
        with pytest.raises(Exception, match="there is no such state"):
            await tx.roll_back("nonsense")

    with_classroom(test)


def test_rolling_back_a_decoder_at_its_receiver() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        (rx,) = rxs
        with pytest.raises(Exception, match="nothing to go back to"):
            await rx.roll_back()
        assert (await teach(tx, teach_request("lsdft"))).adopted
        assert (await teach(tx, teach_request("lsdft", first=2000))).adopted
        assert rx.gain == 1.2
        assert (await rx.roll_back()).active
        assert rx.gain == 1.1
        assert (await rx.roll_back()).method == "initial"
        assert await shown_gain(tx, rx, 1) == 1.0

    with_classroom(test)


def test_a_source_takes_its_codebook_back_when_a_receiver_cannot_follow() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        rxs[0].daemon._keeper.can_follow = lambda session, knowledge: False  # type: ignore[method-assign]
        taught = await teach(tx, teach_request())
        assert not taught.adopted
        assert "the new codebook was taken back: rx refuses" in taught.reason
        assert (tx.book, rxs[0].book) == (0, 0)
        assert await shown_gain(tx, rxs[0], 1) == 1.0

    with_classroom(test)


def test_a_lesson_whose_original_was_damaged_is_left_out_at_both_ends() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        emulator.deliver = lambda name, run: (run.message_id, run.segment) != (1002, 2)
        taught = await teach(tx, teach_request(pictures=lesson_pictures(6)))
        assert taught.adopted, taught.reason
        (failed,) = [r for r in taught.receipts if r.status == FAILED]
        assert "original: " in failed.reason
        assert "were lost on the way" in failed.reason
        assert rxs[0].workshop.lessons_seen == [5]

    with_classroom(test)


def test_a_lesson_that_one_receiver_lost_is_left_out_at_the_other_too() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        emulator.deliver = lambda name, run: (name, run.message_id, run.segment) != ("rx2", 1002, 2)
        taught = await teach(tx, teach_request(pictures=lesson_pictures(6)))
        assert taught.adopted, taught.reason
        assert rxs[0].workshop.rounds_seen in ([6, 5], [5])  # it may have begun with all of them
        assert rxs[1].workshop.rounds_seen == [5]
        assert [rx.workshop.lessons_seen for rx in rxs] == [[5], [5]]
        assert [node.book for node in (tx, *rxs)] == [2, 2, 2]

    with_classroom(test, ("rx1", "rx2"))


def test_an_opening_that_was_damaged_ends_it() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        emulator.deliver = lambda name, run: run.message_id != 1000
        taught = await teach(tx, teach_request())
        assert "rx: opening: " in taught.reason
        assert [r.message_id for r in taught.receipts] == [1000, 1001]  # the second tells that it is called off

    with_classroom(test)


def test_a_receiver_without_the_other_half_refuses() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        taught = await teach(tx, teach_request())
        assert taught.reason == "rx: codec.options.half: there is no encoder here"
        assert await shown_gain(tx, rxs[0], 1) == 1.0

    with_classroom(test, half="one")


def test_a_caller_that_leaves_changes_no_codebook_and_blocks_nobody() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        (rx,) = rxs
        rx.workshop.gate.clear()
        leaving = asyncio.create_task(teach(tx, teach_request()))
        await eventually(lambda: rx.workshop.lessons_seen == [4])
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        taught = await eventually_teach(tx, teach_request(first=2000))
        assert taught.reason.startswith("rx: session 'flow': an adaptation is under way")
        rx.workshop.gate.set()
        assert [r async for r in rx.watch()][-1].adopted  # it stands ready, and nobody announces it
        assert (tx.book, rx.book, rx.gain) == (0, 0, 1)
        assert (await teach(tx, teach_request(first=3000))).adopted
        assert await shown_gain(tx, rx, 1) == 1.1

    with_classroom(test)


async def eventually_teach(tx: Learner, request: adapt_pb2.TeachRequest) -> Taught:
    """Teaches as soon as the tx knows that the caller before has left."""
    while True:
        try:
            return await teach(tx, request)
        except grpc.aio.AioRpcError as error:
            if "an adaptation is under way" not in (error.details() or ""):
                raise
            await asyncio.sleep(0.02)


def test_watching_from_before_the_beginning_to_the_end() -> None:
    async def test(emulator: FakeEmulator, tx: Learner, rxs: list[Learner]) -> None:
        watching = aiter(rxs[0].watch(first_message_id=1000))
        first = await anext(watching)
        assert first.phase == adapt_pb2.ADAPT_PHASE_IDLE
        rxs[0].workshop.gate.clear()
        teaching = asyncio.create_task(teach(tx, teach_request()))
        seen = [await anext(watching)]
        while seen[-1].phase != adapt_pb2.ADAPT_PHASE_TUNING:
            seen.append(await anext(watching))
        assert (seen[-1].lessons, seen[-1].round, seen[-1].rounds, seen[-1].steps) == (4, 2, 2, 10)
        rxs[0].workshop.gate.set()
        seen += [response async for response in watching]
        assert (seen[-1].phase, seen[-1].adopted) == (adapt_pb2.ADAPT_PHASE_ENDED, True)
        assert (seen[-1].step, seen[-1].validation_before, seen[-1].validation, seen[-1].unit) == (10, 20, 30, "dB")
        assert seen[-1].digest == "book-2"
        assert not seen[-1].HasField("resumed_at_step")
        assert (await teaching).adopted
        (again,) = [response async for response in rxs[0].watch()]
        assert again.phase == adapt_pb2.ADAPT_PHASE_ENDED

    with_classroom(test)


def test_a_node_with_a_codec_of_its_own_learns_too(tmp_path: Path) -> None:
    """Each of its sessions then has a codec of its own, as adapted; also after a restart."""

    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        tx = await start_learner(emulator, "tx", Role.TX)
        rx = await start_learner(emulator, "rx", Role.RX, tmp_path, codec="book")
        try:
            await tx.configure(session())
            assert (await teach(tx, teach_request())).adopted
            assert await shown_gain(tx, rx, 1) == 1.1
            own = rx.daemon._agreement.own
            assert own is not None
            assert own.codec is not rx.codec
            assert own.codec.describe().knowledge == "book-0"
            await rx.close()
            rx = await start_learner(emulator, "rx", Role.RX, tmp_path, codec="book")
            await eventually(lambda: rx.daemon._agreement.current("flow"))
            assert await shown_gain(tx, rx, 2) == 1.1
        finally:
            for node in (tx, rx):
                await node.close()
            await emulator.kill()

    asyncio.run(scenario())
