"""ParameterService: a session's codec tensors, down and up, as one safetensors file under one SHA-256 digest.

An upload is received whole, then checked whole (announced size, digest, names, shapes, dtypes, finiteness), then
swapped in between two messages. Whatever fails on the way leaves the old parameters in force.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from grpc.aio import ServicerContext as Context
from numpy.typing import NDArray

from edge.codecs.contract import CodecError
from edge.codecs.tensors import TensorError, TensorHolder, check_fit
from edge.node.codec_thread import CodecThread
from edge.node.control import check_controller
from edge.node.sessions import Session, SessionTable
from edge.node.transmitter import UnderWayError
from edge.v1 import parameters_pb2, parameters_pb2_grpc
from edge.wire.endpoint import Security

MAX_FILE_BYTES = 256 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
DISCARD_S = 1.0
MAX_TRANSFERS = 4  # at once; each may hold a file in memory


class TransferError(ValueError):
    """An upload that is not what it said it would be; the message names the field and the fix."""


@dataclass(frozen=True)
class TensorFile:
    """Tensors as one safetensors file."""

    data: bytes
    digest: str

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[Any]]) -> TensorFile:
        from safetensors.numpy import save  # here, so that a node that moves no parameters never loads it

        data = save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
        return cls(data, hashlib.sha256(data).hexdigest())

    def heads(self) -> list[parameters_pb2.TensorHead]:
        """What is in the file, in its order (its first 8 bytes say how long its JSON header is)."""
        length = int.from_bytes(self.data[:8], "little")
        header = json.loads(self.data[8 : 8 + length])
        header.pop("__metadata__", None)
        ordered = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
        return [parameters_pb2.TensorHead(name=n, dtype=t["dtype"], shape=t["shape"]) for n, t in ordered]


def read_tensors(data: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file. Raises TensorError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return dict(load(data))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise TensorError(f"chunk: not a readable safetensors file ({error}); write it with safetensors") from error


class ParameterServicer(parameters_pb2_grpc.ParameterServiceServicer):  # type: ignore[misc]
    """The service over one node's sessions.

    changed: told, in the event loop, of a session whose codec has other parameters now. check_idle: raises
    UnderWayError when the session has messages under way that were encoded with the old ones.
    """

    def __init__(
        self,
        table: SessionTable,
        thread: CodecThread,
        security: Security,
        changed: Callable[[Session], None],
        check_idle: Callable[[Sequence[str]], None],
    ) -> None:
        self._table = table
        self._thread = thread
        self._security = security
        self._changed = changed
        self._check_idle = check_idle
        self._transfers = 0

    async def ListParameters(  # noqa: N802
        self, request: parameters_pb2.ListParametersRequest, context: Context[Any, Any]
    ) -> parameters_pb2.ListParametersResponse:
        await check_controller(context, self._security)
        session, holder = await self._holder(request.session, context)
        del session
        with await self._transfer(context):
            file = await self._thread.run(lambda: TensorFile.of(holder.parameters()))
        return parameters_pb2.ListParametersResponse(
            tensors=file.heads(), digest=file.digest, size_bytes=len(file.data)
        )

    async def DownloadParameters(  # noqa: N802
        self, request: parameters_pb2.DownloadParametersRequest, context: Context[Any, Any]
    ) -> AsyncIterator[parameters_pb2.DownloadParametersResponse]:
        await check_controller(context, self._security)
        _, holder = await self._holder(request.session, context)
        with await self._transfer(context):
            file = await self._chosen(holder, list(request.names), context)
            if request.digest not in ("", file.digest):
                await context.abort(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"digest: the parameters of session '{request.session}' have changed (they are {file.digest} now); "
                    "begin the download again",
                )
            if request.offset_bytes > len(file.data):
                await context.abort(
                    grpc.StatusCode.OUT_OF_RANGE,
                    f"offset_bytes: {request.offset_bytes} is beyond the file's {len(file.data)} bytes; begin again",
                )
            for offset in range(request.offset_bytes, len(file.data), CHUNK_BYTES):
                yield parameters_pb2.DownloadParametersResponse(
                    chunk=file.data[offset : offset + CHUNK_BYTES],
                    offset_bytes=offset,
                    size_bytes=len(file.data),
                    digest=file.digest,
                )

    async def UploadParameters(  # noqa: N802
        self,
        requests: AsyncIterator[parameters_pb2.UploadParametersRequest],
        context: Context[Any, Any],
    ) -> parameters_pb2.UploadParametersResponse:
        await check_controller(context, self._security)
        with await self._transfer(context):
            try:
                head, data = await receive(requests)
                session, holder = await self._holder(head.session, context)
                self._check_idle([session.name])
                names, description, digest = await self._thread.run(_swap, session, holder, data)
            except (TransferError, TensorError) as error:
                await _discard(requests)
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            except (CodecError, UnderWayError) as error:
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        if description != session.description:
            session.description = description
            self._changed(session)
        return parameters_pb2.UploadParametersResponse(names=names, digest=digest)

    async def _chosen(self, holder: TensorHolder, names: list[str], context: Context[Any, Any]) -> TensorFile:
        """The file of all tensors, or of those named."""

        def make() -> TensorFile:
            tensors = holder.parameters()
            return TensorFile.of({name: tensors[name] for name in names} if names else tensors)

        try:
            return await self._thread.run(make)
        except KeyError as error:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"names: the codec has no tensor {error}; ask ListParameters for its names",
            )
            raise

    async def _holder(self, name: str, context: Context[Any, Any]) -> tuple[Session, TensorHolder]:
        session = self._table.get(name)
        if session is None:
            known = ", ".join(s.name for s in self._table) or "none"
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"session: '{name}' is not configured here (there are: {known}); configure it first",
            )
        assert session is not None  # abort raised
        if not isinstance(session.codec, TensorHolder):
            await context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"session '{name}': codec {session.codec.name} has no parameters to transfer; use a codec that has",
            )
        assert isinstance(session.codec, TensorHolder)
        return session, session.codec

    async def _transfer(self, context: Context[Any, Any]) -> Any:
        if self._transfers >= MAX_TRANSFERS:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{MAX_TRANSFERS} parameter transfers are under way at this node; try again when one has ended",
            )
        return self._counted()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._transfers += 1
        try:
            yield
        finally:
            self._transfers -= 1


async def receive(
    requests: AsyncIterator[parameters_pb2.UploadParametersRequest],
) -> tuple[parameters_pb2.UploadHead, bytes]:
    """An upload's head and its whole file. Raises TransferError."""
    head: parameters_pb2.UploadHead | None = None
    data = bytearray()
    async for request in requests:
        part = request.WhichOneof("part")
        if head is None:
            if part != "head":
                raise TransferError("head: must be the first part of an upload")
            head = request.head
            if not 0 < head.size_bytes <= MAX_FILE_BYTES:
                raise TransferError(f"head.size_bytes: must be in [1, {MAX_FILE_BYTES}], got {head.size_bytes}")
        elif part != "chunk":
            raise TransferError("chunk: only chunks may follow an upload's head")
        else:
            data += request.chunk
            if len(data) > head.size_bytes:
                raise TransferError(f"chunk: more came than the announced {head.size_bytes} bytes; announce all of it")
    if head is None:
        raise TransferError("head: must be the first part of an upload, and nothing came")
    if len(data) != head.size_bytes:
        raise TransferError(f"chunk: {len(data)} of the announced {head.size_bytes} bytes came; send the rest too")
    whole = bytes(data)
    digest = await asyncio.to_thread(lambda: hashlib.sha256(whole).hexdigest())
    if digest != head.digest.lower():
        raise TransferError(f"head.digest: the file's SHA-256 is {digest}, not '{head.digest[:64]}'; send it again")
    return head, whole


async def _discard(requests: AsyncIterator[parameters_pb2.UploadParametersRequest]) -> None:
    """Reads on for a moment: a client that is refused while it writes may be told of a broken stream instead of why."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_S):
            async for _ in requests:
                pass


def _swap(session: Session, holder: TensorHolder, data: bytes) -> tuple[list[str], Any, str]:
    """Checks and replaces, in the codec thread. Gives the names, the codec's new description and its whole digest.

    Raises TensorError, or CodecError when the codec will not have them: the old tensors are then in force.
    """
    offered = read_tensors(data)
    held = holder.parameters()
    check_fit(offered, held)
    try:
        holder.replace(offered)
        return sorted(offered), session.codec.describe(), TensorFile.of(holder.parameters()).digest
    except Exception as error:
        holder.replace({name: held[name] for name in offered})
        raise CodecError(f"session '{session.name}': the new tensors were taken back: {error}") from error
