"""NodeService: a node's control over gRPC. It translates; the work is in sessions, transmitter and inbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import grpc
from grpc.aio import ServicerContext as Context

from edge import images
from edge.codecs import registry
from edge.codecs.contract import CodecError
from edge.codecs.variants import Capacity
from edge.images import ImageError, Named
from edge.loaded_networks import network_modules
from edge.node.codec_thread import CodecThread
from edge.node.control import check_controller
from edge.node.inbox import Inbox, InboxError
from edge.node.memory import resident_bytes
from edge.node.refinement import EVERYTHING, MAX_PICTURES, Selection, heads_of, selection
from edge.node.sessions import ConfigurationError, MismatchError, Role, Session, SessionTable
from edge.node.shelf import NotKeptError
from edge.node.transmitter import Schedule, Transmitter, UnderWayError, UnknownSessionError
from edge.v1 import node_pb2, node_pb2_grpc, packet_pb2
from edge.wire.endpoint import MAX_MESSAGE_BYTES, Security

MAX_IMAGES = 4096  # in one Transmit; their bytes are bounded by the size of a gRPC message
MAX_MODEL_NS = 10**18  # some thirty years of model time
PICTURES = (packet_pb2.MESSAGE_PURPOSE_UNSPECIFIED, packet_pb2.MESSAGE_PURPOSE_PICTURE)

ROLES = {Role.TX: node_pb2.NODE_ROLE_TX, Role.RX: node_pb2.NODE_ROLE_RX}

STATUS: dict[type[Exception], grpc.StatusCode] = {
    ConfigurationError: grpc.StatusCode.INVALID_ARGUMENT,
    CodecError: grpc.StatusCode.INVALID_ARGUMENT,
    ImageError: grpc.StatusCode.INVALID_ARGUMENT,
    MismatchError: grpc.StatusCode.FAILED_PRECONDITION,
    UnderWayError: grpc.StatusCode.FAILED_PRECONDITION,
    UnknownSessionError: grpc.StatusCode.NOT_FOUND,
    NotKeptError: grpc.StatusCode.NOT_FOUND,
}
EXPECTED = tuple(STATUS)


def status_of(error: Exception) -> grpc.StatusCode:
    return next(code for kind, code in STATUS.items() if isinstance(error, kind))


def installed_version() -> str:
    try:
        return version("semedge")
    except PackageNotFoundError:
        return "source tree"


class NodeServicer(node_pb2_grpc.NodeServiceServicer):  # type: ignore[misc]
    """The service of one node. opened: told, in the event loop, of each session that was configured. capacity: of the
    node, where it says."""

    def __init__(
        self,
        table: SessionTable,
        transmitter: Transmitter,
        inbox: Inbox,
        thread: CodecThread,
        security: Security,
        attached: Callable[[], bool],
        opened: Callable[[Session], None],
        capacity: Capacity | None = None,
    ) -> None:
        self._table = table
        self._transmitter = transmitter
        self._inbox = inbox
        self._thread = thread
        self._security = security
        self._attached = attached
        self._opened = opened
        self._capacity = capacity
        self._configuring = asyncio.Lock()

    async def Describe(  # noqa: N802
        self, request: node_pb2.DescribeRequest, context: Context[Any, Any]
    ) -> node_pb2.DescribeResponse:
        del request
        await check_controller(context, self._security)
        digests = await self._thread.run(self._table.weights_digests)
        sessions = self._table.describe()
        for session in sessions:
            session.weights_digest = digests.get(session.session, "")
        return node_pb2.DescribeResponse(
            name=self._table.node,
            role=ROLES[self._table.role],
            version=installed_version(),
            codecs=registry.names(),
            sessions=sessions,
            attached=self._attached(),
            resident_bytes=resident_bytes(),
            network_modules=network_modules(),
            pictures_encoded=self._transmitter.pictures_encoded,
            messages_decoded=self._inbox.messages_decoded,
            capacity=None if self._capacity is None else node_pb2.Capacity(**asdict(self._capacity)),
        )

    async def Configure(  # noqa: N802
        self, request: node_pb2.ConfigureRequest, context: Context[Any, Any]
    ) -> node_pb2.ConfigureResponse:
        await check_controller(context, self._security)
        names = [config.session for config in request.sessions]
        async with self._configuring:
            try:
                self._transmitter.check_idle(names)
                prepared = await self._table.prepare(request.sessions)
                self._transmitter.check_idle(names)  # opening codecs takes a while
                self._table.put(prepared)
            except EXPECTED as error:
                await context.abort(status_of(error), str(error))
            for session in prepared:
                self._opened(session)
        return node_pb2.ConfigureResponse(sessions=self._table.describe())

    async def Transmit(  # noqa: N802
        self, request: node_pb2.TransmitRequest, context: Context[Any, Any]
    ) -> AsyncIterator[node_pb2.TransmitResponse]:
        await check_controller(context, self._security)
        try:
            self._check(request)
            await self._thread.run(self._check_pictures, request)
            schedule = Schedule(
                request.first_message_id, request.first_offered_ns, request.interval_ns, request.deadline_ns
            )
            pictures = _pictures(request.images)
            selected = self._selection(request)
            transmission = self._transmitter.transmit(
                request.session, pictures, schedule, len(request.images), selected
            )
            async with aclosing(transmission):  # a caller that goes away stops the encoding at once
                async for event in transmission:
                    if isinstance(event, packet_pb2.Receipt):
                        yield node_pb2.TransmitResponse(receipt=event)
                    elif isinstance(event, node_pb2.RefinementRefused):
                        yield node_pb2.TransmitResponse(refused=event)
                    else:
                        yield node_pb2.TransmitResponse(sent=event)
        except EXPECTED as error:
            await context.abort(status_of(error), str(error))

    async def Collect(  # noqa: N802
        self, request: node_pb2.CollectRequest, context: Context[Any, Any]
    ) -> AsyncIterator[node_pb2.CollectResponse]:
        await check_controller(context, self._security)
        for key in self._inbox.keys(request.session):
            try:
                delivery = self._inbox.load(key, with_picture=not request.without_images)
            except (OSError, InboxError) as error:
                await context.abort(grpc.StatusCode.DATA_LOSS, f"message {key[1]} of session '{key[0]}': {error}")
                return
            if delivery is None or delivery.receipt.purpose not in PICTURES:
                continue
            if delivery.ByteSize() > MAX_MESSAGE_BYTES:
                await context.abort(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"message {key[1]} of session '{key[0]}': its picture takes {len(delivery.png)} bytes, more than "
                    f"one gRPC message of {MAX_MESSAGE_BYTES} carries; send smaller crops, or use edge-node --save",
                )
            yield delivery

    async def Refine(  # noqa: N802
        self, request: node_pb2.RefineRequest, context: Context[Any, Any]
    ) -> node_pb2.RefineResponse:
        await check_controller(context, self._security)
        try:
            receipt = await self._transmitter.refine(request)
        except EXPECTED as error:
            await context.abort(status_of(error), str(error))
        return node_pb2.RefineResponse(receipt=receipt)

    def _selection(self, request: node_pb2.TransmitRequest) -> Selection:
        """What of each picture is to be sent. Raises CodecError and ConfigurationError."""
        session = self._table.get(request.session)
        rule = request.refine if request.HasField("refine") else None
        heads = heads_of(request)
        if session is None or (rule is None and not heads):
            return EVERYTHING
        if request.first_message_id + len(request.images) > MAX_PICTURES:
            raise ConfigurationError(
                f"first_message_id: must be below {MAX_PICTURES} where pictures are refined, got "
                f"{request.first_message_id}"
            )
        return selection(session.codec, rule, heads)

    def _check(self, request: node_pb2.TransmitRequest) -> None:
        if self._table.role is not Role.TX:
            raise UnknownSessionError(f"node '{self._table.node}' is an rx; ask a tx to transmit")
        if not 1 <= len(request.images) <= MAX_IMAGES:
            raise ImageError(
                f"images: must be 1 to {MAX_IMAGES}, got {len(request.images)}; send them in several calls"
            )
        if request.first_message_id + len(request.images) > 1 << 63:
            raise ConfigurationError(f"first_message_id: must be below 2**63, got {request.first_message_id}")
        for field in ("first_offered_ns", "interval_ns", "deadline_ns"):
            value = getattr(request, field)
            if not 0 <= value <= MAX_MODEL_NS:
                raise ConfigurationError(f"{field}: must be in [0, {MAX_MODEL_NS}], got {value}")

    def _check_pictures(self, request: node_pb2.TransmitRequest) -> None:
        """Every picture, before the first is sent. Raises ImageError and CodecError."""
        session = self._table.get(request.session)
        if session is None:
            return  # the transmitter says so
        for number, named in enumerate(_pictures(request.images)):
            try:
                session.codec.check_image(*named.pixels.shape[:2])
            except CodecError as error:
                raise CodecError(f"images[{number}] '{named.name}': {error}") from error


def _pictures(payloads: Sequence[node_pb2.ImagePayload]) -> Iterator[Named]:
    """The pictures, decoded one after another. Raises ImageError."""
    for number, payload in enumerate(payloads):
        yield Named(payload.name, images.decode(payload.png, f"images[{number}] '{payload.name}'"))
