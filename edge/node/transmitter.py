"""What a tx node does: encodes pictures in the codec thread, hands them to the session's flow, reports what happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from edge.codecs.layered import Layered, wanted_levels
from edge.images import Named
from edge.node import refinement
from edge.node.attachment import Attachment
from edge.node.codec_thread import CodecThread
from edge.node.flow import Cutting, Event, Flow, Outgoing, Refused
from edge.node.refinement import EVERYTHING, Selection
from edge.node.sessions import MismatchError, Session
from edge.node.shelf import KEEP_BYTES, NotKeptError, Shelf
from edge.segment import Segment
from edge.v1 import node_pb2, packet_pb2
from emulator.v1 import data_plane_pb2

Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]
Happening = node_pb2.MessageSent | packet_pb2.Receipt | node_pb2.RefinementRefused
Maker = Callable[[Session], list[Segment]]  # makes one message with the codec in force; may be called again


class UnknownSessionError(ValueError):
    """No such session; the message says what to do."""


class UnderWayError(ValueError):
    """Messages are under way that the request would clash with."""


@dataclass(frozen=True)
class Schedule:
    """Message i is number first_message_id + i, offered at first_offered_ns + i * interval_ns (model time), and late
    deadline_ns after that (0: never)."""

    first_message_id: int = 0
    first_offered_ns: int = 0
    interval_ns: int = 0
    deadline_ns: int = 0


class Transmitter:
    """The flows of one tx node."""

    def __init__(
        self,
        attachment: Attachment,
        thread: CodecThread,
        cutting: Cutting,
        spawn: Spawn,
        keep_bytes: int = KEEP_BYTES,
    ) -> None:
        """keep_bytes: of the latest pictures' sub-blocks, for receivers that ask for more later."""
        self.pictures_encoded = 0
        self._shelf = Shelf(keep_bytes)
        self._attachment = attachment
        self._thread = thread
        self._cutting = cutting
        self._spawn = spawn
        self._flows: dict[str, Flow] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._max_batch_bytes = 0
        self._reserved: dict[str, str] = {}  # sessions that must stay as they are, and for what

    @property
    def under_way(self) -> int:
        """Messages of all sessions without all their receipts."""
        return sum(flow.under_way for flow in self._flows.values())

    def check_idle(self, names: Iterable[str]) -> None:
        """Raises UnderWayError when one of the sessions has messages under way, or is reserved."""
        for name in names:
            self._check_free(name)
            flow = self._flows.get(name)
            if flow is not None and flow.under_way:
                raise UnderWayError(
                    f"session '{name}': {flow.under_way} messages are under way; wait for their receipts first"
                )

    @contextmanager
    def reserve(self, name: str, purpose: str, at_once: int) -> Iterator[None]:
        """Keeps a session as it is configured. Raises UnderWayError when that, or at_once others, are reserved."""
        self._check_free(name)
        if len(self._reserved) >= at_once:
            raise UnderWayError(
                f"{at_once} sessions of this node are being adapted ({', '.join(self._reserved)}); wait until one ends"
            )
        self._reserved[name] = purpose
        try:
            yield
        finally:
            del self._reserved[name]

    def _check_free(self, name: str) -> None:
        if name in self._reserved:
            raise UnderWayError(f"session '{name}': {self._reserved[name]} is under way; wait until it has ended")

    def opened(self, session: Session) -> None:
        """A session was configured, or configured anew: announces it and stands ready to send."""
        if session.name in self._tasks:
            self._tasks[session.name].cancel()
        flow = self._flows[session.name] = Flow(session, self._attachment, self._cutting, self._asked)
        self._tasks[session.name] = self._spawn(flow.run(), f"flow {session.name}")
        if self._attachment.attached:
            flow.welcomed(self._max_batch_bytes)

    def described_anew(self, session: Session) -> None:
        """The session's codec has other parameters now: the destinations must agree to them."""
        self._flows[session.name].described_anew()

    # What comes on the stream.

    def welcomed(self, welcome: data_plane_pb2.Welcome) -> None:
        self._max_batch_bytes = welcome.max_batch_bytes
        for flow in self._flows.values():
            flow.welcomed(self._max_batch_bytes)

    def detached(self) -> None:
        for flow in self._flows.values():
            flow.detached()

    def received(self, response: data_plane_pb2.AttachResponse) -> None:
        kind = response.WhichOneof("response")
        part = getattr(response, kind)
        flow = self._flows.get(part.session)
        if flow is None:
            return
        if kind == "credit":
            flow.credited(part.size_bytes)
        elif kind == "receipt":
            flow.receipted(part)
        elif kind == "answer":
            flow.answered(part)
        elif kind == "resume":
            flow.begin_round()

    # Transmitting.

    def flow(self, name: str) -> Flow:
        """The flow of a session. Raises UnknownSessionError."""
        if name not in self._flows:
            known = ", ".join(sorted(self._flows)) or "none"
            raise UnknownSessionError(
                f"session: '{name}' is not configured here (there are: {known}); configure it first"
            )
        return self._flows[name]

    def transmit(
        self,
        name: str,
        pictures: Iterable[Named],
        schedule: Schedule,
        expected: int | None = None,
        selected: Selection = EVERYTHING,
    ) -> AsyncGenerator[Happening]:
        """Sends pictures, one message each (see `send`). selected: what of each. Raises ImageError and CodecError
        too."""
        makers = (partial(self._encode_picture, picture) for picture in pictures)
        return self.send(name, makers, schedule, expected, selected=selected)

    def _encode_picture(self, picture: Named, session: Session) -> list[Segment]:
        session.codec.check_image(*picture.pixels.shape[:2])
        self.pictures_encoded += 1
        return session.codec.encode(picture.pixels)

    async def send(
        self,
        name: str,
        makers: Iterable[Maker],
        schedule: Schedule,
        expected: int | None = None,
        purpose: packet_pb2.MessagePurpose = packet_pb2.MESSAGE_PURPOSE_PICTURE,
        though_held: bool = False,
        selected: Selection = EVERYTHING,
    ) -> AsyncGenerator[Happening]:
        """Sends messages; gives what happens until every destination has answered every one.

        makers is read, and each is called, in the codec thread, a few ahead of the network. expected: how many there
        are, where that is known, to refuse numbers that are under way already. though_held: sends even while the flow
        is held. Leaving early stops encoding; what is under way stays so. Raises UnknownSessionError, UnderWayError,
        MismatchError when a destination refuses the session, and what reading and making raise.
        """
        flow = self.flow(name)
        for number in range(schedule.first_message_id, schedule.first_message_id + (expected or 0)):
            if flow.holds(number):
                raise UnderWayError(
                    f"first_message_id: message {number} of session '{name}' is under way; number from later"
                )
        events: asyncio.Queue[Event | _Fed] = asyncio.Queue()
        feeding = self._feed(flow, makers, schedule, purpose, though_held, events.put_nowait, selected)
        feeder = asyncio.create_task(feeding)
        try:
            async for event in _until_all_answered(events, len(flow.session.destinations)):
                yield event
            await feeder
        finally:
            feeder.cancel()

    async def _feed(
        self,
        flow: Flow,
        makers: Iterable[Maker],
        schedule: Schedule,
        purpose: packet_pb2.MessagePurpose,
        though_held: bool,
        report: Callable[[Event | _Fed], None],
        selected: Selection,
    ) -> None:
        """Makes and offers every message; reports at the end how many there were, or what went wrong."""
        count = 0
        try:
            refusal = await flow.agreed(though_held)
            source = iter(makers)
            while refusal is None:
                await flow.room()
                make = await self._thread.run(next, source, None)
                if make is None:
                    break
                segments, encode_s, refusal = await self._make(flow, make, though_held)
                if refusal is not None:
                    break
                number = schedule.first_message_id + count
                if isinstance(flow.session.codec, Layered) and purpose == packet_pb2.MESSAGE_PURPOSE_PICTURE:
                    self._shelf.put(flow.session.name, number, segments)
                flow.offer(
                    Outgoing(
                        message_id=number,
                        segments=_taken(selected.of(segments), flow.session),
                        encode_s=encode_s,
                        report=report,
                        offered_ns=schedule.first_offered_ns + count * schedule.interval_ns,
                        deadline_ns=schedule.deadline_ns,
                        purpose=purpose,
                        offer=selected.offer,
                    )
                )
                count += 1
            report(_Fed(count) if refusal is None else Refused(refusal))
        except Exception as error:
            report(_Fed(count, error))

    # Refining.

    def _asked(self, outgoing: Outgoing, receipt: packet_pb2.Receipt) -> None:
        """A destination asks for more of a message that it has answered."""
        flow = self._flows[receipt.session]
        try:
            more = self._refinement(flow, outgoing.message_id, receipt.destination, receipt.asks_level, outgoing.report)
        except (NotKeptError, UnderWayError) as error:
            refused = node_pb2.RefinementRefused(
                message_id=outgoing.message_id, destination=receipt.destination, reason=str(error)
            )
            outgoing.report(refused)
            return
        more.offered_ns = receipt.transit.received_ns
        flow.offer(more)

    def _refinement(
        self, flow: Flow, message_id: int, destination: str, level: int, report: Callable[[Event], None]
    ) -> Outgoing:
        """A kept sub-block as a message for one destination. Raises NotKeptError and UnderWayError."""
        session = flow.session
        number = refinement.number(message_id, level, session.destinations.index(destination))
        if flow.holds(number):
            raise UnderWayError(f"session '{session.name}' message {message_id}: its refinement is under way already")
        return Outgoing(
            message_id=number,
            segments=[self._shelf.get(session.name, message_id, level)],
            encode_s=0.0,
            report=report,
            purpose=packet_pb2.MESSAGE_PURPOSE_REFINEMENT,
            destinations=(destination,),
            refines=message_id,
        )

    async def refine(self, request: node_pb2.RefineRequest) -> packet_pb2.Receipt:
        """Sends one more sub-block of a picture, and waits for its receipt.

        Raises UnknownSessionError, CodecError for a head that there is not, NotKeptError, UnderWayError and
        MismatchError.
        """
        flow, destination = self.flow(request.session), request.destination
        if destination not in flow.session.destinations:
            known = ", ".join(flow.session.destinations)
            raise UnknownSessionError(
                f"destination: '{destination}' is not one of session '{request.session}' ({known})"
            )
        level = refinement.asked_level(flow.session.codec, "", request)
        refusal = await flow.agreed()
        if refusal is not None:
            raise MismatchError(refusal)
        events: asyncio.Queue[Event] = asyncio.Queue()
        flow.offer(self._refinement(flow, request.message_id, destination, level, events.put_nowait))
        while True:
            event = await events.get()
            if isinstance(event, Refused):
                raise MismatchError(event.reason)
            if isinstance(event, packet_pb2.Receipt):
                return event

    async def _make(self, flow: Flow, make: Maker, though_held: bool) -> tuple[list[Segment], float, str | None]:
        """A message's segments, the wall time of making them in seconds, and why the session cannot go on, if so.

        What was made before the session's codec changed, and would be offered after, is made again.
        """
        while True:
            epoch = flow.epoch
            segments, encode_s = await self._thread.run(_timed, make, flow.session)
            refusal = await flow.agreed(though_held)
            if refusal is not None or epoch == flow.epoch:
                return segments, encode_s, refusal


@dataclass(frozen=True)
class _Fed:
    """Everything has been offered: so many messages. Or reading or encoding the next one raised `error`."""

    messages: int
    error: Exception | None = None


def _taken(segments: list[Segment], session: Session) -> list[Segment]:
    """Without what no destination takes."""
    highest = wanted_levels(session.destinations, session.highest_levels)
    return segments if highest is None else [segment for segment in segments if segment.level <= highest]


def _timed(make: Maker, session: Session) -> tuple[list[Segment], float]:
    """What a maker makes, and the wall time it takes, in seconds."""
    started = time.perf_counter()
    segments = make(session)
    return segments, time.perf_counter() - started


async def _until_all_answered(events: asyncio.Queue[Event | _Fed], destinations: int) -> AsyncIterator[Happening]:
    """Events as they come, until each message has a receipt from each destination, and whoever asked for more of one
    has it or a refusal.

    Raises the feeder's error at once: what had been sent by then goes on without anybody watching.
    """
    receipts = asked = 0
    expected: int | None = None
    while expected is None or receipts < expected or asked:
        event = await events.get()
        if isinstance(event, Refused):
            raise MismatchError(event.reason)
        if isinstance(event, _Fed):
            if event.error is not None:
                raise event.error
            expected = event.messages * destinations
            continue
        if isinstance(event, packet_pb2.Receipt) and event.purpose != packet_pb2.MESSAGE_PURPOSE_REFINEMENT:
            receipts += 1
            asked += event.HasField("asks_level")
        elif not isinstance(event, node_pb2.MessageSent):
            asked -= 1
        yield event
