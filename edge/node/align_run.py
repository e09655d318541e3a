"""One alignment as its tx carries it out: asks, downloads, measures, tunes, uploads; each only if it is still to do.

What puts the result in force at both ends is in `align_tx`, because it must go on when the caller has left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.adapt.errors import AdaptError
from edge.codecs.contract import Half
from edge.codecs.tensors import Tensors
from edge.node.adapt_messages import LessonError
from edge.node.align_events import kept, progress, told, transfer, transferred
from edge.node.align_messages import (
    FIRST_PIECE,
    MESSAGES,
    OFFER,
    Ask,
    Leave,
    Notice,
    Offer,
    read_piece,
    read_pilots,
    read_word,
)
from edge.node.align_rx import pilot_key
from edge.node.align_shelf import Phase, TxShelf, finite
from edge.node.align_tools import AlignTools, Tuning
from edge.node.codec_thread import CodecThread
from edge.node.flow import Flow
from edge.node.parameters import TensorFile
from edge.node.sessions import MismatchError, Session
from edge.node.transfer import Courier, Crossed, decoder_digest, decoder_part, offer_of
from edge.node.workshop import Workshop
from edge.v1 import align_pb2, packet_pb2
from edge.wire.reassembly import ReceivedMessage

if TYPE_CHECKING:
    from edge.adapt.slf_settings import SlfSettings

log = logging.getLogger(__name__)

REPORT_STEPS = 5  # training steps between two reports of progress
LOOK_S = 0.2  # between two looks at whether the receiver came back empty
SILENCE_S = 5.0  # without a word from the receiver, before it is asked again; twice as long each time
TRIES = 4  # uploads, when the receiver comes back empty again and again
LEAVE_S = 2.0  # how long a receiver may take to hear that nothing will come

FAILED = packet_pb2.RECEIPT_STATUS_FAILED
Event = (
    align_pb2.AlignProgress
    | align_pb2.CrossoverEstimate
    | align_pb2.ParameterTransfer
    | align_pb2.FineTuning
    | align_pb2.AlignVerdict
)


@dataclass(frozen=True)
class Compute:
    """How fine-tuning counts in model time: at so many operations a second, or as measured, or (neither) not at all."""

    flops_per_s: float | None = None
    measured: bool = False

    def seconds(self, flops: float, wall_s: float) -> float:
        if self.flops_per_s is not None:
            return flops / self.flops_per_s
        return wall_s if self.measured else 0.0


@dataclass(frozen=True)
class Task:
    """What is asked: as in AlignRequest. pictures: [N, side, side, 3]."""

    session: str
    settings: SlfSettings
    pictures: NDArray[np.uint8]
    number: int
    first_offered_ns: int = 0
    compute: Compute = Compute()


class StaleError(AdaptError):
    """What was downloaded is of no use any more: the alignment must begin from nothing."""


class AlignRun:
    """Steps 1 to 3 of one alignment. live: the parameters of this node's half. life: of this process. commit: puts the
    result in force at both ends; gives why not, or nothing."""

    def __init__(
        self,
        task: Task,
        flow: Flow,
        shelf: TxShelf,
        courier: Courier,
        workshop: Workshop,
        tools: AlignTools,
        live: Tensors,
        alphabet: int,
        life: str,
        commit: Callable[[], Awaitable[str]],
    ) -> None:
        self.task = task
        self.flow = flow
        self.shelf = shelf
        self._courier = courier
        self._workshop = workshop
        self._tools = tools
        self._live = live
        self._alphabet = alphabet
        self._life = life
        self._commit = commit
        self._thread = CodecThread()
        self._changed = asyncio.Event()
        self._wait_reason = ""
        self._over: AdaptError | None = None  # why nothing can come of it
        self._asked_round: int | None = None
        self._heard_s = 0.0  # when something last came from the receiver

    @property
    def session(self) -> Session:
        return self.flow.session

    async def run(self) -> AsyncGenerator[Event]:
        """Everything up to the commit's answer.

        Raises AdaptError, LessonError, CodecError, TensorError and OSError with the reason why nothing comes of it,
        MismatchError when the receiver refuses the session.
        """
        if self.shelf.record.phase is Phase.ASKED:
            async for event in self._download():
                yield event
            async for event in self._tune():
                yield event
        else:
            for known in self._so_far():
                yield known
        if self.shelf.record.phase is not Phase.ENDED:
            async for event in self._upload():
                yield event
        yield self._uploaded()

    async def leave(self, reason: str) -> None:
        """Tells the receiver, if it was asked and can be told, that nothing will come of it."""
        settled = self.shelf.record.phase in (Phase.COMMITTING, Phase.ENDED)
        if self._asked_round is None or settled or not self.flow.attached:
            return
        word = Leave(self.task.number, reason)
        with contextlib.suppress(TimeoutError, MismatchError):
            async with asyncio.timeout(LEAVE_S):
                await asyncio.to_thread(self.shelf.forget_upload)  # the receiver forgets it too
                await self._courier.word(word, self.shelf.record.first_offered_ns)

    async def close(self) -> None:
        """Stops after the training steps at hand."""
        await asyncio.to_thread(self._thread.close)

    # What comes on the way back.

    async def take(self, message: ReceivedMessage) -> None:
        """Raises LessonError and AdaptError when the message is to be answered with FAILED."""
        met = Crossed.of(message.transit)
        number = message.message_id - self.task.number
        if not 0 <= number < MESSAGES:  # on its way since an alignment that its caller left
            raise AdaptError(f"{self.session.source} is at alignment {self.task.number}, not one that began before")
        try:
            if message.purpose == packet_pb2.MESSAGE_PURPOSE_PARAMETERS:
                data = read_piece(message.segments)
                if self.shelf.record.phase is Phase.ASKED:  # otherwise all of it is here
                    await asyncio.to_thread(self.shelf.download.put, number - FIRST_PIECE, data, met)
            elif message.purpose == packet_pb2.MESSAGE_PURPOSE_PILOTS:
                await self._measure(message)
            else:
                await self._hear(message, met)
        except LessonError as error:
            self._over = AdaptError(str(error))
            raise
        finally:
            self._heard_s = time.monotonic()
            self._changed.set()

    def resumed(self) -> None:
        """The receiver, or the network, is back: the download goes on from here."""
        download, cuts = self.shelf.download, self.shelf.record.download_cuts
        held = download.held_bytes
        if self.shelf.record.phase is Phase.ASKED and held and not download.complete and cuts[-1:] != (held,):
            self.shelf.note(download_cuts=(*cuts, held))

    async def _hear(self, message: ReceivedMessage, met: Crossed) -> None:
        match word := read_word(message.segments):
            case Notice():
                self._wait_reason = word.reason
                self._over = AdaptError(word.reason) if word.over else None
            case Offer():
                await self._offered(word, met)
            case _:
                raise LessonError(f"word: '{word.word}' has no place here; use one version on both ends")

    async def _offered(self, offer: Offer, met: Crossed) -> None:
        download = self.shelf.download
        if self.shelf.record.phase is Phase.ASKED:
            await asyncio.to_thread(download.begin, offer, met)
        elif download.offer is None or download.offer.digest != offer.digest:
            self._over = StaleError(f"the decoder of {self._receiver} has changed since it was downloaded; align again")

    async def _measure(self, message: ReceivedMessage) -> None:
        if self.shelf.record.crossover:
            return

        def measure() -> str:
            count = self.task.settings.pilots
            sent = self._tools.pilots(self._alphabet, count, pilot_key(self.task.session, self.task.number))
            arrived = read_pilots(message.segments, self._alphabet, count)
            found = self._tools.crossover(sent, arrived.values, arrived.present)
            return kept(
                align_pb2.CrossoverEstimate(
                    pilots=found.pilots,
                    errors=found.errors,
                    crossover=found.estimate,
                    low=found.low,
                    high=found.high,
                    confidence=found.confidence,
                )
            )

        try:
            self.shelf.note(crossover=await self._thread.run(measure))
        except AdaptError as error:  # nothing arrived
            self._over = error
            raise

    # 1. Download.

    async def _download(self) -> AsyncGenerator[Event]:
        self.resumed()  # what a process before this one had got
        yield progress(align_pb2.ALIGN_PHASE_ASKED)
        shown: tuple[str, int] = ("", 0)
        silence_s = SILENCE_S
        while True:
            if self._asked_round != self.flow.round:
                await self._ask()
            elif time.monotonic() - self._heard_s > silence_s:
                silence_s *= 2
                await self._ask()
            if self._over is not None:
                raise self._over
            now = (self._wait_reason, self.shelf.download.held_bytes)
            if now != shown:
                shown = now
                yield self._arriving()
            if self.shelf.download.complete and self.shelf.record.crossover:
                break
            await self._news()
        yield self._crossover()
        yield await asyncio.to_thread(self._downloaded)

    async def _news(self) -> None:
        """Waits until something came, or for a moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._changed.wait()
        self._changed.clear()

    async def _ask(self) -> None:
        """Asks the receiver to align, or reminds it. Raises AdaptError when it refuses."""
        for _ in range(TRIES):
            round_before = await self._agreed()
            download = self.shelf.download
            held = "" if download.offer is None else download.offer.digest
            ask = Ask(
                self.task.number,
                self.task.settings.to_json(),
                self.task.pictures.shape[1],
                self._life,
                held,
                tuple(download.missing),
                not self.shelf.record.crossover,
            )
            receipt = await self._courier.word(ask, self.shelf.record.first_offered_ns)
            self._heard_s = time.monotonic()
            if receipt.status != FAILED:
                self._asked_round = round_before
                return
            if round_before == self.flow.round:
                break
        raise AdaptError(receipt.reason)

    async def _agreed(self) -> int:
        """The flow's round, once the receiver accepts the session. Raises MismatchError."""
        refusal = await self.flow.agreed()
        if refusal is not None:
            raise MismatchError(refusal)
        return self.flow.round

    def _arriving(self) -> align_pb2.AlignProgress:
        offer = self.shelf.download.offer
        if offer is None:
            return progress(align_pb2.ALIGN_PHASE_ASKED, reason=self._wait_reason)
        return progress(
            align_pb2.ALIGN_PHASE_DOWNLOADING, bytes=self.shelf.download.held_bytes, size_bytes=offer.size_bytes
        )

    def _downloaded(self) -> align_pb2.ParameterTransfer:
        """Checks the whole file. Raises StaleError when it is not what was offered."""
        download, record = self.shelf.download, self.shelf.record
        offer, met = download.offer, download.met
        assert offer is not None  # all of it is here
        assert met is not None
        try:
            tensors = self.shelf.decoder()
            finite(tensors)
            digest = decoder_digest(tensors)
            if digest != offer.decoder:
                raise AdaptError(f"decoder: its SHA-256 is {digest}, not '{offer.decoder}'; send it again")
        except ValueError as error:
            raise StaleError(f"the decoder of {self._receiver} cannot be used: {error}") from error
        event = transfer(align_pb2.TRANSFER_DIRECTION_DOWN, list(offer.names), tensors, offer.size_bytes, offer.digest)
        event = transferred(event, met, record.download_cuts, time.time() - record.began_s)
        self.shelf.note(before=digest, downloaded=kept(event))
        return event

    # 2. Tune.

    async def _tune(self) -> AsyncGenerator[Event]:
        decoder = await asyncio.to_thread(self.shelf.decoder)
        yield progress(align_pb2.ALIGN_PHASE_TUNING, steps=self.task.settings.steps)
        tuning = await self._make_tuning(decoder)
        resumed_at = await self._resume(tuning)
        wall_s = self.shelf.record.tuning_wall_s if resumed_at is not None else 0.0
        every, checkpoint = self.task.settings.checkpoint_steps, self.shelf.checkpoint
        while not tuning.finished:
            began_s = time.monotonic()
            done = await self._thread.run(tuning.advance, min(REPORT_STEPS, every - tuning.step % every))
            wall_s += time.monotonic() - began_s
            if checkpoint is not None and (done.step % every == 0 or tuning.finished):
                await self._thread.run(tuning.save, checkpoint)
                await asyncio.to_thread(self.shelf.note, tuning_wall_s=wall_s)
            yield progress(align_pb2.ALIGN_PHASE_TUNING, step=done.step, steps=done.steps, loss=done.loss)
        yield await self._tuned(tuning, decoder, wall_s, resumed_at)

    async def _make_tuning(self, decoder: Tensors) -> Tuning:
        copy = await self._thread.run(self._workshop.copy, self.session, Half.ENCODER, self._live)
        make = partial(self._tools.tuning, copy, decoder, self.task.pictures)
        return await self._thread.run(make, self._crossover().crossover, self.task.settings)

    async def _resume(self, tuning: Tuning) -> int | None:
        """The step of the checkpoint, if there is one that can be used."""
        checkpoint = self.shelf.checkpoint
        if checkpoint is None or not checkpoint.exists():
            return None
        try:
            await self._thread.run(tuning.resume, checkpoint)
        except AdaptError as error:
            log.warning("session '%s': tunes from the beginning: %s", self.session.name, error)
            return None
        return tuning.step

    async def _tuned(
        self, tuning: Tuning, decoder: Tensors, wall_s: float, resumed_at: int | None
    ) -> align_pb2.FineTuning:
        result = await self._thread.run(tuning.result)
        event = align_pb2.FineTuning(
            steps=tuning.steps,
            flops=result.flops,
            wall_s=wall_s,
            flops_per_s=result.flops / wall_s if wall_s > 0 else 0.0,
            mse_before=result.mse_before,
            mse_after=result.mse_after,
            pictures=result.pictures,
            model_s=self.task.compute.seconds(result.flops, wall_s),
            resumed_at_step=resumed_at,
        )
        downloaded_ns = told(align_pb2.ParameterTransfer, self.shelf.record.downloaded).received_ns

        def keep() -> None:
            self.shelf.keep_result(result.encoder, result.changed)
            self.shelf.note(
                phase=Phase.TUNED,
                tuned=kept(event),
                after=decoder_digest({**decoder_part(decoder), **result.changed}),
                upload_ns=downloaded_ns + round(event.model_s * 1e9),
                upload_began_s=time.time(),
            )

        await asyncio.to_thread(keep)
        return event

    # 3. Upload, and what puts it in force.

    async def _upload(self) -> AsyncGenerator[Event]:
        """Raises AdaptError when the receiver refuses it, StaleError when it refuses the commit."""
        changed = await asyncio.to_thread(self.shelf.changed)
        file = await asyncio.to_thread(TensorFile.of, changed)
        offer = offer_of(self.task.number, file, self.shelf.record.before)
        await asyncio.to_thread(self._announce_upload, offer if changed else None, changed)
        for attempt in range(TRIES):
            round_before = await self._agreed()
            try:
                if self._asked_round != round_before:
                    await self._ask()
                if changed:
                    async for event in self._send(file.data, offer):
                        yield event
                yield progress(align_pb2.ALIGN_PHASE_SWITCHING)
                reason = await self._commit()
                if not reason:
                    return
                raise StaleError(reason)
            except AdaptError:
                if self.flow.round == round_before or attempt == TRIES - 1:
                    raise
            await asyncio.to_thread(self.shelf.forget_upload)  # the receiver came back empty

    async def _send(self, data: bytes, offer: Offer) -> AsyncGenerator[Event]:
        """The offer, and what of the file has no receipt yet. Raises AdaptError when it is refused."""
        at_ns, flow_round = self.shelf.record.upload_ns, self.flow.round
        sent = self.shelf.uploaded_pieces
        held = sum(offer.size_of(piece) for piece in sent)
        self._upload_goes_on(held, offer)
        await self._noted(OFFER, await self._courier.word(offer, at_ns))
        wanted = [piece for piece in range(offer.pieces) if piece not in sent]
        async for piece, receipt in self._courier.pieces(data, offer, wanted, at_ns):
            if flow_round != self.flow.round:
                flow_round = self.flow.round
                self._upload_goes_on(held, offer)
            await self._noted(FIRST_PIECE + piece, receipt)
            held += offer.size_of(piece)
            yield progress(align_pb2.ALIGN_PHASE_UPLOADING, bytes=held, size_bytes=offer.size_bytes)
            if self._over is not None:
                raise self._over

    async def _noted(self, number: int, receipt: packet_pb2.Receipt) -> None:
        if receipt.status == FAILED:
            raise AdaptError(receipt.reason)
        await asyncio.to_thread(self.shelf.was_uploaded, number, Crossed.of(receipt.transit))

    def _upload_goes_on(self, held: int, offer: Offer) -> None:
        if 0 < held < offer.size_bytes:
            self.shelf.note(upload_cuts=(*self.shelf.record.upload_cuts, held))

    def _announce_upload(self, offer: Offer | None, changed: Tensors) -> None:
        """Notes what goes up, before it does."""
        names, size, digest = (list(offer.names), offer.size_bytes, offer.digest) if offer is not None else ([], 0, "")
        event = transfer(align_pb2.TRANSFER_DIRECTION_UP, names, changed, size, digest)
        self.shelf.note(uploaded=kept(event))

    # What happened, told (again).

    def _so_far(self) -> list[Event]:
        record = self.shelf.record
        return [
            self._crossover(),
            told(align_pb2.ParameterTransfer, record.downloaded),
            told(align_pb2.FineTuning, record.tuned),
        ]

    def _crossover(self) -> align_pb2.CrossoverEstimate:
        return told(align_pb2.CrossoverEstimate, self.shelf.record.crossover)

    def _uploaded(self) -> align_pb2.ParameterTransfer:
        record = self.shelf.record
        met = Crossed.all(self.shelf.uploaded.values())
        assert met is not None  # the commit at least
        event = told(align_pb2.ParameterTransfer, record.uploaded)
        return transferred(event, met, record.upload_cuts, record.ended_s - record.upload_began_s)

    @property
    def _receiver(self) -> str:
        return self.session.destinations[0]
