"""A pupil by itself: how many courses it takes, messages out of turn, and who watches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from fake_adaptation import Book, FakeWorkshop
from fake_emulator import eventually, picture

from edge.adapt.settings import AdaptSettings
from edge.node import pupil as pupil_module
from edge.node.adapt_messages import Finish, LessonError, Opening, Round, original_segment
from edge.node.codec_thread import CodecThread
from edge.node.pupil import Pupil
from edge.node.sessions import Role, Session
from edge.node.state_keeper import StateKeeper
from edge.segment import Segment
from edge.v1 import packet_pb2
from edge.wire.reassembly import ReceivedMessage

SETTINGS = AdaptSettings("dft", rounds=1, steps=10, checkpoint_steps=5).to_json()
LESSON = packet_pb2.MESSAGE_PURPOSE_LESSON
ROUND = packet_pb2.MESSAGE_PURPOSE_ROUND
FINISH = packet_pb2.MESSAGE_PURPOSE_FINISH


class Desk:
    """A pupil and what it needs."""

    def __init__(self) -> None:
        self.workshop = FakeWorkshop()
        thread = CodecThread()
        keeper = StateKeeper(Role.RX, None, thread, self.workshop)
        self.pupil = Pupil("rx", thread, keeper, self.workshop)
        self.sessions = {name: self.session(name) for name in "abcd"}

    def session(self, name: str) -> Session:
        codec = Book()
        return Session(name, "tx", ("rx",), codec, codec.describe())

    async def take(self, name: str, number: int, segments: list[Segment], purpose: packet_pb2.MessagePurpose) -> None:
        message = ReceivedMessage(name, number, segments, True, 0, 0, packet_pb2.Transit(), purpose)
        await self.pupil.take(self.sessions[name], message)

    async def open(self, name: str, first: int = 0, images: int = 4) -> None:
        await self.take(name, first, Opening(SETTINGS, images).segments(), LESSON)

    async def lessons(self, name: str, first: int = 0, images: int = 4) -> None:
        for number in range(1, images + 1):
            pixels = picture(number, 8)
            segments = [*Book().encode(pixels), original_segment(pixels)]
            await self.take(name, first + number, segments, LESSON)


def at_desk(test: Callable[[Desk], Awaitable[None]]) -> None:
    async def scenario() -> None:
        desk = Desk()
        try:
            await test(desk)
        finally:
            desk.workshop.gate.set()
            await desk.pupil.close()

    asyncio.run(scenario())


def test_two_sessions_learn_at_once_and_a_third_waits() -> None:
    async def test(desk: Desk) -> None:
        await desk.open("a")
        await desk.open("b")
        with pytest.raises(LessonError, match=r"rx adapts 2 sessions already \(a, b\)"):
            await desk.open("c")
        await desk.open("b", first=50)  # its source begins again
        with pytest.raises(LessonError, match="began with message 0, but the one here began with 50"):
            await desk.take("b", 60, Finish(0, 0, "", None, ()).segments(), FINISH)
        with pytest.raises(LessonError, match="called off by tx: enough"):
            await desk.take("a", 5, Finish(0, 0, "", None, (), "enough").segments(), FINISH)
        await desk.open("c")

    at_desk(test)


def test_a_course_that_its_source_has_left_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(desk: Desk) -> None:
        await desk.open("a")
        await desk.open("b")
        with pytest.raises(LessonError, match="an adaptation is under way"):
            desk.pupil.check_idle(desk.sessions["a"])
        monkeypatch.setattr(pupil_module, "ABANDONED_S", -1.0)
        desk.pupil.check_idle(desk.sessions["a"])
        await desk.open("c")
        assert [r async for r in desk.pupil.watch(desk.sessions["a"], None)][-1].reason == "abandoned by its source"

    at_desk(test)


def test_messages_out_of_turn_are_refused() -> None:
    async def test(desk: Desk) -> None:
        with pytest.raises(LessonError, match="rx has no lessons of this adaptation"):
            await desk.take("a", 9, Round(0, 1, "book-1", 0.5, (1, 2, 3, 4)).segments(), ROUND)
        await desk.open("a")
        await desk.lessons("a")
        desk.workshop.gate.clear()
        finish = Finish(0, 1, "book-1", 0.5, (1, 2, 3, 4)).segments()
        training = asyncio.create_task(desk.take("a", 6, finish, FINISH))
        await eventually(lambda: desk.workshop.lessons_seen == [4])
        with pytest.raises(LessonError, match="comes out of turn"):
            await desk.take("a", 7, Round(0, 1, "book-1", 0.5, (1, 2, 3, 4)).segments(), ROUND)
        with pytest.raises(LessonError, match="an adaptation is under way"):
            await desk.open("a", first=100)
        desk.workshop.gate.set()
        await training
        with pytest.raises(LessonError, match="the adaptation is over"):
            await desk.take("a", 8, Round(0, 1, "book-1", 0.5, (1, 2, 3, 4)).segments(), ROUND)
        await desk.take("a", 6, finish, FINISH)  # the same question gets the same answer
        assert desk.workshop.lessons_seen == [4]

    at_desk(test)


def test_rounds_are_run_before_their_source_asks() -> None:
    async def test(desk: Desk) -> None:
        await desk.open("a")
        await desk.lessons("a", images=3)
        await asyncio.sleep(0.05)
        assert desk.workshop.rounds_seen == []
        await desk.lessons("a")
        course = desk.pupil._courses["a"]
        await eventually(lambda: course.progress.round == 1)
        assert course.progress.digest == "book-1"
        await desk.take("a", 5, Round(0, 1, "book-1", 0.5, (1, 2, 3, 4)).segments(), ROUND)
        assert desk.workshop.rounds_seen == [4]
        with pytest.raises(LessonError, match="finish: comes after 0 rounds, but there are 1"):
            await desk.take("a", 6, Finish(0, 0, "", 0.5, (1, 2, 3, 4)).segments(), FINISH)

    at_desk(test)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (Round(0, 2, "book-2", 0.5, (1, 2, 3, 4)), "round: must be 1 to 1 with these settings, got 2"),
        (Round(0, 1, "book-1", 0.5, (1, 2, 5)), "1 of 3 are not here"),
        (Round(0, 1, "book-7", 0.5, (1, 2, 3, 4)), "codebook digests differ after round 1: book-1 here, book-7 at tx"),
    ],
)
def test_a_round_that_does_not_fit_ends_the_course(said: Round, sentence: str) -> None:
    async def test(desk: Desk) -> None:
        await desk.open("a")
        await desk.lessons("a")
        with pytest.raises(LessonError, match=sentence):
            await desk.take("a", 5, said.segments(), ROUND)
        (last,) = [r async for r in desk.pupil.watch(desk.sessions["a"], None)]
        assert sentence in last.reason
        with pytest.raises(LessonError, match=sentence):  # and what the finish is answered with
            await desk.take("a", 6, Finish(0, 0, "", None, ()).segments(), FINISH)

    at_desk(test)


def test_an_opening_with_settings_of_another_version_begins_nothing() -> None:
    async def test(desk: Desk) -> None:
        with pytest.raises(ValueError, match="adapt: the settings must be an object of"):
            await desk.take("a", 0, Opening('{"method": "dft", "magic": 1}', 4).segments(), LESSON)
        desk.pupil.check_idle(desk.sessions["a"])

    at_desk(test)
