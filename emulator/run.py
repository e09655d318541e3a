"""Runs a scenario: starts its processes, plans, configures, drives the workload, collects, reports, tears down.

It speaks to its processes through proto/ only, and imports none of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import shutil
import signal
import time
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import grpc
import grpc.aio
import numpy as np
from PIL import Image

from edge.images import ImageError
from edge.v1 import node_pb2, node_pb2_grpc
from emulator import findings, pictures_to_send
from emulator.decision import Decision
from emulator.findings import Sent
from emulator.fleet import Fleet
from emulator.launch.local import LaunchError
from emulator.pictures_to_send import Shot
from emulator.planner import Planner
from emulator.progress import Progress, Silent
from emulator.report import Picture, ReceivedKey, write
from emulator.report.schema import NodeReport, Report, ScenarioReport, StepReport
from emulator.topology import Replan, Scenario, SetLink, Step, Transmit, Wait
from emulator.topology.lowering import link_change, topology
from emulator.topology.resolve import receiver_codec, sender_codec, transmit_destinations, transmit_source
from emulator.v1 import control_pb2, control_pb2_grpc

NS_PER_S = 1_000_000_000

Result = TypeVar("Result")


class RunError(Exception):
    """A run that could not be carried out; the message is for the user."""


@dataclass(frozen=True)
class RunOptions:
    """images: the user's pictures, None for the packaged sample. limit: at most so many. out: the report's folder."""

    out: Path
    images: Path | None = None
    limit: int | None = None
    tls_dir: Path | None = None
    command: Sequence[str] = ()


@dataclass
class Session:
    """A session that the controller has opened. scale: as its codecs were opened. next_id: of its next message."""

    name: str
    source: str
    destinations: tuple[str, ...]
    scale: int | None
    next_id: int = 0


@dataclass
class Run:
    """One run and all it knows. state: where receivers keep what they were delivered, for as long as the run lasts."""

    scenario: Scenario
    options: RunOptions
    progress: Progress
    fleet: Fleet
    report: Report
    state: Path
    shots: dict[tuple[int | None, int | None], list[Shot]] = field(default_factory=dict)
    links: dict[str, control_pb2.Link] = field(default_factory=dict)
    planner: Planner | None = None
    decision: Decision | None = None
    sessions: dict[str, Session] = field(default_factory=dict)
    sent: dict[tuple[str, int], Sent] = field(default_factory=dict)
    model_now_ns: int = 0

    # -- phases --------------------------------------------------------------------------------------------------

    async def load_pictures(self) -> None:
        """Reads what every step will send, before anything is started: a bad file should be known at once."""
        self.progress.phase("reading pictures")
        for step in self.scenario.workload:
            if isinstance(step, Transmit) and self._selection(step) not in self.shots:
                crop, count = self._selection(step)
                self.shots[crop, count] = await asyncio.to_thread(
                    pictures_to_send.load, self.options.images, crop, count
                )

    def _selection(self, step: Transmit) -> tuple[int | None, int | None]:
        """Which pictures a step sends: crop, and how many."""
        limits = [limit for limit in (step.images, self.options.limit) if limit is not None]
        return step.crop, min(limits) if limits else None

    async def start_processes(self) -> None:
        """Emulator and optimizer first, then every node at once; returns when all report SERVING."""
        began = time.monotonic()
        self.progress.phase("starting processes")
        wanted = [self.fleet.start("emulator", "emulator", ["serve"])]
        if self.scenario.plan is not None:
            wanted.append(self.fleet.start("optimizer", "optimizer", ["serve"]))
        await _together(wanted)
        await _together([self.fleet.serving(name) for name in self.fleet.members])
        network = topology(self.scenario)
        self.links = {link.name: link for link in network.links}
        await self.control.ApplyTopology(control_pb2.ApplyTopologyRequest(topology=network))
        nodes = [(name, node.role) for name, node in self.scenario.nodes.items() if node.role != "relay"]
        await _together([self._start_node(name, role) for name, role in nodes])
        await _together([self.fleet.serving(name) for name, _ in nodes])
        self.fleet.watch("emulator", self._restore_emulator)
        for name, _ in nodes:
            self.fleet.watch(name, lambda name=name: self._restore_node(name))  # type: ignore[misc]
        self.report.timing.up_s = time.monotonic() - began

    async def _start_node(self, name: str, role: str) -> None:
        address = self.fleet.members["emulator"].daemon.address
        arguments = ["--role", role, "--name", name, "--emulator", address]
        if role == "rx":
            arguments += ["--state", str(self.state)]
        await self.fleet.start(name, "edge.node", arguments)

    async def plan(self) -> None:
        """Asks the optimizer, and gives its radios to the links."""
        self.progress.phase("planning")
        self.planner = Planner(self.scenario, self.fleet.members["optimizer"].channel)
        await self._follow(await self.planner.plan())

    async def _replan(self, step: Replan) -> str:
        """Tells the optimizer what changed, and has links and codecs follow."""
        if self.planner is None:
            raise RunError(f"workload: '{step.kind}' comes before the plan; set plan.at to an earlier step")
        await self._follow(await self.planner.replan(step))
        changed = []
        for session in self.sessions.values():
            scale = self._scale(session.destinations[0])
            if scale not in (None, session.scale):
                await self._agree(session.name, session.source, session.destinations)
                session.scale = scale
                changed.append(f"{', '.join(session.destinations)} now s = {scale}")
        return f"planned anew: {'; '.join(changed) or 'no scale changed'}"

    def _scale(self, destination: str) -> int | None:
        """The planned scaling rate of a receiver; None where nothing is planned for it."""
        return None if self.decision is None else self.decision.scales.get(destination)

    async def _follow(self, decision: Decision) -> None:
        """Puts a plan in force."""
        self.decision = decision
        self.report.plan = decision.report
        for name, radio in decision.radios.items():
            rate = control_pb2.LinkRate()
            rate.CopyFrom(self.links[name].rate)
            rate.radio.bandwidth_hz, rate.radio.power_w = radio.bandwidth_hz, radio.power_w
            rate.radio.gain = radio.gain
            await self._update_link(control_pb2.UpdateLinkRequest(name=name, rate=rate))

    async def carry_out(self, index: int, step: Step) -> None:
        """One step of the workload."""
        began, before = time.monotonic(), self.model_now_ns
        entry = StepReport(
            index=index, kind=step.kind, started_wall_s=began - self._began, model_start_s=before / NS_PER_S
        )
        self.report.steps.append(entry)
        if isinstance(step, Transmit):
            entry.summary = await self._transmit(step)
        elif isinstance(step, SetLink):
            await self._update_link(link_change(self.scenario, step, self.links[step.link]))
            entry.summary = f"changed link {step.link}"
        elif isinstance(step, Wait):
            self.model_now_ns += round(step.model_s * NS_PER_S)
            entry.summary = f"let {step.model_s:g} s of model time pass"
        elif isinstance(step, Replan):
            entry.summary = await self._replan(step)
        else:
            raise RunError(f"workload[{index}]: this controller cannot carry out '{step.kind}'")
        entry.wall_s = time.monotonic() - began
        entry.model_end_s = self.model_now_ns / NS_PER_S

    _began: float = field(default_factory=time.monotonic)

    # -- transmit ------------------------------------------------------------------------------------------------

    async def _transmit(self, step: Transmit) -> str:
        source = transmit_source(self.scenario, step)
        assert source is not None  # validation has seen to that
        away = self.planner.away if self.planner is not None else set()
        destinations = tuple(name for name in transmit_destinations(self.scenario, step) if name not in away)
        shots = self.shots[self._selection(step)]
        groups = [destinations] if step.mode == "multicast" else [(name,) for name in destinations]
        sessions = await _together([self._open_session(source, group) for group in groups])
        self.progress.transmitting(len(shots) * len(destinations))
        offered_ns = self.model_now_ns
        await _together([self._send(session, shots, step, offered_ns) for session in sessions])
        received = [r.transit.received_ns for sent in self.sent.values() for r in sent.receipts.values()]
        self.model_now_ns = max([self.model_now_ns, *received])
        return f"{len(shots)} pictures from {source} to {', '.join(destinations)}"

    async def _open_session(self, source: str, destinations: tuple[str, ...]) -> Session:
        """Configures receivers, then the sender, which is told what they hold and refuses what does not match."""
        name = f"{source}->{','.join(destinations)}"
        if name in self.sessions:
            return self.sessions[name]
        self.progress.phase("opening codecs")
        await self._agree(name, source, destinations)
        self.sessions[name] = Session(name, source, destinations, self._scale(destinations[0]))
        return self.sessions[name]

    async def _agree(self, name: str, source: str, destinations: tuple[str, ...]) -> None:
        answers = await _together(
            [self._configure(d, self._config(name, source, destinations, d)) for d in destinations]
        )
        held = [next(s.codec for s in answer.sessions if s.session == name) for answer in answers]
        for other in held[1:]:
            if other != held[0]:
                raise RunError(f"session {name}: its receivers hold different codecs ({held[0].name}, {other.name})")
        config = self._config(name, source, destinations, source)
        config.peer_codec.CopyFrom(held[0])
        await self._configure(source, config)

    def _config(self, name: str, source: str, destinations: tuple[str, ...], at: str) -> node_pb2.SessionConfig:
        """What a node is told: its own codec, or the receivers' where it names none; the planned scale above all."""
        first = destinations[0]
        scale = self._scale(first)
        if at == source:
            codec = sender_codec(self.scenario, source, first, scale)
        else:
            codec = receiver_codec(self.scenario, at, scale)
        return node_pb2.SessionConfig(
            session=name,
            source=source,
            destinations=destinations,
            codec=node_pb2.CodecConfig(name=codec.name, options=codec.options),
        )

    async def _configure(self, node: str, config: node_pb2.SessionConfig) -> node_pb2.ConfigureResponse:
        stub = node_pb2_grpc.NodeServiceStub(self.fleet.members[node].channel)
        answer: node_pb2.ConfigureResponse = await stub.Configure(
            node_pb2.ConfigureRequest(sessions=[config]), timeout=120
        )
        return answer

    async def _send(self, session: Session, shots: list[Shot], step: Transmit, offered_ns: int) -> None:
        stub = node_pb2_grpc.NodeServiceStub(self.fleet.members[session.source].channel)
        first_id, interval_ns = session.next_id, round(step.interval_s * NS_PER_S)
        links = list(self.links.values())
        for i, shot in enumerate(shots):
            self.sent[session.name, first_id + i] = Sent(
                session.name,
                first_id + i,
                session.source,
                session.destinations,
                shot,
                offered_ns + i * interval_ns,
                links,
            )
        session.next_id += len(shots)
        for first, payloads in pictures_to_send.groups(shots):
            request = node_pb2.TransmitRequest(
                session=session.name,
                images=payloads,
                first_message_id=first_id + first,
                first_offered_ns=offered_ns + first * interval_ns,
                interval_ns=interval_ns,
                deadline_ns=round(step.deadline_s * NS_PER_S),
            )
            try:
                async for event in stub.Transmit(request):
                    self._note(session, event)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise  # the node says why
                log = self.fleet.members[session.source].daemon.log
                raise RunError(
                    f"{session.source}: the sender died, and its pictures with it (its log is {log}); "
                    "run the scenario again"
                ) from error

    def _note(self, session: Session, event: node_pb2.TransmitResponse) -> None:
        """Writes down what a sender says."""
        if event.WhichOneof("event") == "sent":
            self.sent[session.name, event.sent.message_id].news = event.sent
        else:
            receipt = event.receipt
            self.sent[session.name, receipt.message_id].receipts[receipt.destination] = receipt
            self.progress.receipt()

    # -- links and lives -----------------------------------------------------------------------------------------

    @property
    def control(self) -> control_pb2_grpc.LinkControlServiceStub:
        return control_pb2_grpc.LinkControlServiceStub(self.fleet.members["emulator"].channel)

    async def _update_link(self, change: control_pb2.UpdateLinkRequest) -> None:
        answer = await self.control.UpdateLink(change)
        self.links[change.name] = answer.link  # a new object: messages keep the links that they were sent over

    async def _restore_emulator(self) -> None:
        """A new emulator knows nothing: give it the network as it now is. The nodes come back by themselves."""
        await self.fleet.serving("emulator")
        network = topology(self.scenario)
        del network.links[:]
        network.links.extend(self.links.values())
        await self.control.ApplyTopology(control_pb2.ApplyTopologyRequest(topology=network), wait_for_ready=True)

    async def _restore_node(self, name: str) -> None:
        """A new node process has its received messages on disk, but must be told its sessions."""
        await self.fleet.serving(name)
        for session in self.sessions.values():
            # a sender dies between two steps only: a step under way has failed already
            if name in (*session.destinations, session.source):
                await self._configure(name, self._config(session.name, session.source, session.destinations, name))

    # -- the end -------------------------------------------------------------------------------------------------

    async def collect(self) -> dict[ReceivedKey, Picture]:
        """Fills the report's messages, links and nodes, and fetches the pictures from the receivers."""
        self.progress.phase("collecting")
        links = [self.links[link.name] for link in self.scenario.links if link.name in self.links]
        self.report.messages = findings.message_reports(self.sent.values())
        counters: Sequence[control_pb2.LinkCounters] = []
        with contextlib.suppress(grpc.aio.AioRpcError, KeyError):
            counters = (await self.control.GetCounters(control_pb2.GetCountersRequest(), timeout=5)).links
        self.report.links = findings.link_reports(links, counters, self.report.messages)
        received: dict[ReceivedKey, Picture] = {}
        for name, node in self.scenario.nodes.items():
            with contextlib.suppress(grpc.aio.AioRpcError):
                await self._collect_node(name, node.role, received)
        return received

    async def _collect_node(self, name: str, role: str, received: dict[ReceivedKey, Picture]) -> None:
        member = self.fleet.members.get(name)
        entry = NodeReport(name=name, role=self.scenario.nodes[name].role, restarts=member.restarts if member else 0)
        self.report.nodes.append(entry)
        if member is None:
            return
        stub = node_pb2_grpc.NodeServiceStub(member.channel)
        described = await stub.Describe(node_pb2.DescribeRequest(), timeout=10)
        entry.resident_bytes = described.resident_bytes
        entry.codec = ", ".join(sorted({_codec_words(s.codec) for s in described.sessions}))
        if role == "rx":
            async for message in stub.Collect(node_pb2.CollectRequest()):
                if message.png and (message.session, message.message_id) in self.sent:
                    with Image.open(io.BytesIO(message.png)) as image:
                        picture = np.asarray(image.convert("RGB"))
                    received[message.session, message.message_id, name] = picture


async def _together(works: Sequence[Coroutine[Any, Any, Result]]) -> list[Result]:
    """All at once, in order. When one fails the others are stopped, waited for, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return [task.result() for task in tasks]


def _codec_words(codec: object) -> str:
    options = ", ".join(f"{k} {v}" for k, v in sorted(codec.options.items()) if k != "weights")  # type: ignore[attr-defined]
    return f"{codec.name} ({options})" if options else str(codec.name)  # type: ignore[attr-defined]


def _empty_report(scenario: Scenario, options: RunOptions) -> Report:
    try:
        semedge = version("semedge")
    except PackageNotFoundError:  # run from a source tree
        semedge = "unknown"
    return Report(
        semedge_version=semedge,
        scenario=ScenarioReport(name=scenario.name, description=scenario.description, digest=scenario.digest),
        seed=scenario.seed,
        clock=str(scenario.clock),
        started_at=datetime.now(UTC),
        command=list(options.command),
    )


async def _workload(run: Run) -> None:
    await run.load_pictures()
    await asyncio.to_thread(_make_room, run.options)
    await run.start_processes()
    began = time.monotonic()
    plan = run.scenario.plan
    if plan is not None and (plan.at == 0 or not run.scenario.workload):
        await run.plan()
    run.report.timing.configure_s = time.monotonic() - began
    began = time.monotonic()
    for index, step in enumerate(run.scenario.workload):
        if plan is not None and plan.at == index and run.decision is None:
            await run.plan()
        await run.carry_out(index, step)
    run.report.timing.run_s = time.monotonic() - began
    run.report.complete = True


async def run_scenario(scenario: Scenario, options: RunOptions, progress: Progress | None = None) -> Report:
    """Runs a scenario to its end and writes the report into options.out.

    Raises RunError, LaunchError or ImageError when it could not be begun or carried out, after everything was torn
    down; a run that is interrupted or breaks off half-way still leaves a partial report, which says so.
    """
    progress = progress or Silent()
    fleet = Fleet(options.out / "logs", options.tls_dir, scenario.processes.restart)
    state = options.out / f"state-{uuid.uuid4().hex}"  # never an earlier run's: its messages would pass for ours
    run = Run(scenario, options, progress, fleet, _empty_report(scenario, options), state)
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(_workload(run))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    try:
        await asyncio.wait({work, fleet.failure}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
        reason = _why_it_ended(work, fleet)
        if reason is not None:
            await fleet.let_die()
        await _finish(run, reason)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        await fleet.stop()
        shutil.rmtree(state, ignore_errors=True)
        progress.close()
    return run.report


def _make_room(options: RunOptions) -> None:
    """Makes the report's folder. An earlier run's report there gives way; other files are not ours to touch."""
    options.out.mkdir(parents=True, exist_ok=True)
    earlier = options.out / "report.json"
    if not earlier.exists():
        return
    for folder in (options.out / "received", options.out / "originals"):
        if options.images is not None and options.images.resolve().is_relative_to(folder.resolve()):
            raise RunError(
                f"--images {options.images}: lies in --out, whose old pictures give way; choose another --out"
            )
        shutil.rmtree(folder, ignore_errors=True)
    earlier.unlink()


def _why_it_ended(work: asyncio.Task[None], fleet: Fleet) -> str | None:
    """None when the workload was carried out; else one sentence. Raises what nobody foresaw."""
    if fleet.failure.done():
        return str(fleet.failure.exception())
    if work.cancelled():
        return "interrupted by the user"
    error = work.exception()
    if error is None:
        return None
    if isinstance(error, grpc.aio.AioRpcError):
        return str(error.details() or error.code().name)
    if isinstance(error, (RunError, LaunchError, ImageError)):
        return str(error)
    raise error


async def _finish(run: Run, reason: str | None) -> None:
    """Writes what there is. Raises RunError with the reason when the run did not come to its end."""
    run.report.interrupted = reason
    run.report.restarts = {name: member.restarts for name, member in run.fleet.members.items() if member.restarts}
    run.report.wall_s = time.monotonic() - run._began
    path: Path | None = None
    if reason is None or run.sent:
        received = await run.collect()
        run.progress.phase("writing the report")
        originals = {sent.shot.name: sent.shot.pixels for sent in run.sent.values()}
        run.report.wall_s = time.monotonic() - run._began
        path = await asyncio.to_thread(write, run.report, originals, received, run.options.out)
    if reason is not None:
        raise RunError(reason if path is None else f"{reason}; a partial report is at {path}")
