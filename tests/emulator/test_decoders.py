"""The controller's part of equip and distill steps, against a sender and receivers that are scripted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import numpy as np
import pytest

from edge.images import png_bytes
from edge.v1 import decoders_pb2, decoders_pb2_grpc, node_pb2, node_pb2_grpc, parameters_pb2, parameters_pb2_grpc
from emulator.decoders import CHUNK_BYTES, Decoders
from emulator.distillation import Distillations
from emulator.errors import RunError
from emulator.pictures_to_send import Shot
from emulator.progress import Silent
from emulator.report.schema import AdaptationReport
from emulator.sessions import Session
from emulator.topology import Distill, Equip, Scenario, loads
from emulator.transmission import NS_PER_S

FILE = bytes(range(256)) * (CHUNK_BYTES // 256) + b"the end"
ENDS = ("near", "far")
STEP = "{mode: multicast, receivers: far, images: 4, cut: 16, steps: 9, alpha: 0.5, serve: 3, compute: measured}"


def scenario(*steps: str) -> Scenario:
    listed = "".join(f"  - {step}\n" for step in steps)
    receivers = "".join(
        f"  {end}: {{role: rx, codec: {{name: swin, snr_db: {snr}}}, capacity: {{}}}}\n"
        for end, snr in zip(ENDS, (7, 1), strict=True)
    )
    return loads(
        f"version: 1\nname: s\nnodes:\n  bs: {{role: tx}}\n{receivers}"
        f"links:\n  - {{name: air, from: bs, to: [near, far], rate_bps: 1e6}}\nworkload:\n{listed}"
    )


@dataclass
class Station(decoders_pb2_grpc.DecoderServiceServicer):
    """Chooses `high` for near and `low` for far; improves what it is asked to unless `better` is false."""

    better: bool = True
    verdict: bool = True
    cut_bytes: int = 0
    dies: bool = False
    asked: list[Any] = field(default_factory=list)

    async def ChooseDecoders(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        chosen = dict(zip(ENDS, ("high", "low"), strict=True))
        offers = [decoders_pb2.DecoderOffer(decoder=name, flops=100, memory_bytes=40, latency_s=0.1, fits=True)
                  for name in ("high", "low")]  # fmt: skip
        return decoders_pb2.ChooseDecodersResponse(
            choices=[
                decoders_pb2.DecoderChoice(receiver=each.receiver, decoder=chosen[each.receiver], offers=offers)
                for each in request.receivers
            ]
        )

    async def DownloadDecoder(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        self.asked.append(request)
        digest = hashlib.sha256(FILE).hexdigest()
        for offset in range(0, len(FILE) - self.cut_bytes, CHUNK_BYTES):
            chunk = FILE[offset : offset + CHUNK_BYTES]
            yield decoders_pb2.DownloadDecoderResponse(
                chunk=chunk, offset_bytes=offset, size_bytes=len(FILE), digest=digest
            )

    async def Distill(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        self.asked.append(request)
        for step, loss in ((0, None), (5, 0.5), (9, 0.25)):
            progress = decoders_pb2.DistillProgress(step=step, steps=9, loss=loss, validation_db=20 + step)
            yield decoders_pb2.DistillResponse(progress=progress)
        if self.dies:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        if self.verdict:
            verdict = decoders_pb2.DistillVerdict(
                better=self.better, reason="" if self.better else "it is not better", before_db=20, after_db=29,
                teacher_db=31, teacher="high", elapsed_s=2.5,
            )  # fmt: skip
            yield decoders_pb2.DistillResponse(verdict=verdict)


@dataclass
class Receiver(node_pb2_grpc.NodeServiceServicer, parameters_pb2_grpc.ParameterServiceServicer):
    """Runs `low`, says what it can, and takes every upload."""

    heads: list[parameters_pb2.UploadHead] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)

    async def Describe(self, request: Any, context: Any) -> Any:  # noqa: N802
        session = node_pb2.SessionDescription(session="flow", decoder="low", epoch=len(self.files))
        capacity = node_pb2.Capacity(flops_per_s=1e9, memory_bytes=77, measured=True)
        return node_pb2.DescribeResponse(sessions=[session], capacity=capacity)

    async def UploadParameters(self, requests: AsyncIterator[Any], context: Any) -> Any:  # noqa: N802
        parts = [part async for part in requests]
        self.heads.append(parts[0].head)
        self.files.append(b"".join(part.chunk for part in parts[1:]))
        return parameters_pb2.UploadParametersResponse()


class Air:
    """In place of the transmission: notes what is sent, which takes a second of model time a picture."""

    def __init__(self) -> None:
        self.sent: list[tuple[list[str], int, int]] = []
        self.last_received_ns = 0

    async def send(self, session: Session, shots: list[Shot], step: int, offered_ns: int) -> None:
        self.sent.append(([shot.name for shot in shots], step, offered_ns))
        self.last_received_ns = offered_ns + len(shots) * NS_PER_S


def shots(*names: str) -> list[Shot]:
    pixels = np.zeros((16, 16, 3), np.uint8)
    return [Shot(name, pixels, png_bytes(pixels)) for name in names]


@dataclass
class Cell:
    """Scripted nodes, and the controller's parts."""

    station: Station
    receivers: dict[str, Receiver]
    decoders: Decoders
    air: Air
    session: Session
    reports: list[AdaptationReport]
    fleet: Any

    async def distill(self, step: str = STEP) -> int:
        told = scenario(f"distill: {step}")
        (kind,) = told.workload
        assert isinstance(kind, Distill)
        gallery = SimpleNamespace(
            to_learn=lambda _: shots("a", "b", "c", "d"), to_serve=lambda _: shots("x", "y", "z"), total=40
        )
        work = Distillations(told, self.fleet, gallery, self.air, self.decoders, self.reports, Silent())  # type: ignore[arg-type]
        return await work.carry_out(3, kind, [self.session], NS_PER_S)


def within(test: Callable[[Cell], Awaitable[None]], **station: Any) -> None:
    async def run() -> None:
        bs, receivers = Station(**station), {name: Receiver() for name in ENDS}
        servers, members = [], {}
        for name, servicer in {"bs": bs, **receivers}.items():
            server = grpc.aio.server()
            if isinstance(servicer, Station):
                decoders_pb2_grpc.add_DecoderServiceServicer_to_server(servicer, server)
            else:
                node_pb2_grpc.add_NodeServiceServicer_to_server(servicer, server)
                parameters_pb2_grpc.add_ParameterServiceServicer_to_server(servicer, server)
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
            members[name] = SimpleNamespace(channel=channel, daemon=SimpleNamespace(log=Path(f"{name}.log")))
            await server.start()
            servers.append(server)
        fleet: Any = SimpleNamespace(members=members)
        session = Session("flow", "bs", ENDS, None)
        cell = Cell(bs, receivers, Decoders(fleet), Air(), session, [], fleet)
        try:
            await asyncio.wait_for(test(cell), 30)
        finally:
            for member in members.values():
                await member.channel.close()
            for server in servers:
                await server.stop(None)

    asyncio.run(run())


def equip() -> Equip:
    (step,) = scenario("equip: {mode: multicast, latency_s: 0.25, side: 48}").workload
    assert isinstance(step, Equip)
    return step


def test_the_sender_chooses_by_what_receivers_say_and_each_gets_what_it_lacks() -> None:
    async def test(cell: Cell) -> None:
        near, far = await cell.decoders.equip(1, equip(), cell.session)
        asked = cell.station.asked[0]
        assert (asked.target.latency_s, asked.target.height, asked.target.width) == (0.25, 48, 48)
        assert [(each.receiver, each.capacity.memory_bytes) for each in asked.receivers] == [("near", 77), ("far", 77)]
        assert (near.decoder, near.before, near.uploaded_bytes) == ("high", "low", len(FILE))
        assert (far.decoder, far.before, far.uploaded_bytes) == ("low", "low", 0)
        assert (near.speed, near.measured, near.limit_s, near.side) == (1e9, True, 0.25, 48)
        assert cell.decoders.choices == [near, far]
        assert cell.receivers["near"].files == [FILE]
        (head,) = cell.receivers["near"].heads
        assert (head.session, head.size_bytes, head.target) == ("flow", len(FILE), asked.target)
        assert cell.receivers["far"].files == []

    within(test)


def test_a_new_process_of_a_receiver_is_given_its_decoder_again() -> None:
    async def test(cell: Cell) -> None:
        await cell.decoders.equip(1, equip(), cell.session)
        for name in ("near", "far", "bs"):
            await cell.decoders.restore(name)
        assert cell.receivers["near"].files == [FILE, FILE]
        assert cell.receivers["far"].files == []

    within(test)


def test_a_file_that_comes_in_part_is_not_passed_on() -> None:
    async def test(cell: Cell) -> None:
        with pytest.raises(RunError, match="bs: its file of decoder 'high' came in part only"):
            await cell.decoders.equip(1, equip(), cell.session)
        assert cell.receivers["near"].files == []

    within(test, cut_bytes=7)


def test_a_decoder_that_got_better_is_uploaded_while_the_other_half_of_the_pictures_is_sent() -> None:
    async def test(cell: Cell) -> None:
        over_ns = await cell.distill()
        (report,) = cell.reports
        own = report.distillation
        assert own is not None
        asked = cell.station.asked[0]
        assert (asked.session, asked.receiver, asked.decoder, asked.snr_db) == ("flow", "far", "low", 1)
        assert (asked.steps, asked.alpha, asked.HasField("batch"), len(asked.images)) == (9, 0.5, False, 4)
        assert (report.verdict, report.steps, report.set_size, report.images) == (
            "adopted",
            9,
            40,
            ["a", "b", "c", "d"],
        )
        assert (report.validation_before, report.validation_after, report.train_wall_s) == (20, 29, 2.5)
        assert [(point.step, point.loss) for point in report.curve] == [(0, None), (5, 0.5), (9, 0.25)]
        assert (own.decoder, own.teacher, own.teacher_db, own.epoch) == ("low", "high", 31, 0)
        assert own.uploaded_bytes == len(FILE)
        assert cell.receivers["far"].files == [FILE]
        assert cell.receivers["near"].files == []
        assert cell.air.sent == [(["x", "y"], 3, NS_PER_S), (["z"], 3, 3 * NS_PER_S)]
        assert over_ns == 4 * NS_PER_S + 2_500_000_000  # compute: measured

    within(test)


def test_a_decoder_that_is_not_better_is_not_uploaded() -> None:
    async def test(cell: Cell) -> None:
        await cell.distill()
        (report,) = cell.reports
        assert (report.verdict, report.reason) == ("kept", "it is not better")
        assert report.distillation is not None
        assert report.distillation.uploaded_bytes == 0
        assert cell.receivers["far"].files == []
        assert len(cell.air.sent) == 2

    within(test, better=False)


@pytest.mark.parametrize(
    ("station", "sentence"),
    [
        ({"dies": True}, r"bs: the sender died, and its distillation with it \(its log is bs\.log\)"),
        ({"verdict": False}, r"bs: stopped distilling without a verdict; its log is bs\.log"),
    ],
)
def test_a_distillation_without_a_verdict_ends_the_run(station: dict[str, Any], sentence: str) -> None:
    async def test(cell: Cell) -> None:
        with pytest.raises(RunError, match=sentence):
            await cell.distill()

    within(test, **station)
