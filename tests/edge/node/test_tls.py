"""Under mutual TLS: only the controller controls a node, and a node attaches to the emulator and to nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import grpc.aio
import pytest
from fake_emulator import FakeEmulator, eventually, start_node

from edge.node.sessions import Role
from edge.v1 import decoders_pb2, decoders_pb2_grpc, node_pb2, node_pb2_grpc, parameters_pb2, parameters_pb2_grpc
from edge.wire.endpoint import Security, open_channel
from emulator.certs import make_certificates


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls")
    make_certificates(path, ["emulator", "controller", "rx", "tx"])
    return path


def test_control_needs_the_controllers_certificate(folder: Path) -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator().start(security=Security("emulator", folder))
        rx = await start_node(emulator, "rx", Role.RX, tls_dir=folder)
        await eventually(lambda: "rx" in emulator.peers)
        async with open_channel(rx.address, Security("controller", folder), peer="rx") as channel:
            described = await node_pb2_grpc.NodeServiceStub(channel).Describe(node_pb2.DescribeRequest())
            assert described.attached
        async with open_channel(rx.address, Security("tx", folder), peer="rx") as channel:
            node = node_pb2_grpc.NodeServiceStub(channel)
            tensors = parameters_pb2_grpc.ParameterServiceStub(channel)
            decoders = decoders_pb2_grpc.DecoderServiceStub(channel)
            for call in (
                node.Describe(node_pb2.DescribeRequest()),
                node.Configure(node_pb2.ConfigureRequest()),
                node.Transmit(node_pb2.TransmitRequest()).read(),
                node.Collect(node_pb2.CollectRequest()).read(),
                tensors.ListParameters(parameters_pb2.ListParametersRequest()),
                tensors.DownloadParameters(parameters_pb2.DownloadParametersRequest()).read(),
                tensors.UploadParameters(iter([])),
                decoders.ChooseDecoders(decoders_pb2.ChooseDecodersRequest()),
                decoders.DownloadDecoder(decoders_pb2.DownloadDecoderRequest()).read(),
                decoders.Distill(decoders_pb2.DistillRequest()).read(),
            ):
                with pytest.raises(grpc.aio.AioRpcError, match="'controller' only, not from 'tx'") as caught:
                    await call
                assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        await rx.close()
        await emulator.kill()

    asyncio.run(scenario())


def test_a_node_does_not_attach_to_somebody_who_is_not_the_emulator(folder: Path) -> None:
    async def scenario() -> None:
        pretender = await FakeEmulator().start(security=Security("tx", folder))
        rx = await start_node(pretender, "rx", Role.RX, tls_dir=folder)
        await asyncio.sleep(0.5)
        assert pretender.peers == {}
        await rx.close()
        await pretender.kill()

    asyncio.run(scenario())
