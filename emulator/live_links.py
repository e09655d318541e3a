"""The emulator's links as the controller knows and changes them during a run."""

from __future__ import annotations

from collections.abc import Sequence

import grpc.aio

from emulator.fleet import Fleet
from emulator.topology import Scenario
from emulator.topology.lowering import PlannedRadio, topology
from emulator.v1 import control_pb2, control_pb2_grpc

EMULATOR = "emulator"


class LiveLinks:
    """Every link as it now is. A change replaces a link's message: who kept the old one keeps what was in force."""

    def __init__(self, scenario: Scenario, fleet: Fleet) -> None:
        self._network = topology(scenario)
        self._fleet = fleet
        self._links = {link.name: link for link in self._network.links}

    def __getitem__(self, name: str) -> control_pb2.Link:
        link: control_pb2.Link = self._links[name]
        return link

    def all(self) -> list[control_pb2.Link]:
        """In the order of the scenario."""
        return list(self._links.values())

    @property
    def _control(self) -> control_pb2_grpc.LinkControlServiceStub:
        return control_pb2_grpc.LinkControlServiceStub(self._fleet.members[EMULATOR].channel)

    async def apply(self) -> None:
        """Gives the emulator the whole network: at the start, and when a new emulator process knows nothing."""
        del self._network.links[:]
        self._network.links.extend(self._links.values())
        request = control_pb2.ApplyTopologyRequest(topology=self._network)
        await self._control.ApplyTopology(request, wait_for_ready=True)

    async def change(self, change: control_pb2.UpdateLinkRequest) -> None:
        """Changes one link from now on."""
        answer = await self._control.UpdateLink(change)
        self._links[change.name] = answer.link

    async def tune(self, name: str, radio: PlannedRadio) -> None:
        """Gives a link the plan's radio."""
        rate = control_pb2.LinkRate()
        rate.CopyFrom(self._links[name].rate)
        rate.radio.bandwidth_hz, rate.radio.power_w = radio.bandwidth_hz, radio.power_w
        rate.radio.gain = radio.gain
        await self.change(control_pb2.UpdateLinkRequest(name=name, rate=rate))

    async def counters(self) -> Sequence[control_pb2.LinkCounters]:
        """What every link has counted; nothing when the emulator does not answer (the report then says zero)."""
        if EMULATOR not in self._fleet.members:
            return []
        try:
            answer = await self._control.GetCounters(control_pb2.GetCountersRequest(), timeout=5)
        except grpc.aio.AioRpcError:
            return []
        counters: Sequence[control_pb2.LinkCounters] = answer.links
        return counters

    async def bearers(self) -> control_pb2.DescribeBearersResponse:
        """What the emulator says of bearers that take whole messages; nothing when it does not answer."""
        request = control_pb2.DescribeBearersRequest()
        try:
            return await self._control.DescribeBearers(request, timeout=5)  # type: ignore[no-any-return]
        except grpc.aio.AioRpcError:
            return control_pb2.DescribeBearersResponse()
