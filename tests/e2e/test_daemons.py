"""What a stranger with a generic client sees of the daemons, and what an idle receiver costs."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from processes import Yard

from edge.v1 import node_pb2, node_pb2_grpc

EVERYWHERE = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


def test_daemons_are_healthy_list_their_services_and_a_receiver_without_a_network_is_small(yard: Yard) -> None:
    emulator = yard.daemon("emulator", "serve", "--topology", yard.scenario())
    optimizer = yard.daemon("optimizer", "serve")
    receiver = yard.daemon(
        "edge.node", "--role", "rx", "--name", "rx", "--emulator", emulator.address, "--codec", "raw"
    )
    expected = {
        emulator.address: {"emulator.v1.DataPlaneService", "emulator.v1.LinkControlService"},
        optimizer.address: {"optimizer.v1.PlannerService"},
        receiver.address: {f"edge.v1.{name}Service" for name in ("Node", "Parameter", "Adapt", "Align", "Decoder")},
    }
    sender = yard.command(
        *("edge.node", "--role", "tx", "--name", "tx", "--emulator", emulator.address, "--codec", "raw"),
        *("--to", "rx", "--send", yard.pictures(4, side=256)),
    )
    assert sender.status == 0, sender.stderr
    for address, services in expected.items():
        with grpc.insecure_channel(address) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            assert set(database.get_services()) == services | EVERYWHERE
            for service in services:
                file = database.FindFileContainingSymbol(service)
                assert any(service == f"{file.package}.{s.name}" for s in file.service)
            for service in ("", *services):
                health = health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(service=service), timeout=60
                )
                assert health.status == health_pb2.HealthCheckResponse.SERVING
    with grpc.insecure_channel(receiver.address) as channel:
        described = node_pb2_grpc.NodeServiceStub(channel).Describe(node_pb2.DescribeRequest(), timeout=60)
    assert described.resident_bytes < 80e6
