"""The alignments of a tx: one at a time, resumed where it was, and put in force at both ends or at neither.

    ask, download, tune, upload (align_run) -> COMMITTING -> the receiver has it -> this node has it -> ENDED

From COMMITTING on it is not known here which decoder the receiver has, until it answers. So the session is held: no
picture is sent before the answer came, also when this process died in between and another has taken over.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from edge.adapt.errors import AdaptError
from edge.codecs.contract import CodecError
from edge.codecs.tensors import TensorError, Tensors
from edge.node.adapt_messages import LessonError
from edge.node.align_events import told
from edge.node.align_messages import COMMIT, MESSAGES, Commit
from edge.node.align_run import AlignRun, Event, StaleError, Task
from edge.node.align_rx import METHOD
from edge.node.align_shelf import Phase, TxRecord, TxShelf
from edge.node.align_tools import AlignTools
from edge.node.codec_thread import CodecThread
from edge.node.descriptions import MAX_REASON
from edge.node.flow import Flow
from edge.node.parameters import TensorFile
from edge.node.sessions import MismatchError, Session, SessionTable, forth
from edge.node.state_keeper import StateKeeper
from edge.node.transfer import CODEBOOK, Courier, Crossed
from edge.node.transmitter import Transmitter
from edge.node.way_back import open_way_back
from edge.node.workshop import Workshop, live_parameters
from edge.v1 import align_pb2, packet_pb2
from edge.wire.reassembly import ReceivedMessage

log = logging.getLogger(__name__)

MAX_AT_ONCE = 1  # alignments of one node
RETRY_S = 0.5  # before a receiver that refuses the session is asked again whether it has the new decoder

FAILED = packet_pb2.RECEIPT_STATUS_FAILED


class Applicant:
    """Aligns sessions of one tx with their receivers. Belongs to the event loop."""

    def __init__(
        self,
        table: SessionTable,
        transmitter: Transmitter,
        thread: CodecThread,
        keeper: StateKeeper,
        workshop: Workshop,
        tools: AlignTools,
        opened: Callable[[Session], None],
    ) -> None:
        """thread: where codecs in service are used. opened: told of the sessions that are opened here."""
        self._table = table
        self._transmitter = transmitter
        self._thread = thread
        self._keeper = keeper
        self._workshop = workshop
        self._tools = tools
        self._session_opened = opened
        self._life = uuid.uuid4().hex
        self._shelves: dict[str, TxShelf] = {}
        self._runs: dict[str, AlignRun] = {}
        self._settling: dict[str, asyncio.Task[str]] = {}

    # What a caller asks.

    async def align(self, task: Task) -> AsyncGenerator[Event]:
        """Does it all; the last thing given is the verdict. Leaving early stops it: both ends keep what they have, and
        the same call goes on where it was.

        Raises UnknownSessionError, UnderWayError, AdaptError for what cannot be begun, MismatchError when the receiver
        refuses the session.
        """
        flow = self._transmitter.flow(task.session)
        session = flow.session
        with self._transmitter.reserve(task.session, "an alignment", MAX_AT_ONCE):
            live = await self.check(session)
            shelf = await self._shelf(session, task)
            open_way_back(self._table, session, self._session_opened)
            run = self._runs[session.name] = AlignRun(
                task,
                flow,
                shelf,
                Courier(self._transmitter, session.name, task.number),
                self._workshop,
                self._tools,
                live,
                live[CODEBOOK].shape[0],
                self._life,
                lambda: self._commit(flow, shelf),
            )
            reason = "its caller left"
            try:
                async for event in run.run():
                    yield event
                reason = ""
            except (AdaptError, LessonError, CodecError, TensorError, OSError) as error:
                reason = str(error)
                if isinstance(error, StaleError):
                    await asyncio.to_thread(shelf.remove)
                    self._shelves.pop(self._key(session), None)
            finally:
                if reason:
                    await run.leave(reason)
                await run.close()
                del self._runs[session.name]
        yield _verdict(shelf, reason)

    async def take(self, session: Session, message: ReceivedMessage) -> None:
        """A message on the way back. Raises with one sentence when it is to be answered with FAILED."""
        run = self._runs.get(forth(session.name))
        if run is None:
            raise AdaptError(f"{self._table.node} is at no alignment with {session.source}; it will ask for one")
        await run.take(message)

    def announced(self, session: str) -> None:
        """The receiver opened the way back, perhaps again."""
        run = self._runs.get(forth(session))
        if run is not None:
            run.resumed()

    async def restore(self, session: Session) -> None:
        """Finds what a process before this one left of an alignment."""
        shelf = await asyncio.to_thread(TxShelf.found, self._folder(session))
        if shelf is not None:
            self._shelves[self._key(session)] = shelf

    def opened(self, session: Session) -> None:
        """The session was configured: when it is not known what its receiver has, it is held until the answer came."""
        before = self._settling.pop(session.name, None)
        if before is not None:
            before.cancel()
        shelf = self._shelves.get(self._key(session))
        if shelf is not None and shelf.record.phase is Phase.COMMITTING:
            log.warning("session '%s': asks %s whether it has the new decoder", session.name, session.destinations[0])
            self._settle(self._transmitter.flow(session.name), shelf)

    async def close(self) -> None:
        for task in self._settling.values():
            task.cancel()
        await asyncio.gather(*self._settling.values(), return_exceptions=True)

    # Beginning.

    async def check(self, session: Session) -> Tensors:
        """The parameters of this half. Raises AdaptError when the session cannot be aligned."""
        if len(session.destinations) != 1:
            raise AdaptError(
                f"session '{session.name}': has {len(session.destinations)} receivers, and one decoder is aligned at a "
                "time; open a session for each"
            )
        live = await self._thread.run(lambda: live_parameters(session.codec))
        self._tools.check_codec(session.codec, live)
        return live

    async def _shelf(self, session: Session, task: Task) -> TxShelf:
        """What there is of this alignment already, or a new shelf. Raises AdaptError."""
        settling = self._settling.get(session.name)
        if settling is not None:
            await asyncio.shield(settling)
        key = self._key(session)
        shelf = self._shelves.get(key)
        if shelf is not None and shelf.record.number == task.number:
            if shelf.record.settings != task.settings.to_json():
                raise AdaptError(
                    f"first_message_id: alignment {task.number} began with other settings; take a number that is "
                    f"{MESSAGES} higher"
                )
            return shelf
        if not self._keeper.lasting:
            log.warning("session '%s': its alignment is kept in memory only; --state keeps it", session.name)
        record = TxRecord(task.number, task.settings.to_json(), time.time(), task.first_offered_ns)
        shelf = self._shelves[key] = await asyncio.to_thread(TxShelf.begin, self._folder(session), record)
        return shelf

    # Putting it in force.

    async def _commit(self, flow: Flow, shelf: TxShelf) -> str:
        """Puts the result in force at both ends, also when the caller leaves meanwhile; gives why not, or nothing."""
        await asyncio.to_thread(shelf.note, phase=Phase.COMMITTING)
        return await asyncio.shield(self._settle(flow, shelf))

    def _settle(self, flow: Flow, shelf: TxShelf) -> asyncio.Task[str]:
        """Holds the session, from now until both ends have the same. The task gives why they keep the old."""
        flow.hold()
        name = flow.session.name
        task = self._settling[name] = asyncio.create_task(self._settle_held(flow, shelf), name=f"settle {name}")

        def settled(task: asyncio.Task[str]) -> None:
            if self._settling.get(name) is task:
                del self._settling[name]
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("session '%s': stays closed, its receiver has the new decoder: %s", name, error)
            elif not task.cancelled():
                flow.release()

        task.add_done_callback(settled)
        return task

    async def _settle_held(self, flow: Flow, shelf: TxShelf) -> str:
        async with flow.quiet():
            receipt = await self._answer_of_receiver(flow, shelf)
            if receipt.status == FAILED:
                await asyncio.to_thread(shelf.note, phase=Phase.TUNED)
                return receipt.reason
            await asyncio.to_thread(shelf.was_uploaded, COMMIT, Crossed.of(receipt.transit))
            await self._switch(flow.session, shelf)
            flow.encoder_changed()
        return ""

    async def _answer_of_receiver(self, flow: Flow, shelf: TxShelf) -> packet_pb2.Receipt:
        """Asks it to put the upload in force, again and again while it does not take the session at all."""
        record = shelf.record
        changed = await asyncio.to_thread(shelf.changed)
        upload = (await asyncio.to_thread(TensorFile.of, changed)).digest if changed else ""
        commit = Commit(record.number, upload, record.before, record.after)
        courier = Courier(self._transmitter, flow.session.name, record.number)
        while True:
            try:
                return await courier.word(commit, record.upload_ns, though_held=True)
            except MismatchError as error:
                log.warning("session '%s': cannot ask what its receiver has: %s", flow.session.name, error)
                await asyncio.sleep(RETRY_S)

    async def _switch(self, session: Session, shelf: TxShelf) -> None:
        """Keeps the new encoder as a state, and puts it in force."""
        from edge.adapt.states import Origin

        if not shelf.record.state:
            tuned = told(align_pb2.FineTuning, shelf.record.tuned)
            origin = Origin(session.description.knowledge, METHOD, tuned.mse_before, tuned.mse_after, "MSE")
            state = await self._keeper.add(session, await asyncio.to_thread(shelf.encoder), origin)
            await asyncio.to_thread(shelf.note, state=state.id)
        await self._keeper.activate(session, shelf.record.state)
        await asyncio.to_thread(shelf.end, shelf.record.state)

    # Small things.

    def _folder(self, session: Session) -> Path | None:
        folder = self._keeper.folder(session)
        return None if folder is None else folder / "align"

    def _key(self, session: Session) -> str:
        return str(self._folder(session) or session.name)


def _verdict(shelf: TxShelf, reason: str) -> align_pb2.AlignVerdict:
    record = shelf.record
    adopted = record.phase is Phase.ENDED
    received = Crossed.all(shelf.uploaded.values()) if adopted else None
    recovery_ns = 0 if received is None else received.received_ns - record.first_offered_ns
    return align_pb2.AlignVerdict(
        adopted=adopted,
        reason="" if adopted else reason[:MAX_REASON],
        digest_before=record.before,
        digest_after=record.after if adopted else record.before,
        recovery_model_s=recovery_ns / 1e9,
        elapsed_s=(record.ended_s or time.time()) - record.began_s,
    )
