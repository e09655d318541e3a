"""Strangers that align, as real processes over links with a rate: what it costs, what crosses, and kills at each step."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from processes import Daemon, Yard, wait_until

from edge.codecs import weights
from edge.codecs.slf_network import SlfReceiver, SlfShape, SlfTransmitter
from edge.images import png_bytes
from edge.v1 import align_pb2, align_pb2_grpc, node_pb2, node_pb2_grpc, packet_pb2, parameters_pb2, parameters_pb2_grpc
from emulator.v1 import control_pb2, control_pb2_grpc

RATE_BPS = 1_000_000
CROSSOVER = 0.05
SIDE = 32
NUMBERS = 2000  # between two alignments' numbers
RPC_S = 120.0
COMPLETE = packet_pb2.RECEIPT_STATUS_COMPLETE
Phase = align_pb2.AlignPhase


def write_weights(folder: Path, seed: int) -> Path:
    """A transceiver that learnt nothing, which is all that is needed here."""
    shape = SlfShape()
    torch.manual_seed(seed)
    tensors = {**SlfTransmitter(shape).state_dict(), **SlfReceiver(shape).state_dict()}
    path = folder / f"trx{seed}.safetensors"
    weights.write(path, tensors, {"architecture": "slf", "shape": json.dumps(asdict(shape))})
    return path


class Member:
    """A node, its stubs, and how it is started and configured."""

    def __init__(self, world: World, name: str, weights: Path) -> None:
        self.world = world
        self.name = name
        self.weights = weights
        self.start()

    def start(self) -> None:
        self.daemon: Daemon = self.world.yard.daemon(
            *("edge.node", "--role", self.name, "--name", self.name, "--emulator", self.world.address),
            *("--state", self.world.yard.folder / "kept"),
        )
        channel = grpc.insecure_channel(self.daemon.address)
        self.node = node_pb2_grpc.NodeServiceStub(channel)
        self.align = align_pb2_grpc.AlignServiceStub(channel)
        self.parameters = parameters_pb2_grpc.ParameterServiceStub(channel)
        codec = node_pb2.CodecConfig(name="slf", options={"weights": str(self.weights)})
        config = node_pb2.SessionConfig(session="flow", source="tx", destinations=["rx"], codec=codec)
        self.node.Configure(node_pb2.ConfigureRequest(sessions=[config]), timeout=RPC_S)

    def replace(self) -> None:
        """Kills it (SIGKILL) and starts it again."""
        self.daemon.kill()
        self.start()

    def digest(self) -> str:
        """Of all tensors of its half."""
        request = parameters_pb2.ListParametersRequest(session="flow")
        return str(self.parameters.ListParameters(request, timeout=RPC_S).digest)


class World:
    """An emulator with a link each way, a tx and an rx that are strangers, one session."""

    def __init__(self, yard: Yard, clock: str, between: Callable[[str], str] = lambda address: address) -> None:
        """between: what the tx dials instead of the emulator's address."""
        self.yard = yard
        link = {"rate_bps": RATE_BPS, "delay_s": 0.05, "bearers": {"indices": {"dmc": CROSSOVER}}}
        links = [{"name": "up", "from": "tx", "to": "rx", **link}, {"name": "down", "from": "rx", "to": "tx", **link}]
        codec = {"codec": {"name": "slf", "weights": str(write_weights(yard.folder, 2))}}
        write_weights(yard.folder, 1)
        self.topology = yard.scenario(clock=clock, links=links, nodes={"tx": {"role": "tx"}, "rx": {"role": "rx", **codec}})
        self.emulator = yard.daemon("emulator", "serve", "--topology", self.topology)
        self.address = self.emulator.address
        self.rx = Member(self, "rx", yard.folder / "trx2.safetensors")
        self.address = between(self.emulator.address)
        self.tx = Member(self, "tx", yard.folder / "trx1.safetensors")
        self.sent = 0
        own_pictures(yard.folder / "own")

    def request(self, number: int, **settings: Any) -> align_pb2.AlignRequest:
        fields = {"freeze": 2, "steps": 40, "batch": 16, "checkpoint_steps": 10, "pilots": 4000}
        return align_pb2.AlignRequest(
            session="flow",
            settings=align_pb2.AlignSettings(**{**fields, **settings}),
            data=align_pb2.OwnData(source=str(self.yard.folder / "own")),
            first_message_id=number,
            compute=align_pb2.ComputeModel(flops_per_s=1e10),
        )

    def aligned(self, number: int, **settings: Any) -> list[align_pb2.AlignResponse]:
        return list(self.tx.align.Align(self.request(number, **settings), timeout=RPC_S))

    def send_picture(self) -> None:
        self.sent += 1
        pixels = np.full((SIDE, SIDE, 3), self.sent, np.uint8)
        image = node_pb2.ImagePayload(name="p", png=png_bytes(pixels))
        request = node_pb2.TransmitRequest(session="flow", images=[image], first_message_id=self.sent)
        receipts = [e.receipt for e in self.tx.node.Transmit(request, timeout=RPC_S) if e.HasField("receipt")]
        assert [r.status for r in receipts] == [COMPLETE], receipts


def own_pictures(folder: Path) -> list[NDArray[np.uint8]]:
    """Noise, of which no part is found elsewhere by chance."""
    folder.mkdir()
    found = []
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        found.append(pixels)
    return found


def the(events: list[align_pb2.AlignResponse], kind: str) -> list[Any]:
    return [getattr(event, kind) for event in events if event.WhichOneof("event") == kind]


def test_strangers_align_at_the_links_rate(yard: Yard) -> None:
    world = World(yard, "virtual")
    world.send_picture()
    before = world.rx.digest()
    events = world.aligned(1000)
    (verdict,) = the(events, "verdict")
    assert verdict.adopted, verdict.reason
    print(events[-5:])
    (crossover,) = the(events, "crossover")
    assert crossover.low < CROSSOVER < crossover.high
    down, up = the(events, "transfer")
    for transfer in (down, up):
        served_s = (transfer.received_ns - transfer.sent_ns) / 1e9 - 0.05
        assert served_s == pytest.approx(transfer.size_bits / RATE_BPS, rel=0.01)
        assert transfer.size_bits == pytest.approx(8 * transfer.file_bytes, rel=0.05)
    (tuning,) = the(events, "tuning")
    assert tuning.model_s == pytest.approx(tuning.flops / 1e10)
    assert up.sent_ns == pytest.approx(down.received_ns + tuning.model_s * 1e9, abs=2)
    assert verdict.recovery_model_s == pytest.approx(up.received_ns / 1e9)
    assert verdict.digest_before == before
    assert world.rx.digest() == verdict.digest_after != before
    world.send_picture()
