"""The gRPC face of live control: apply a topology, change a link, watch counters."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeAlias

import grpc
import grpc.aio

from edge.wire.endpoint import peer_name
from emulator.bearers.table import load_networks
from emulator.exchange import Exchange, Refusal
from emulator.link_config import TopologyError
from emulator.network import Network
from emulator.v1 import control_pb2, control_pb2_grpc

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

CONTROLLER = "controller"
MIN_INTERVAL_S = 0.1
NETWORKS = ("edge.codecs", "edge.train", "edge.adapt", "emulator.bearers.mapper_network")


class LinkControl(control_pb2_grpc.LinkControlServiceServicer):  # type: ignore[misc]  # generated without types
    """LinkControlService (proto/emulator/v1/control.proto). Under TLS only the controller may call."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    async def ApplyTopology(  # noqa: N802
        self, request: control_pb2.ApplyTopologyRequest, context: Context
    ) -> control_pb2.ApplyTopologyResponse:
        await _admit(context)
        await _load_ahead(bearer for link in request.topology.links for bearer in link.bearers)
        try:
            network = self.exchange.apply_topology(request.topology)
        except TopologyError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Refusal as refusal:
            await context.abort(grpc.StatusCode[refusal.code], str(refusal))
        return control_pb2.ApplyTopologyResponse(digest=network.digest)

    async def UpdateLink(  # noqa: N802
        self, request: control_pb2.UpdateLinkRequest, context: Context
    ) -> control_pb2.UpdateLinkResponse:
        await _admit(context)
        await self._network(context)
        await _load_ahead(request.bearers)
        try:
            config = self.exchange.update_link(request)
        except TopologyError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Refusal as refusal:
            await context.abort(grpc.StatusCode[refusal.code], str(refusal))
        return control_pb2.UpdateLinkResponse(link=config.proto)

    async def GetCounters(  # noqa: N802
        self,
        request: control_pb2.GetCountersRequest,  # noqa: ARG002  (it has no fields)
        context: Context,
    ) -> control_pb2.GetCountersResponse:
        await _admit(context)
        return control_pb2.GetCountersResponse(links=(await self._network(context)).counters())

    async def WatchCounters(  # noqa: N802
        self, request: control_pb2.WatchCountersRequest, context: Context
    ) -> AsyncIterator[control_pb2.WatchCountersResponse]:
        await _admit(context)
        if not request.interval_s >= MIN_INTERVAL_S:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"interval_s: must be at least {MIN_INTERVAL_S}, got {request.interval_s}; give seconds",
            )
        while not self.exchange.stopping:
            yield control_pb2.WatchCountersResponse(links=(await self._network(context)).counters())
            await asyncio.sleep(request.interval_s)

    async def DescribeBearers(  # noqa: N802
        self,
        request: control_pb2.DescribeBearersRequest,  # noqa: ARG002  (it has no fields)
        context: Context,
    ) -> control_pb2.DescribeBearersResponse:
        await _admit(context)
        links = (await self._network(context)).message_bearers()
        return control_pb2.DescribeBearersResponse(links=links, network_modules=_network_modules())

    async def _network(self, context: Context) -> Network:
        if self.exchange.network is None:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no topology yet; apply one first")
        assert self.exchange.network is not None  # abort raises
        return self.exchange.network


def _network_modules() -> list[str]:
    """Loaded modules that define networks or codecs: of the application's there must be none in this process."""
    return sorted(name for name in sys.modules if name.startswith(NETWORKS))


async def _load_ahead(bearers: Iterable[control_pb2.Bearer]) -> None:
    """Torch and networks take seconds: a thread loads them, and streams go on meanwhile."""
    learned = [bearer for bearer in bearers if bearer.HasField("learned_mapper")]
    if learned:
        await asyncio.to_thread(load_networks, learned)


async def _admit(context: Context) -> None:
    name = peer_name(context)
    if name not in (None, CONTROLLER):
        await context.abort(
            grpc.StatusCode.PERMISSION_DENIED, f"links may be changed by '{CONTROLLER}' only, not by '{name}'"
        )
