"""ParameterService: a session's codec tensors, down and up, as one safetensors file under one SHA-256 digest.

An upload is received whole, then checked whole (announced size, digest, names, shapes, dtypes, finiteness, the node's
capacity), then swapped in between two messages. Whatever fails on the way leaves the old parameters in force.

A codec with several decoders (edge.codecs.variants) takes a whole other one, from a file that says to which encoder it
belongs: the symbols of another encoder would decode to noise, and nothing else would tell.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import numpy as np
from grpc.aio import ServicerContext as Context
from numpy.typing import NDArray

from edge.codecs.contract import CodecDescription, CodecError
from edge.codecs.tensors import TensorError, TensorHolder, Tensors, check_fit
from edge.codecs.variants import Capacity, HasVariants, TooWeakError, fits, refusal
from edge.node.codec_thread import CodecThread
from edge.node.control import check_controller
from edge.node.sessions import Session, SessionTable
from edge.node.transmitter import UnderWayError
from edge.v1 import parameters_pb2, parameters_pb2_grpc
from edge.wire.endpoint import Security

PAIRING = "pairing"  # metadata: to which encoder the tensors belong (edge.codecs.symbol_codec)
MAX_SIDE = 65535  # pixels
MAX_FILE_BYTES = 256 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
DISCARD_S = 1.0
MAX_TRANSFERS = 4  # at once; each may hold a file in memory


class TransferError(ValueError):
    """A request or an upload that is not what it should be; the message names the field and the fix."""


@dataclass(frozen=True)
class TensorFile:
    """Tensors as one safetensors file."""

    data: bytes
    digest: str

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> TensorFile:
        from safetensors.numpy import save  # here, so that a node that moves no parameters never loads it

        arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        data = save(arrays, None if metadata is None else dict(metadata))
        return cls(data, hashlib.sha256(data).hexdigest())

    def heads(self) -> list[parameters_pb2.TensorHead]:
        """What is in the file, in its order."""
        header = _header(self.data)
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


def read_pairing(data: bytes) -> str:
    """To which encoder the tensors of a readable safetensors file belong, as its metadata says; empty when it does
    not."""
    return str(_header(data).get("__metadata__", {}).get(PAIRING, ""))


def _header(data: bytes) -> dict[str, Any]:
    """The JSON that a safetensors file begins with, after 8 bytes that say how long it is."""
    header: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return header


def check_target(target: parameters_pb2.DecodeTarget) -> None:
    """Raises TransferError for a time or a size that is none."""
    if not 0 < target.latency_s < math.inf:
        raise TransferError(f"target.latency_s: must be above 0, got {target.latency_s:g}; give seconds for a picture")
    for side in ("height", "width"):
        if not 1 <= getattr(target, side) <= MAX_SIDE:
            raise TransferError(f"target.{side}: must be 1 to {MAX_SIDE} pixels, got {getattr(target, side)}")


class ParameterServicer(parameters_pb2_grpc.ParameterServiceServicer):  # type: ignore[misc]
    """The service over one node's sessions.

    changed: told, in the event loop, of a session whose codec has other parameters now. check_idle: raises
    UnderWayError when the session has messages under way that were encoded with the old ones. capacity: the node's,
    where it is known.
    """

    def __init__(
        self,
        table: SessionTable,
        thread: CodecThread,
        security: Security,
        changed: Callable[[Session], None],
        check_idle: Callable[[Sequence[str]], None],
        capacity: Capacity | None = None,
    ) -> None:
        self._table = table
        self._thread = thread
        self._security = security
        self._changed = changed
        self._check_idle = check_idle
        self._capacity = capacity
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
                target = head.target if head.HasField("target") else None
                if target is not None:
                    check_target(target)
                swap = partial(_swap, session, holder, data, self._capacity, target)
                names, description, digest = await self._thread.run(swap)
            except (TransferError, TensorError) as error:
                await _discard(requests)
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            except (CodecError, TooWeakError, UnderWayError) as error:
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


def _swap(
    session: Session,
    holder: TensorHolder,
    data: bytes,
    capacity: Capacity | None,
    target: parameters_pb2.DecodeTarget | None,
) -> tuple[list[str], CodecDescription, str]:
    """Checks and replaces, in the codec thread. Gives the names, the codec's new description and its whole digest.

    Raises TensorError, TooWeakError, or CodecError when the codec will not have them: the old tensors are then in
    force.
    """
    offered = read_tensors(data)
    held = holder.parameters()
    if not isinstance(holder, HasVariants) or not _is_other_decoder(holder, offered):
        check_fit(offered, held)
    if isinstance(holder, HasVariants):
        _check_pairing(session, holder, offered, read_pairing(data))
        _check_capacity(holder, offered, capacity, target)
    try:
        holder.replace(offered)
        now = sorted(offered), session.codec.describe(), TensorFile.of(holder.parameters()).digest
    except Exception as error:
        holder.replace(held)
        raise CodecError(f"session '{session.name}': the new tensors were taken back: {error}") from error
    session.epoch += 1
    return now


def _is_other_decoder(codec: HasVariants, offered: Tensors) -> bool:
    """Whether a decoder is to take the place of the one that is open."""
    return bool(codec.variant) and codec.variant_of(offered) not in (None, codec.variant)


def _check_pairing(session: Session, codec: HasVariants, offered: Tensors, pairing: str) -> None:
    """Raises CodecError when the tensors belong to another encoder than the session's, or a decoder that is to replace
    another one does not say to which."""
    own = session.description.knowledge
    if pairing and pairing != own:
        raise CodecError(
            f"tensors: belong to encoder {pairing[:12]}, session '{session.name}' has {own[:12]}; send a decoder that "
            "was trained with its encoder"
        )
    if not pairing and _is_other_decoder(codec, offered):
        raise CodecError(
            f"tensors: are decoder '{codec.variant_of(offered)}' in place of '{codec.variant}', and the file does not "
            f"say to which encoder it belongs; give its metadata '{PAIRING}'"
        )


def _check_capacity(
    codec: HasVariants, offered: Tensors, capacity: Capacity | None, target: parameters_pb2.DecodeTarget | None
) -> None:
    """Raises TooWeakError, naming both figures, when this node cannot run the decoder as it is asked to."""
    decoder = codec.variant_of(offered) or codec.variant
    if capacity is None or not decoder:
        return
    size = (1, 1) if target is None else (target.height, target.width)
    cost = codec.cost(decoder, *size)
    if not fits(cost, capacity, math.inf if target is None else target.latency_s):
        raise TooWeakError(refusal(decoder, cost, capacity, None if target is None else target.latency_s))
