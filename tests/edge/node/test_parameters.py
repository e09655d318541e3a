"""Parameter transfer: down, up, resumed; and every upload that must leave the old parameters in force."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
import grpc.aio
import numpy as np
import pytest
from fake_emulator import FakeEmulator, Node, eventually, flow, network, picture, start_node
from numpy.typing import NDArray
from safetensors.numpy import load, save

from edge.node import parameters
from edge.node.sessions import Role
from edge.v1 import packet_pb2
from edge.v1 import parameters_pb2 as pb


async def download(node: Node, **fields: Any) -> tuple[bytes, list[pb.DownloadParametersResponse]]:
    parts = [
        p async for p in node.parameters.DownloadParameters(pb.DownloadParametersRequest(session="flow", **fields))
    ]
    return b"".join(p.chunk for p in parts), parts


async def upload(node: Node, data: bytes, chunk_bytes: int = 100, **head: Any) -> pb.UploadParametersResponse:
    fields = {"session": "flow", "size_bytes": len(data), "digest": hashlib.sha256(data).hexdigest()} | head

    async def parts() -> AsyncIterator[pb.UploadParametersRequest]:
        yield pb.UploadParametersRequest(head=pb.UploadHead(**fields))
        for offset in range(0, len(data), chunk_bytes):
            yield pb.UploadParametersRequest(chunk=data[offset : offset + chunk_bytes])

    response: pb.UploadParametersResponse = await node.parameters.UploadParameters(parts())
    return response


def with_rx(test: Callable[[Node], Any]) -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        rx = await start_node(emulator, "rx", Role.RX)
        await rx.configure(flow())
        try:
            await test(rx)
        finally:
            await rx.close()
            await emulator.kill()

    asyncio.run(scenario())


def test_what_is_listed_is_what_comes_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "CHUNK_BYTES", 100)

    async def test(rx: Node) -> None:
        listed = await rx.parameters.ListParameters(pb.ListParametersRequest(session="flow"))
        data, parts = await download(rx)
        assert {(t.name, t.dtype, tuple(t.shape)) for t in listed.tensors} == {
            ("gain", "F32", (256,)),
            ("offset", "F64", (3, 4)),
        }
        assert len(data) == listed.size_bytes
        assert hashlib.sha256(data).hexdigest() == listed.digest
        assert len(parts) == -(-len(data) // 100)
        assert all(p.digest == listed.digest and p.size_bytes == len(data) for p in parts)
        np.testing.assert_array_equal(load(data)["offset"], np.arange(12.0).reshape(3, 4))
        some, _ = await download(rx, names=["offset"])
        assert set(load(some)) == {"offset"}

    with_rx(test)


def test_a_cut_download_goes_on_where_it_stopped() -> None:
    async def test(rx: Node) -> None:
        whole, parts = await download(rx)
        rest, resumed = await download(rx, offset_bytes=321, digest=parts[0].digest)
        assert rest == whole[321:]
        assert resumed[0].offset_bytes == 321

    with_rx(test)


def test_a_download_cannot_go_on_when_the_parameters_have_changed() -> None:
    async def test(rx: Node) -> None:
        _, parts = await download(rx)
        await upload(rx, save({"offset": np.zeros((3, 4))}))
        with pytest.raises(grpc.aio.AioRpcError, match="have changed") as caught:
            await download(rx, offset_bytes=10, digest=parts[0].digest)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        with pytest.raises(grpc.aio.AioRpcError, match=r"offset_bytes: 1000000"):
            await download(rx, offset_bytes=1_000_000)
        with pytest.raises(grpc.aio.AioRpcError, match=r"no tensor 'weight'"):
            await download(rx, names=["weight"])

    with_rx(test)


def test_an_upload_replaces_what_it_names_and_nothing_else() -> None:
    async def test(rx: Node) -> None:
        response = await upload(rx, save({"offset": np.full((3, 4), 7.0)}))
        data, parts = await download(rx)
        assert list(response.names) == ["offset"]
        assert response.digest == parts[0].digest
        tensors = load(data)
        assert (tensors["offset"] == 7).all()
        assert (tensors["gain"] == 1).all()

    with_rx(test)


GAIN = np.ones(256, np.float32)


def not_finite() -> NDArray[np.float32]:
    gain = GAIN.copy()
    gain[3] = np.nan
    return gain


@pytest.mark.parametrize(
    ("data", "head", "code", "sentence"),
    [
        (save({"gain": GAIN * 2}), {"digest": "0" * 64}, "INVALID_ARGUMENT", "head.digest: the file's SHA-256 is"),
        (save({"gain": GAIN * 2}), {"size_bytes": 50}, "INVALID_ARGUMENT", "more came than the announced 50"),
        (save({"gain": GAIN * 2}), {"size_bytes": 99_999}, "INVALID_ARGUMENT", "of the announced 99999 bytes came"),
        (save({"gain": GAIN * 2}), {"size_bytes": 1 << 40}, "INVALID_ARGUMENT", "head.size_bytes: must be in"),
        (save({"gain": GAIN * 2}), {"session": "other"}, "NOT_FOUND", "'other' is not configured here"),
        (save({"weight": GAIN}), {}, "INVALID_ARGUMENT", "tensors.weight: the codec has no such tensor"),
        (save({"gain": GAIN[:9].copy()}), {}, "INVALID_ARGUMENT", "tensors.gain: shape must be [256], got [9]"),
        (save({"gain": GAIN.astype("f8")}), {}, "INVALID_ARGUMENT", "tensors.gain: dtype must be float32, got float64"),
        (save({"gain": not_finite()}), {}, "INVALID_ARGUMENT", "tensors.gain: holds values that are not finite"),
        (save({}), {}, "INVALID_ARGUMENT", "the file holds none"),
        (b"garbage" * 9, {}, "INVALID_ARGUMENT", "not a readable safetensors file"),
        (save({"gain": GAIN})[:-4], {}, "INVALID_ARGUMENT", "not a readable safetensors file"),
        (save({"gain": -GAIN}), {}, "FAILED_PRECONDITION", "taken back: gain: must not begin with -1"),
    ],
)
def test_an_upload_that_is_not_right_changes_nothing(
    data: bytes, head: dict[str, Any], code: str, sentence: str
) -> None:
    async def test(rx: Node) -> None:
        before, _ = await download(rx)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await upload(rx, data, **head)
        assert caught.value.code().name == code
        assert sentence in caught.value.details()
        assert (await download(rx))[0] == before

    with_rx(test)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [pb.UploadParametersRequest(chunk=b"x")],
        [pb.UploadParametersRequest()],
        [pb.UploadParametersRequest(head=pb.UploadHead(session="flow", size_bytes=9))] * 2,
    ],
)
def test_an_upload_in_the_wrong_order_is_refused(parts: list[pb.UploadParametersRequest]) -> None:
    async def test(rx: Node) -> None:
        def stream() -> Iterator[pb.UploadParametersRequest]:
            yield from parts

        with pytest.raises(grpc.aio.AioRpcError, match=r"head: must be the first|only chunks may follow"):
            await rx.parameters.UploadParameters(stream())

    with_rx(test)


def test_a_refused_client_that_neither_sends_nor_ends_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "DISCARD_S", 0.1)

    async def test(rx: Node) -> None:
        call = rx.parameters.UploadParameters()
        await call.write(pb.UploadParametersRequest(chunk=b"x"))
        with pytest.raises(grpc.aio.AioRpcError, match="head: must be the first"):
            await asyncio.wait_for(asyncio.shield(call), 5)

    with_rx(test)


def test_a_codec_without_tensors_says_so() -> None:
    async def test(rx: Node) -> None:
        await rx.configure(flow(codec="raw"))
        for call in (
            rx.parameters.ListParameters(pb.ListParametersRequest(session="flow")),
            download(rx),
            upload(rx, save({"gain": GAIN})),
        ):
            with pytest.raises(grpc.aio.AioRpcError, match="codec raw has no parameters") as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION

    with_rx(test)


def test_new_knowledge_at_one_end_must_be_agreed_again() -> None:
    async def scenario() -> None:
        async with network() as (_, tx, (rx,)):
            await tx.transmit([picture(1)])
            await upload(tx, save({"gain": GAIN * 2}))  # part of Lookup's description, unlike `offset`
            with pytest.raises(grpc.aio.AioRpcError, match="with knowledge 512"):
                await tx.transmit([picture(2)], first_message_id=1)
            await upload(rx, save({"gain": GAIN * 2}))
            (receipt,) = await tx.transmit([picture(2)], first_message_id=2)
            assert receipt.status == packet_pb2.RECEIPT_STATUS_COMPLETE

    asyncio.run(scenario())


def test_only_so_many_transfers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "MAX_TRANSFERS", 1)

    async def test(rx: Node) -> None:
        stalled = rx.parameters.UploadParameters()
        await stalled.write(pb.UploadParametersRequest(head=pb.UploadHead(session="flow", size_bytes=9)))
        refusals: list[str] = []

        async def refused() -> bool:
            try:
                await download(rx)
            except grpc.aio.AioRpcError as error:
                refusals.append(error.details() or "")
                return True
            return False

        await eventually(refused)
        assert "transfers are under way" in refusals[0]
        stalled.cancel()

        async def accepted() -> bool:
            return not await refused()

        await eventually(accepted)

    with_rx(test)
