"""What a node says of a codec that asks for reliability levels and holds a network: to the network, and of itself."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from fake_emulator import FakeEmulator, eventually, flow, network, start_node

from edge.codecs import weights
from edge.codecs.split import DEMAPPER, LEVEL_BERS, PAIRING, digest
from edge.codecs.split_network import SplitReceiver, SplitShape, SplitTransmitter
from edge.node.sessions import Role
from edge.v1 import node_pb2

SHAPE = SplitShape(bits=20, channels=8, fine_channels=4, blocks=1)
BERS = [0.4 / 400 ** (i / 9) for i in range(10)]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small split codec, in half precision as it ships."""
    torch.manual_seed(0)
    tensors = {
        k: v.half() for k, v in (SplitTransmitter(SHAPE).state_dict() | SplitReceiver(SHAPE).state_dict()).items()
    }
    metadata = {"architecture": "split", "shape": json.dumps(asdict(SHAPE)), LEVEL_BERS: json.dumps(BERS)}
    metadata |= {PAIRING: digest(tensors, "encoder"), DEMAPPER: digest(tensors, "decoder")}
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    weights.write(path, tensors, metadata)
    return path


def test_the_source_announces_its_levels_and_each_end_the_digest_of_its_own_half(file: Path) -> None:
    known = weights.read_metadata(file)

    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        tx, rx = await start_node(emulator, "tx", Role.TX), await start_node(emulator, "rx", Role.RX)
        config = flow(codec="split", weights=str(file))
        await rx.configure(config)
        (configured,) = (await tx.configure(config)).sessions
        assert list(configured.level_bers) == BERS
        assert configured.weights_digest == ""
        await eventually(lambda: "flow" in emulator.announcements)
        assert list(emulator.announcements["flow"].level_bers) == BERS
        assert list(emulator.announcements["flow"].level_shares) == pytest.approx([0.1] * 10)
        for node, half in ((tx, PAIRING), (rx, DEMAPPER)):
            told = await node.control.Describe(node_pb2.DescribeRequest())
            assert told.sessions[0].weights_digest == known[half]
            assert "edge.codecs.split_network" in told.network_modules
        for node in (tx, rx):
            await node.close()
        await emulator.kill()

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_codec_without_levels_announces_none_and_its_digest_follows_its_tensors() -> None:
    async def scenario() -> None:
        async with network() as (emulator, tx, (rx,)):
            assert not emulator.announcements["flow"].level_bers
            assert not emulator.announcements["flow"].level_shares
            before, same = [(await node.control.Describe(node_pb2.DescribeRequest())).sessions[0] for node in (tx, rx)]
            assert before.weights_digest == same.weights_digest != ""
            session = rx.daemon.table.get("flow")
            assert session is not None
            session.codec.tensors["offset"][0, 0] = 5  # type: ignore[attr-defined]
            changed = (await rx.control.Describe(node_pb2.DescribeRequest())).sessions[0]
            assert changed.weights_digest not in ("", before.weights_digest)

    asyncio.run(scenario())


def test_a_codec_without_tensors_has_no_digest() -> None:
    async def scenario() -> None:
        async with network(codec="raw") as (_, tx, _):
            (told,) = (await tx.control.Describe(node_pb2.DescribeRequest())).sessions
            assert told.weights_digest == ""

    asyncio.run(scenario())
