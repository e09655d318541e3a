"""What an rx node does with what arrives: puts messages together, decodes them one at a time, answers with receipts.

A message that was delivered before is answered with the receipt it got then. Whatever goes wrong with one message ends
in a FAILED receipt that says why; the daemon goes on. Messages of an adaptation go to the pupil; those that take long
are answered when they are done, while pictures go on being decoded. Messages of an alignment go to the aligner, in the
order in which they come; they mean the same when they come twice, so no receipt of them is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge import images
from edge.codecs.classifies import Classifies
from edge.codecs.contract import Codec
from edge.codecs.layered import Layered, class_of
from edge.node.agreement import Agreement
from edge.node.attachment import Attachment, DetachedError
from edge.node.codec_thread import CodecThread
from edge.node.descriptions import failed_receipt
from edge.node.inbox import Delivery, Inbox, Key
from edge.node.refinement import asks, first_decoding, kept, unkept
from edge.node.sessions import Session
from edge.segment import Segment
from edge.v1 import packet_pb2
from edge.wire.integrity import WireError
from edge.wire.reassembly import Reassembler, ReceivedMessage
from emulator.v1 import data_plane_pb2

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
MAX_OPEN_MESSAGES = 128  # begun and not ended, over all sources
MAX_WAITING = 8  # messages that are complete and wait for the decoder; then reading stops, which slows the emulator
MAX_WAITING_BYTES = 16 * 1024 * 1024


PICTURE = packet_pb2.MESSAGE_PURPOSE_PICTURE
REFINEMENT = packet_pb2.MESSAGE_PURPOSE_REFINEMENT
LESSON = packet_pb2.MESSAGE_PURPOSE_LESSON
ALIGNING = frozenset(
    {packet_pb2.MESSAGE_PURPOSE_ALIGN, packet_pb2.MESSAGE_PURPOSE_PARAMETERS, packet_pb2.MESSAGE_PURPOSE_PILOTS}
)


class Learner(Protocol):
    """What messages of an adaptation are for."""

    async def take(self, session: Session, message: ReceivedMessage) -> None:
        """Returns when the message may be answered. Raises when it is to be answered with FAILED."""
        ...


class Receiver:
    """The receiving side of one node. `run` decodes; the other methods are told what came on the stream."""

    def __init__(
        self,
        node: str,
        attachment: Attachment,
        agreement: Agreement,
        inbox: Inbox,
        thread: CodecThread,
        save_in: Path | None = None,
        delivered: Callable[[Delivery], None] | None = None,
        learner: Learner | None = None,
        aligner: Learner | None = None,
    ) -> None:
        """save_in: folder for a PNG of each picture. delivered: told of each delivered picture, once. learner: takes
        the messages of an adaptation, aligner those of an alignment."""
        self.node = node
        self._attachment = attachment
        self._agreement = agreement
        self._inbox = inbox
        self._thread = thread
        self._save_in = save_in
        self._delivered = delivered
        self._learner = learner
        self._aligner = aligner
        self._learning: set[asyncio.Task[None]] = set()  # rounds and trainings
        self._reassembler = Reassembler(MAX_MESSAGE_BYTES, MAX_OPEN_MESSAGES)
        self._open: dict[Key, str] = {}  # messages begun on this stream, and why one will fail ("" when it need not)
        self._known: set[Key] = set()  # those among them that were delivered before, or wait for the decoder
        self._waiting: deque[ReceivedMessage] = deque()
        self._at_hand: set[Key] = set()  # waiting, or being decoded
        self._changed = asyncio.Event()
        self._stopping = False

    def welcomed(self) -> None:
        """A new stream: messages that were under way come again from their heads."""
        self._reassembler = Reassembler(MAX_MESSAGE_BYTES, MAX_OPEN_MESSAGES)
        self._open.clear()
        self._known.clear()

    async def received(self, batch: packet_pb2.Batch) -> None:
        for frame in batch.frames:
            kind = frame.WhichOneof("frame")
            if kind == "run":
                self._take_run(frame.run)
            elif kind == "head":
                self._take_head(frame.head)
            elif kind == "end":
                await self._take_end(frame.end)

    async def run(self) -> None:
        """Decodes until `stop`."""
        while not self._stopping:
            if not self._waiting:
                self._changed.clear()
                await self._changed.wait()
                continue
            message = self._waiting.popleft()
            self._changed.set()
            if message.purpose == PICTURE:
                await self._deliver(message)
            elif message.purpose == REFINEMENT:
                await self._refine(message)
            elif message.purpose == LESSON or message.purpose in ALIGNING:
                await self._learn(message)
            else:
                task = asyncio.create_task(self._learn(message), name=f"learn {message.session} {message.message_id}")
                self._learning.add(task)
                task.add_done_callback(self._learning.discard)
        for task in self._learning:
            task.cancel()
        await asyncio.gather(*self._learning, return_exceptions=True)

    def stop(self) -> None:
        """`run` returns when the message that is being decoded is answered."""
        self._stopping = True
        self._changed.set()

    # Frames.

    def _take_head(self, head: packet_pb2.MessageHead) -> None:
        key = (head.session, head.message_id)
        if not self._agreement.current(head.session):
            return  # meant for the process or the stream before: its source will announce, and send it again
        while len(self._open) >= 2 * MAX_OPEN_MESSAGES:  # ends never came: an emulator that is not in order
            self._known.discard(oldest := next(iter(self._open)))
            del self._open[oldest]
        self._open[key] = ""
        if self._inbox.receipt(key) is not None or key in self._at_hand:
            self._known.add(key)
            return
        try:
            self._reassembler.head(head)
        except WireError as error:
            self._open[key] = str(error)

    def _take_run(self, run: packet_pb2.PacketRun) -> None:
        key = (run.session, run.message_id)
        if self._open.get(key) != "" or key in self._known:
            return  # of no use: the message failed, is known, or began on a stream that broke
        try:
            self._reassembler.run(run)
        except WireError as error:
            log.warning("%s: %s", self.node, error)  # its packets stay missing

    async def _take_end(self, end: packet_pb2.MessageEnd) -> None:
        key = (end.session, end.message_id)
        reason = self._open.pop(key, None)
        if reason is None:
            return  # its head was on a stream that broke; it comes again
        if key in self._known:
            self._known.discard(key)
            if (receipt := self._inbox.receipt(key)) is not None:
                self._answer(receipt)
            return  # otherwise the decoder will answer
        try:
            message = None if reason else self._reassembler.end(end)
        except WireError as error:
            message, reason = None, str(error)
        if message is None:
            reason = reason or "given up: too many messages were open at once"
            receipt = failed_receipt(end.session, end.message_id, self.node, reason, end.transit)
            await self._settle(Delivery(session=end.session, message_id=end.message_id, receipt=receipt))
            return
        while not self._stopping and self._too_much_waiting():
            self._changed.clear()
            await self._changed.wait()
        self._at_hand.add(key)
        self._waiting.append(message)
        self._changed.set()

    def _too_much_waiting(self) -> bool:
        waiting_bytes = sum(s.values.nbytes for m in self._waiting for s in m.segments)
        return len(self._waiting) >= MAX_WAITING or waiting_bytes >= MAX_WAITING_BYTES

    # Delivering.

    async def _learn(self, message: ReceivedMessage) -> None:
        """Hands a message to the pupil or the aligner, and answers when that is done."""
        delivery = Delivery(session=message.session, message_id=message.message_id)
        try:
            session = self._agreement.session_for(message.session)
            learner = self._aligner if message.purpose in ALIGNING else self._learner
            if learner is None:
                raise WireError(f"{self.node} takes no messages of purpose {message.purpose}; send pictures")
            await learner.take(session, message)
        except Exception as error:  # whatever fine-tuning raises must not end the daemon
            delivery.receipt.CopyFrom(self._failed(message, error))
        else:
            delivery.receipt.CopyFrom(self._done(message, 0.0))
        await self._settle(delivery)

    def _failed(self, message: ReceivedMessage, error: Exception) -> packet_pb2.Receipt:
        reason = str(error) or type(error).__name__
        log.warning("session '%s' message %d: %s", message.session, message.message_id, reason)
        receipt = failed_receipt(message.session, message.message_id, self.node, reason, message.transit)
        receipt.purpose, receipt.refines = message.purpose, message.refines
        return receipt

    def _done(self, message: ReceivedMessage, decode_s: float) -> packet_pb2.Receipt:
        whole = packet_pb2.RECEIPT_STATUS_COMPLETE if message.complete else packet_pb2.RECEIPT_STATUS_PARTIAL
        return packet_pb2.Receipt(
            session=message.session,
            message_id=message.message_id,
            destination=self.node,
            status=whole,
            transit=message.transit,
            decode_s=decode_s,
            purpose=message.purpose,
            refines=message.refines,
        )

    async def _deliver(self, message: ReceivedMessage) -> None:
        delivery = Delivery(session=message.session, message_id=message.message_id)
        try:
            session = self._agreement.session_for(message.session)
            decoded = await self._thread.run(_decode, session, message.segments)
        except Exception as error:  # whatever a codec raises must not end the daemon
            delivery.receipt.CopyFrom(self._failed(message, error))
        else:
            self._inbox.messages_decoded += 1
            decoded.put_into(delivery)
            if decoded.level is not None:
                delivery.kept.extend(kept(message.segments))
            delivery.receipt.CopyFrom(self._done(message, decoded.decode_s))
            level = asks(session.codec, message.offer, decoded.label, decoded.confidence)
            if level is not None:
                delivery.receipt.asks_level = level
        await self._settle(delivery)

    async def _refine(self, message: ReceivedMessage) -> None:
        """Decodes an earlier picture once more, with what has come of it now."""
        answer = Delivery(session=message.session, message_id=message.message_id)
        try:
            session = self._agreement.session_for(message.session)
            refined = await self._thread.run(self._refined, session, message)
        except Exception as error:  # as above
            answer.receipt.CopyFrom(self._failed(message, error))
        else:
            self._inbox.messages_decoded += 1
            self._inbox.replace(refined)
            answer.receipt.CopyFrom(refined.refinement)
        await self._settle(answer)

    def _refined(self, session: Session, message: ReceivedMessage) -> Delivery:
        """The delivery with both decodings, written. Raises OSError, with nothing changed, where it cannot be."""
        held = self._inbox.whole((message.session, message.refines))
        if held is None or not held.kept:
            raise WireError(f"{self.node} has nothing of message {message.refines} to be refined; send it whole")
        now = kept(message.segments)
        came = {segment.head.level for segment in now}
        segments = [*(each for each in held.kept if each.head.level not in came), *now]
        decoded = _decode(session, [unkept(segment) for segment in segments])
        refined = Delivery()
        refined.CopyFrom(held)
        if not refined.HasField("first"):
            refined.first.CopyFrom(first_decoding(held))
        for name in ("label", "confidence", "level"):
            refined.ClearField(name)
        decoded.put_into(refined)
        del refined.kept[:]
        refined.kept.extend(segments)
        refined.refinement.CopyFrom(self._done(message, decoded.decode_s))
        self._keep(refined)
        return refined

    async def _settle(self, delivery: Delivery) -> None:
        """Writes first, answers then: a receiver that dies in between is asked again."""
        key = (delivery.session, delivery.message_id)
        if delivery.receipt.purpose in ALIGNING:
            self._at_hand.discard(key)
            self._answer(delivery.receipt)
            return
        try:
            await self._thread.run(self._keep, delivery)
        except OSError as error:
            delivery.ClearField("png")
            reason = f"--state or --save of {self.node}: cannot be written ({error.strerror}); make room"
            log.error("%s", reason)
            delivery.receipt.status = packet_pb2.RECEIPT_STATUS_FAILED
            delivery.receipt.reason = reason
        self._inbox.record(delivery)
        self._at_hand.discard(key)
        self._answer(delivery.receipt)
        if self._delivered is not None and delivery.receipt.purpose in (PICTURE, 0):
            self._delivered(delivery)

    def _keep(self, delivery: Delivery) -> None:
        if self._save_in is not None and delivery.png:
            session = self._agreement.session_for(delivery.session)
            self._save_in.mkdir(parents=True, exist_ok=True)
            (self._save_in / picture_name(session.source, delivery.message_id)).write_bytes(delivery.png)
        self._inbox.write(delivery)

    def _answer(self, receipt: packet_pb2.Receipt) -> None:
        """Lets the source know, if the stream allows; else the source sends again, and gets this receipt then."""
        if self._agreement.current(receipt.session):
            with contextlib.suppress(DetachedError):
                self._attachment.post(data_plane_pb2.AttachRequest(receipt=receipt))


def picture_name(source: str, message_id: int) -> str:
    """File name of a saved picture. A node's name is checked by the topology, but a file's name is our own business."""
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in source)
    return f"{safe}-{message_id}.png"


@dataclass(frozen=True)
class _Decoded:
    """png: the picture as a file. label, confidence: its class and the probability of that, where the codec has a
    classifier and it says so. level: of the sub-block whose decoder it was; None without sub-blocks. decode_s: wall
    time of decoding and classifying, in seconds. decoder, epoch: as the session's were then."""

    png: bytes
    label: int | None
    confidence: float | None
    level: int | None
    decode_s: float
    decoder: str
    epoch: int

    def put_into(self, delivery: Delivery) -> None:
        delivery.png, delivery.decoder, delivery.epoch = self.png, self.decoder, self.epoch
        for name in ("label", "confidence", "level"):
            if (value := getattr(self, name)) is not None:
                setattr(delivery, name, value)


def _decode(session: Session, segments: Sequence[Segment]) -> _Decoded:
    started = time.perf_counter()
    codec = session.codec
    label: int | None
    confidence: float | None = None
    level: int | None = None
    if isinstance(codec, Layered):
        best = codec.decode_best(segments)
        picture, level = best.picture, best.block
        label, confidence = class_of(codec, best.judge, codec.class_probabilities(best.seen, best.judge))
    else:
        picture = codec.decode(segments)
        label = _label(codec, picture)
    decode_s = time.perf_counter() - started
    return _Decoded(images.png_bytes(picture), label, confidence, level, decode_s, session.decoder, session.epoch)


def _label(codec: Codec, picture: images.Picture) -> int | None:
    """The picture's class; None without a classifier."""
    return codec.classify(picture) if isinstance(codec, Classifies) and codec.can_classify else None
