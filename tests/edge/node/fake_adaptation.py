"""Nodes that fine-tune in no time: a codec with a one-number decoder and a codebook, rounds and trainings that count.

The codec checks what a receiver must never see: a picture encoded with other codebooks than those in force.
"""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
import numpy as np
from fake_emulator import FakeEmulator, Lookup, Node, load_codec, picture, png
from numpy.typing import NDArray

from edge.adapt.errors import AdaptError
from edge.adapt.settings import AdaptSettings
from edge.codecs.contract import Codec, CodecDescription, CodecError, Half
from edge.node.daemon import NodeDaemon, NodeSettings
from edge.node.flow import Cutting
from edge.node.sessions import Role
from edge.node.workshop import Workshop
from edge.segment import Kind, Segment
from edge.v1 import adapt_pb2, adapt_pb2_grpc, node_pb2, packet_pb2
from edge.wire.endpoint import Security

IMAGES = 4


class Book(Lookup):
    """Pixels times `gain`; the codebook's first number travels with each picture. Option `half`: `one` for a codec that
    cannot be opened with both halves."""

    name = "book"
    options = {"half": "any (default) or one"}  # noqa: RUF012

    def __init__(self, only: str = "any") -> None:
        super().__init__(0)
        self.only = only
        self.tensors = {"gain": np.ones(1, np.float32), "book": np.zeros(4, np.float32)}

    @classmethod
    def open(cls, options: Any, half: Half) -> Any:
        cls.refuse_unknown(options)
        if options.get("half") == "one" and half is Half.BOTH:
            raise CodecError("codec.options.half: there is no encoder here")
        return cls(options.get("half", "any"))

    def describe(self) -> CodecDescription:
        return CodecDescription(self.name, {"half": self.only}, self.knowledge_with({}))

    def encode(self, image: NDArray[np.uint8]) -> list[Segment]:
        mark = np.full(1, int(self.tensors["book"][0]), np.uint16)
        return [
            Segment(Kind.INDICES, image.astype(np.uint16), alphabet=256),
            Segment(Kind.INDICES, mark, alphabet=256),
        ]

    def decode(self, segments: Sequence[Segment]) -> NDArray[np.uint8]:
        if segments[1].values[0] != self.tensors["book"][0]:
            raise CodecError("encoded with another codebook")
        return np.clip(segments[0].values * self.tensors["gain"][0], 0, 255).astype(np.uint8)

    def replace(self, tensors: Any) -> None:
        self.tensors = self.tensors | dict(tensors)

    # What edge.codecs.adaptable asks for.

    @property
    def compared_map(self) -> int:
        return 0

    def decoder_tensors(self) -> dict[str, Any]:
        return {"gain": self.tensors["gain"]}

    def codebook_tensors(self) -> dict[str, Any]:
        return {"book": self.tensors["book"]}

    def knowledge_with(self, codebooks: Any) -> str:
        return f"book-{(self.tensors | dict(codebooks))['book'][0]:g}"

    def features(self, images: Any) -> list[Any]:
        raise NotImplementedError

    def quantize(self, maps: Any) -> list[Any]:
        raise NotImplementedError

    def reconstruct(self, inputs: Any) -> Any:
        raise NotImplementedError

    def inputs_from_segments(self, segments: Sequence[Segment]) -> list[Any]:
        if len(segments) != 2:
            raise CodecError(f"book: expected 2 segments, got {len(segments)}")
        return [segments[0].values]


@dataclass(frozen=True)
class RoundResult:
    round: int
    digest: str
    quantization_loss: float


class FakeRounds:
    """Each round adds `step` to the codebook."""

    def __init__(self, codec: Book, pictures: int, step: float) -> None:
        self.pictures = pictures
        self._codec = codec
        self._step = step
        self._round = 0

    def run_round(self) -> RoundResult:
        self._round += 1
        return RoundResult(self._round, self._codec.knowledge_with(self.codebooks()), self.quantization_loss())

    def quantization_loss(self) -> float:
        return 1.0 / (1 + self._round)

    def codebooks(self) -> dict[str, NDArray[Any]]:
        return {"book": self._codec.tensors["book"] + np.float32(self._round * self._step)}


@dataclass(frozen=True)
class Progress:
    step: int
    steps: int
    loss: float
    validation: float
    validation_before: float
    unit: str


@dataclass(frozen=True)
class Verdict:
    better: bool
    before: float
    after: float
    unit: str
    reason: str


class FakeTuner:
    """Each step adds a hundredth to the gain. Waits for `gate` before each call."""

    def __init__(self, workshop: FakeWorkshop, settings: AdaptSettings, start: Any, codebooks: Any) -> None:
        self.step = 0
        self.steps = settings.steps
        self._workshop = workshop
        self._start = float(start["gain"][0])
        self._codebooks = dict(codebooks or {})

    @property
    def finished(self) -> bool:
        return self.step >= self.steps

    def advance(self, count: int) -> Progress:
        if self.step == self._workshop.pause_at:
            self._workshop.gate.clear()
        assert self._workshop.gate.wait(30)
        if self._workshop.breaks_at is not None and self.step >= self._workshop.breaks_at:
            raise AdaptError("step 3: the loss is not finite")
        self.step = min(self.steps, self.step + count)
        self._workshop.steps_done += count
        return Progress(self.step, self.steps, 1.0 / self.step, 20.0 + self.step, 20.0, "dB")

    def save(self, path: Path) -> None:
        path.write_text(json.dumps({"step": self.step}))

    def resume(self, path: Path) -> None:
        self.step = json.loads(path.read_text())["step"]

    def verdict(self) -> Verdict:
        better = self._workshop.better
        return Verdict(
            better, 20.0, 20.0 + self.step, "dB", "better" if better else "not better on the validation slice"
        )

    def tensors(self) -> dict[str, NDArray[Any]]:
        gain = np.full(1, self._start + self.step / 100, np.float32)
        return {"gain": gain, **self._codebooks}


@dataclass
class FakeWorkshop(Workshop):
    """rounds_step: what a codebook round adds here. better: what verdicts say. breaks_at: the step of a failure.
    pause_at: the step at which trainings wait for the gate."""

    rounds_step: float = 1.0
    better: bool = True
    breaks_at: int | None = None
    pause_at: int | None = None
    steps_done: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    rounds_seen: list[int] = field(default_factory=list)
    lessons_seen: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(load_book)
        self.gate.set()

    def rounds(self, codec: Any, originals: Sequence[Any], settings: AdaptSettings) -> Any:
        self.rounds_seen.append(len(originals))
        return FakeRounds(codec, len(originals), self.rounds_step)

    def tuner(self, codec: Any, lessons: Sequence[Any], settings: AdaptSettings, start: Any, codebooks: Any) -> Any:
        self.lessons_seen.append(len(lessons))
        return FakeTuner(self, settings, start, codebooks)


def load_book(name: str) -> type[Codec]:
    return Book if name == "book" else load_codec(name)


class Learner(Node):
    """A node, its workshop, and a stub for its AdaptService."""

    def __init__(self, daemon: NodeDaemon, address: str, workshop: FakeWorkshop) -> None:
        super().__init__(daemon, address)
        self.workshop = workshop
        self.adapt = adapt_pb2_grpc.AdaptServiceStub(self._channel)

    @property
    def codec(self) -> Book:
        """The codec in service."""
        session = self.daemon.table.get("flow")
        assert session is not None
        assert isinstance(session.codec, Book)
        return session.codec

    @property
    def gain(self) -> float:
        return round(float(self.codec.tensors["gain"][0]), 3)

    @property
    def book(self) -> float:
        return float(self.codec.tensors["book"][0])

    async def states(self) -> list[adapt_pb2.CodecState]:
        answer = await self.adapt.ListStates(adapt_pb2.ListStatesRequest(session="flow"))
        return list(answer.states)

    async def roll_back(self, state_id: str = "") -> adapt_pb2.CodecState:
        answer = await self.adapt.RollBack(adapt_pb2.RollBackRequest(session="flow", state_id=state_id))
        return answer.state

    def watch(self, **fields: Any) -> grpc.aio.UnaryStreamCall[Any, Any]:
        return self.adapt.Watch(adapt_pb2.WatchRequest(session="flow", **fields))


async def start_learner(
    emulator: FakeEmulator, name: str, role: Role, state_dir: Path | None = None, codec: str | None = None
) -> Learner:
    """codec: the node's own, for a node that nobody configures."""
    settings = NodeSettings(
        name,
        role,
        emulator.address,
        Security(name),
        codec=codec,
        state_dir=state_dir,
        cutting=Cutting(packet_bytes=64, run_bytes=1024),
    )
    workshop = FakeWorkshop()
    daemon = NodeDaemon(settings, load_book, workshop=workshop)
    if codec is not None:
        await daemon.open_own_codec()
    learner = Learner(daemon, await daemon.serve("127.0.0.1:0"), workshop)
    daemon.attach()
    return learner


@asynccontextmanager
async def classroom(
    receivers: Sequence[str] = ("rx",), state_dir: Path | None = None, **options: str
) -> AsyncIterator[tuple[FakeEmulator, Learner, list[Learner]]]:
    """An emulator, a tx and receivers with one session `flow` of codec `book`. The lists may be changed: what they hold
    at the end is closed."""
    emulator = await FakeEmulator(("tx", *receivers)).start()
    tx = await start_learner(emulator, "tx", Role.TX)
    rxs = [await start_learner(emulator, name, Role.RX, state_dir) for name in receivers]
    try:
        for node in (tx, *rxs):
            await node.configure(session(receivers, **options))
        yield emulator, tx, rxs
    finally:
        for node in (tx, *rxs):
            node.workshop.gate.set()
            await node.close()
        await emulator.kill()


def session(receivers: Sequence[str] = ("rx",), **options: str) -> node_pb2.SessionConfig:
    codec = node_pb2.CodecConfig(name="book", options=options)
    return node_pb2.SessionConfig(session="flow", source="tx", destinations=receivers, codec=codec)


def lesson_pictures(count: int = IMAGES, side: int = 16) -> list[NDArray[np.uint8]]:
    return [picture(100 + i, side) for i in range(count)]


def teach_request(
    method: str = "dft", pictures: Iterable[NDArray[np.uint8]] | None = None, first: int = 1000, **settings: Any
) -> adapt_pb2.TeachRequest:
    """Ten steps, checkpoints every five, two rounds for dft."""
    fields: dict[str, Any] = {"steps": 10, "checkpoint_steps": 5} | settings
    if method == "dft":
        fields = {"rounds": 2} | fields
    value = adapt_pb2.AdaptMethod.Value(f"ADAPT_METHOD_{method.upper()}")
    images = [node_pb2.ImagePayload(name=f"l{i}", png=png(p)) for i, p in enumerate(pictures or lesson_pictures())]
    return adapt_pb2.TeachRequest(
        session="flow",
        settings=adapt_pb2.AdaptSettings(method=value, **fields),
        images=images,
        first_message_id=first,
    )


@dataclass
class Taught:
    """What a Teach gave."""

    sent: list[node_pb2.MessageSent] = field(default_factory=list)
    receipts: list[packet_pb2.Receipt] = field(default_factory=list)
    rounds: list[adapt_pb2.CodebookRound] = field(default_factory=list)
    verdict: adapt_pb2.TeachVerdict | None = None

    @property
    def adopted(self) -> bool:
        assert self.verdict is not None
        return self.verdict.adopted

    @property
    def reason(self) -> str:
        assert self.verdict is not None
        return self.verdict.reason


async def teach(tx: Learner, request: adapt_pb2.TeachRequest) -> Taught:
    taught = Taught()
    async for response in tx.adapt.Teach(request):
        match response.WhichOneof("event"):
            case "sent":
                taught.sent.append(response.sent)
            case "receipt":
                taught.receipts.append(response.receipt)
            case "round":
                taught.rounds.append(response.round)
            case "verdict":
                assert taught.verdict is None
                taught.verdict = response.verdict
    return taught
