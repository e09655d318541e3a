"""One session that this node sends on: what waits to be sent, what waits for receipts, and the credit to send with.

A flow keeps every message until each destination has answered it. When the stream breaks, or a destination comes back
empty, it begins a new round: announce, wait for the answers, send every message without all its receipts once more,
from the head. Destinations drop what they have had, so each message is delivered once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from edge.node.attachment import Attachment, DetachedError
from edge.node.descriptions import to_proto
from edge.node.sessions import Session, level_bers, level_shares
from edge.segment import Segment
from edge.v1 import node_pb2, packet_pb2
from edge.wire.packets import PACKET_BYTES, RUN_BYTES, message_head, packetize
from emulator.v1 import data_plane_pb2

log = logging.getLogger(__name__)

BATCH_BYTES = 256 * 1024  # where two gRPC hops move most bytes a second (docs/performance.md)
BATCH_MARGIN = 1024  # bytes of a batch left for the messages around the frames
FRAME_BYTES = 16  # at most, of the tags and lengths around a frame's content
MAX_UNDER_WAY = 64  # messages of one flow that are encoded and not yet answered
MAX_UNDER_WAY_BYTES = 64 * 1024 * 1024  # the same in bytes; one message may be larger, alone


@dataclass(frozen=True)
class Cutting:
    """How messages are cut: largest payload of a packet and of a run of packets, in bytes."""

    packet_bytes: int = PACKET_BYTES
    run_bytes: int = RUN_BYTES


@dataclass(frozen=True)
class Refused:
    """The session cannot go on: why, in one sentence."""

    reason: str


Event = node_pb2.MessageSent | packet_pb2.Receipt | node_pb2.RefinementRefused | Refused


@dataclass(eq=False)
class Outgoing:
    """One encoded message. `report` is called, in the event loop, with what happens to it.

    offered_ns, deadline_ns, purpose, refines, offer: as in MessageHead. destinations: those it is for; all of the
    session's without. receipts: those that have come, by destination.
    """

    message_id: int
    segments: Sequence[Segment]
    encode_s: float
    report: Callable[[Event], None]
    offered_ns: int = 0
    deadline_ns: int = 0
    purpose: packet_pb2.MessagePurpose = packet_pb2.MESSAGE_PURPOSE_PICTURE
    destinations: tuple[str, ...] = ()
    refines: int | None = None
    offer: packet_pb2.RefinementOffer | None = None
    handed: bool = False
    receipts: dict[str, packet_pb2.Receipt] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Memory that its segments take."""
        return sum(s.values.nbytes for s in self.segments)

    def sent(self) -> node_pb2.MessageSent:
        return node_pb2.MessageSent(
            message_id=self.message_id,
            size_bits=sum(s.size_bits for s in self.segments),
            channel_uses=sum(s.channel_uses for s in self.segments),
            encode_s=self.encode_s,
            refines=self.refines,
            destination="" if self.refines is None else self.destinations[0],
        )

    def head(self, session: str) -> packet_pb2.MessageHead:
        head = message_head(
            session,
            self.message_id,
            self.segments,
            self.offered_ns,
            self.deadline_ns,
            self.purpose,
            self.destinations,
        )
        head.refines = self.refines or 0
        if self.offer is not None:
            head.offer.CopyFrom(self.offer)
        return head


class _NewRoundError(Exception):
    """Whatever was being sent begins again."""


class Flow:
    """The sending side of one session. `run` does the sending; the other methods are told what came on the stream."""

    def __init__(
        self,
        session: Session,
        attachment: Attachment,
        cutting: Cutting,
        asked: Callable[[Outgoing, packet_pb2.Receipt], None] | None = None,
    ) -> None:
        """asked: told of each receipt that asks for more of a message."""
        self.session = session
        self._asked = asked
        self.epoch = 0  # counts the parameters that the session's codec has had
        self.batch_bytes = BATCH_BYTES - BATCH_MARGIN
        self._attachment = attachment
        self._cutting = cutting
        self._under_way: dict[int, Outgoing] = {}
        self._unsent: deque[Outgoing] = deque()
        self._accepted: set[str] = set()
        self._refusal: str | None = None
        self._round = 0
        self._credit = 0
        self._window = 0  # the most credit ever held in this attachment: all that can be in the network at once
        self._holds = 0  # while there are any, nothing may be offered
        self._quieting = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def under_way(self) -> int:
        """Messages without all their receipts."""
        return len(self._under_way)

    @property
    def attached(self) -> bool:
        """Whether the stream to the emulator is up."""
        return self._attachment.attached

    @property
    def round(self) -> int:
        """Counts announcements: it grows when a stream broke, or a destination came back empty."""
        return self._round

    def holds(self, message_id: int) -> bool:
        return message_id in self._under_way

    # What the emulator says.

    def welcomed(self, max_batch_bytes: int) -> None:
        """A new stream: the emulator may have forgotten everything, our credit certainly."""
        self.batch_bytes = min(BATCH_BYTES, max_batch_bytes or BATCH_BYTES) - BATCH_MARGIN
        self._credit = self._window = 0
        self.begin_round()

    def begin_round(self) -> None:
        """Announces the session and sends, once it is accepted, whatever lacks receipts.

        Credit left before is void: the emulator grants the whole queue anew when the announcement is accepted.
        """
        self._round += 1
        self._credit = 0
        self._accepted.clear()
        self._refusal = None
        self._unsent = deque(self._under_way.values())
        with contextlib.suppress(DetachedError):  # then the next welcome begins a round
            self._attachment.post(data_plane_pb2.AttachRequest(announcement=self._announcement()))
        self._changed.set()

    def described_anew(self) -> None:
        """The session's codec has other parameters now: the destinations must agree to them, and what was encoded with
        the old ones and not yet offered must be encoded again."""
        self.epoch += 1
        self.begin_round()

    def detached(self) -> None:
        self._changed.set()

    def answered(self, answer: data_plane_pb2.Answer) -> None:
        if answer.destination not in self.session.destinations:
            return
        if answer.accepted:
            self._accepted.add(answer.destination)
            if len(self._accepted) == len(self.session.destinations):
                self._refusal = None
        else:
            self._accepted.discard(answer.destination)
            self._refuse(f"{answer.destination} refuses: {answer.reason}")
        self._changed.set()

    def credited(self, size_bytes: int) -> None:
        self._credit += size_bytes
        self._window = max(self._window, self._credit)
        self._changed.set()

    def receipted(self, receipt: packet_pb2.Receipt) -> None:
        outgoing = self._under_way.get(receipt.message_id)
        if outgoing is None or receipt.destination not in self.session.destinations:
            return  # answered before: the receipt of a message that was sent twice
        if receipt.destination in outgoing.receipts:
            return
        if not outgoing.handed:  # its end left before the stream broke; only the news of it did not come back
            self._hand_over(outgoing)
        outgoing.receipts[receipt.destination] = receipt
        if len(outgoing.receipts) == len(outgoing.destinations or self.session.destinations):
            del self._under_way[receipt.message_id]
        outgoing.report(receipt)
        if receipt.HasField("asks_level") and self._asked is not None:
            self._asked(outgoing, receipt)
        self._changed.set()

    # What the transmitter asks.

    async def agreed(self, though_held: bool = False) -> str | None:
        """Waits until every destination has answered, and until nothing holds the session; gives the reason when one
        refuses. though_held: for what is to be sent while the session is held."""
        await self._until(
            lambda: (though_held or not self._holds) and (self._refusal is not None or self._all_accepted())
        )
        return self._refusal

    def hold(self) -> None:
        """From now on nothing is offered but what is sent though held, until as many releases."""
        self._holds += 1

    def release(self) -> None:
        self._holds -= 1
        self._changed.set()

    def encoder_changed(self) -> None:
        """What was encoded before, and not yet offered, must be encoded again; destinations need not be asked."""
        self.epoch += 1

    @contextlib.asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        """Inside, nothing is under way and nothing is offered: the moment to change the session's codec."""
        async with self._quieting:
            self.hold()
            try:
                await self._until(lambda: not self._under_way)
                yield
            finally:
                self.release()

    async def gone(self, first: int, count: int) -> None:
        """Waits until none of these messages is under way: their numbers may then be used again."""
        await self._until(lambda: not any(first <= number < first + count for number in self._under_way))

    async def room(self) -> None:
        """Waits until another message may be put under way."""
        await self._until(
            lambda: (
                len(self._under_way) < MAX_UNDER_WAY
                and sum(o.size_bytes for o in self._under_way.values()) < MAX_UNDER_WAY_BYTES
            )
        )

    def offer(self, outgoing: Outgoing) -> None:
        """Puts a message under way. It must have come through `room` and, with nothing awaited since, `agreed`; and its
        number must not be under way."""
        self._under_way[outgoing.message_id] = outgoing
        self._unsent.append(outgoing)
        self._changed.set()

    async def run(self) -> None:
        """Sends, until cancelled."""
        while True:
            await self._until(lambda: bool(self._unsent) and self._may_send() and self._window > 0)
            with contextlib.suppress(DetachedError, _NewRoundError):  # either way a new round begins, or has begun
                await self._send_unsent()

    # Sending.

    async def _send_unsent(self) -> None:
        """Everything that waits, in batches; small messages share one. Raises DetachedError and _NewRoundError."""
        batch = _Batch(self, self._round)
        ended: list[Outgoing] = []
        while self._unsent:
            outgoing = self._unsent[0]
            await self._fill(batch, outgoing)
            self._unsent.popleft()
            ended.append(outgoing)
        await batch.flush()
        for outgoing in ended:
            self._hand_over(outgoing)

    async def _fill(self, batch: _Batch, outgoing: Outgoing) -> None:
        name, number = self.session.name, outgoing.message_id
        head = outgoing.head(name)
        (await batch.frame(head.ByteSize())).head.CopyFrom(head)
        run_bytes = min(self._cutting.run_bytes, self._window // 4)  # a few runs in flight even over a short queue
        for run in packetize(name, number, outgoing.segments, self._cutting.packet_bytes, run_bytes):
            await self._pay(batch, len(run.payload))
            (await batch.frame(run.ByteSize())).run.CopyFrom(run)
        end = packet_pb2.MessageEnd(session=name, message_id=number)
        (await batch.frame(end.ByteSize())).end.CopyFrom(end)

    async def _pay(self, batch: _Batch, size_bytes: int) -> None:
        """Takes credit for a run, waiting for it with nothing left unsent behind."""
        if self._credit < size_bytes:
            await batch.flush()
            if size_bytes > self._window:
                self._refuse(
                    f"--packet-bytes {self._cutting.packet_bytes}: one packet of {size_bytes} bytes is more than the "
                    f"first link's queue of {self._window} bytes; make packets smaller or links[].queue_bytes larger"
                )
            await self._until(lambda: self._credit >= size_bytes or not self.still(batch.round))
            self.check(batch.round)
        self._credit -= size_bytes

    def still(self, number: int) -> bool:
        """Whether round `number` goes on."""
        return number == self._round and self._may_send()

    def check(self, number: int) -> None:
        if not self.still(number):
            raise _NewRoundError

    async def send(self, request: data_plane_pb2.AttachRequest, number: int) -> None:
        """Queues a batch of round `number`. Those of an old round must not follow a new announcement."""
        await self._attachment.room()
        self.check(number)
        self._attachment.post(request)

    # Small things.

    def _announcement(self) -> data_plane_pb2.Announcement:
        return data_plane_pb2.Announcement(
            session=self.session.name,
            source=self.session.source,
            destinations=self.session.destinations,
            codec=to_proto(self.session.description),
            level_bers=level_bers(self.session.codec),
            level_shares=level_shares(self.session.codec),
            highest_levels=self.session.highest_levels,
        )

    def _all_accepted(self) -> bool:
        return len(self._accepted) == len(self.session.destinations)

    def _may_send(self) -> bool:
        return self._attachment.attached and self._all_accepted() and self._refusal is None

    def _hand_over(self, outgoing: Outgoing) -> None:
        if not outgoing.handed:
            outgoing.handed = True
            outgoing.report(outgoing.sent())

    def _refuse(self, reason: str) -> None:
        """Gives up everything under way: nobody there can use it."""
        log.warning("session '%s': %s", self.session.name, reason)
        self._refusal = reason
        given_up, self._under_way = self._under_way, {}
        self._unsent.clear()
        self._round += 1
        for outgoing in given_up.values():
            outgoing.report(Refused(reason))

    async def _until(self, predicate: Callable[[], bool]) -> None:
        while not predicate():
            self._changed.clear()
            await self._changed.wait()


class _Batch:
    """Frames on their way into one request, for one round of a flow.

    Frames are copied into place in the request: handing finished messages to a Protobuf constructor costs fifty times
    as much, 0.6 ms for a run of 64 KiB.
    """

    def __init__(self, flow: Flow, number: int) -> None:
        self.round = number
        self._flow = flow
        self._limit = flow.batch_bytes
        self._request = data_plane_pb2.AttachRequest()
        self._size = 0

    async def frame(self, size_bytes: int) -> packet_pb2.Frame:
        """An empty frame at the end of the batch, to be filled with so much, after a flush when there is no room."""
        if self._size and self._size + size_bytes > self._limit:
            await self.flush()
        self._size += size_bytes + FRAME_BYTES
        frame: packet_pb2.Frame = self._request.batch.frames.add()
        return frame

    async def flush(self) -> None:
        """Raises DetachedError, or _NewRoundError when the flow has begun another round meanwhile."""
        if self._size:
            request, self._request, self._size = self._request, data_plane_pb2.AttachRequest(), 0
            await self._flow.send(request, self.round)
        self._flow.check(self.round)
