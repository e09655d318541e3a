"""An emulator without links: Attach, forwarding and credits as the contract says, and ways to make it misbehave.

Also what the tests here need around it: nodes in this process, a codec with tensors, small pictures.
"""

from __future__ import annotations

import asyncio
import io
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import grpc
import grpc.aio
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge.codecs import registry
from edge.codecs.contract import Codec, CodecDescription, CodecError, Half
from edge.node.daemon import NodeDaemon, NodeSettings
from edge.node.flow import Cutting
from edge.node.inbox import Delivery
from edge.node.sessions import Role
from edge.node.shelf import KEEP_BYTES
from edge.segment import Kind, Segment
from edge.v1 import node_pb2, node_pb2_grpc, packet_pb2, parameters_pb2_grpc
from edge.wire.endpoint import SERVER_OPTIONS, Security
from emulator.v1 import data_plane_pb2, data_plane_pb2_grpc

CREDIT_BYTES = 4096


class _Peer:
    def __init__(self, instance: str) -> None:
        self.instance = instance
        self.outgoing: asyncio.Queue[data_plane_pb2.AttachResponse] = asyncio.Queue()
        self.cut = asyncio.Event()
        self.refusal = (grpc.StatusCode.UNAVAILABLE, "cut")


class FakeEmulator(data_plane_pb2_grpc.DataPlaneServiceServicer):
    """Forwards everything at once.

    `deliver(destination, run)` may refuse a run; what is `under_way(message_id)` never arrives; `watch(frame)` sees
    each frame of a source before it is forwarded, and may call `cut`. What happened is in heads, receipts and headless
    (frames of messages that had no head since the last announcement).
    """

    def __init__(self, nodes: Sequence[str] = ("tx", "rx"), credit_bytes: int = CREDIT_BYTES) -> None:
        self.nodes = nodes
        self.credit_bytes = credit_bytes
        self.instance = uuid.uuid4().hex
        self.peers: dict[str, _Peer] = {}
        self.instances: dict[str, str] = {}
        self.announcements: dict[str, data_plane_pb2.Announcement] = {}
        self.granted: set[str] = set()
        self.credit: Counter[str] = Counter()
        self.open: set[tuple[str, int]] = set()
        self.headless: list[tuple[str, int]] = []
        self.heads: list[tuple[str, int]] = []
        self.largest_run = 0
        self.receipts: list[packet_pb2.Receipt] = []
        self.receipts_pass = True
        self.deliver: Callable[[str, packet_pb2.PacketRun], bool] = lambda destination, run: True
        self.under_way: Callable[[int], bool] = lambda message_id: False
        self.watch: Callable[[packet_pb2.Frame], None] = lambda frame: None
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def start(self, port: int = 0, security: Security | None = None) -> Self:
        """security: whose certificate to show; None for plain text."""
        self._server = grpc.aio.server(options=list(SERVER_OPTIONS))
        data_plane_pb2_grpc.add_DataPlaneServiceServicer_to_server(self, self._server)
        if security is None:
            self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        else:
            authority, certificate, key = security.files()
            credentials = grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)
            self.port = self._server.add_secure_port(f"127.0.0.1:{port}", credentials)
        await self._server.start()
        return self

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def kill(self) -> None:
        """Ends at once, as SIGKILL would."""
        for name in list(self.peers):
            self.cut(name)
        assert self._server is not None
        await self._server.stop(0)

    async def restarted(self) -> FakeEmulator:
        """A new process on the same port, which remembers nothing."""
        await self.kill()
        return await FakeEmulator(self.nodes, self.credit_bytes).start(self.port)

    async def left_by(self, name: str) -> None:
        """Returns when a node that is being stopped has closed its stream: nothing that it does counts any more."""
        await eventually(lambda: name not in self.peers)

    def cut(self, name: str) -> None:
        """Breaks a node's stream."""
        self.peers[name].cut.set()

    async def Attach(self, requests: AsyncIterator[Any], context: Any) -> None:  # noqa: N802
        hello = (await anext(requests)).hello
        if hello.node not in self.nodes:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"node '{hello.node}' is not in the topology")
        held = self.peers.get(hello.node)
        if held is not None and held.instance != hello.instance:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, f"node '{hello.node}' is attached already")
        peer = self.peers[hello.node] = _Peer(hello.instance)
        welcome = data_plane_pb2.Welcome(scenario="fake", max_batch_bytes=1 << 20, instance=self.instance)
        await context.write(data_plane_pb2.AttachResponse(welcome=welcome))
        self._introduce(hello.node, hello.instance)
        works = [
            asyncio.create_task(self._read(hello.node, peer, requests)),
            asyncio.create_task(self._write(peer, context)),
            asyncio.create_task(peer.cut.wait()),
        ]
        try:
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for work in works:
                work.cancel()
            if self.peers.get(hello.node) is peer:
                del self.peers[hello.node]
        for work in works:
            if work.done() and not work.cancelled() and work.exception() is not None:
                raise work.exception() or AssertionError
        if peer.cut.is_set():
            await context.abort(*peer.refusal)

    def _introduce(self, node: str, instance: str) -> None:
        """What a destination that (re)attaches must hear, and what its sources must."""
        back = node in self.instances  # the same process too: what was written to its old stream may be lost
        self.instances[node] = instance
        for announcement in self.announcements.values():
            if node in announcement.destinations:
                if not back:
                    self._tell(node, announcement=announcement)
                else:
                    self.granted.discard(announcement.session)  # credit of the old round is void
                    resume = data_plane_pb2.Resume(session=announcement.session, destination=node)
                    self._tell(announcement.source, resume=resume)

    def _tell(self, node: str, **response: Any) -> None:
        peer = self.peers.get(node)
        if peer is not None:
            peer.outgoing.put_nowait(data_plane_pb2.AttachResponse(**response))

    async def _write(self, peer: _Peer, context: Any) -> None:
        while True:
            await context.write(await peer.outgoing.get())

    async def _read(self, node: str, peer: _Peer, requests: AsyncIterator[Any]) -> None:
        async for request in requests:
            kind = request.WhichOneof("request")
            if kind == "announcement":
                self._announce(request.announcement)
            elif kind == "answer":
                name = request.answer.session
                self._tell(self.announcements[name].source, answer=request.answer)
                if request.answer.accepted and name not in self.granted:
                    self.granted.add(name)
                    self.credit[name] = 0
                    self.grant(name, self.credit_bytes)
            elif kind == "receipt":
                self.receipts.append(request.receipt)
                if self.receipts_pass:
                    self._tell(self.announcements[request.receipt.session].source, receipt=request.receipt)
            elif kind == "batch":
                for frame in request.batch.frames:
                    if not peer.cut.is_set():
                        self._forward(frame)

    def _announce(self, announcement: data_plane_pb2.Announcement) -> None:
        self.granted.discard(announcement.session)
        self.open.clear()
        self.announcements[announcement.session] = announcement
        for destination in announcement.destinations:
            self._tell(destination, announcement=announcement)

    def grant(self, session: str, size_bytes: int) -> None:
        self.credit[session] += size_bytes
        credit = data_plane_pb2.Credit(session=session, size_bytes=size_bytes)
        self._tell(self.announcements[session].source, credit=credit)

    def _forward(self, frame: packet_pb2.Frame) -> None:
        self.watch(frame)
        kind = frame.WhichOneof("frame")
        part = getattr(frame, kind)
        announcement = self.announcements[part.session]
        if kind == "head":
            self.heads.append((part.session, part.message_id))
            self.open.add((part.session, part.message_id))
        elif (part.session, part.message_id) not in self.open:
            self.headless.append((part.session, part.message_id))
        if kind == "run":
            size = len(part.payload)
            self.largest_run = max(self.largest_run, size)
            self.credit[part.session] -= size
            assert self.credit[part.session] >= 0, f"{size} bytes beyond the credit"
        for destination in announcement.destinations:
            if not self.under_way(part.message_id) and (kind != "run" or self.deliver(destination, part)):
                self._tell(destination, batch=packet_pb2.Batch(frames=[frame]))
        if kind == "run" and part.session in self.granted:
            self.grant(part.session, size)


class Lookup(Codec):
    """A codec with tensors and no network: pixels through a table and back. Option `shift` changes its description."""

    name = "lookup"
    options = {"shift": "0 (default) to 255"}  # noqa: RUF012
    fail_at: int | None = None  # decoding a picture with this first pixel raises

    def __init__(self, shift: int) -> None:
        self.shift = shift
        self.tensors: dict[str, NDArray[Any]] = {
            "gain": np.ones(256, np.float32),
            "offset": np.arange(12, dtype=np.float64).reshape(3, 4),
        }

    @classmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        cls.refuse_unknown(options)
        return cls(int(options.get("shift", "0")))

    def describe(self) -> CodecDescription:
        return CodecDescription(self.name, {"shift": str(self.shift)}, f"{self.tensors['gain'].sum():g}")

    def check_image(self, height: int, width: int) -> None:
        if height % 8 or width % 8:
            raise CodecError(f"image: {width}x{height} is not a multiple of 8; crop it")

    def encode(self, image: NDArray[np.uint8]) -> list[Segment]:
        return [Segment(Kind.INDICES, image.astype(np.uint16), alphabet=256)]

    def decode(self, segments: Sequence[Segment]) -> NDArray[np.uint8]:
        picture = segments[0].values.astype(np.uint8)
        if self.fail_at is not None and picture[0, 0, 0] == self.fail_at:
            raise ZeroDivisionError("a codec that breaks")
        return picture

    def parameters(self) -> dict[str, NDArray[Any]]:
        return {name: tensor.copy() for name, tensor in self.tensors.items()}

    def replace(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self.tensors = self.tensors | dict(tensors)
        if self.tensors["gain"][0] == -1:  # too late: whoever called must put the old ones back
            raise CodecError("gain: must not begin with -1")


def load_codec(name: str) -> type[Codec]:
    return Lookup if name == "lookup" else registry.load(name)


class Node:
    """A node daemon in this process, with stubs for its control services."""

    def __init__(self, daemon: NodeDaemon, address: str) -> None:
        self.daemon = daemon
        self.address = address
        self._channel = grpc.aio.insecure_channel(address)
        self.control = node_pb2_grpc.NodeServiceStub(self._channel)
        self.parameters = parameters_pb2_grpc.ParameterServiceStub(self._channel)
        self.deliveries: list[Delivery] = []

    async def configure(self, *sessions: node_pb2.SessionConfig) -> node_pb2.ConfigureResponse:
        response: node_pb2.ConfigureResponse = await self.control.Configure(
            node_pb2.ConfigureRequest(sessions=sessions)
        )
        return response

    async def transmit(
        self, pictures: Sequence[NDArray[np.uint8]], session: str = "flow", **fields: Any
    ) -> list[packet_pb2.Receipt]:
        """Receipts of all pictures, in the order they came."""
        images = [node_pb2.ImagePayload(name=f"p{i}", png=png(p)) for i, p in enumerate(pictures)]
        call = self.control.Transmit(node_pb2.TransmitRequest(session=session, images=images, **fields))
        return [event.receipt async for event in call if event.WhichOneof("event") == "receipt"]

    async def collect(self, session: str = "") -> list[Delivery]:
        return [delivery async for delivery in self.control.Collect(node_pb2.CollectRequest(session=session))]

    async def close(self) -> None:
        await self._channel.close()
        await self.daemon.stop()


async def start_node(
    emulator: FakeEmulator,
    name: str,
    role: Role,
    state_dir: Path | None = None,
    tls_dir: Path | None = None,
    keep_bytes: int = KEEP_BYTES,
) -> Node:
    settings = NodeSettings(
        name,
        role,
        emulator.address,
        Security(name, tls_dir),
        state_dir=state_dir,
        cutting=Cutting(packet_bytes=64, run_bytes=1024),
        keep_bytes=keep_bytes,
    )
    deliveries: list[Delivery] = []
    daemon = NodeDaemon(settings, load_codec, deliveries.append)
    node = Node(daemon, await daemon.serve("127.0.0.1:0"))
    node.deliveries = deliveries
    daemon.attach()
    return node


@asynccontextmanager
async def network(
    receivers: Sequence[str] = ("rx",), credit_bytes: int = CREDIT_BYTES, codec: str = "lookup"
) -> AsyncIterator[tuple[FakeEmulator, Node, list[Node]]]:
    """An emulator, a tx and receivers with one session `flow` from tx to all of them."""
    emulator = await FakeEmulator(("tx", *receivers), credit_bytes).start()
    tx = await start_node(emulator, "tx", Role.TX)
    rxs = [await start_node(emulator, name, Role.RX) for name in receivers]
    try:
        for node in (tx, *rxs):
            await node.configure(flow(receivers, codec))
        yield emulator, tx, rxs
    finally:
        for node in (tx, *rxs):
            await node.close()
        await emulator.kill()


def flow(receivers: Sequence[str] = ("rx",), codec: str = "lookup", **options: str) -> node_pb2.SessionConfig:
    return node_pb2.SessionConfig(
        session="flow", source="tx", destinations=receivers, codec=node_pb2.CodecConfig(name=codec, options=options)
    )


def picture(seed: int, side: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def pixels(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


async def eventually(holds: Callable[[], bool | Awaitable[bool]], within_s: float = 60.0) -> None:
    """Returns when `holds` does; fails when it does not for so long that it is not the machine's load."""
    deadline = asyncio.get_running_loop().time() + within_s
    while asyncio.get_running_loop().time() < deadline:
        answer = holds()
        if answer if isinstance(answer, bool) else await answer:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"did not come true within {within_s:g} s")
