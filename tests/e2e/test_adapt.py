"""Fine-tuning between real processes: a receiver learns over the link, agrees on the codebook, is killed, goes back."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from processes import Daemon, Yard
from safetensors import safe_open
from safetensors.numpy import save_file

from edge.codecs.weights import shipped_folder
from edge.metrics import psnr
from edge.v1 import adapt_pb2, adapt_pb2_grpc, node_pb2, node_pb2_grpc, packet_pb2

SIDE = 64
SCALE = 8
IMAGES = 6
FIRST = 100  # number of the first lesson message
RPC_S = 300.0
TUNING, ENDED = adapt_pb2.ADAPT_PHASE_TUNING, adapt_pb2.ADAPT_PHASE_ENDED


def pictures(count: int, seed: int) -> list[NDArray[np.uint8]]:
    """Coloured stripes, which photographs are not."""
    rng = np.random.default_rng(seed)
    across = np.arange(SIDE)
    found = []
    for _ in range(count):
        wave = np.sin(2 * np.pi * (across / rng.uniform(10, 24) + rng.uniform()))
        stripes = 127.5 + 127.5 * wave[None, :, None] * np.array([1.0, -1.0, 0.3]) + np.zeros((SIDE, SIDE, 3))
        found.append(stripes.round().astype(np.uint8))
    return found


def payloads(images: list[NDArray[np.uint8]]) -> Iterator[node_pb2.ImagePayload]:
    for number, pixels in enumerate(images):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="PNG")
        yield node_pb2.ImagePayload(name=f"{number}", png=buffer.getvalue())


class Member:
    """A node and its stubs."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.channel = grpc.insecure_channel(daemon.address)
        self.node = node_pb2_grpc.NodeServiceStub(self.channel)
        self.adapt = adapt_pb2_grpc.AdaptServiceStub(self.channel)

    def configure(self, **options: str) -> None:
        codec = node_pb2.CodecConfig(name="vqvae2", options={"scale": str(SCALE), **options})
        config = node_pb2.SessionConfig(session="flow", source="tx", destinations=["rx"], codec=codec)
        self.node.Configure(node_pb2.ConfigureRequest(sessions=[config]), timeout=RPC_S)

    def knowledge(self) -> str:
        (session,) = self.node.Describe(node_pb2.DescribeRequest(), timeout=RPC_S).sessions
        return str(session.codec.knowledge)

    def watch(self) -> Iterator[adapt_pb2.WatchResponse]:
        request = adapt_pb2.WatchRequest(session="flow", first_message_id=FIRST)
        yield from self.adapt.Watch(request, timeout=RPC_S)

    def states(self) -> list[adapt_pb2.CodecState]:
        return list(self.adapt.ListStates(adapt_pb2.ListStatesRequest(session="flow"), timeout=RPC_S).states)


class School:
    """An emulator, a tx and an rx that keep their states, one session."""

    def __init__(self, yard: Yard, **rx_options: str) -> None:
        self.yard = yard
        topology = yard.scenario(links=[{"name": "air", "from": "tx", "to": "rx", "rate_bps": 50_000_000}])
        self.emulator = yard.daemon("emulator", "serve", "--topology", topology)
        self.tx = self.start("tx")
        self.rx = self.start("rx")
        self.rx.configure(**rx_options)
        self.tx.configure()
        self.next_id = 0

    def start(self, role: str) -> Member:
        return Member(
            self.yard.daemon(
                *("edge.node", "--role", role, "--name", role, "--emulator", self.emulator.address),
                *("--state", self.yard.folder / "kept"),
            )
        )

    def replace_rx(self) -> None:
        """Kills the receiver (SIGKILL) and starts it again."""
        self.rx.daemon.kill()
        self.rx = self.start("rx")
        self.rx.configure()

    def teach(self, **settings: Any) -> list[adapt_pb2.TeachResponse]:
        """Everything that a Teach gives; the last is the verdict."""
        fields = {"method": adapt_pb2.ADAPT_METHOD_DFT, "rounds": 2, "batch": 4, "crop": 64, "learning_rate": 1e-3}
        request = adapt_pb2.TeachRequest(
            session="flow",
            settings=adapt_pb2.AdaptSettings(**{**fields, **settings}),
            images=payloads(pictures(IMAGES, seed=1)),
            first_message_id=FIRST,
        )
        return list(self.tx.adapt.Teach(request, timeout=RPC_S))

    def psnr(self) -> float:
        """Mean PSNR of four pictures sent now, in dB."""
        images = pictures(4, seed=2)
        first, self.next_id = self.next_id, self.next_id + len(images)
        request = node_pb2.TransmitRequest(session="flow", images=payloads(images), first_message_id=first)
        for event in self.tx.node.Transmit(request, timeout=RPC_S):
            if event.HasField("receipt"):
                assert event.receipt.status == packet_pb2.RECEIPT_STATUS_COMPLETE, event.receipt.reason
        received = {d.message_id: d.png for d in self.rx.node.Collect(node_pb2.CollectRequest(), timeout=RPC_S)}
        shown = [np.asarray(Image.open(io.BytesIO(received[first + i]))) for i in range(len(images))]
        return float(np.mean([psnr(a, b) for a, b in zip(images, shown, strict=True)]))


def test_dft_over_the_link_and_back(yard: Yard) -> None:
    school = School(yard)
    deployed = school.psnr()
    events = school.teach(steps=60, checkpoint_steps=20)
    verdict = events[-1].verdict
    assert verdict.adopted, verdict.reason
    rounds = [event.round for event in events if event.HasField("round")]
    assert len(rounds) == 2
    assert school.tx.knowledge() == school.rx.knowledge() == verdict.digest == rounds[-1].digest
    assert rounds[1].quantization_loss < rounds[0].quantization_loss
    tuned = school.psnr()
    assert tuned > deployed + 0.3
    last = list(school.rx.watch())[-1]
    assert (last.phase, last.step, last.adopted, last.unit) == (ENDED, 60, True, "dB")
    assert last.validation > last.validation_before

    school.replace_rx()  # what was adopted stays in force
    assert school.psnr() == pytest.approx(tuned, abs=0.05)
    went_back = yard.command("edge.node", "states", school.tx.daemon.address, "--roll-back", "previous", "--json")
    assert went_back.status == 0, went_back.stderr
    states = [json.loads(line) for line in went_back.stdout.splitlines()]
    assert [(s["method"], s["active"]) for s in states] == [("initial", True), ("dft", False)]
    assert school.psnr() == pytest.approx(deployed, abs=0.05)
    assert [(s.method, s.active) for s in school.rx.states()] == [("initial", True), ("dft", False)]


def test_a_receiver_killed_while_it_trains_loses_no_more_than_one_checkpoint_interval(yard: Yard) -> None:
    school = School(yard)
    every, steps = 20, 100
    events: list[adapt_pb2.TeachResponse] = []
    teaching = threading.Thread(target=lambda: events.extend(school.teach(steps=steps, checkpoint_steps=every)))
    teaching.start()
    reached = next(r.step for r in school.rx.watch() if r.phase == TUNING and r.step > every + every // 2)
    school.replace_rx()
    resumed = [r for r in school.rx.watch() if r.HasField("resumed_at_step")]
    teaching.join(RPC_S)
    verdict = events[-1].verdict
    assert verdict.adopted, verdict.reason
    assert resumed[0].resumed_at_step > reached - every
    assert resumed[0].resumed_at_step % every == 0
    assert resumed[-1].step == steps
    assert school.tx.knowledge() == school.rx.knowledge() == verdict.digest


def test_codebook_digests_that_differ_leave_both_ends_as_they_were(yard: Yard) -> None:
    """The receiver's copy of the encoder is another one, though its codebooks are the same."""
    school = School(yard, weights=str(with_another_encoder(yard.folder)))
    deployed, before = school.tx.knowledge(), school.psnr()
    verdict = school.teach(steps=10)[-1].verdict
    assert not verdict.adopted
    assert "codebook digests differ after round 1" in verdict.reason
    assert "both ends keep their last good codebook" in verdict.reason
    assert school.tx.knowledge() == school.rx.knowledge() == deployed
    assert school.psnr() == before
    last = list(school.rx.watch())[-1]
    assert (last.phase, last.adopted) == (ENDED, False)


def with_another_encoder(folder: Path) -> Path:
    """The shipped weights with the bottom encoder's first layer scaled."""
    with safe_open(shipped_folder() / f"vqvae2-s{SCALE}.safetensors", framework="numpy") as archive:
        metadata = archive.metadata()
        tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
    changed = next(name for name in sorted(tensors) if name.startswith("encoder_b.") and name.endswith("weight"))
    tensors[changed] = tensors[changed] * np.asarray(0.5, tensors[changed].dtype)
    path = folder / "other.safetensors"
    save_file(tensors, path, metadata)
    return path
