"""The emulator daemon: data plane, control, health, reflection, and an orderly end."""

from __future__ import annotations

import asyncio
import logging

import grpc.aio

from edge.wire.endpoint import Endpoint, Security, announce_serving, start_server, wait_for_stop
from emulator.control import LinkControl
from emulator.data_plane import DataPlane
from emulator.exchange import Exchange
from emulator.memory import keep_freed_memory
from emulator.v1 import control_pb2, control_pb2_grpc, data_plane_pb2, data_plane_pb2_grpc
from emulator.warm_up import warm_up

SERVICES = (
    data_plane_pb2.DESCRIPTOR.services_by_name["DataPlaneService"].full_name,
    control_pb2.DESCRIPTOR.services_by_name["LinkControlService"].full_name,
)
DRAIN_S = 30.0

log = logging.getLogger(__name__)


async def start(address: str, security: Security, topology: control_pb2.Topology | None) -> tuple[Endpoint, Exchange]:
    """A serving emulator. Raises EndpointError for the address, TopologyError for the topology."""
    warm_up()
    exchange = Exchange()
    if topology is not None:
        exchange.apply_topology(topology)

    def register(server: grpc.aio.Server) -> None:
        data_plane_pb2_grpc.add_DataPlaneServiceServicer_to_server(DataPlane(exchange), server)
        control_pb2_grpc.add_LinkControlServiceServicer_to_server(LinkControl(exchange), server)

    endpoint = await start_server(address, security, SERVICES, register)
    await endpoint.set_serving(True)
    return endpoint, exchange


async def stop(endpoint: Endpoint, exchange: Exchange, drain_s: float = DRAIN_S) -> None:
    """Delivers whatever was accepted, then closes."""
    await endpoint.set_serving(False)
    if not await exchange.drain(drain_s):
        log.warning("stopped with packets undelivered: their destinations did not read for %.0f s", drain_s)
    await endpoint.stop()


async def serve(address: str, security: Security, topology: control_pb2.Topology | None) -> None:
    """Runs until SIGTERM or SIGINT."""
    endpoint, exchange = await start(address, security, topology)
    announce_serving(endpoint.address)
    await wait_for_stop()
    await stop(endpoint, exchange)


def run(address: str, security: Security, topology: control_pb2.Topology | None) -> None:
    """serve() in an event loop of its own; uvloop's where it is installed."""
    keep_freed_memory()
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(address, security, topology))
    else:
        uvloop.run(serve(address, security, topology))
