"""DecoderService: a base station's choice, files and improvement of its receivers' decoders. It translates and bounds;
the work is in decoders.py.

Training has a thread of its own: pictures go on being encoded meanwhile.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import grpc
from grpc.aio import ServicerContext as Context

from edge import images
from edge.adapt.errors import AdaptError
from edge.adapt.lessons import check_count
from edge.codecs.contract import CodecError
from edge.codecs.variants import Capacity, Cost, TooWeakError, choose, fits, latency_s
from edge.images import ImageError
from edge.node.codec_thread import CodecThread
from edge.node.control import check_controller
from edge.node.decoders import Decoders, Lesson
from edge.node.descriptions import MAX_REASON
from edge.node.parameters import CHUNK_BYTES, TransferError, check_target
from edge.node.sessions import Role, Session, SessionTable
from edge.node.transmitter import UnknownSessionError
from edge.v1 import decoders_pb2, decoders_pb2_grpc, node_pb2
from edge.wire.endpoint import Security

if TYPE_CHECKING:
    from edge.adapt.distilling import Distilling, DistillSettings

MAX_DISTILLATIONS = 2  # at once
STEPS_AT_A_TIME = 5

STATUS: dict[type[Exception], grpc.StatusCode] = {
    ImageError: grpc.StatusCode.INVALID_ARGUMENT,
    TransferError: grpc.StatusCode.INVALID_ARGUMENT,
    AdaptError: grpc.StatusCode.FAILED_PRECONDITION,
    CodecError: grpc.StatusCode.FAILED_PRECONDITION,
    TooWeakError: grpc.StatusCode.FAILED_PRECONDITION,
    UnknownSessionError: grpc.StatusCode.NOT_FOUND,
}
EXPECTED = tuple(STATUS)


class DecoderServicer(decoders_pb2_grpc.DecoderServiceServicer):  # type: ignore[misc]
    """The service of one node. thread: where codecs in service are used."""

    def __init__(self, table: SessionTable, decoders: Decoders, thread: CodecThread, security: Security) -> None:
        self._table = table
        self._decoders = decoders
        self._thread = thread
        self._security = security
        self._distillations = 0

    async def ChooseDecoders(  # noqa: N802
        self, request: decoders_pb2.ChooseDecodersRequest, context: Context[Any, Any]
    ) -> decoders_pb2.ChooseDecodersResponse:
        await check_controller(context, self._security)
        try:
            check_target(request.target)
            session = self._session(request.session)
            costs = self._decoders.offers(session, request.target.height, request.target.width)
            choices = [_choice(each, costs, request.target.latency_s) for each in request.receivers]
        except EXPECTED as error:
            await context.abort(_status_of(error), str(error))
        return decoders_pb2.ChooseDecodersResponse(choices=choices)

    async def DownloadDecoder(  # noqa: N802
        self, request: decoders_pb2.DownloadDecoderRequest, context: Context[Any, Any]
    ) -> AsyncIterator[decoders_pb2.DownloadDecoderResponse]:
        await check_controller(context, self._security)
        try:
            session = self._session(request.session)
            file = await self._thread.run(self._decoders.file, session, request.receiver, request.decoder)
        except EXPECTED as error:
            await context.abort(_status_of(error), str(error))
        for offset in range(0, len(file.data), CHUNK_BYTES):
            yield decoders_pb2.DownloadDecoderResponse(
                chunk=file.data[offset : offset + CHUNK_BYTES],
                offset_bytes=offset,
                size_bytes=len(file.data),
                digest=file.digest,
            )

    async def Distill(  # noqa: N802
        self, request: decoders_pb2.DistillRequest, context: Context[Any, Any]
    ) -> AsyncIterator[decoders_pb2.DistillResponse]:
        await check_controller(context, self._security)
        if self._distillations >= MAX_DISTILLATIONS:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{MAX_DISTILLATIONS} distillations are under way at this node; try again when one has ended",
            )
        self._distillations += 1
        thread = CodecThread()
        try:
            async for response in self._distill(request, thread):
                yield response
        except EXPECTED as error:
            await context.abort(_status_of(error), str(error))
        finally:
            self._distillations -= 1
            thread.close()

    async def _distill(
        self, request: decoders_pb2.DistillRequest, thread: CodecThread
    ) -> AsyncIterator[decoders_pb2.DistillResponse]:
        """Trains in `thread`, and keeps the result when it is better."""
        began_s = time.monotonic()
        session = self._session(request.session)
        if request.receiver not in session.destinations:
            known = ", ".join(session.destinations)
            raise AdaptError(f"receiver: '{request.receiver}' is not one of session '{session.name}' ({known})")
        lesson = await thread.run(_lesson, request)
        work, teacher = await thread.run(self._decoders.distilling, session, lesson)
        yield decoders_pb2.DistillResponse(progress=await thread.run(_advanced, work, 0))
        while not work.finished:
            yield decoders_pb2.DistillResponse(progress=await thread.run(_advanced, work, STEPS_AT_A_TIME))
        verdict = work.verdict()
        if verdict.better:
            self._decoders.keep(session, lesson.receiver, lesson.decoder, await thread.run(work.tensors))
        yield decoders_pb2.DistillResponse(
            verdict=decoders_pb2.DistillVerdict(
                better=verdict.better,
                reason="" if verdict.better else verdict.reason[:MAX_REASON],
                before_db=verdict.before,
                after_db=verdict.after,
                teacher_db=work.teacher_db,
                teacher=teacher,
                elapsed_s=time.monotonic() - began_s,
            )
        )

    def _session(self, name: str) -> Session:
        """Raises UnknownSessionError when there is none, or when this node does not send."""
        if self._table.role is not Role.TX:
            raise UnknownSessionError(f"node '{self._table.node}' is an rx; ask the tx that sends to it")
        session = self._table.get(name)
        if session is None:
            known = ", ".join(each.name for each in self._table) or "none"
            raise UnknownSessionError(
                f"session: '{name}' is not configured here (there are: {known}); configure it first"
            )
        return session


def _status_of(error: Exception) -> grpc.StatusCode:
    return next(code for kind, code in STATUS.items() if isinstance(error, kind))


def _choice(asked: decoders_pb2.ReceiverCapacity, costs: dict[str, Cost], limit_s: float) -> decoders_pb2.DecoderChoice:
    """The decoder for one receiver, and what else there was. Raises AdaptError and TooWeakError, naming it."""
    if asked.capacity.flops_per_s <= 0:
        raise AdaptError(f"receivers: {asked.receiver} says nothing of its capacity; start it with --capacity")
    capacity = Capacity(asked.capacity.flops_per_s, asked.capacity.memory_bytes, asked.capacity.measured)
    try:
        chosen = choose(costs, capacity, limit_s)
    except TooWeakError as error:
        raise TooWeakError(f"{asked.receiver}: {error}") from error
    offers = [
        decoders_pb2.DecoderOffer(
            decoder=name,
            memory_bytes=cost.memory_bytes,
            flops=cost.flops,
            latency_s=latency_s(cost, capacity),
            fits=fits(cost, capacity, limit_s),
        )
        for name, cost in costs.items()
    ]
    return decoders_pb2.DecoderChoice(receiver=asked.receiver, decoder=chosen, offers=offers)


def _lesson(request: decoders_pb2.DistillRequest) -> Lesson:
    """The request, checked. Raises AdaptError and ImageError."""
    check_count(len(request.images))
    if not request.HasField("snr_db"):
        raise AdaptError(f"snr_db: is missing; give the Es/N0 that {request.receiver} meets, in dB")
    pictures = [_picture(number, payload) for number, payload in enumerate(request.images)]
    return Lesson(request.receiver, request.decoder, request.teacher, request.snr_db, pictures, _settings(request))


def _picture(number: int, payload: node_pb2.ImagePayload) -> images.Picture:
    return images.decode(payload.png, f"images[{number}] '{payload.name}'")


def _settings(request: decoders_pb2.DistillRequest) -> DistillSettings:
    """What the request names, and the defaults for the rest. Raises AdaptError."""
    from edge.adapt.distilling import DistillSettings

    names = [field.name for field in fields(DistillSettings)]
    return DistillSettings(**{name: getattr(request, name) for name in names if request.HasField(name)})


def _advanced(work: Distilling, steps: int) -> decoders_pb2.DistillProgress:
    made = work.advance(steps)
    return decoders_pb2.DistillProgress(
        step=made.step,
        steps=made.steps,
        loss=made.loss if math.isfinite(made.loss) else None,
        validation_db=made.validation,
    )
