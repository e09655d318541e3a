"""The controller's part of an adapt step, against nodes that are scripted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import grpc
import grpc.aio
import pytest

from edge.v1 import adapt_pb2, adapt_pb2_grpc, node_pb2, node_pb2_grpc, packet_pb2
from emulator.adaptation import Adaptations, settings
from emulator.errors import RunError
from emulator.gallery import Gallery
from emulator.learner import MAX_CURVE_POINTS, Learner
from emulator.progress import Silent
from emulator.report.schema import AdaptationReport
from emulator.roll_back import roll_back
from emulator.sessions import Session
from emulator.topology import Adapt, loads
from emulator.transmission import Transmission

Result = TypeVar("Result")
IMAGES, ROUNDS, SERVED = 5, 2, 3
LESSON_BITS, OTHER_BITS = 50_000, 800
TUNING, ENDED = adapt_pb2.ADAPT_PHASE_TUNING, adapt_pb2.ADAPT_PHASE_ENDED
COMPLETE, FAILED = packet_pb2.RECEIPT_STATUS_COMPLETE, packet_pb2.RECEIPT_STATUS_FAILED
LESSON, ROUND = packet_pb2.MESSAGE_PURPOSE_LESSON, packet_pb2.MESSAGE_PURPOSE_ROUND


@dataclass
class Script:
    """What the two nodes are to say."""

    adopted: bool = True
    better: bool = True
    reason: str = ""
    before: float | None = 20.0
    after: float | None = 23.0
    trained_steps: int = 40
    mismatch: bool = False
    refuses: grpc.StatusCode | None = None
    silent: bool = False
    watch_failures: int = 0
    digest_of_receiver: str = "ab" * 32
    lost_lesson: bool = False
    elapsed_s: float = 2.5


@dataclass
class Node(adapt_pb2_grpc.AdaptServiceServicer, node_pb2_grpc.NodeServiceServicer):
    """Sender or receiver by its name; both share `world`."""

    name: str
    world: World

    async def Describe(self, request: Any, context: Any) -> node_pb2.DescribeResponse:  # noqa: N802
        digest = "ab" * 32 if self.name == "tx" else self.world.script.digest_of_receiver
        answer = node_pb2.DescribeResponse(name=self.name)
        answer.sessions.add(session="tx->rx").codec.knowledge = digest
        return answer

    async def Transmit(self, request: node_pb2.TransmitRequest, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        self.world.transmitted.append(request)
        for i in range(len(request.images)):
            number = request.first_message_id + i
            yield node_pb2.TransmitResponse(sent=node_pb2.MessageSent(message_id=number, size_bits=100))
            yield node_pb2.TransmitResponse(receipt=self._receipt(number, 9_000_000_000))

    async def Teach(self, request: adapt_pb2.TeachRequest, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        world, script = self.world, self.world.script
        world.taught = request
        if script.refuses is not None:
            await context.abort(script.refuses, "session tx->rx: codec raw has no encoder copy; give it another codec")
        if script.silent:
            return
        first = request.first_message_id
        for number in range(first, first + 1 + len(request.images)):
            yield _sent(number, LESSON_BITS if number > first else OTHER_BITS)
            lost = script.lost_lesson and number == first + 1
            yield adapt_pb2.TeachResponse(
                receipt=self._receipt(number, 2_000_000_000 + number, FAILED if lost else COMPLETE)
            )
        for number in range(1, ROUNDS + 1):
            digest = f"{number:02d}" * 32
            yield _sent(first + len(request.images) + number, OTHER_BITS)
            status = FAILED if script.mismatch else COMPLETE
            receipt = self._receipt(first + len(request.images) + number, 3_000_000_000, status, ROUND)
            yield adapt_pb2.TeachResponse(receipt=receipt)
            if script.mismatch:
                yield self._verdict(False, script.reason)
                world.watch_end.set()
                return
            entry = adapt_pb2.CodebookRound(round=number, digest=digest, quantization_loss=0.5 / number)
            yield adapt_pb2.TeachResponse(round=entry)
        yield _sent(first + len(request.images) + ROUNDS + 1, OTHER_BITS)
        world.training.set()
        if world.serves:
            await world.served.wait()
        world.watch_end.set()
        yield self._verdict(script.adopted, script.reason)

    async def Watch(self, request: adapt_pb2.WatchRequest, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        script = self.world.script
        assert request.first_message_id == self.world.first_id
        yield adapt_pb2.WatchResponse(phase=adapt_pb2.ADAPT_PHASE_LESSONS, lessons=1, rounds=ROUNDS)
        if script.silent or script.refuses is not None:
            await asyncio.sleep(30)
        if script.mismatch:
            await self.world.watch_end.wait()
            yield adapt_pb2.WatchResponse(phase=ENDED, rounds=ROUNDS, reason=script.reason)
            return
        await self.world.training.wait()
        known = {"validation_before": script.before, "unit": "dB", "steps": 40, "rounds": ROUNDS}
        for step in (0, 20, 40):
            if step == 40 and self.world.watch_breaks < script.watch_failures:
                self.world.watch_breaks += 1
                await context.abort(grpc.StatusCode.UNAVAILABLE, "killed")
            validation = 20.0 + step / 20 if step else None
            resumed = 20 if self.world.watch_breaks else None
            yield adapt_pb2.WatchResponse(
                phase=TUNING, step=step, loss=0.5, validation=validation, resumed_at_step=resumed, **known
            )
        await self.world.watch_end.wait()
        yield adapt_pb2.WatchResponse(
            phase=ENDED,
            step=script.trained_steps,
            validation=script.after,
            adopted=script.adopted,
            elapsed_s=script.elapsed_s,
            **known,
        )

    async def RollBack(self, request: adapt_pb2.RollBackRequest, context: Any) -> adapt_pb2.RollBackResponse:  # noqa: N802
        self.world.rolled.append((self.name, request.state_id))
        if self.name == "rx" and self.world.other_codebooks:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "another codebook; roll back at the tx")
        return adapt_pb2.RollBackResponse(state=adapt_pb2.CodecState(id="s1", method="deployed", digest="cd" * 32))

    async def ListStates(self, request: Any, context: Any) -> adapt_pb2.ListStatesResponse:  # noqa: N802
        digest = "cd" * 32 if self.name == "rx" or self.world.sender_keeps else "ef" * 32
        states = [
            adapt_pb2.CodecState(id="other", digest="00" * 32),
            adapt_pb2.CodecState(id=f"{self.name}-1", digest=digest, active=True, before=20.5, after=23.25),
        ]
        return adapt_pb2.ListStatesResponse(states=states)

    def _receipt(self, number: int, received_ns: int, status: int = COMPLETE, purpose: int = LESSON) -> Any:
        transit = packet_pb2.Transit(sent_ns=received_ns - 1, received_ns=received_ns, packets_lost=2)
        return packet_pb2.Receipt(
            session="tx->rx", message_id=number, destination="rx", status=status, purpose=purpose, transit=transit
        )

    def _verdict(self, adopted: bool, reason: str) -> adapt_pb2.TeachResponse:
        verdict = adapt_pb2.TeachVerdict(adopted=adopted, reason=reason, digest="ab" * 32)
        verdict.destinations.add(destination="rx", better=self.world.script.better, reason=reason)
        return adapt_pb2.TeachResponse(verdict=verdict)


def _sent(number: int, size_bits: int) -> adapt_pb2.TeachResponse:
    return adapt_pb2.TeachResponse(sent=node_pb2.MessageSent(message_id=number, size_bits=size_bits, channel_uses=7))


@dataclass
class World:
    """The two nodes, and what the controller asked of them."""

    script: Script
    serves: bool = True
    first_id: int = 4
    other_codebooks: bool = False
    sender_keeps: bool = True
    watch_breaks: int = 0
    taught: Any = None
    transmitted: list[Any] = field(default_factory=list)
    rolled: list[tuple[str, str]] = field(default_factory=list)
    training: asyncio.Event = field(default_factory=asyncio.Event)
    served: asyncio.Event = field(default_factory=asyncio.Event)
    watch_end: asyncio.Event = field(default_factory=asyncio.Event)


class Counting(Silent):
    """Tells a world when the controller has read the receipts of all pictures served."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._receipts = 0

    def receipt(self) -> None:
        self._receipts += 1
        if self._receipts == SERVED:
            self._world.served.set()


def with_nodes(world: Callable[[], World], use: Callable[[World, Any], Awaitable[Result]]) -> Result:
    """Serves the nodes of a world while `use` (given the world and a fleet) runs."""

    async def run() -> Result:
        made, members, servers, channels = world(), {}, [], []
        for name in ("tx", "rx"):
            server = grpc.aio.server()
            node = Node(name, made)
            adapt_pb2_grpc.add_AdaptServiceServicer_to_server(node, server)
            node_pb2_grpc.add_NodeServiceServicer_to_server(node, server)
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
            members[name] = SimpleNamespace(channel=channel, daemon=SimpleNamespace(log=Path(f"{name}.log")))
            servers.append(server)
            channels.append(channel)
            await server.start()
        try:
            return await use(made, SimpleNamespace(members=members))
        finally:
            for channel in channels:
                await channel.close()
            for server in servers:
                await server.stop(None)

    return asyncio.run(run())


STEP = f"{{method: dft, images: {IMAGES}, cut: null, serve: {SERVED}, rounds: {ROUNDS}}}"


@dataclass
class Outcome:
    """What an adapt step left."""

    world: World
    report: AdaptationReport
    session: Session
    over_ns: int
    transmission: Transmission
    gallery: Gallery
    step: Adapt


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import numpy as np

    from edge.images import png_bytes

    where = tmp_path_factory.mktemp("pictures")
    for i in range(12):
        (where / f"{i:02d}.png").write_bytes(png_bytes(np.full((16, 16, 3), i, np.uint8)))
    return where


def adapted(pictures: Path, script: Script, step: str = STEP) -> Outcome:
    """One adapt step from tx to rx, offered at 1 s of model time, as step 1 of its workload."""
    told = loads(
        "version: 1\nname: s\nnodes:\n  tx: {role: tx}\n  rx: {role: rx, codec: {name: raw}}\n"
        f"links:\n  - {{name: l, from: tx, to: rx, rate_bps: 1e6}}\nworkload:\n  - adapt: {step}\n"
    )
    gallery = Gallery(told, pictures, None)
    gallery.load()
    (adapt,) = told.workload
    assert isinstance(adapt, Adapt)

    async def use(world: World, fleet: Any) -> Outcome:
        transmission = Transmission(fleet, SimpleNamespace(all=list), Counting(world))  # type: ignore[arg-type]
        adaptations = Adaptations(fleet, gallery, transmission, Silent())
        session = Session("tx->rx", "tx", ("rx",), None, next_id=4)
        try:
            over_ns = await asyncio.wait_for(adaptations.carry_out(1, adapt, [session], 1_000_000_000), 30)
        except RunError as error:
            error.report = adaptations.reports[0]  # type: ignore[attr-defined]
            raise
        return Outcome(world, adaptations.reports[0], session, over_ns, transmission, gallery, adapt)

    return with_nodes(lambda: World(script, serves=adapt.serve > 0), use)


def test_what_the_nodes_said_is_in_the_report(pictures: Path) -> None:
    outcome = adapted(pictures, Script())
    report = outcome.report
    learnt = outcome.gallery.to_learn(outcome.step)
    assert (report.step, report.session, report.source, report.receiver) == (1, "tx->rx", "tx", "rx")
    assert (report.method, report.images, report.set_size) == ("dft", [shot.name for shot in learnt], 12)
    assert report.original_bits == sum(8 * len(shot.png) for shot in learnt)
    assert report.original_bits + report.latent_bits == IMAGES * LESSON_BITS
    assert report.latent_channel_uses == 7 * IMAGES
    assert report.other_bits == (2 + ROUNDS) * OTHER_BITS
    assert [(each.round, each.digest[:2], each.quantization_loss) for each in report.rounds] == [
        (1, "01", 0.5),
        (2, "02", 0.25),
    ]
    assert (report.steps, report.unit, report.validation_before, report.validation_after) == (40, "dB", 20.5, 23.25)
    assert [(point.step, point.validation) for point in report.curve] == [(0, None), (20, 21.0), (40, 22.0)]
    assert (report.verdict, report.train_wall_s, report.state) == ("adopted", 2.5, "rx-1")
    assert report.knowledge_source == report.knowledge_receiver == "ab" * 32
    assert report.packets_lost == 2 * (1 + IMAGES + ROUNDS)
    assert report.resumed_at_steps == []
    assert report.model_s == 2.0  # from 1 s to the rounds' 3 s


def test_the_nodes_are_told_the_step(pictures: Path) -> None:
    outcome = adapted(pictures, Script())
    asked = outcome.world.taught
    assert (asked.session, asked.first_message_id, asked.first_offered_ns) == ("tx->rx", 4, 1_000_000_000)
    assert [image.name for image in asked.images] == outcome.report.images
    assert asked.settings.rounds == ROUNDS
    assert not asked.settings.HasField("steps")  # the method's default


def test_settings_that_are_given_are_told_and_others_left_to_the_method() -> None:
    given = settings(Adapt(method="lsdft", steps=7, batch=2, crop=64, learning_rate=0.25, seed=9, denoise=True))
    assert given.method == adapt_pb2.ADAPT_METHOD_LSDFT
    assert (given.steps, given.batch, given.crop, given.learning_rate, given.seed) == (7, 2, 64, 0.25, 9)
    assert given.denoise
    assert not given.HasField("rounds")
    assert not given.HasField("validation")


def test_pictures_are_served_after_the_lessons_and_with_numbers_of_their_own(pictures: Path) -> None:
    outcome = adapted(pictures, Script())
    (served,) = outcome.world.transmitted
    assert len(served.images) == SERVED
    assert served.first_message_id == 4 + 2 + IMAGES + ROUNDS
    assert served.first_offered_ns == 3_000_000_000  # when the rounds' receipts were written
    assert outcome.session.next_id == 4 + 2 + IMAGES + ROUNDS + SERVED
    assert (outcome.report.served, outcome.report.served_meanwhile) == (SERVED, SERVED)
    assert {sent.step for sent in outcome.transmission.sent.values()} == {1}
    assert not {image.name for image in served.images} & set(outcome.report.images)


def test_nothing_is_served_unless_asked(pictures: Path) -> None:
    outcome = adapted(pictures, Script(), STEP.replace("serve: 3", "serve: 0"))
    assert outcome.world.transmitted == []
    assert outcome.report.served == 0


def test_training_is_in_model_time_only_when_asked(pictures: Path) -> None:
    assert adapted(pictures, Script()).over_ns == 3_000_000_000
    measured = adapted(pictures, Script(), STEP.replace("dft,", "dft, compute: measured,"))
    assert measured.over_ns == 5_500_000_000
    assert measured.report.compute == "measured"


def test_a_decoder_that_is_not_better_is_a_verdict(pictures: Path) -> None:
    report = adapted(pictures, Script(adopted=False, better=False, after=19.5, reason="19.5 dB is not above 20")).report
    assert (report.verdict, report.reason) == ("kept", "19.5 dB is not above 20")


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (
            Script(adopted=False, mismatch=True, reason="round 1: codebook digests differ: aa here, bb at tx"),
            "workload[1].adapt: rx: round 1: codebook digests differ: aa here, bb at tx",
        ),
        (
            Script(adopted=False, trained_steps=17, reason="the loss is NaN at step 17; lower learning_rate"),
            "workload[1].adapt: rx: the loss is NaN at step 17; lower learning_rate",
        ),
        (
            Script(adopted=False, before=None, after=None, reason="3 usable pictures are too few; send 4 or more"),
            "workload[1].adapt: rx: 3 usable pictures are too few; send 4 or more",
        ),
        (
            Script(digest_of_receiver="cd" * 32),
            "workload[1].adapt: tx and rx hold different codebooks (abababababababab, cdcdcdcdcdcdcdcd); look into "
            "their logs",
        ),
        (Script(silent=True), "tx: stopped teaching without a verdict; its log is tx.log"),
    ],
)
def test_what_could_not_be_carried_out_ends_the_run(pictures: Path, script: Script, sentence: str) -> None:
    with pytest.raises(RunError) as caught:
        adapted(pictures, script, STEP.replace("serve: 3", "serve: 0"))
    assert str(caught.value) == sentence


def test_a_run_that_ends_so_still_reports_why(pictures: Path) -> None:
    with pytest.raises(RunError) as caught:
        adapted(pictures, Script(adopted=False, mismatch=True, reason="digests differ"))
    report = caught.value.report  # type: ignore[attr-defined]
    assert (report.verdict, report.reason, report.served) == ("pending", "digests differ", 0)


def test_a_node_that_refuses_says_why(pictures: Path) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        adapted(pictures, Script(refuses=grpc.StatusCode.FAILED_PRECONDITION))
    assert caught.value.details() == "session tx->rx: codec raw has no encoder copy; give it another codec"


def test_a_sender_that_dies_ends_the_run(pictures: Path) -> None:
    with pytest.raises(
        RunError, match=r"^tx: the sender died or fell silent, .* \(session .*; its log is tx\.log\); run"
    ):
        adapted(pictures, Script(refuses=grpc.StatusCode.UNAVAILABLE))


def test_a_receiver_that_dies_is_listened_to_again(pictures: Path) -> None:
    report = adapted(pictures, Script(watch_failures=2)).report
    assert report.verdict == "adopted"
    assert report.resumed_at_steps == [20]
    assert [point.step for point in report.curve] == [0, 20, 40]


def test_lessons_that_could_not_be_used_are_counted(pictures: Path) -> None:
    assert adapted(pictures, Script(lost_lesson=True)).report.lessons_lost == 1


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    report = AdaptationReport(step=0, session="s", source="a", receiver="b", method="dft", images=[], set_size=0)
    learner = Learner(SimpleNamespace(), Silent(), report, 0)  # type: ignore[arg-type]
    for step in range(1000):
        learner._note(adapt_pb2.WatchResponse(phase=TUNING, step=step, steps=1000, loss=float("nan")))
    steps = [point.step for point in report.curve]
    assert len(steps) <= MAX_CURVE_POINTS
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, 999)
    assert {point.loss for point in report.curve} == {None}  # a report holds no NaN


@pytest.mark.parametrize(
    ("other_codebooks", "state", "asked", "words"),
    [
        (False, "", [("rx", "")], "rx back to state s1 (deployed, codebooks cdcdcdcdcdcdcdcd)"),
        (False, "x", [("rx", "x")], "rx back to state s1 (deployed, codebooks cdcdcdcdcdcdcdcd)"),
        (True, "", [("rx", ""), ("tx", "")], "tx and rx back to state s1 (deployed, codebooks cdcdcdcdcdcdcdcd)"),
        (
            True,
            "rx-1",
            [("rx", "rx-1"), ("tx", "tx-1")],
            "tx and rx back to state s1 (deployed, codebooks cdcdcdcdcdcdcdcd)",
        ),
    ],
)
def test_a_roll_back_is_the_receivers_unless_codebooks_change(
    other_codebooks: bool, state: str, asked: list[tuple[str, str]], words: str
) -> None:
    session = Session("tx->rx", "tx", ("rx",), None)

    async def use(world: World, fleet: Any) -> tuple[str, list[tuple[str, str]]]:
        return await roll_back(fleet, session, state), world.rolled

    assert with_nodes(lambda: World(Script(), other_codebooks=other_codebooks), use) == (words, asked)


def test_a_roll_back_to_codebooks_that_the_sender_has_not_is_refused() -> None:
    async def use(world: World, fleet: Any) -> str:
        return await roll_back(fleet, Session("tx->rx", "tx", ("rx",), None), "rx-1")

    with pytest.raises(RunError, match=r"^tx: keeps no state with the codebooks of rx's state rx-1; choose another$"):
        with_nodes(lambda: World(Script(), other_codebooks=True, sender_keeps=False), use)
