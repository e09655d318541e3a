"""AdaptService: fine-tuning over gRPC. It translates and bounds; the work is in teacher, pupil and state_keeper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import grpc
from grpc.aio import ServicerContext as Context

from edge import images
from edge.adapt.errors import AdaptError
from edge.adapt.lessons import check_count, check_pictures
from edge.adapt.settings import AdaptSettings
from edge.codecs.contract import CodecError
from edge.images import ImageError, Named
from edge.node.adapt_messages import LessonError
from edge.node.codec_thread import CodecThread
from edge.node.control import check_controller
from edge.node.pupil import Pupil
from edge.node.sessions import MismatchError, Role, Session, SessionTable
from edge.node.state_keeper import StateKeeper
from edge.node.teacher import Happened, Task, Teacher
from edge.node.transmitter import UnderWayError, UnknownSessionError
from edge.v1 import adapt_pb2, adapt_pb2_grpc, node_pb2, packet_pb2
from edge.wire.endpoint import Security

if TYPE_CHECKING:
    from edge.adapt.states import State

MAX_MODEL_NS = 10**18  # some thirty years of model time
MAX_WATCHES = 16

STATUS: dict[type[Exception], grpc.StatusCode] = {
    ImageError: grpc.StatusCode.INVALID_ARGUMENT,
    AdaptError: grpc.StatusCode.FAILED_PRECONDITION,
    CodecError: grpc.StatusCode.FAILED_PRECONDITION,
    LessonError: grpc.StatusCode.FAILED_PRECONDITION,
    MismatchError: grpc.StatusCode.FAILED_PRECONDITION,
    UnderWayError: grpc.StatusCode.FAILED_PRECONDITION,
    UnknownSessionError: grpc.StatusCode.NOT_FOUND,
}
EXPECTED = tuple(STATUS)


class AdaptServicer(adapt_pb2_grpc.AdaptServiceServicer):  # type: ignore[misc]
    """The service of one node. thread: where codecs in service are used."""

    def __init__(
        self,
        table: SessionTable,
        teacher: Teacher,
        pupil: Pupil,
        keeper: StateKeeper,
        thread: CodecThread,
        security: Security,
    ) -> None:
        self._table = table
        self._teacher = teacher
        self._pupil = pupil
        self._keeper = keeper
        self._thread = thread
        self._security = security
        self._watches = 0

    async def Teach(  # noqa: N802
        self, request: adapt_pb2.TeachRequest, context: Context[Any, Any]
    ) -> AsyncIterator[adapt_pb2.TeachResponse]:
        await check_controller(context, self._security)
        try:
            session = self._session(request.session, Role.TX, "Teach")
            try:
                task = await self._thread.run(_task, request, session)
            except AdaptError as error:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
                return
            teaching = self._teacher.teach(task)
            async with aclosing(teaching):  # a caller that goes away stops it
                async for event in teaching:
                    yield _response(event)
        except EXPECTED as error:
            await context.abort(_status_of(error), str(error))

    async def Watch(  # noqa: N802
        self, request: adapt_pb2.WatchRequest, context: Context[Any, Any]
    ) -> AsyncIterator[adapt_pb2.WatchResponse]:
        await check_controller(context, self._security)
        if self._watches >= MAX_WATCHES:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{MAX_WATCHES} watches are open at this node; end one of them first",
            )
        self._watches += 1
        try:
            session = self._session(request.session, Role.RX, "Watch")
            first = request.first_message_id if request.HasField("first_message_id") else None
            async for response in self._pupil.watch(session, first):
                yield response
        except EXPECTED as error:
            await context.abort(_status_of(error), str(error))
        finally:
            self._watches -= 1

    async def ListStates(  # noqa: N802
        self, request: adapt_pb2.ListStatesRequest, context: Context[Any, Any]
    ) -> adapt_pb2.ListStatesResponse:
        await check_controller(context, self._security)
        try:
            states, active = await self._keeper.states(self._session(request.session))
        except EXPECTED as error:
            await context.abort(_status_of(error), str(error))
        return adapt_pb2.ListStatesResponse(states=[_state(state, active) for state in states])

    async def RollBack(  # noqa: N802
        self, request: adapt_pb2.RollBackRequest, context: Context[Any, Any]
    ) -> adapt_pb2.RollBackResponse:
        await check_controller(context, self._security)
        try:
            session = self._session(request.session)
            try:
                state = await self._keeper.find(session, request.state_id)
            except AdaptError as error:
                await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
            if self._table.role is Role.TX:
                await self._teacher.roll_back(session, state.id)
            else:
                await self._roll_back_here(session, state)
        except EXPECTED as error:
            await context.abort(_status_of(error), str(error))
        return adapt_pb2.RollBackResponse(state=_state(state, state.id))

    async def _roll_back_here(self, session: Session, state: State) -> None:
        """At an rx. Raises LessonError when it would leave the two ends with different codebooks."""
        self._pupil.check_idle(session)
        if state.digest != session.description.knowledge:
            raise LessonError(
                f"state {state.id}: has another codebook ({state.digest[:12]}) than {session.source} uses "
                f"({session.description.knowledge[:12]}); roll back at {session.source}, and this node follows"
            )
        await self._keeper.activate(session, state.id, back=True)

    def _session(self, name: str, role: Role | None = None, verb: str = "") -> Session:
        """Raises UnknownSessionError when there is none, or when the call is for the other kind of node."""
        if role not in (None, self._table.role):
            assert role is not None
            raise UnknownSessionError(
                f"node '{self._table.node}' is a {self._table.role.value}; ask a {role.value} to {verb}"
            )
        session = self._table.get(name)
        if session is None:
            known = ", ".join(s.name for s in self._table) or "none"
            raise UnknownSessionError(
                f"session: '{name}' is not configured here (there are: {known}); configure it first"
            )
        return session


def _status_of(error: Exception) -> grpc.StatusCode:
    return next(code for kind, code in STATUS.items() if isinstance(error, kind))


def _task(request: adapt_pb2.TeachRequest, session: Session) -> Task:
    """The request, checked. Raises AdaptError and ImageError."""
    settings = _settings(request.settings)
    check_count(len(request.images))
    for field, limit in (("first_message_id", 1 << 62), ("first_offered_ns", MAX_MODEL_NS)):
        if not 0 <= getattr(request, field) <= limit:
            raise AdaptError(f"{field}: must be in [0, {limit}], got {getattr(request, field)}")
    pictures = [_picture(number, payload) for number, payload in enumerate(request.images)]
    check_pictures(session.codec, [picture.pixels for picture in pictures])
    return Task(request.session, settings, pictures, request.first_message_id, request.first_offered_ns)


def _picture(number: int, payload: node_pb2.ImagePayload) -> Named:
    return Named(payload.name, images.decode(payload.png, f"images[{number}] '{payload.name}'"))


def _settings(given: adapt_pb2.AdaptSettings) -> AdaptSettings:
    """What the request names, and the defaults for the rest. Raises AdaptError."""
    if given.method not in (adapt_pb2.ADAPT_METHOD_DFT, adapt_pb2.ADAPT_METHOD_LSDFT):
        raise AdaptError("adapt.method: is not set; choose dft or lsdft")
    fields: dict[str, Any] = {field.name: value for field, value in given.ListFields() if field.name != "method"}
    return AdaptSettings(method="dft" if given.method == adapt_pb2.ADAPT_METHOD_DFT else "lsdft", **fields)


def _response(event: Happened) -> adapt_pb2.TeachResponse:
    match event:
        case node_pb2.MessageSent():
            return adapt_pb2.TeachResponse(sent=event)
        case packet_pb2.Receipt():
            return adapt_pb2.TeachResponse(receipt=event)
        case adapt_pb2.CodebookRound():
            return adapt_pb2.TeachResponse(round=event)
        case adapt_pb2.TeachVerdict():
            return adapt_pb2.TeachResponse(verdict=event)
    raise TypeError(f"an event of {type(event).__name__} has no place in TeachResponse")


def _state(state: State, active_id: str) -> adapt_pb2.CodecState:
    return adapt_pb2.CodecState(
        id=state.id,
        method=state.method,
        digest=state.digest,
        created_s=datetime.fromisoformat(state.created).timestamp(),
        before=state.before,
        after=state.after,
        unit=state.unit if state.after is not None else "",
        active=state.id == active_id,
    )
