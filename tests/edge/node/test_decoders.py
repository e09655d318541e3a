"""A base station chooses, hands out and improves its receivers' decoders; a receiver takes what it can run, or says why
not, while pictures go on coming in. Small random networks in real nodes of this process."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import numpy as np
import pytest
import torch
from fake_emulator import FakeEmulator, Node, flow, picture, png
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load, save

from edge.codecs import registry, weights
from edge.codecs.swin_cost import decoder_cost
from edge.codecs.swin_network import VARIANTS, SwinReceiver, SwinShape, SwinTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing
from edge.codecs.variants import Capacity
from edge.node.daemon import NodeDaemon, NodeSettings
from edge.node.sessions import Role
from edge.v1 import decoders_pb2, decoders_pb2_grpc, node_pb2, packet_pb2, parameters_pb2
from edge.wire.endpoint import Security

SHAPE = SwinShape(shrink=16, numbers=96, width=8, growth=4, head=4, window=2, widening=1)
COSTS = {name: decoder_cost(SHAPE, blocks, 32, 32) for name, blocks in VARIANTS.items()}
LATENCY_S = 0.1
TARGET = parameters_pb2.DecodeTarget(latency_s=LATENCY_S, height=32, width=32)
MUCH = 10**9


def written(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    halves = [SwinTransmitter(SHAPE), *(SwinReceiver(SHAPE, one) for one in VARIANTS)]
    tensors = {name: tensor for half in halves for name, tensor in half.state_dict().items()}
    metadata = {"architecture": "swin", "shape": json.dumps(asdict(SHAPE)), PAIRING: pairing(tensors)}
    weights.write(path, tensors, metadata | {"decoders": json.dumps(list(VARIANTS)), "snrs_db": "[1, 7]"})
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("weights") / "small.safetensors")


async def started(emulator: FakeEmulator, name: str, role: Role, capacity: Capacity | None = None) -> Node:
    settings = NodeSettings(name, role, emulator.address, Security(name), capacity=capacity)
    daemon = NodeDaemon(settings, registry.load)
    node = Node(daemon, await daemon.serve("127.0.0.1:0"))
    daemon.attach()
    return node


def fast_enough_for(decoder: str) -> Capacity:
    return Capacity(COSTS[decoder].flops / LATENCY_S, MUCH)


class Cell:
    """A base station and a receiver that runs the weakest decoder, for one session."""

    def __init__(self, bs: Node, rx: Node) -> None:
        self.bs, self.rx = bs, rx
        self.decoders = decoders_pb2_grpc.DecoderServiceStub(grpc.aio.insecure_channel(bs.address))

    async def choose(self, capacity: Capacity, latency_s: float = LATENCY_S) -> decoders_pb2.DecoderChoice:
        target = parameters_pb2.DecodeTarget(latency_s=latency_s, height=32, width=32)
        asked = decoders_pb2.ReceiverCapacity(receiver="rx", capacity=node_pb2.Capacity(**asdict(capacity)))
        request = decoders_pb2.ChooseDecodersRequest(session="flow", target=target, receivers=[asked])
        (choice,) = (await self.decoders.ChooseDecoders(request)).choices
        return choice

    async def download(self, decoder: str) -> bytes:
        request = decoders_pb2.DownloadDecoderRequest(session="flow", receiver="rx", decoder=decoder)
        parts = [part async for part in self.decoders.DownloadDecoder(request)]
        data = b"".join(part.chunk for part in parts)
        assert all(part.size_bytes == len(data) for part in parts)
        assert {part.digest for part in parts} == {hashlib.sha256(data).hexdigest()}
        return data

    async def upload(self, data: bytes, target: parameters_pb2.DecodeTarget | None = None) -> list[str]:
        head = parameters_pb2.UploadHead(
            session="flow", size_bytes=len(data), digest=hashlib.sha256(data).hexdigest(), target=target
        )

        def parts() -> Iterator[parameters_pb2.UploadParametersRequest]:
            yield parameters_pb2.UploadParametersRequest(head=head)
            yield parameters_pb2.UploadParametersRequest(chunk=data)

        return list((await self.rx.parameters.UploadParameters(parts())).names)

    async def refused(self, data: bytes, target: parameters_pb2.DecodeTarget | None = None) -> str:
        """Why an upload is."""
        before = await self.held()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.upload(data, target)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert await self.held() == before
        return caught.value.details() or ""

    async def held(self) -> tuple[str, int, str]:
        """Decoder, epoch and digest at the receiver."""
        (one,) = (await self.rx.control.Describe(node_pb2.DescribeRequest())).sessions
        return one.decoder, one.epoch, one.weights_digest

    async def distill(self, **fields: Any) -> list[decoders_pb2.DistillResponse]:
        images = [node_pb2.ImagePayload(name=str(i), png=png(flag(i))) for i in range(4)]
        given = {"session": "flow", "receiver": "rx", "decoder": "low", "snr_db": 5, "images": images, "steps": 15}
        request = decoders_pb2.DistillRequest(
            **(given | {"batch": 2, "crop": 32, "learning_rate": 1e-2, "alpha": 0.1} | fields)
        )
        return [event async for event in self.decoders.Distill(request)]


def flag(seed: int) -> NDArray[np.uint8]:
    """Two colours, which a network learns at once."""
    colours = np.random.default_rng(seed).integers(0, 256, (2, 1, 3), np.uint8)
    return np.repeat(np.repeat(colours, 16, axis=0), 32, axis=1)


def within(file: Path, test: Callable[[Cell], Awaitable[None]], capacity: Capacity | None = None) -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        rx, bs = await started(emulator, "rx", Role.RX, capacity), await started(emulator, "tx", Role.TX)
        options = {"weights": str(file), "decoder": "lowest", "snr_db": "5"}
        await rx.configure(flow(codec="swin", **options))
        await bs.configure(flow(codec="swin", **options))
        try:
            await test(Cell(bs, rx))
        finally:
            await rx.close()
            await bs.close()
            await emulator.kill()

    asyncio.run(scenario())


# --- choice -----------------------------------------------------------------------------------------------------------


def test_a_node_says_what_it_can_compute(file: Path) -> None:
    async def test(cell: Cell) -> None:
        said = (await cell.rx.control.Describe(node_pb2.DescribeRequest())).capacity
        assert (said.flops_per_s, said.memory_bytes, said.measured) == (2e6, 5, True)
        assert not (await cell.bs.control.Describe(node_pb2.DescribeRequest())).HasField("capacity")

    within(file, test, Capacity(2e6, 5, measured=True))


def test_each_capacity_gets_the_strongest_decoder_that_it_can_run(file: Path) -> None:
    async def test(cell: Cell) -> None:
        for decoder in VARIANTS:
            choice = await cell.choose(fast_enough_for(decoder))
            assert (choice.receiver, choice.decoder) == ("rx", decoder)
            offers = {offer.decoder: offer for offer in choice.offers}
            assert list(offers) == list(VARIANTS)
            assert next(name for name, offer in offers.items() if offer.fits) == decoder
            assert offers[decoder].latency_s == pytest.approx(LATENCY_S)
            assert offers[decoder].flops == COSTS[decoder].flops
            assert offers[decoder].memory_bytes == COSTS[decoder].memory_bytes
        in_memory = Capacity(1e15, COSTS["low"].memory_bytes)
        assert (await cell.choose(in_memory)).decoder == "low"

    within(file, test)


@pytest.mark.parametrize(
    ("capacity", "latency_s", "sentence"),
    [
        (
            Capacity(1e3, MUCH),
            0.1,
            f"rx: decoder 'lowest': needs {COSTS['lowest'].flops:.3g} FLOP in 0.1 s and "
            f"{COSTS['lowest'].memory_bytes} bytes, the device has 1e+03 FLOP/s and {MUCH} bytes; choose a weaker",
        ),
        (Capacity(0, 0), 0.1, "rx says nothing of its capacity; start it with --capacity"),
        (Capacity(1e9, MUCH), 0, "target.latency_s: must be above 0, got 0"),
    ],
)
def test_what_cannot_be_chosen_is_said(file: Path, capacity: Capacity, latency_s: float, sentence: str) -> None:
    async def test(cell: Cell) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await cell.choose(capacity, latency_s)
        assert sentence in (caught.value.details() or "")

    within(file, test)


# --- uploads ----------------------------------------------------------------------------------------------------------


def test_another_decoder_takes_the_place_of_the_one_in_force_between_two_pictures(file: Path) -> None:
    async def test(cell: Cell) -> None:
        await cell.bs.transmit([picture(1)])
        sending = asyncio.create_task(cell.bs.transmit([picture(n) for n in range(20)], first_message_id=1))
        await cell.upload(await cell.download("high"), TARGET)
        receipts = await sending
        assert {receipt.status for receipt in receipts} == {packet_pb2.RECEIPT_STATUS_COMPLETE}
        assert len(receipts) == 20
        await cell.bs.transmit([picture(1)], first_message_id=30)
        assert (await cell.held())[:2] == ("high", 1)
        made = {each.message_id: each for each in await cell.rx.collect()}
        assert [made[n].epoch for n in range(21)] == sorted(made[n].epoch for n in range(21))
        assert {(each.decoder, each.epoch) for each in made.values()} == {("lowest", 0), ("high", 1)}
        assert made[0].png != made[30].png

    within(file, test, fast_enough_for("high"))


def test_a_decoder_file_says_what_it_is(file: Path, tmp_path: Path) -> None:
    async def test(cell: Cell) -> None:
        (tmp_path / "low").write_bytes(await cell.download("low"))

    within(file, test)
    with safe_open(tmp_path / "low", framework="numpy") as archive:
        pairing = weights.read_metadata(file)[PAIRING]
        assert archive.metadata() == {PAIRING: pairing, "architecture": "swin", "decoder": "low"}
        assert all(name.startswith("decoder.low.") for name in archive.keys())  # noqa: SIM118


def test_a_decoder_that_exceeds_the_capacity_is_refused_with_both_figures(file: Path) -> None:
    async def test(cell: Cell) -> None:
        high = await cell.download("high")
        said = await cell.refused(high, TARGET)
        assert said == (
            f"decoder 'high': needs {COSTS['high'].flops:.3g} FLOP in 0.1 s and {COSTS['high'].memory_bytes} bytes, "
            f"the device has {COSTS['low'].flops / LATENCY_S:.3g} FLOP/s and {COSTS['low'].memory_bytes} bytes; "
            "choose a weaker decoder or allow more time"
        )
        assert f"needs {COSTS['high'].memory_bytes} bytes, the device has" in await cell.refused(high)
        await cell.upload(await cell.download("low"), TARGET)
        assert (await cell.held())[0] == "low"

    within(file, test, Capacity(COSTS["low"].flops / LATENCY_S, COSTS["low"].memory_bytes))


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ({"latency_s": 0.0}, "target.latency_s: must be above 0, got 0; give seconds for a picture"),
        ({"latency_s": float("nan")}, "target.latency_s: must be above 0, got nan"),
        ({"width": 0}, "target.width: must be 1 to 65535 pixels, got 0"),
    ],
)
def test_a_target_that_is_none_is_refused(file: Path, target: dict[str, Any], sentence: str) -> None:
    async def test(cell: Cell) -> None:
        wanted = parameters_pb2.DecodeTarget(**({"latency_s": 1.0, "height": 32, "width": 32} | target))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await cell.upload(await cell.download("low"), wanted)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert sentence in (caught.value.details() or "")

    within(file, test)


def test_a_decoder_of_another_encoder_is_refused(file: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other.safetensors", seed=1)
    ours, theirs = (weights.read_metadata(path)[PAIRING] for path in (file, other))

    async def test(cell: Cell) -> None:
        low = load(await cell.download("low"))
        said = await cell.refused(save(low, {PAIRING: theirs}))
        assert f"tensors: belong to encoder {theirs[:12]}, session 'flow' has {ours[:12]}" in said
        said = await cell.refused(save(low))
        assert "are decoder 'low' in place of 'lowest', and the file does not say to which encoder it belongs" in said
        part = dict(list(low.items())[:3])
        assert "to change to decoder 'low', send all of it" in await cell.refused(save(part, {PAIRING: ours}))
        part = {name: value * 2 for name, value in load(await cell.download("lowest")).items() if "from_code" in name}
        assert await cell.upload(save(part)) == sorted(part)  # of the decoder in force: as of any codec

    within(file, test)


# --- distillation -----------------------------------------------------------------------------------------------------


def test_a_decoder_gets_better_while_pictures_are_sent_and_the_next_download_is_it(file: Path) -> None:
    async def test(cell: Cell) -> None:
        before = load(await cell.download("low"))
        distilling = asyncio.create_task(cell.distill())
        assert len(await cell.bs.transmit([flag(9)] * 10)) == 10
        *progress, last = await distilling
        assert [event.progress.step for event in progress] == [0, 5, 10, 15]
        assert not progress[0].progress.HasField("loss")
        assert progress[1].progress.loss > 0
        verdict = last.verdict
        assert verdict.better
        assert verdict.teacher == "high"
        assert progress[0].progress.validation_db == verdict.before_db < verdict.after_db
        after = await cell.download("low")
        assert any(not np.array_equal(value, before[name]) for name, value in load(after).items())
        again = (await cell.distill(steps=1))[-1].verdict
        assert again.before_db == pytest.approx(verdict.after_db)  # it goes on from there
        await cell.upload(after)
        assert (await cell.held())[:2] == ("low", 1)

    within(file, test)


def test_a_decoder_that_is_not_better_is_not_kept(file: Path) -> None:
    async def test(cell: Cell) -> None:
        before = load(await cell.download("low"))
        verdict = (await cell.distill(steps=1, learning_rate=1e-8))[-1].verdict
        assert not verdict.better
        assert "the new decoder is not better" in verdict.reason
        assert all(np.array_equal(value, before[name]) for name, value in load(await cell.download("low")).items())

    within(file, test)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"decoder": "lowest", "transfer": True},
            r"transfer: decoders 'high' and 'lowest' differ in decoder\.high\.stages\.2\.blocks\.1\.",
        ),
        ({"decoder": "high"}, "teacher: 'high' is the decoder that rx runs already; give it a weaker one"),
        ({"teacher": "giant"}, "decoder: session 'flow' has high, low, lowest, not 'giant'"),
        ({"receiver": "other"}, r"receiver: 'other' is not one of session 'flow' \(rx\)"),
        ({"session": "other"}, "session: 'other' is not configured here"),
        ({"images": []}, "images: fine-tuning needs at least 4"),
        ({"snr_db": None}, "snr_db: is missing; give the Es/N0 that rx meets"),
        ({"steps": 0}, r"distill\.steps: must be in \[1, 100000\], got 0"),
        ({"alpha": -1}, r"distill\.alpha: must be in"),
    ],
)
def test_what_cannot_be_distilled_is_said(file: Path, fields: dict[str, Any], sentence: str) -> None:
    async def test(cell: Cell) -> None:
        with pytest.raises(grpc.aio.AioRpcError, match=sentence):
            await cell.distill(**fields)

    within(file, test)


def test_only_a_sender_whose_codec_has_several_decoders_is_asked() -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        rx, bs = await started(emulator, "rx", Role.RX), await started(emulator, "tx", Role.TX)
        await bs.configure(flow(codec="raw"))
        try:
            with pytest.raises(grpc.aio.AioRpcError, match="codec raw has one decoder only; use one that has several"):
                await Cell(bs, rx).choose(Capacity(1e9, MUCH))
            with pytest.raises(grpc.aio.AioRpcError, match="node 'rx' is an rx; ask the tx that sends to it"):
                await Cell(rx, rx).download("low")
        finally:
            await rx.close()
            await bs.close()
            await emulator.kill()

    asyncio.run(scenario())
