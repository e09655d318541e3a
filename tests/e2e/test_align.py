"""Strangers that align, as real processes over links with a rate: what it costs, what crosses, kills at each step."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
from emulator.v1 import control_pb2, control_pb2_grpc, data_plane_pb2, data_plane_pb2_grpc

RATE_BPS = 1_000_000
CROSSOVER = 0.05
DELAY_S = 0.05
SPEED = 1e10  # of fine-tuning in model time, operations a second
SIDE = 32
NUMBERS = 2000  # between two alignments' numbers
RPC_S = 300.0
COMPLETE = packet_pb2.RECEIPT_STATUS_COMPLETE


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
        link = {"rate_bps": RATE_BPS, "delay_s": DELAY_S, "bearers": {"indices": {"dmc": CROSSOVER}}}
        links = [{"name": "up", "from": "tx", "to": "rx", **link}, {"name": "down", "from": "rx", "to": "tx", **link}]
        codec = {"codec": {"name": "slf", "weights": str(write_weights(yard.folder, 2))}}
        write_weights(yard.folder, 1)
        self.topology = yard.scenario(
            clock=clock, links=links, nodes={"tx": {"role": "tx"}, "rx": {"role": "rx", **codec}}
        )
        self.emulator = yard.daemon("emulator", "serve", "--topology", self.topology)
        self.address = self.emulator.address
        self.rx = Member(self, "rx", yard.folder / "trx2.safetensors")
        self.address = between(self.emulator.address)
        self.tx = Member(self, "tx", yard.folder / "trx1.safetensors")
        self.sent = 0
        (yard.folder / "own").mkdir()
        for number, pixels in enumerate(own_pictures()):
            Image.fromarray(pixels).save(yard.folder / "own" / f"{number}.png")

    def request(self, number: int, **settings: Any) -> align_pb2.AlignRequest:
        fields = {"freeze": 2, "steps": 20, "batch": 4, "checkpoint_steps": 5, "pilots": 4000}
        return align_pb2.AlignRequest(
            session="flow",
            settings=align_pb2.AlignSettings(**{**fields, **settings}),
            data=align_pb2.OwnData(source=str(self.yard.folder / "own")),
            first_message_id=number,
            compute=align_pb2.ComputeModel(flops_per_s=SPEED),
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


def own_pictures() -> list[NDArray[np.uint8]]:
    """Noise, of which no part is found elsewhere by chance."""
    rng = np.random.default_rng(7)
    return [rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8) for _ in range(24)]


def the(events: list[align_pb2.AlignResponse], kind: str) -> list[Any]:
    return [getattr(event, kind) for event in events if event.WhichOneof("event") == kind]


class Tap(data_plane_pb2_grpc.DataPlaneServiceServicer):  # type: ignore[misc]
    """Stands between the tx and the emulator, and keeps everything that leaves the tx."""

    def __init__(self) -> None:
        self.left: list[data_plane_pb2.AttachRequest] = []

    def between(self, emulator: str) -> str:
        """The address to dial instead of the emulator's."""
        self._stub = data_plane_pb2_grpc.DataPlaneServiceStub(grpc.insecure_channel(emulator))
        self._server = grpc.server(ThreadPoolExecutor(4))
        data_plane_pb2_grpc.add_DataPlaneServiceServicer_to_server(self, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return f"127.0.0.1:{port}"

    def close(self) -> None:
        self._server.stop(None)

    def Attach(self, requests: Any, context: Any) -> Iterator[data_plane_pb2.AttachResponse]:  # noqa: N802
        def noted() -> Iterator[data_plane_pb2.AttachRequest]:
            for request in requests:
                self.left.append(request)
                yield request

        yield from self._stub.Attach(noted())

    def everything(self) -> bytes:
        """Requests as they were written, then the payloads of each message in a row, as a receiver would join them."""
        joined: dict[tuple[str, int, int], bytes] = {}
        for request in self.left:
            for frame in request.batch.frames:
                if frame.HasField("run"):
                    key = (frame.run.session, frame.run.message_id, frame.run.segment)
                    joined[key] = joined.get(key, b"") + frame.run.payload
        return b"".join([r.SerializeToString() for r in self.left]) + b"".join(joined[key] for key in sorted(joined))


def traces(pixels: NDArray[np.uint8]) -> Iterator[bytes]:
    """What would give a picture away: parts of it as bytes and as floats, in both layouts, and of its file."""
    for layout in (pixels, pixels.transpose(2, 0, 1)):
        flat = np.ascontiguousarray(layout).ravel()
        for begin in range(0, flat.size, 32):
            row = flat[begin : begin + 32]
            yield row.tobytes()
            yield (row / np.float32(255)).astype("<f4").tobytes()
    for file in (png_bytes(pixels), pillow_png(pixels)):
        for begin in range(64, len(file) - 64, 32):
            yield file[begin : begin + 32]


def pillow_png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def test_strangers_align_at_the_links_rate_and_no_picture_leaves_the_tx(yard: Yard) -> None:
    tap = Tap()
    world = World(yard, "virtual", tap.between)
    world.send_picture()
    before = world.rx.digest()
    events = world.aligned(1000)
    (verdict,) = the(events, "verdict")
    assert verdict.adopted, verdict.reason
    (crossover,) = the(events, "crossover")
    assert crossover.low < CROSSOVER < crossover.high
    down, up = the(events, "transfer")
    for transfer in (down, up):
        served_s = (transfer.received_ns - transfer.sent_ns) / 1e9 - DELAY_S
        assert served_s == pytest.approx(transfer.size_bits / RATE_BPS, rel=0.01)
        assert transfer.size_bits == pytest.approx(8 * transfer.file_bytes, rel=0.05)
    (tuning,) = the(events, "tuning")
    assert tuning.model_s == pytest.approx(tuning.flops / SPEED)
    assert up.sent_ns == pytest.approx(down.received_ns + tuning.model_s * 1e9, abs=2)
    assert verdict.recovery_model_s == pytest.approx(up.received_ns / 1e9)
    assert verdict.digest_before == before
    assert world.rx.digest() == verdict.digest_after != before
    world.send_picture()

    left = tap.everything()
    assert len(left) > up.file_bytes  # the tap has seen the upload
    own = own_pictures()
    assert any(trace in b"before" + own[0][5:9].tobytes() for trace in traces(own[0]))  # a part would be found
    given_away = [number for number, pixels in enumerate(own) if any(trace in left for trace in traces(pixels))]
    assert given_away == []
    tap.close()


# Kills.


class Listener:
    """Keeps what an Align gives, until it ends or its node dies."""

    def __init__(self, world: World, request: align_pb2.AlignRequest) -> None:
        self.seen: list[align_pb2.AlignResponse] = []
        self._calls = world.tx.align.Align(request, timeout=RPC_S)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(grpc.RpcError):
            for event in self._calls:
                self.seen.append(event)

    def wait_for(self, reached: Callable[[align_pb2.AlignProgress], bool], what: str) -> None:
        wait_until(lambda: any(reached(p) for p in the(self.seen, "progress")), what)

    def wait_for_the_end(self) -> list[align_pb2.AlignResponse]:
        self._thread.join(RPC_S)
        return self.seen


STEPS: dict[str, Callable[[align_pb2.AlignProgress], bool]] = {
    "download": lambda p: p.phase == align_pb2.ALIGN_PHASE_DOWNLOADING and p.bytes > 20_000,
    "tuning": lambda p: p.phase == align_pb2.ALIGN_PHASE_TUNING and p.step > 5,
    "upload": lambda p: p.phase == align_pb2.ALIGN_PHASE_UPLOADING and p.bytes > 8000,
    "commit": lambda p: p.phase == align_pb2.ALIGN_PHASE_SWITCHING,
}


@pytest.mark.parametrize("victim", ["tx", "rx"])
def test_a_kill_at_any_step_leaves_both_ends_with_the_old_or_both_with_the_new(yard: Yard, victim: str) -> None:
    world = World(yard, "real")
    for order, (step, reached) in enumerate(STEPS.items(), 1):
        number, old = NUMBERS * order, (world.tx.digest(), world.rx.digest())
        listener = Listener(world, world.request(number, seed=order))
        listener.wait_for(reached, f"the alignment is at its {step}")
        (world.tx if victim == "tx" else world.rx).replace()
        world.send_picture()
        if victim == "tx":
            now = (world.tx.digest(), world.rx.digest())
            assert (now[0] == old[0]) == (now[1] == old[1]), step
        seen = listener.wait_for_the_end()
        if victim == "tx":
            seen = world.aligned(number, seed=order)
        (verdict,) = the(seen, "verdict")
        assert verdict.adopted, (step, verdict.reason)
        assert world.rx.digest() == verdict.digest_after != old[1], step
        assert world.tx.digest() != old[0], step
        world.send_picture()


def test_a_download_goes_on_where_the_emulator_died(yard: Yard) -> None:
    world = World(yard, "real")
    listener = Listener(world, world.request(1000, steps=5))
    listener.wait_for(lambda p: p.bytes > 40_000, "a good part is downloaded")
    world.emulator.kill()
    again = yard.daemon("emulator", "serve", "--topology", world.topology, "--listen", world.emulator.address)
    seen = listener.wait_for_the_end()
    (verdict,) = the(seen, "verdict")
    assert verdict.adopted, verdict.reason
    down = the(seen, "transfer")[0]
    assert down.resumed_at_bytes[-1] > 40_000
    control = control_pb2_grpc.LinkControlServiceStub(grpc.insecure_channel(again.address))
    counters = control.GetCounters(control_pb2.GetCountersRequest(), timeout=RPC_S).links
    (served_bytes,) = [level.size_bits / 8 for link in counters if link.link == "down" for level in link.levels]
    held, words_and_pilots = down.resumed_at_bytes[-1], 2000 + 2000
    assert served_bytes <= down.file_bytes - held + words_and_pilots
    world.send_picture()
