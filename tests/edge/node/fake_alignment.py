"""Nodes that align in no time: a codec with an encoder, a codebook and a decoder of few numbers, trainings that count.

The codec checks what a receiver must never see: a picture of an encoder that was aligned with another decoder.
"""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fake_emulator import FakeEmulator, Lookup, Node, load_codec
from numpy.typing import NDArray

from edge.adapt.errors import AdaptError
from edge.codecs.contract import Codec, CodecDescription, CodecError, Half
from edge.codecs.tensors import TensorError
from edge.images import ImageError
from edge.node.align_terms import Terms
from edge.node.align_tools import AlignTools
from edge.node.daemon import NodeDaemon, NodeSettings
from edge.node.flow import Cutting
from edge.node.sessions import Role
from edge.segment import Kind, Segment
from edge.v1 import adapt_pb2, adapt_pb2_grpc, align_pb2, align_pb2_grpc, node_pb2, packet_pb2
from edge.wire.endpoint import Security

SIDE = 16
ENTRIES = 16
PAYLOAD = 6000  # float32 numbers of the decoder's first layer: some pieces
NEVER = 0.0  # what a layer holds that was never aligned


class Pair(Lookup):
    """Pixels, and the mark of the alignment that the encoder comes from. A decoder decodes what has its own mark.

    Options: `alike` changes the description; `weights` tells strangers apart, and is not described; `classes` gives
    the receiver a classifier.
    """

    name = "pair"
    options = {"alike": "yes (default)", "weights": "0 (default)", "classes": "none (default)"}  # noqa: RUF012

    def __init__(self, alike: str, weights: str, classes: str, half: Half) -> None:
        super().__init__(0)
        self.alike = alike
        self.classes = classes
        stranger = np.float32(weights)
        self.tensors = {"codebook": np.full((ENTRIES, 4), stranger, np.float32)}
        if half is not Half.DECODER:
            self.tensors["encoder.mark"] = np.full(1, NEVER, np.float32)
            self.tensors["encoder.secret"] = np.full(8, stranger, np.float32)
        if half is not Half.ENCODER:
            self.tensors["decoder.first"] = np.full(PAYLOAD, NEVER, np.float32)
            self.tensors["decoder.last"] = np.full(3, stranger, np.float32)
            if classes != "none":
                self.tensors["classifier.weight"] = np.full(5, 7, np.float32)

    @classmethod
    def open(cls, options: Any, half: Half) -> Any:
        cls.refuse_unknown(options)
        return cls(options.get("alike", "yes"), options.get("weights", "0"), options.get("classes", "none"), half)

    def describe(self) -> CodecDescription:
        return CodecDescription(self.name, {"alike": self.alike, "side": str(SIDE)})

    def encode(self, image: NDArray[np.uint8]) -> list[Segment]:
        mark = np.full(1, int(self.tensors["encoder.mark"][0]), np.uint16)
        return [Segment(Kind.INDICES, image.astype(np.uint16), alphabet=256), Segment(Kind.INDICES, mark, alphabet=256)]

    def decode(self, segments: Sequence[Segment]) -> NDArray[np.uint8]:
        mark, own = segments[1].values[0], self.tensors["decoder.first"][0]
        if mark != own:
            raise CodecError(f"encoded after alignment {mark}, but the decoder is of {own:g}")
        return segments[0].values.astype(np.uint8)

    def replace(self, tensors: Any) -> None:
        self.tensors = self.tensors | dict(tensors)

    @property
    def can_classify(self) -> bool:
        return "classifier.weight" in self.tensors

    def classify(self, picture: NDArray[np.uint8]) -> int:
        return int(picture[0, 0, 0]) % 10


@dataclass(frozen=True)
class Progress:
    step: int
    steps: int
    loss: float


@dataclass(frozen=True)
class Result:
    encoder: dict[str, NDArray[Any]]
    changed: dict[str, NDArray[Any]]
    flops: float = 3e9
    mse_before: float = 0.09
    mse_after: float = 0.01
    pictures: int = 4


class FakeTuning:
    """Marks encoder and decoder with the seed of the settings. Waits for `gate` before each call."""

    def __init__(self, tools: FakeTools, codec: Any, decoder: Any, settings: Any) -> None:
        self.step = 0
        self.steps = settings.steps
        self._tools = tools
        self._decoder = dict(decoder)
        self._encoder = dict(codec.parameters())
        self._settings = settings

    @property
    def finished(self) -> bool:
        return self.step >= self.steps

    def advance(self, count: int) -> Progress:
        assert self._tools.gate.wait(30)
        if self._tools.breaks:
            raise AdaptError("align: the loss is nan at step 1; lower align.learning_rate")
        self.step = min(self.steps, self.step + count)
        self._tools.steps_done += count
        return Progress(self.step, self.steps, 1.0 / self.step)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps({"step": self.step}))

    def resume(self, path: Path) -> None:
        self.step = json.loads(path.read_text())["step"]

    def result(self) -> Result:
        names = uploaded_names(self._settings.freeze, self._decoder)
        mark = np.float32(self._settings.seed if names else NEVER)
        changed = {name: np.full_like(self._decoder[name], mark) for name in names}
        encoder = {**self._encoder, "encoder.mark": np.full(1, mark, np.float32), "codebook": self._decoder["codebook"]}
        return Result(encoder, changed)


def uploaded_names(freeze: int, decoder: Any) -> list[str]:
    """Layers from the last: `last`, `first`, the codebook, and a fourth that there is not."""
    layers = ["codebook", "decoder.first", "decoder.last"][: max(0, 3 - freeze)]
    return sorted(name for name in decoder if name in layers)


@dataclass
class FakeTools(AlignTools):
    """breaks: training fails. gate: what it waits for."""

    breaks: bool = False
    steps_done: int = 0
    tunings: list[tuple[list[str], float]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def own_pictures(self, source: str, limit: int, side: int) -> NDArray[np.uint8]:
        if source != "own":
            raise ImageError(f"{source}: no such file or folder; give an image, a folder, a .tar or a .npz")
        return np.zeros((limit or 4, side, side, 3), np.uint8)

    def tuning(self, codec: Any, decoder: Any, pictures: Any, crossover: float, settings: Any) -> Any:
        self.tunings.append((sorted(decoder), crossover))
        return FakeTuning(self, codec, decoder, settings)

    def check_upload(self, offered: Any, held: Any, freeze: int) -> None:
        expected = set(uploaded_names(freeze, held))
        if set(offered) != expected:
            raise TensorError(f"tensors: must be {sorted(expected)}, got {sorted(offered)}")
        for name, tensor in offered.items():
            if tensor.shape != held[name].shape:
                raise TensorError(f"tensors.{name}: shape must be {held[name].shape}, got {tensor.shape}")


def load_pair(name: str) -> type[Codec]:
    return Pair if name == "pair" else load_codec(name)


class Peer(Node):
    """A node, its tools, and stubs for its services."""

    def __init__(self, daemon: NodeDaemon, address: str, tools: FakeTools) -> None:
        super().__init__(daemon, address)
        self.tools = tools
        self.align = align_pb2_grpc.AlignServiceStub(self._channel)
        self.adapt = adapt_pb2_grpc.AdaptServiceStub(self._channel)

    async def die(self) -> None:
        """Ends before its callers leave, which is another thing than their leaving."""
        await self.daemon.stop()
        await self._channel.close()

    def codec(self, session: str = "flow") -> Pair:
        held = self.daemon.table.get(session)
        assert held is not None
        assert isinstance(held.codec, Pair)
        return held.codec

    def mark(self, session: str = "flow") -> float:
        """The alignment that this node's half comes from."""
        tensors = self.codec(session).tensors
        return float(tensors.get("encoder.mark", tensors.get("decoder.first", np.zeros(1)))[0])

    async def states(self, session: str = "flow") -> list[adapt_pb2.CodecState]:
        return list((await self.adapt.ListStates(adapt_pb2.ListStatesRequest(session=session))).states)

    async def roll_back(self, session: str = "flow") -> adapt_pb2.CodecState:
        return (await self.adapt.RollBack(adapt_pb2.RollBackRequest(session=session))).state


async def start_peer(
    emulator: FakeEmulator,
    name: str,
    role: Role,
    state_dir: Path | None = None,
    terms: Terms | None = None,
    codec: str | None = None,
) -> Peer:
    """codec: the node's own, for a node that nobody configures."""
    settings = NodeSettings(
        name,
        role,
        emulator.address,
        Security(name),
        codec=codec,
        state_dir=state_dir,
        cutting=Cutting(packet_bytes=64, run_bytes=1024),
        align=terms or Terms(),
    )
    tools = FakeTools()
    daemon = NodeDaemon(settings, load_pair, align_tools=tools)
    if codec is not None:
        await daemon.open_own_codec()
    peer = Peer(daemon, await daemon.serve("127.0.0.1:0"), tools)
    daemon.attach()
    return peer


@asynccontextmanager
async def strangers(
    state_dir: Path | None = None, terms: Terms | None = None, txs: Sequence[str] = ("tx",), **rx_options: str
) -> AsyncIterator[tuple[FakeEmulator, dict[str, Peer]]]:
    """An emulator, an rx and transmitters, each with a session of its own (`flow_of`). What the dictionary holds at the
    end is closed."""
    emulator = await FakeEmulator((*txs, "rx")).start()
    peers = {name: await start_peer(emulator, name, Role.TX, state_dir) for name in txs}
    peers["rx"] = await start_peer(emulator, "rx", Role.RX, state_dir, terms)
    try:
        for name in txs:
            await peers["rx"].configure(session(name, weights="2", **rx_options))
            await peers[name].configure(session(name, weights="1"))
        yield emulator, peers
    finally:
        for peer in peers.values():
            peer.tools.gate.set()
            await peer.close()
        await emulator.kill()


def flow_of(tx: str) -> str:
    return "flow" if tx == "tx" else f"flow-{tx}"


def session(tx: str = "tx", **options: str) -> node_pb2.SessionConfig:
    codec = node_pb2.CodecConfig(name="pair", options=options)
    return node_pb2.SessionConfig(session=flow_of(tx), source=tx, destinations=["rx"], codec=codec)


def align_request(mark: int = 5, number: int = 1000, tx: str = "tx", **settings: Any) -> align_pb2.AlignRequest:
    """mark: what both ends have afterwards. Ten steps, checkpoints every five."""
    fields: dict[str, Any] = {"freeze": 1, "steps": 10, "checkpoint_steps": 5, "pilots": 200, "seed": mark} | settings
    return align_pb2.AlignRequest(
        session=flow_of(tx),
        settings=align_pb2.AlignSettings(**fields),
        data=align_pb2.OwnData(source="own"),
        first_message_id=number,
    )


@dataclass
class Told:
    """What an Align gave."""

    progress: list[align_pb2.AlignProgress] = field(default_factory=list)
    crossovers: list[align_pb2.CrossoverEstimate] = field(default_factory=list)
    transfers: list[align_pb2.ParameterTransfer] = field(default_factory=list)
    tunings: list[align_pb2.FineTuning] = field(default_factory=list)
    verdict: align_pb2.AlignVerdict | None = None

    @property
    def adopted(self) -> bool:
        assert self.verdict is not None
        return self.verdict.adopted

    @property
    def reason(self) -> str:
        assert self.verdict is not None
        return self.verdict.reason


async def align(tx: Peer, request: align_pb2.AlignRequest, told: Told | None = None) -> Told:
    """told: filled as things happen, for whoever looks at it meanwhile."""
    told = told or Told()
    async for response in tx.align.Align(request):
        match response.WhichOneof("event"):
            case "progress":
                told.progress.append(response.progress)
            case "crossover":
                told.crossovers.append(response.crossover)
            case "transfer":
                told.transfers.append(response.transfer)
            case "tuning":
                told.tunings.append(response.tuning)
            case "verdict":
                assert told.verdict is None
                told.verdict = response.verdict
    return told


def pieces(emulator: FakeEmulator, session: str, number: int = 1000) -> list[int]:
    """The pieces of a file that crossed on a session, in the order of their heads."""
    return [message - number - 64 for name, message in emulator.heads if name == session and message >= number + 64]


FAILED = packet_pb2.RECEIPT_STATUS_FAILED
