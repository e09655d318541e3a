"""What a tx does to adapt a session: sends lessons, runs the codebook rounds, waits for verdicts, follows them.

    opening -> lessons -> rounds (DFT, codebooks) -> finish -> [new codebook in force, announced anew]

Everything is a message with receipts, so whatever dies on the way, what lacks its receipt is sent again. When the
receivers cannot go on, or one of them did not get better, everybody keeps the codec as it is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from edge.adapt.errors import AdaptError
from edge.adapt.lessons import check_pictures
from edge.adapt.settings import AdaptSettings
from edge.codecs.contract import Codec, Half
from edge.images import Named
from edge.node.adapt_messages import Finish, Opening, Round, original_segment
from edge.node.codec_thread import CodecThread
from edge.node.descriptions import MAX_REASON
from edge.node.sessions import Session
from edge.node.state_keeper import StateKeeper
from edge.node.transmitter import Maker, Schedule, Transmitter
from edge.node.workshop import RoundDone, Rounds, Workshop, live_parameters
from edge.segment import Segment
from edge.v1 import adapt_pb2, node_pb2, packet_pb2

log = logging.getLogger(__name__)

MAX_LESSONS_AT_ONCE = 2  # adaptations of one node

LESSON = packet_pb2.MESSAGE_PURPOSE_LESSON
ROUND = packet_pb2.MESSAGE_PURPOSE_ROUND
FINISH = packet_pb2.MESSAGE_PURPOSE_FINISH
FAILED = packet_pb2.RECEIPT_STATUS_FAILED

Event = node_pb2.MessageSent | packet_pb2.Receipt
Happened = Event | adapt_pb2.CodebookRound | adapt_pb2.TeachVerdict


@dataclass(frozen=True)
class Task:
    """What is asked: as in TeachRequest."""

    session: str
    settings: AdaptSettings
    pictures: Sequence[Named]
    first_message_id: int = 0
    first_offered_ns: int = 0


class _CalledOffError(Exception):
    """The adaptation ends without a result; the message is the sentence for everybody."""


class Teacher:
    """Adapts sessions of one tx. Belongs to the event loop."""

    def __init__(self, transmitter: Transmitter, thread: CodecThread, keeper: StateKeeper, workshop: Workshop) -> None:
        """thread: where codecs in service are used."""
        self._transmitter = transmitter
        self._thread = thread
        self._keeper = keeper
        self._workshop = workshop

    async def teach(self, task: Task) -> AsyncGenerator[Happened]:
        """Does it all; the last thing given is the verdict. Leaving early stops it where it is.

        Raises UnknownSessionError, UnderWayError, AdaptError for what cannot be begun, MismatchError when a destination
        refuses the session, CodecError.
        """
        session = self._transmitter.flow(task.session).session
        check_pictures(session.codec, [picture.pixels for picture in task.pictures])
        with self._transmitter.reserve(task.session, "an adaptation", MAX_LESSONS_AT_ONCE):
            lecture = _Lecture(task, session, self._transmitter, self._thread, self._workshop)
            try:
                await lecture.prepare()
                async for event in lecture.run():
                    yield event
                reason = lecture.reason
                if not reason and lecture.rounds_done is not None:
                    reason = await self._adopt(session, lecture)
            finally:
                lecture.close()
        yield adapt_pb2.TeachVerdict(
            adopted=not reason,
            reason=reason[:MAX_REASON],
            destinations=[
                adapt_pb2.DestinationVerdict(
                    destination=name, better=name not in lecture.refusals, reason=lecture.refusals.get(name, "")
                )
                for name in session.destinations
            ],
            digest=session.description.knowledge,
            elapsed_s=time.monotonic() - lecture.began_s,
        )

    async def roll_back(self, session: Session, state_id: str) -> str:
        """Puts a kept codebook in force again and announces it; the receivers follow. Gives the state's id.

        Raises AdaptError, UnderWayError, and MismatchError when a receiver does not have it any more: then the present
        one stays.
        """
        with self._transmitter.reserve(session.name, "a change of its codebook", MAX_LESSONS_AT_ONCE):
            state = await self._keeper.find(session, state_id)
            refusal = await self._switch(session, state.id, back=True)
        if refusal:
            raise AdaptError(refusal)
        return state.id

    async def _adopt(self, session: Session, lecture: _Lecture) -> str:
        """Puts the new codebook in force here, once nothing is under way. Gives why that failed, or nothing."""
        from edge.adapt.states import Origin

        assert lecture.rounds is not None  # there were rounds
        assert lecture.rounds_done is not None
        origin = Origin(lecture.rounds_done.digest, lecture.task.settings.method)
        if not self._keeper.lasting:
            log.warning("session '%s': its codebooks are kept in memory only; --state keeps them", session.name)
        state = await self._keeper.add(session, lecture.rounds.codebooks(), origin)
        return await self._switch(session, state.id, back=False)

    async def _switch(self, session: Session, state_id: str, back: bool) -> str:
        """Changes codebooks between two messages and has the destinations follow; takes it back when one refuses."""
        _, before = await self._keeper.states(session)
        refusal = await self._announce(session, state_id, back)
        if refusal is None:
            return ""
        await self._announce(session, before, back=True)
        return f"the new codebook was taken back: {refusal}"

    async def _announce(self, session: Session, state_id: str, back: bool) -> str | None:
        """Puts a state in force and announces it; gives why a destination refuses, None when all accept."""
        flow = self._transmitter.flow(session.name)
        async with flow.quiet():
            await self._keeper.activate(session, state_id, back)
            flow.described_anew()
        return await flow.agreed()


@dataclass
class _Lecture:
    """One adaptation as its tx sees it. refusals: why not, by destination. reason: why nothing comes of it."""

    task: Task
    session: Session
    transmitter: Transmitter
    service_thread: CodecThread
    workshop: Workshop
    refusals: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    rounds: Rounds | None = None
    rounds_done: RoundDone | None = None
    began_s: float = field(default_factory=time.monotonic)
    _thread: CodecThread = field(default_factory=CodecThread)
    _copy: Codec | None = None
    _has_codebooks: bool = False
    _sent: int = 0
    _offered_ns: int = 0
    _usable: tuple[int, ...] = ()

    def close(self) -> None:
        self._thread.close()

    async def prepare(self) -> None:
        """Opens a copy of the encoder half. Raises AdaptError and CodecError, with nothing sent."""
        live = await self.service_thread.run(lambda: live_parameters(self.session.codec))
        self._copy = await self._thread.run(self.workshop.copy, self.session, Half.ENCODER, live)
        self._has_codebooks = bool(await self._thread.run(self.workshop.codebook_names, self._copy))
        settings = self.task.settings
        if settings.rounds > 0 and not self._has_codebooks:
            raise AdaptError(
                f"adapt.rounds: codec {self.session.codec.name} has no codebooks to update, got {settings.rounds} "
                "rounds; set rounds to 0 or leave it out"
            )
        self._offered_ns = self.task.first_offered_ns
        self._usable = tuple(range(1, len(self.task.pictures) + 1))

    async def run(self) -> AsyncGenerator[Happened]:
        """Everything but the change of the codebook here. Afterwards `reason` and `refusals` say what came of it."""
        try:
            async for event in self._teach():
                yield event
            self.reason = self._said()
        except _CalledOffError as error:
            self.reason = str(error)
            finish = Finish(self.task.first_message_id, 0, "", None, (), self.reason[:MAX_REASON])
            async for event in self._send([finish.segments()], FINISH):
                yield event
            for name in self.session.destinations:
                self.refusals.setdefault(name, "was told that the adaptation is called off")

    async def _teach(self) -> AsyncGenerator[Happened]:
        """Raises _CalledOffError when the destinations cannot go on."""
        settings = self.task.settings
        opening = Opening(settings.to_json(), len(self.task.pictures))
        async for event in self._send([opening.segments()], LESSON):
            yield event
        self._call_off_when_refused()
        async for event in self._lessons():
            yield event
        if self._has_codebooks:
            pictures = [self.task.pictures[number - 1].pixels for number in self._usable]
            assert self._copy is not None  # prepared
            try:
                self.rounds = await self._thread.run(self.workshop.rounds, self._copy, pictures, settings)
            except AdaptError as error:
                raise _CalledOffError(str(error)) from error
            for _ in range(settings.codebook_rounds):
                async for event in self._one_round(self.rounds):
                    yield event
        done = self.rounds_done
        loss = None if self.rounds is None else await self._thread.run(self.rounds.quantization_loss)
        rounds, digest = (0, "") if done is None else (done.round, done.digest)
        finish = Finish(self.task.first_message_id, rounds, digest, loss, self._usable)
        async for event in self._send([finish.segments()], FINISH):
            yield event

    async def _lessons(self) -> AsyncGenerator[Happened]:
        """Every picture. Those that a destination could not use are left out everywhere."""
        first = self.task.first_message_id + self._sent
        useless: dict[int, str] = {}
        async for event in self._send([self._lesson(picture) for picture in self.task.pictures], LESSON):
            if isinstance(event, packet_pb2.Receipt) and event.status == FAILED:
                useless[event.message_id - first + 1] = f"{event.destination}: {event.reason}"
            yield event
        self.refusals.clear()  # a lesson that is left out is no refusal
        self._usable = tuple(number for number in self._usable if number not in useless)
        if not self._usable:
            raise _CalledOffError(f"no lesson could be used; {next(iter(useless.values()))}")

    def _lesson(self, picture: Named) -> Maker:
        def make(session: Session) -> list[Segment]:
            segments = session.codec.encode(picture.pixels)
            return [*segments, original_segment(picture.pixels)] if self.task.settings.method == "dft" else segments

        return make

    async def _one_round(self, rounds: Rounds) -> AsyncGenerator[Happened]:
        done = self.rounds_done = await self._thread.run(rounds.run_round)
        yield adapt_pb2.CodebookRound(round=done.round, digest=done.digest, quantization_loss=done.quantization_loss)
        said = Round(self.task.first_message_id, done.round, done.digest, done.quantization_loss, self._usable)
        async for event in self._send([said.segments()], ROUND):
            yield event
        self._call_off_when_refused()

    async def _send(
        self, messages: Sequence[list[Segment] | Maker], purpose: packet_pb2.MessagePurpose
    ) -> AsyncGenerator[Event]:
        """Sends messages and notes who refused. What is sent next is offered when the last receipt was written."""
        first = self.task.first_message_id + self._sent
        self._sent += len(messages)
        makers = [message if callable(message) else _ready(message) for message in messages]
        schedule = Schedule(first, self._offered_ns)
        async for event in self.transmitter.send(self.session.name, makers, schedule, len(makers), purpose):
            if isinstance(event, packet_pb2.Receipt):
                self._offered_ns = max(self._offered_ns, event.transit.received_ns)
                if event.status == FAILED:
                    self.refusals.setdefault(event.destination, event.reason)
            yield event

    def _call_off_when_refused(self) -> None:
        if self.refusals:
            raise _CalledOffError(self._said())

    def _said(self) -> str:
        return "; ".join(f"{name}: {reason}" for name, reason in self.refusals.items())


def _ready(segments: list[Segment]) -> Maker:
    return lambda _: segments
