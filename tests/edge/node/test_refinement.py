"""Layers on demand at the nodes: what is sent, when a receiver asks, what comes of it, and what is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import pytest
import torch
from fake_emulator import FakeEmulator, Lookup, Node, flow, picture, png, start_node

from edge.codecs import weights
from edge.codecs.contract import CodecError, Half
from edge.codecs.layered import class_of, highest_level, level_of, wanted_levels
from edge.codecs.smrc import Smrc
from edge.codecs.smrc_file import HEADS
from edge.codecs.smrc_network import HeadShape, SmrcReceiver, SmrcShape, SmrcTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing
from edge.node import refinement
from edge.node.sessions import Role
from edge.node.shelf import KEEP_BYTES
from edge.segment import Kind, Segment
from edge.v1 import node_pb2, packet_pb2

EACH = tuple((one,) for one in range(10))
SHAPE = SmrcShape(
    12,
    1,
    4,
    10,
    (HeadShape(1, 12, EACH), HeadShape(2, 6, EACH), HeadShape(2, 9, (*EACH[:5], (5, 6, 7, 8, 9)))),
)
COMPLETE = packet_pb2.RECEIPT_STATUS_COMPLETE
REFINEMENT = packet_pb2.MESSAGE_PURPOSE_REFINEMENT
RULE = node_pb2.RefinementRule(layer=2, head=2, below_confidence=1.0)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    tensors = SmrcTransmitter(SHAPE).state_dict() | SmrcReceiver(SHAPE).state_dict()
    sizes = asdict(SHAPE)
    heads = sizes.pop("heads")
    metadata = {"architecture": "smrc", "shape": json.dumps(sizes), HEADS: json.dumps(heads)}
    weights.write(path, tensors, metadata | {PAIRING: pairing(tensors)})
    return path


@asynccontextmanager
async def pair(
    file: Path, keep_bytes: int = KEEP_BYTES, state: Path | None = None, **options: str
) -> AsyncIterator[tuple[FakeEmulator, Node, Node]]:
    emulator = await FakeEmulator().start()
    tx = await start_node(emulator, "tx", Role.TX, keep_bytes=keep_bytes)
    rx = await start_node(emulator, "rx", Role.RX, state)
    try:
        await rx.configure(flow(codec="smrc", weights=str(file), **options))
        await tx.configure(flow(codec="smrc", weights=str(file)))
        yield emulator, tx, rx
    finally:
        for node in (tx, rx):
            await node.close()
        await emulator.kill()


async def events(tx: Node, pictures: int, **fields: object) -> list[node_pb2.TransmitResponse]:
    images = [node_pb2.ImagePayload(name=f"p{i}", png=png(picture(i, 12))) for i in range(pictures)]
    call = tx.control.Transmit(node_pb2.TransmitRequest(session="flow", images=images, **fields))  # type: ignore[arg-type]
    return [event async for event in call]


def request(message_id: int = 0, head: int = 2, destination: str = "rx") -> node_pb2.RefineRequest:
    return node_pb2.RefineRequest(session="flow", message_id=message_id, destination=destination, layer=2, head=head)


# --- who asks for what ------------------------------------------------------------------------------------------------


def test_a_session_with_a_layer_on_demand_sends_the_layers_below_it_and_delivers_both(
    file: Path, tmp_path: Path
) -> None:
    for state in (None, tmp_path):

        async def scenario(state: Path | None = state) -> None:
            async with pair(file, state=state) as (emulator, tx, rx):
                levels: list[int] = []
                emulator.watch = lambda frame: levels.append(frame.run.level) if frame.HasField("run") else None
                happened = await events(tx, 2, refine=RULE)
                receipts = [event.receipt for event in happened if event.HasField("receipt")]
                assert [r.purpose for r in receipts].count(REFINEMENT) == 2
                assert all(r.status == COMPLETE for r in receipts)
                assert sorted(levels) == [0, 0, 2, 2]
                for delivery in await rx.collect():
                    assert (delivery.level, delivery.first.level) == (2, 0)
                    assert delivery.png != delivery.first.png
                    assert delivery.HasField("confidence")
                    assert delivery.refinement.status == COMPLETE
                    assert not delivery.kept  # that is the receiver's own business
                described = await tx.control.Describe(node_pb2.DescribeRequest())
                assert described.pictures_encoded == 2

        asyncio.run(scenario())


def test_the_same_as_if_everything_had_been_sent_at_once(file: Path) -> None:
    async def scenario() -> None:
        async with pair(file) as (_, tx, rx):
            await events(tx, 1, refine=RULE)
            await events(tx, 1, heads=[1, 2], first_message_id=1)
            asked, whole = await rx.collect()
            assert (asked.png, asked.level, asked.confidence) == (whole.png, whole.level, whole.confidence)

    asyncio.run(scenario())


def test_a_receiver_that_does_not_take_the_layer_does_not_ask(file: Path) -> None:
    async def scenario() -> None:
        async with pair(file, layers="1") as (_, tx, rx):
            happened = await events(tx, 1, refine=RULE)
            assert [event.WhichOneof("event") for event in happened] == ["sent", "receipt"]
            (delivery,) = await rx.collect()
            assert not delivery.HasField("first")

    asyncio.run(scenario())


def test_what_is_no_longer_kept_is_refused_and_the_first_decoding_stays(file: Path) -> None:
    async def scenario() -> None:
        async with pair(file, keep_bytes=0) as (_, tx, rx):
            happened = await events(tx, 1, refine=RULE)
            (refused,) = [event.refused for event in happened if event.HasField("refused")]
            assert (refused.message_id, refused.destination) == (0, "rx")
            assert "no message of the session is kept" in refused.reason
            (delivery,) = await rx.collect()
            assert (delivery.level, delivery.HasField("first")) == (0, False)

    asyncio.run(scenario())


# --- asking by hand ---------------------------------------------------------------------------------------------------


def test_a_picture_can_be_refined_later_and_asking_again_changes_nothing(file: Path) -> None:
    async def scenario() -> None:
        async with pair(file) as (_, tx, rx):
            await events(tx, 2, heads=[1])
            first = (await tx.control.Refine(request(1))).receipt
            again = (await tx.control.Refine(request(1))).receipt
            assert (first.status, first.refines) == (COMPLETE, 1)
            assert again.SerializeToString() == first.SerializeToString()
            assert [d.HasField("first") for d in await rx.collect()] == [False, True]
            assert rx.daemon.inbox.messages_decoded == 3
            by_name = node_pb2.RefineRequest(session="flow", message_id=1, destination="rx", head_name="h21")
            await tx.control.Refine(by_name)  # the other head of the layer
            assert [d.level for d in await rx.collect()] == [0, 1]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("asked", "code", "sentence"),
    [
        (
            request(0),
            grpc.StatusCode.NOT_FOUND,
            "message 0: its sub-block of level 2 is not kept here; kept are 2 messages from 1 to 2; ask sooner",
        ),
        (
            request(1, head=3),
            grpc.StatusCode.INVALID_ARGUMENT,
            "head 3 of layer 2: there is none (layer 1 has h11, layer 2 has h21 and h22); ask for one of these",
        ),
        (
            node_pb2.RefineRequest(session="flow", message_id=1, destination="rx", head_name="meaning"),
            grpc.StatusCode.INVALID_ARGUMENT,
            "head 'meaning': there is none (layer 1 has h11, layer 2 has h21 and h22); ask for one of these",
        ),
        (
            node_pb2.RefineRequest(session="flow", message_id=1, destination="rx", head_name="h11"),
            grpc.StatusCode.INVALID_ARGUMENT,
            "layer: must be 2 or more, got 1; layer 1 is what is refined",
        ),
        (request(1, destination="x"), grpc.StatusCode.NOT_FOUND, "destination: 'x' is not one of session 'flow' (rx)"),
    ],
)
def test_what_cannot_be_had_is_refused_naming_what_can(
    file: Path, asked: node_pb2.RefineRequest, code: grpc.StatusCode, sentence: str
) -> None:
    async def scenario() -> None:
        async with pair(file, keep_bytes=2 * 8 * (12 + 6 + 9)) as (_, tx, _):
            await events(tx, 3, heads=[1])
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await tx.control.Refine(asked)
            assert refused.value.code() is code
            assert sentence in (refused.value.details() or "")

    asyncio.run(scenario())


# --- the parts --------------------------------------------------------------------------------------------------------


def test_segments_are_kept_as_they_were_received() -> None:
    rng = np.random.default_rng(1)
    values = rng.standard_normal((3, 7)).astype(np.complex64)
    segment = Segment(Kind.SYMBOLS, values, 4, present=rng.random((3, 7)) < 0.5, csi=(values * 1j).astype(np.complex64))
    (kept,) = refinement.kept([segment])
    back = refinement.unkept(node_pb2.KeptSegment.FromString(kept.SerializeToString()))
    assert (back.kind, back.level) == (Kind.SYMBOLS, 4)
    for name in ("values", "present", "csi"):
        np.testing.assert_array_equal(getattr(back, name), getattr(segment, name))


def test_numbers_of_refinements_differ_and_fit_a_message_number() -> None:
    places = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (refinement.MAX_PICTURES - 1, 255, 1023)]
    numbers = {refinement.number(*place) for place in places}
    assert len(numbers) == len(places)
    assert max(numbers) < 1 << 63


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (node_pb2.RefinementRule(layer=1, head=1, below_confidence=1), "refine.layer: must be 2 or more, got 1"),
        (node_pb2.RefinementRule(layer=3, head=1, below_confidence=1), "head 1 of layer 3: there is none"),
        (node_pb2.RefinementRule(head_name="h11", below_confidence=1), "refine.layer: must be 2 or more, got 1"),
        (node_pb2.RefinementRule(head_name="x", below_confidence=1), "head 'x': there is none .layer 1 has h11, layer"),
        (node_pb2.RefinementRule(layer=3, head_name="h22", below_confidence=1), "head 'h22' of layer 3: there is none"),
    ],
)
def test_bad_rules_are_refused(file: Path, rule: node_pb2.RefinementRule, sentence: str) -> None:
    codec = Smrc.open({"weights": str(file)}, Half.ENCODER)
    with pytest.raises(CodecError, match=sentence):
        refinement.selection(codec, rule, [])


def test_a_head_by_its_name_is_that_head(file: Path) -> None:
    codec = Smrc.open({"weights": str(file)}, Half.ENCODER)
    rule = node_pb2.RefinementRule(head_name="h22", classes=[3])
    assert refinement.selection(codec, rule, []) == refinement.selection(
        codec, node_pb2.RefinementRule(layer=2, head=2, classes=[3]), []
    )
    request = node_pb2.TransmitRequest(head_names=["1", "h22"])
    assert refinement.heads_of(request) == [1, "h22"]
    assert refinement.selection(codec, None, refinement.heads_of(request)).levels == {0, 2}
    with pytest.raises(CodecError, match="head 'h22' of layer 1: there is none"):
        refinement.selection(codec, None, ["h22"])


def test_what_an_end_says_of_its_heads(file: Path) -> None:
    async def scenario() -> None:
        async with pair(file, layers="1") as (_, tx, rx):
            (sender,) = (await tx.control.Describe(node_pb2.DescribeRequest())).sessions
            (receiver,) = (await rx.control.Describe(node_pb2.DescribeRequest())).sessions
            assert list(sender.heads) == list(receiver.heads) == ["h11", "h21", "h22"]
            assert list(sender.parts) == ["head h11", "head h21", "head h22"]
            assert list(receiver.parts) == ["decoder h11", "extractor h11"]

    asyncio.run(scenario())


def test_a_codec_without_layers_has_nothing_to_refine() -> None:
    with pytest.raises(CodecError, match="the codec of this session has no layers"):
        refinement.selection(Lookup(0), RULE, [])
    assert highest_level(Lookup(0)) is None


def test_who_takes_what(file: Path) -> None:
    assert highest_level(Smrc.open({"weights": str(file), "layers": "1"}, Half.DECODER)) == 0
    codec = Smrc.open({"weights": str(file)}, Half.DECODER)
    assert highest_level(codec) is None
    assert level_of(codec, 2, 2) == 2
    assert wanted_levels(["a", "b"], {"a": 0, "b": 1}) == 1
    assert wanted_levels(["a", "b"], {"a": 0}) is None


def test_a_group_of_several_classes_is_no_class(file: Path) -> None:
    codec = Smrc.open({"weights": str(file)}, Half.DECODER)
    assert class_of(codec, 2, np.array([0.1, 0.5, 0.1, 0.1, 0.1, 0.1])) == (1, 0.5)
    assert class_of(codec, 2, np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.5])) == (None, 0.5)
