"""The optimizer's side of a run: one Replan stream, first the scenario's problem, then what changed of it."""

from __future__ import annotations

import asyncio

import grpc.aio

from emulator.decision import Decision, decide
from emulator.topology import Replan, Scenario, planned_links, position
from emulator.topology.asking import plan_request
from optimizer.v1 import planner_pb2, planner_pb2_grpc

TIMEOUT_S = 120.0


class Planner:
    """Plans and plans again. `away`: receivers that have left."""

    def __init__(self, scenario: Scenario, channel: grpc.aio.Channel) -> None:
        self._scenario = scenario
        self._stream = planner_pb2_grpc.PlannerServiceStub(channel).Replan()
        self._places = {
            link.destinations[0]: _receiver(link.destinations[0], place.gain, place.distance_m)
            for link in planned_links(scenario)
            for place in [position(scenario, link)]
        }
        self.away: set[str] = set()

    async def plan(self) -> Decision:
        """The first plan. Raises AioRpcError with the optimizer's sentence."""
        return await self._ask(planner_pb2.ReplanRequest(problem=plan_request(self._scenario)))

    async def replan(self, step: Replan) -> Decision:
        """The plan after a step's changes."""
        change = planner_pb2.ProblemChange(block=step.block)
        for name, distance_m in step.distance_m.items():
            self._places[name] = _receiver(name, None, distance_m)
        for name, gain in step.gain.items():
            self._places[name] = _receiver(name, gain, None)
        change.remove.extend(name for name in step.leave if name not in self.away)
        self.away = (self.away | set(step.leave)) - set(step.join)
        changed = {*step.distance_m, *step.gain, *step.join} - self.away
        change.upsert.extend(self._places[name] for name in sorted(changed))
        return await self._ask(planner_pb2.ReplanRequest(change=change))

    async def _ask(self, request: planner_pb2.ReplanRequest) -> Decision:
        await self._stream.write(request)
        answer = await asyncio.wait_for(self._stream.read(), TIMEOUT_S)
        distances = {name: p.distance_m if p.HasField("distance_m") else None for name, p in self._places.items()}
        return decide(self._scenario, answer.plan, distances)


def _receiver(name: str, gain: float | None, distance_m: float | None) -> planner_pb2.Receiver:
    return planner_pb2.Receiver(name=name, gain=gain, distance_m=distance_m)
