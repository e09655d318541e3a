"""One node as a whole: joins stream, sessions, transmitter, receiver and control services, and ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio

from edge.codecs import registry
from edge.codecs.contract import Codec
from edge.codecs.variants import Capacity
from edge.node.adapt_service import AdaptServicer
from edge.node.agreement import Agreement, OwnCodec
from edge.node.align_rx import AlignDesk
from edge.node.align_service import AlignServicer
from edge.node.align_terms import Terms
from edge.node.align_tools import AlignTools
from edge.node.align_tx import Applicant
from edge.node.aligner import Aligner
from edge.node.attachment import Attachment
from edge.node.codec_thread import CodecThread
from edge.node.decoder_service import DecoderServicer
from edge.node.decoders import Decoders
from edge.node.flow import Cutting
from edge.node.inbox import Delivery, Inbox
from edge.node.parameters import ParameterServicer
from edge.node.pupil import Pupil
from edge.node.receiver import Receiver
from edge.node.service import NodeServicer
from edge.node.sessions import Role, Session, SessionTable
from edge.node.shelf import KEEP_BYTES
from edge.node.state_keeper import StateKeeper
from edge.node.teacher import Teacher
from edge.node.transmitter import Transmitter
from edge.node.workshop import Workshop
from edge.v1 import adapt_pb2_grpc, align_pb2_grpc, decoders_pb2_grpc, node_pb2, node_pb2_grpc, parameters_pb2_grpc
from edge.wire.endpoint import Endpoint, Security, start_server
from emulator.v1 import data_plane_pb2

log = logging.getLogger(__name__)

SERVICES = tuple(f"edge.v1.{name}Service" for name in ("Node", "Parameter", "Adapt", "Align", "Decoder"))
LAST_DECODE_S = 30.0  # how long an orderly stop waits for the message that is being decoded


@dataclass(frozen=True)
class NodeSettings:
    """What a node is started with.

    emulator: HOST:PORT. codec, options: opened at start when codec is given; source: then the only node to receive
    from. state_dir: where an rx keeps what it delivered, and any node what adaptation left; save_dir: where an rx puts
    pictures for people to look at. keep_bytes: of a tx's latest sub-blocks, for receivers that ask for more.
    align: on what terms an rx aligns with others. capacity: what the node says of its computing power.
    """

    name: str
    role: Role
    emulator: str
    security: Security
    codec: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    state_dir: Path | None = None
    save_dir: Path | None = None
    cutting: Cutting = field(default_factory=Cutting)
    keep_bytes: int = KEEP_BYTES
    align: Terms = field(default_factory=Terms)
    capacity: Capacity | None = None


class NodeDaemon:
    """A running node. Use `open`, then `run`; or, by hand, `configure` and `transmitter` in between."""

    def __init__(
        self,
        settings: NodeSettings,
        load_codec: Callable[[str], type[Codec]] = registry.load,
        delivered: Callable[[Delivery], None] | None = None,
        workshop: Workshop | None = None,
        align_tools: AlignTools | None = None,
    ) -> None:
        """load_codec: where codecs come from. delivered: told of each delivery, once. workshop: what fine-tunes;
        align_tools: what aligns. Raises InboxError."""
        self.settings = settings
        folder = None if settings.state_dir is None else settings.state_dir / settings.name
        self.inbox = Inbox(folder if settings.role is Role.RX else None)
        self._thread = CodecThread()
        workshop = workshop or Workshop(load_codec)
        self._keeper = StateKeeper(settings.role, None if folder is None else folder / "adapt", self._thread, workshop)
        self._pupil = Pupil(settings.name, self._thread, self._keeper, workshop)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._attachment = Attachment(settings.name, settings.emulator, settings.security, self)
        self.table = SessionTable(settings.name, settings.role, self._thread, load_codec)
        self.table.restore = self._restore
        self._agreement = Agreement(settings.name, self.table, self._attachment, follower=self._keeper)
        self.transmitter = Transmitter(
            self._attachment, self._thread, settings.cutting, self._spawn, settings.keep_bytes
        )
        self._teacher = Teacher(self.transmitter, self._thread, self._keeper, workshop)
        self._decoders = Decoders(load_codec)
        self._align_tools = tools = align_tools or AlignTools()
        shared = (self.table, self.transmitter, self._thread, self._keeper)
        self._applicant = Applicant(*shared, workshop, tools, self._opened)
        self._aligner = Aligner(settings.name, self._applicant, AlignDesk(*shared, tools, self._opened, settings.align))
        self._receiver = Receiver(
            settings.name,
            self._attachment,
            self._agreement,
            self.inbox,
            self._thread,
            settings.save_dir,
            delivered,
            self._pupil,
            self._aligner,
        )
        self._endpoint: Endpoint | None = None
        self._receiving: asyncio.Task[None] | None = None
        self._attaching: asyncio.Task[None] | None = None

    # Starting and stopping.

    async def open_own_codec(self) -> None:
        """Opens the settings' codec: an rx then accepts whoever announces the same. Raises CodecError."""
        if self.settings.codec is None:
            return
        config = node_pb2.CodecConfig(name=self.settings.codec, options=dict(self.settings.options))
        codec, description = await self.table.open_codec(config)
        self._agreement.own = OwnCodec(codec, description, self.settings.source, config.options)

    async def open_session(self, name: str, destinations: list[str]) -> None:
        """A tx's own session, with the codec named on the command line. Raises ConfigurationError, MismatchError."""
        config = node_pb2.SessionConfig(
            session=name,
            source=self.settings.name,
            destinations=destinations,
            codec=node_pb2.CodecConfig(name=self.settings.codec or "", options=dict(self.settings.options)),
        )
        prepared = await self.table.prepare([config])
        self.table.put(prepared)
        for session in prepared:
            self._opened(session)

    async def serve(self, listen: str) -> str:
        """Starts the control services; gives their address. Raises EndpointError."""
        self._endpoint = await start_server(listen, self.settings.security, SERVICES, self._register)
        if self._attachment.attached:
            await self._endpoint.set_serving(True)
        return self._endpoint.address

    def attach(self) -> None:
        """Begins to attach and to receive; returns at once."""
        self._receiving = self._spawn(self._receiver.run(), "receiver")
        self._attaching = self._spawn(self._attachment.run(), "attachment")

    async def failure(self) -> None:
        """Returns never; raises what ended one of the node's tasks, such as AttachRefusedError."""
        await asyncio.shield(self._failed)

    async def stop(self) -> None:
        """An orderly end: nothing new is accepted, the message being decoded is answered, the stream is closed."""
        if self._endpoint is not None:
            await self._endpoint.set_serving(False)
        self._receiver.stop()
        if self._receiving is not None:
            await asyncio.wait([self._receiving], timeout=LAST_DECODE_S)
        await self._attachment.close()
        if self._endpoint is not None:
            await self._endpoint.stop(grace_s=0.5)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pupil.close()
        await self._aligner.close()
        self._thread.close()
        self.inbox.close()

    # What comes on the stream.

    def welcomed(self, welcome: data_plane_pb2.Welcome) -> None:
        log.info("%s: attached to scenario '%s' at %s", self.settings.name, welcome.scenario, self.settings.emulator)
        self._agreement.welcomed()
        self._receiver.welcomed()
        self.transmitter.welcomed(welcome)
        self._report_health(True)

    def detached(self) -> None:
        self.transmitter.detached()
        self._report_health(False)

    async def received(self, response: data_plane_pb2.AttachResponse) -> None:
        kind = response.WhichOneof("response")
        if kind == "batch":
            await self._receiver.received(response.batch)
        elif kind == "announcement":
            self._agreement.announced(response.announcement)
            self._aligner.announced(response.announcement.session)
        elif kind is not None:
            self.transmitter.received(response)

    # Inside.

    def _register(self, server: grpc.aio.Server) -> None:
        security = self.settings.security
        node_pb2_grpc.add_NodeServiceServicer_to_server(
            NodeServicer(
                self.table,
                self.transmitter,
                self.inbox,
                self._thread,
                security,
                lambda: self._attachment.attached,
                self._opened,
                self.settings.capacity,
            ),
            server,
        )
        parameters_pb2_grpc.add_ParameterServiceServicer_to_server(
            ParameterServicer(
                self.table,
                self._thread,
                security,
                self._described_anew,
                self.transmitter.check_idle,
                self.settings.capacity,
            ),
            server,
        )
        decoders_pb2_grpc.add_DecoderServiceServicer_to_server(
            DecoderServicer(self.table, self._decoders, self._thread, security), server
        )
        adapt_pb2_grpc.add_AdaptServiceServicer_to_server(
            AdaptServicer(self.table, self._teacher, self._pupil, self._keeper, self._thread, security), server
        )
        align_pb2_grpc.add_AlignServiceServicer_to_server(
            AlignServicer(self.table, self._applicant, self._align_tools, security), server
        )

    async def _restore(self, session: Session) -> None:
        """Puts in force, and goes on with, what a process before this one left."""
        await self._keeper.restore(session)
        await self._aligner.restore(session)

    def _opened(self, session: Session) -> None:
        """A session was configured, or opened by the nodes: its source sends on it, others receive."""
        if session.source == self.settings.name:
            self.transmitter.opened(session)
        else:
            self._agreement.opened(session)
        self._aligner.opened(session)

    def _described_anew(self, session: Session) -> None:
        if session.source == self.settings.name:
            self.transmitter.described_anew(session)
        else:
            self._agreement.opened(session)

    def _report_health(self, serving: bool) -> None:
        if self._endpoint is not None:
            self._spawn(self._endpoint.set_serving(serving), "health")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Runs a part of the node; what it raises ends the node (`failure`)."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._failed.done():
            with contextlib.suppress(asyncio.InvalidStateError):
                self._failed.set_exception(error)
