"""Carries out a scenario's steps, one after the other. A new kind of step is one method here.

Model time goes on from step to step: what a step offers to the network is offered after all that came before arrived.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from emulator import pictures_to_send
from emulator.decision import Decision
from emulator.errors import RunError
from emulator.fleet import Fleet
from emulator.live_links import LiveLinks
from emulator.pictures_to_send import Shot
from emulator.planner import Planner
from emulator.progress import Progress
from emulator.report.schema import PlanReport, StepReport
from emulator.sessions import Sessions
from emulator.together import together
from emulator.topology import Replan, Scenario, SetLink, Step, Transmit, Wait
from emulator.topology.lowering import link_change
from emulator.topology.resolve import transmit_destinations, transmit_source
from emulator.transmission import NS_PER_S, Transmission

OPTIMIZER = "optimizer"


class Workload:
    """The steps of a scenario, and what they have done so far."""

    def __init__(
        self, scenario: Scenario, fleet: Fleet, progress: Progress, images: Path | None, limit: int | None
    ) -> None:
        """images: the user's pictures, None for the packaged sample; limit: at most so many."""
        self._scenario = scenario
        self._fleet = fleet
        self._progress = progress
        self._images = images
        self._limit = limit
        self._shots: dict[tuple[int | None, int | None], list[Shot]] = {}
        self._planner: Planner | None = None
        self._began = time.monotonic()
        self.links = LiveLinks(scenario, fleet)
        self.sessions = Sessions(scenario, fleet)
        self.transmission = Transmission(fleet, self.links, progress)
        self.model_now_ns = 0
        self.plan: PlanReport | None = None
        self.steps: list[StepReport] = []

    async def load_pictures(self) -> None:
        """Reads what every step will send, before anything is started: a bad file should be known at once."""
        self._progress.phase("reading pictures")
        for step in self._scenario.workload:
            if isinstance(step, Transmit) and self._selection(step) not in self._shots:
                crop, count = self._selection(step)
                self._shots[crop, count] = await asyncio.to_thread(pictures_to_send.load, self._images, crop, count)

    def _selection(self, step: Transmit) -> tuple[int | None, int | None]:
        """Which pictures a step sends: crop, and how many."""
        limits = [limit for limit in (step.images, self._limit) if limit is not None]
        return step.crop, min(limits) if limits else None

    async def carry_out(self) -> None:
        """All steps, and the plan before the step that it is for."""
        plan = self._scenario.plan
        for index, step in enumerate(self._scenario.workload):
            if plan is not None and plan.at == index:
                await self.make_plan()
            await self._carry_out(index, step)

    async def _carry_out(self, index: int, step: Step) -> None:
        began = time.monotonic()
        entry = StepReport(
            index=index, kind=step.kind, started_wall_s=began - self._began, model_start_s=self.model_now_ns / NS_PER_S
        )
        self.steps.append(entry)
        if isinstance(step, Transmit):
            entry.summary = await self._transmit(step)
        elif isinstance(step, SetLink):
            entry.summary = await self._set_link(step)
        elif isinstance(step, Wait):
            entry.summary = self._wait(step)
        elif isinstance(step, Replan):
            entry.summary = await self._replan(step)
        else:
            raise RunError(f"workload[{index}]: this controller cannot carry out '{step.kind}'")
        entry.wall_s = time.monotonic() - began
        entry.model_end_s = self.model_now_ns / NS_PER_S

    # -- the kinds of step ---------------------------------------------------------------------------------------

    async def _transmit(self, step: Transmit) -> str:
        source = transmit_source(self._scenario, step)
        assert source is not None  # validation has seen to that
        away = self._planner.away if self._planner is not None else set()
        destinations = tuple(name for name in transmit_destinations(self._scenario, step) if name not in away)
        groups = [destinations] if step.mode == "multicast" else [(name,) for name in destinations]
        shots = self._shots[self._selection(step)]
        self._progress.phase("opening codecs")
        sessions = await together([self.sessions.open(source, group) for group in groups])
        self._progress.transmitting(len(shots) * len(destinations))
        offered_ns = self.model_now_ns
        await together([self.transmission.send(session, shots, step, offered_ns) for session in sessions])
        self.model_now_ns = max(self.model_now_ns, self.transmission.last_received_ns)
        return f"{len(shots)} pictures from {source} to {', '.join(destinations)}"

    async def _set_link(self, step: SetLink) -> str:
        await self.links.change(link_change(self._scenario, step, self.links[step.link]))
        return f"changed link {step.link}"

    def _wait(self, step: Wait) -> str:
        self.model_now_ns += round(step.model_s * NS_PER_S)
        return f"let {step.model_s:g} s of model time pass"

    async def make_plan(self) -> None:
        """Asks the optimizer, and gives its radios to the links."""
        self._progress.phase("planning")
        self._planner = Planner(self._scenario, self._fleet.members[OPTIMIZER].channel)
        await self._follow(await self._planner.plan())

    async def _replan(self, step: Replan) -> str:
        """Tells the optimizer what changed, and has links and codecs follow."""
        if self._planner is None:
            raise RunError(f"workload: '{step.kind}' comes before the plan; set plan.at to an earlier step")
        await self._follow(await self._planner.replan(step))
        changed = [f"{', '.join(s.destinations)} now s = {s.scale}" for s in await self.sessions.rescale()]
        return f"planned anew: {'; '.join(changed) or 'no scale changed'}"

    async def _follow(self, decision: Decision) -> None:
        """Puts a plan in force."""
        self.plan = decision.report
        self.sessions.scales = decision.scales
        for name, radio in decision.radios.items():
            await self.links.tune(name, radio)
