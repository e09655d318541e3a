"""Carries out a scenario's steps, one after the other. A new kind of step is one method here.

Model time goes on from step to step: what a step offers to the network is offered after all that came before arrived.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from edge.v1 import node_pb2
from emulator.adaptation import Adaptations
from emulator.alignment import Alignments
from emulator.decision import Decision
from emulator.decoders import Decoders
from emulator.distillation import Distillations
from emulator.errors import RunError
from emulator.fleet import Fleet
from emulator.gallery import Gallery
from emulator.layer_watch import LayerWatch
from emulator.live_links import LiveLinks
from emulator.planner import Planner
from emulator.progress import Progress
from emulator.report.schema import PlanReport, StepReport
from emulator.roll_back import roll_back
from emulator.sessions import Session, Sessions
from emulator.together import together
from emulator.topology import (
    Adapt,
    Align,
    Distill,
    Equip,
    Replan,
    RollBack,
    Scenario,
    SetLink,
    Step,
    Transmit,
    Wait,
)
from emulator.topology.lowering import link_change
from emulator.topology.resolve import transmit_destinations, transmit_source
from emulator.topology.workload import Cast, Refine
from emulator.transmission import NS_PER_S, Manner, Transmission
from emulator.witness import Witness

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
        self._gallery = Gallery(scenario, images, limit)
        self._planner: Planner | None = None
        self._began = time.monotonic()
        self.links = LiveLinks(scenario, fleet)
        self.sessions = Sessions(scenario, fleet)
        self.transmission = Transmission(fleet, self.links, progress)
        self.adaptations = Adaptations(fleet, self._gallery, self.transmission, progress)
        self.alignments = Alignments(fleet, self.links, progress)
        self.decoders = Decoders(fleet)
        self.distillations = Distillations(
            scenario, fleet, self._gallery, self.transmission, self.decoders, self.adaptations.reports, progress
        )
        self.witness = Witness(fleet, self.links)
        self.layers = LayerWatch(self.links)
        self.model_now_ns = 0
        self.plan: PlanReport | None = None
        self.steps: list[StepReport] = []

    async def load_pictures(self) -> None:
        """Reads what every step will send, before anything is started: a bad file should be known at once."""
        self._progress.phase("reading pictures")
        await asyncio.to_thread(self._gallery.load)

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
            entry.summary = await self._transmit(index, step)
        elif isinstance(step, SetLink):
            entry.summary = await self._set_link(step)
        elif isinstance(step, Wait):
            entry.summary = self._wait(step)
        elif isinstance(step, Replan):
            entry.summary = await self._replan(step)
        elif isinstance(step, Adapt):
            entry.summary = await self._adapt(index, step)
        elif isinstance(step, Align):
            entry.summary = await self._align(index, step)
        elif isinstance(step, Equip):
            entry.summary = await self._equip(index, step)
        elif isinstance(step, Distill):
            entry.summary = await self._distill(index, step)
        elif isinstance(step, RollBack):
            entry.summary = await self._roll_back(step)
        else:
            raise RunError(f"workload[{index}]: this controller cannot carry out '{step.kind}'")
        entry.wall_s = time.monotonic() - began
        entry.model_end_s = self.model_now_ns / NS_PER_S

    # -- the kinds of step ---------------------------------------------------------------------------------------

    async def _open_sessions(self, step: Cast) -> list[Session]:
        """The sessions of a step, each with its codecs open at both ends."""
        source = transmit_source(self._scenario, step)
        assert source is not None  # validation has seen to that
        away = self._planner.away if self._planner is not None else set()
        destinations = tuple(name for name in transmit_destinations(self._scenario, step) if name not in away)
        groups = [destinations] if step.mode == "multicast" else [(name,) for name in destinations]
        self._progress.phase("opening codecs")
        whole = isinstance(step, Transmit) and step.whole
        return await together([self.sessions.open(source, group, whole) for group in groups])

    async def _transmit(self, index: int, step: Transmit) -> str:
        shots = self._gallery.to_send(step)
        sessions = await self._open_sessions(step)
        self._progress.transmitting(len(shots) * sum(len(session.destinations) for session in sessions))
        offered_ns = self.model_now_ns
        async with (
            self.witness.watching(index, sessions, len(shots)),
            self.layers.watching(index, sessions if step.refine is None else [], len(shots)),
        ):
            await together(
                [self.transmission.send(session, shots, index, offered_ns, _manner(step)) for session in sessions]
            )
        self.model_now_ns = max(self.model_now_ns, self.transmission.last_received_ns)
        return f"{len(shots)} pictures {_from_to(sessions)}"

    async def _adapt(self, index: int, step: Adapt) -> str:
        sessions = await self._open_sessions(step)
        self._progress.phase(f"{step.method}: lessons and training")
        over_ns = await self.adaptations.carry_out(index, step, sessions, self.model_now_ns)
        self.model_now_ns = max(over_ns, self.transmission.last_received_ns)
        verdicts = [f"{each.receiver} {each.verdict}" for each in self.adaptations.reports if each.step == index]
        return f"{step.method} with {step.images} pictures {_from_to(sessions)}: {', '.join(verdicts)}"

    async def _align(self, index: int, step: Align) -> str:
        sessions = await self._open_sessions(step)
        self._progress.phase(f"{step.method}: aligning")
        self.model_now_ns = await self.alignments.carry_out(index, step, sessions, self.model_now_ns)
        verdicts = [f"{each.receiver} {each.verdict}" for each in self.alignments.reports if each.step == index]
        return f"{step.method}, {step.freeze} layers frozen, {_from_to(sessions)}: {', '.join(verdicts)}"

    async def _equip(self, index: int, step: Equip) -> str:
        sessions = await self._open_sessions(step)
        self._progress.phase("choosing decoders")
        chosen = [each for session in sessions for each in await self.decoders.equip(index, step, session)]
        return f"{step.latency_s:g} s a picture: {', '.join(f'{each.receiver} {each.decoder}' for each in chosen)}"

    async def _distill(self, index: int, step: Distill) -> str:
        sessions = await self._open_sessions(step)
        self._progress.phase("distilling")
        over_ns = await self.distillations.carry_out(index, step, sessions, self.model_now_ns)
        self.model_now_ns = max(over_ns, self.transmission.last_received_ns)
        verdicts = [f"{each.receiver} {each.verdict}" for each in self.adaptations.reports if each.step == index]
        return f"distilled with {step.images} pictures at {sessions[0].source}: {', '.join(verdicts)}"

    async def _roll_back(self, step: RollBack) -> str:
        sessions = await self._open_sessions(step)
        self._progress.phase("rolling back")
        return "; ".join(await together([roll_back(self._fleet, session, step.state) for session in sessions]))

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


def _manner(step: Transmit) -> Manner:
    rule = None
    if step.refine is not None:
        rule = _rule(step.refine)
    interval_ns, deadline_ns = (round(time_s * NS_PER_S) for time_s in (step.interval_s, step.deadline_s))
    return Manner(interval_ns, deadline_ns, tuple(step.heads or ()), rule)


def _rule(refine: Refine) -> node_pb2.RefinementRule:
    rule = node_pb2.RefinementRule(layer=refine.layer, classes=refine.classes)
    if isinstance(refine.head, str):
        rule.head_name = refine.head
    else:
        rule.head, rule.layer = refine.head, refine.layer or 2
    if refine.below_confidence is not None:
        rule.below_confidence = refine.below_confidence
    return rule


def _from_to(sessions: list[Session]) -> str:
    """Whom a step's sessions join, in words."""
    ends = ", ".join(name for session in sessions for name in session.destinations)
    return f"from {sessions[0].source} to {ends}" if sessions else "to nobody: all receivers are away"
