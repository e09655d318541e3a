"""AlignService: alignment over gRPC. It translates and bounds; the work is in align_tx and align_rx."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
from grpc.aio import ServicerContext as Context
from numpy.typing import NDArray

from edge.adapt.errors import AdaptError
from edge.codecs.contract import CodecError
from edge.codecs.tensors import TensorError
from edge.images import ImageError
from edge.node.adapt_messages import LessonError
from edge.node.align_run import Compute, Event, Task
from edge.node.align_tools import AlignTools
from edge.node.align_tx import Applicant
from edge.node.control import check_controller
from edge.node.sessions import ConfigurationError, MismatchError, Role, Session, SessionTable, is_way_back
from edge.node.transmitter import UnderWayError, UnknownSessionError
from edge.v1 import align_pb2, align_pb2_grpc
from edge.wire.endpoint import Security

if TYPE_CHECKING:
    from edge.adapt.slf_settings import SlfSettings

MAX_MODEL_NS = 10**18  # some thirty years of model time
MAX_SOURCE = 4096  # characters

STATUS: dict[type[Exception], grpc.StatusCode] = {
    ImageError: grpc.StatusCode.INVALID_ARGUMENT,
    ConfigurationError: grpc.StatusCode.INVALID_ARGUMENT,
    AdaptError: grpc.StatusCode.FAILED_PRECONDITION,
    CodecError: grpc.StatusCode.FAILED_PRECONDITION,
    LessonError: grpc.StatusCode.FAILED_PRECONDITION,
    MismatchError: grpc.StatusCode.FAILED_PRECONDITION,
    TensorError: grpc.StatusCode.FAILED_PRECONDITION,
    UnderWayError: grpc.StatusCode.FAILED_PRECONDITION,
    UnknownSessionError: grpc.StatusCode.NOT_FOUND,
}
EXPECTED = tuple(STATUS)


class AlignServicer(align_pb2_grpc.AlignServiceServicer):  # type: ignore[misc]
    """The service of one node."""

    def __init__(self, table: SessionTable, applicant: Applicant, tools: AlignTools, security: Security) -> None:
        self._table = table
        self._applicant = applicant
        self._tools = tools
        self._security = security

    async def Align(  # noqa: N802
        self, request: align_pb2.AlignRequest, context: Context[Any, Any]
    ) -> AsyncIterator[align_pb2.AlignResponse]:
        await check_controller(context, self._security)
        try:
            session = self._session(request.session)
            try:
                settings = self._checked(request)
            except AdaptError as error:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
                return
            await self._applicant.check(session)
            pictures = await asyncio.to_thread(self._own_pictures, request, session)
            task = Task(
                request.session,
                settings,
                pictures,
                request.first_message_id,
                request.first_offered_ns,
                _compute(request.compute),
            )
            aligning = self._applicant.align(task)
            async with aclosing(aligning):  # a caller that goes away stops it
                async for event in aligning:
                    yield _response(event)
        except EXPECTED as error:
            await context.abort(_status_of(error), str(error))

    def _session(self, name: str) -> Session:
        """Raises AdaptError at an rx, UnknownSessionError when there is no such session."""
        if self._table.role is not Role.TX:
            raise AdaptError(f"node '{self._table.node}' is an rx, which is aligned with; ask a tx to align")
        session = self._table.get(name)
        if session is None or is_way_back(name):
            known = ", ".join(s.name for s in self._table if not is_way_back(s.name)) or "none"
            raise UnknownSessionError(
                f"session: '{name}' is not configured here (there are: {known}); configure it first"
            )
        return session

    def _checked(self, request: align_pb2.AlignRequest) -> SlfSettings:
        """The settings. Raises AdaptError, naming a field that is out of range."""
        for field, limit in (("first_message_id", 1 << 62), ("first_offered_ns", MAX_MODEL_NS)):
            if not 0 <= getattr(request, field) <= limit:
                raise AdaptError(f"{field}: must be in [0, {limit}], got {getattr(request, field)}")
        if not 1 <= len(request.data.source) <= MAX_SOURCE:
            raise AdaptError("data.source: must name this node's own pictures; give a packaged sample's name or a path")
        speed = request.compute.flops_per_s
        if request.compute.WhichOneof("model") == "flops_per_s" and not (math.isfinite(speed) and speed > 0):
            raise AdaptError(f"compute.flops_per_s: must be > 0, got {speed:g}; give the tx's speed")
        given = {field.name: value for field, value in request.settings.ListFields()}
        return self._tools.settings({"freeze": request.settings.freeze, **given})

    def _own_pictures(self, request: align_pb2.AlignRequest, session: Session) -> NDArray[np.uint8]:
        """Raises ImageError."""
        side = int(session.description.options["side"])
        return self._tools.own_pictures(request.data.source, request.data.limit, side)


def _compute(model: align_pb2.ComputeModel) -> Compute:
    if model.WhichOneof("model") == "flops_per_s":
        return Compute(flops_per_s=model.flops_per_s)
    return Compute(measured=model.measured)


def _status_of(error: Exception) -> grpc.StatusCode:
    return next(code for kind, code in STATUS.items() if isinstance(error, kind))


def _response(event: Event) -> align_pb2.AlignResponse:
    match event:
        case align_pb2.AlignProgress():
            return align_pb2.AlignResponse(progress=event)
        case align_pb2.CrossoverEstimate():
            return align_pb2.AlignResponse(crossover=event)
        case align_pb2.ParameterTransfer():
            return align_pb2.AlignResponse(transfer=event)
        case align_pb2.FineTuning():
            return align_pb2.AlignResponse(tuning=event)
        case align_pb2.AlignVerdict():
            return align_pb2.AlignResponse(verdict=event)
    raise TypeError(f"an event of {type(event).__name__} has no place in AlignResponse")
