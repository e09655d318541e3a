"""The gRPC face of the exchange: one Attach stream a node."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
import grpc.aio

from edge.wire.endpoint import peer_name
from emulator.attachment import Attachment
from emulator.exchange import Exchange, Refusal
from emulator.v1 import data_plane_pb2, data_plane_pb2_grpc

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

log = logging.getLogger(__name__)


class DataPlane(data_plane_pb2_grpc.DataPlaneServiceServicer):  # type: ignore[misc]  # generated without types
    """DataPlaneService (proto/emulator/v1/data_plane.proto)."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    async def Attach(  # noqa: N802  (named by the proto)
        self, request_iterator: AsyncIterator[data_plane_pb2.AttachRequest], context: Context
    ) -> None:
        try:
            attachment = await self._hello(request_iterator, context)
        except Refusal as refusal:
            await context.abort(grpc.StatusCode[refusal.code], str(refusal))
        log.info("node %s attached", attachment.node)
        reader = asyncio.create_task(self._read(request_iterator, attachment))
        writer = asyncio.create_task(self._write(attachment, context))
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            self.exchange.detach(attachment)
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                await writer
            refusal_or_none = reader.exception() if reader.done() and not reader.cancelled() else None
            if isinstance(refusal_or_none, Refusal):
                log.warning("node %s refused: %s", attachment.node, refusal_or_none)
                await context.abort(grpc.StatusCode[refusal_or_none.code], str(refusal_or_none))
            if refusal_or_none is not None:
                raise refusal_or_none
        finally:
            self.exchange.detach(attachment)
            reader.cancel()
            writer.cancel()
            log.info("node %s detached", attachment.node)

    async def _hello(self, requests: AsyncIterator[data_plane_pb2.AttachRequest], context: Context) -> Attachment:
        first = await anext(aiter(requests), None)
        if first is None or first.WhichOneof("request") != "hello":
            raise Refusal("INVALID_ARGUMENT", "attach: the first request must be a hello")
        name = peer_name(context)
        if name is not None and name != first.hello.node:
            raise Refusal(
                "PERMISSION_DENIED", f"node '{first.hello.node}': the certificate is that of '{name}'; use its own"
            )
        return self.exchange.attach(first.hello)

    async def _read(self, requests: AsyncIterator[data_plane_pb2.AttachRequest], attachment: Attachment) -> None:
        async for request in requests:
            self._handle(attachment.node, request)

    def _handle(self, node: str, request: data_plane_pb2.AttachRequest) -> None:
        step = request.WhichOneof("request")
        if step == "batch":
            self.exchange.batch(node, request.batch)
        elif step == "receipt":
            self.exchange.receipt(node, request.receipt)
        elif step == "announcement":
            self.exchange.announce(node, request.announcement)
        elif step == "answer":
            self.exchange.answer(node, request.answer)
        else:
            raise Refusal("INVALID_ARGUMENT", f"attach: a {step or 'request without content'} has no place here")

    async def _write(self, attachment: Attachment, context: Context) -> None:
        while (response := await attachment.next()) is not None:
            await context.write(response)
