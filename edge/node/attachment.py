"""A node's stream to the emulator: says hello, stays attached, reconnects for as long as the node lives.

It moves requests and responses and knows nothing of sessions. When the stream breaks, what waited to be written is
dropped: whoever sent it is told (`detached`, then `welcomed`) and sends it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import deque
from typing import Protocol

import grpc
import grpc.aio

from edge.wire.endpoint import Security, open_channel
from emulator.v1 import data_plane_pb2, data_plane_pb2_grpc

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0
WELCOME_TIMEOUT_S = 10.0
NAME_HELD_AT_FIRST_S = 2.0  # a node that was killed and started again may be quicker than the news of its death
NAME_HELD_LATER_S = 30.0  # the emulator may take this long to notice that our old stream is dead
QUEUED_REQUESTS = 4  # of payload, beside what gRPC itself holds: enough to keep writing, little enough to push back
QUEUED_LIMIT = 100_000  # of everything; only an emulator that stopped reading gets us here

STRIKES = 3  # streams in a row that the emulator ended over something this node sent
STRIKE_WITHIN_S = 5.0  # a stream that lasted longer was a good one

# What gRPC says of a failed handshake; there is no status of its own for it.
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
HUNG_UP = "Socket closed"
PERHAPS_TLS = " (if it was started with --tls, start this node with --tls too)"

REFUSED = frozenset(
    {
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
NAME_UNUSABLE = frozenset({grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.NOT_FOUND})
REQUEST_REFUSED = REFUSED | NAME_UNUSABLE | {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.FAILED_PRECONDITION}

Request = data_plane_pb2.AttachRequest
Response = data_plane_pb2.AttachResponse


class DetachedError(Exception):
    """The stream is down; what was to be sent must be sent again when it is up."""


class AttachRefusedError(Exception):
    """The emulator will not have this node; the message is a sentence for the user."""


class Listener(Protocol):
    """Who is told what happens on the stream. All calls come from the event loop, in order."""

    def welcomed(self, welcome: data_plane_pb2.Welcome) -> None:
        """The stream is up, for the first time or again."""

    def detached(self) -> None:
        """The stream is down."""

    async def received(self, response: Response) -> None:
        """Anything but a welcome. Reading goes on when this returns, so a slow listener slows the emulator down."""


class _Stream:
    """Writes requests to one call, one at a time and in order."""

    def __init__(self, call: grpc.aio.StreamStreamCall[Request, Response]) -> None:
        self._call = call
        self._queue: deque[Request] = deque()
        self._filled = asyncio.Event()
        self._emptier = asyncio.Event()
        self.ended = asyncio.Event()
        self._writing = False

    @property
    def over(self) -> bool:
        return self.ended.is_set()

    async def room(self) -> None:
        while not self.over and len(self._queue) >= QUEUED_REQUESTS:
            self._emptier.clear()
            await self._emptier.wait()

    def post(self, request: Request) -> None:
        if len(self._queue) >= QUEUED_LIMIT:
            log.warning("%d requests wait for an emulator that does not read; dropping the stream", QUEUED_LIMIT)
            self.end()
            self._call.cancel()  # `_converse` takes this for a broken stream
        if self.over:
            raise DetachedError
        self._queue.append(request)
        self._filled.set()

    def end(self) -> None:
        self.ended.set()
        self._queue.clear()
        self._filled.set()
        self._emptier.set()

    async def write(self) -> None:
        """Until the stream is over. Never cancelled half-way: that would cancel the whole call."""
        while not self.over:
            if not self._queue:
                self._filled.clear()
                await self._filled.wait()
                continue
            self._writing = True
            try:
                await self._call.write(self._queue.popleft())
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                self.end()  # the reading side learns why
            self._writing = False
            self._emptier.set()

    async def drain(self) -> None:
        """Returns when everything has been handed to gRPC, or the stream is over."""
        while (self._queue or self._writing) and not self.over:
            self._emptier.clear()
            await self._emptier.wait()


class _Patience:
    """Decides when trying again is of no use.

    A refused hello is final, but for a name that is held or unknown, which a restarting emulator may cure. A request
    refused later may be a race with a restart, so only a row of them is final.
    """

    def __init__(self) -> None:
        self._was_welcomed = False
        self._unusable_since: float | None = None
        self._strikes = 0

    def ends(self, code: grpc.StatusCode, welcomed: bool, lasted_s: float) -> bool:
        """Whether to give up after a stream that ended with `code`. welcomed: it got past the hello."""
        now = time.monotonic()
        if welcomed:
            self._was_welcomed, self._unusable_since = True, None
            self._strikes = self._strikes + 1 if code in REQUEST_REFUSED and lasted_s < STRIKE_WITHIN_S else 0
            return self._strikes >= STRIKES
        if code in NAME_UNUSABLE:
            self._unusable_since = self._unusable_since or now
            return now - self._unusable_since >= self._name_patience_s(code)
        self._unusable_since = None
        return code in REFUSED

    def _name_patience_s(self, code: grpc.StatusCode) -> float:
        if self._was_welcomed:
            return NAME_HELD_LATER_S
        return NAME_HELD_AT_FIRST_S if code is grpc.StatusCode.ALREADY_EXISTS else 0.0


class Attachment:
    """Keeps one node attached to the emulator at `address`.

    instance: drawn anew for each process, so that the emulator tells a reconnecting node from a second one.
    """

    def __init__(self, node: str, address: str, security: Security, listener: Listener) -> None:
        self.node = node
        self.address = address
        self.instance = uuid.uuid4().hex
        self._security = security
        self._listener = listener
        self._stream: _Stream | None = None
        self._call: grpc.aio.StreamStreamCall[Request, Response] | None = None
        self._welcomed_now = False
        self._closing = False

    @property
    def attached(self) -> bool:
        return self._stream is not None and not self._stream.over

    async def room(self) -> None:
        """Waits while a few requests wait to be written."""
        if self._stream is not None:
            await self._stream.room()

    def post(self, request: Request) -> None:
        """Queues a request. Raises DetachedError when the stream is down. Payload waits for `room` first."""
        if self._stream is None:
            raise DetachedError
        self._stream.post(request)

    async def run(self) -> None:
        """Attaches again and again, until `close`.

        Raises AttachRefusedError when the emulator refuses this node, EndpointError for an unusable certificate.
        """
        pause_s = FIRST_PAUSE_S
        patience = _Patience()
        complained = False
        while True:
            began = time.monotonic()
            self._welcomed_now = False
            code, details = await self._attach_once()
            if self._closing:
                return
            lasted_s = time.monotonic() - began
            if UNTRUSTED in details:
                raise AttachRefusedError(
                    f"--tls {self._security.tls_dir}: ca.pem did not sign the certificate of the emulator at "
                    f"{self.address}, or not for the name 'emulator'; use the folder that the emulator was given"
                )
            if patience.ends(code, self._welcomed_now, lasted_s):
                reason = details or "no reason given"
                raise AttachRefusedError(
                    f"--name {self.node}: the emulator at {self.address} refuses it ({code.name}): {reason}"
                )
            if self._welcomed_now or not complained:
                hint = PERHAPS_TLS if HUNG_UP in details and self._security.tls_dir is None else ""
                log.warning(
                    "%s: no stream to the emulator at %s (%s); trying again%s", self.node, self.address, details, hint
                )
                complained = True
            pause_s = FIRST_PAUSE_S if lasted_s > LONGEST_PAUSE_S else min(2 * pause_s, LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def close(self, timeout_s: float = 2.0) -> None:
        """Hands what is queued to the emulator and ends the stream; `run` then returns, or must be cancelled."""
        self._closing = True
        stream, call = self._stream, self._call
        if stream is None or call is None:
            return
        with contextlib.suppress(TimeoutError, grpc.aio.AioRpcError, asyncio.InvalidStateError):
            async with asyncio.timeout(timeout_s):
                await stream.drain()
                await call.done_writing()
                await stream.ended.wait()  # the emulator ends its side when it has read ours

    async def _attach_once(self) -> tuple[grpc.StatusCode, str]:
        """Opens a stream and serves it to its end; gives the status it ended with."""
        channel = open_channel(self.address, self._security, peer="emulator")
        try:
            call = data_plane_pb2_grpc.DataPlaneServiceStub(channel).Attach()
            try:
                await self._converse(call)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                pass  # the call's status says it
            except TimeoutError:
                call.cancel()
                return grpc.StatusCode.DEADLINE_EXCEEDED, f"no welcome within {WELCOME_TIMEOUT_S:g} s"
            return await call.code(), (await call.details()) or "the emulator ended the stream"
        finally:
            await channel.close()

    async def _converse(self, call: grpc.aio.StreamStreamCall[Request, Response]) -> None:
        async with asyncio.timeout(WELCOME_TIMEOUT_S):
            await call.write(Request(hello=data_plane_pb2.Hello(node=self.node, instance=self.instance)))
            first = await call.read()
        if first is grpc.aio.EOF:
            return
        if first.WhichOneof("response") != "welcome":
            raise AttachRefusedError(
                f"--emulator {self.address}: answered with '{first.WhichOneof('response')}' instead of a welcome; "
                "give the address of an edge-emulator of this version"
            )
        self._call, self._stream = call, _Stream(call)
        writer = asyncio.create_task(self._stream.write(), name="attachment writer")
        self._welcomed_now = True
        self._listener.welcomed(first.welcome)
        try:
            while (response := await call.read()) is not grpc.aio.EOF:
                await self._listener.received(response)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # this task was cancelled, not only the call
        finally:
            self._stream.end()
            self._stream, self._call = None, None
            self._listener.detached()
            call.cancel()
            await asyncio.gather(writer, return_exceptions=True)
