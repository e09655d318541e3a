"""Runs a scenario: starts its processes, has the workload carried out, collects, reports, tears down.

It speaks to its processes through proto/ only, and imports none of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import grpc
import grpc.aio

from edge.images import ImageError
from edge.v1 import codec_pb2, node_pb2, node_pb2_grpc
from emulator import decoder_findings, findings, layer_findings
from emulator.errors import RunError
from emulator.fleet import Fleet
from emulator.launch.local import LaunchError
from emulator.live_links import EMULATOR
from emulator.progress import Progress, Silent
from emulator.report import Picture, ReceivedKey, write
from emulator.report.schema import NodeReport, Report, ScenarioReport
from emulator.together import together
from emulator.topology import Adapt, Align, Scenario
from emulator.topology.nodes import Capacity
from emulator.workload import OPTIMIZER, Workload

__all__ = ["RunError", "RunOptions", "run_scenario"]


@dataclass(frozen=True)
class RunOptions:
    """images: the user's pictures, None for the packaged sample. limit: at most so many. out: the report's folder."""

    out: Path
    images: Path | None = None
    limit: int | None = None
    tls_dir: Path | None = None
    command: Sequence[str] = ()


class Run:
    """One run, from the first process to the report."""

    def __init__(self, scenario: Scenario, options: RunOptions, progress: Progress) -> None:
        self.scenario = scenario
        self.options = options
        self.progress = progress
        self.fleet = Fleet(options.out / "logs", options.tls_dir, scenario.processes.restart)
        self.workload = Workload(scenario, self.fleet, progress, options.images, options.limit)
        self.report = _empty_report(scenario, options)
        # where receivers keep what they were delivered; never an earlier run's: its messages would pass for ours
        self.state = options.out / f"state-{uuid.uuid4().hex}"
        self._began = time.monotonic()

    async def carry_out(self) -> None:
        """Everything up to the last receipt."""
        await self.workload.load_pictures()
        await asyncio.to_thread(_make_room, self.options)
        began = time.monotonic()
        await self._start_processes()
        self.report.timing.up_s = time.monotonic() - began
        began = time.monotonic()
        if self.scenario.plan is not None and not self.scenario.workload:
            await self.workload.make_plan()
        await self.workload.carry_out()
        self.report.timing.run_s = time.monotonic() - began
        self.report.complete = True

    async def _start_processes(self) -> None:
        """Emulator and optimizer first, then every node at once; returns when all report SERVING."""
        self.progress.phase("starting processes")
        wanted = [self.fleet.start(EMULATOR, "emulator", ["serve"])]
        if self.scenario.plan is not None:
            wanted.append(self.fleet.start(OPTIMIZER, "optimizer", ["serve"]))
        await together(wanted)
        await together([self.fleet.serving(name) for name in self.fleet.members])
        await self.workload.links.apply()
        crews = [([name], "tx") for name in self._named("tx")]
        receivers = self._named("rx")
        alone = [name for name in receivers if self.scenario.nodes[name].capacity is not None]
        others = [name for name in receivers if name not in alone]
        crews += [([name], "rx") for name in alone]
        crews += [(list(crew), "rx") for crew in _batched(others, self.scenario.processes.receivers)]
        await together([self._start_crew(names, role) for names, role in crews])
        await together([self.fleet.serving(name) for names, _ in crews for name in names])
        self.fleet.watch(EMULATOR, self._restore_emulator)
        for names, _ in crews:
            self.fleet.watch(names[0], partial(self._restore_crew, names))

    def _named(self, role: str) -> list[str]:
        return [name for name, node in self.scenario.nodes.items() if node.role == role]

    async def _start_crew(self, names: Sequence[str], role: str) -> None:
        """One process for these nodes."""
        address = self.fleet.members[EMULATOR].daemon.address
        arguments = ["--role", role, "--emulator", address]
        arguments += [word for name in names for word in ("--name", name)]
        learns = any(isinstance(step, Adapt | Align) for step in self.scenario.workload)
        if role == "rx" or learns:  # a tx that learns nothing has nothing to keep
            arguments += ["--state", str(self.state)]
        arguments += _capacity_arguments(self.scenario.nodes[names[0]].capacity)
        await self.fleet.start_together(names, "edge.node", arguments)

    async def _restore_emulator(self) -> None:
        """A new emulator knows nothing: give it the network as it now is. The nodes come back by themselves."""
        await self.fleet.serving(EMULATOR)
        await self.workload.links.apply()

    async def _restore_crew(self, names: Sequence[str]) -> None:
        """A new process has its nodes' received messages on disk, but must be told their sessions."""
        for name in names:
            await self.fleet.serving(name)
            await self.workload.sessions.restore(name)
            await self.workload.decoders.restore(name)

    async def finish(self, reason: str | None) -> None:
        """Writes what there is. Raises RunError with the reason when the run did not come to its end."""
        self.report.interrupted = reason
        self.report.plan = self.workload.plan
        self.report.steps = self.workload.steps
        self.report.adaptations = self.workload.adaptations.reports
        self.report.alignments = self.workload.alignments.reports
        self.report.choices = self.workload.decoders.choices
        self.report.bearers = self.workload.witness.bearers
        self.report.separation = self.workload.witness.separation
        self.report.multicasts = self.workload.layers.reports
        layer_findings.compare_strategies(self.report.multicasts)
        members = self.fleet.members.items()
        self.report.restarts = {name: member.restarts for name, member in members if member.restarts}
        path: Path | None = None
        if reason is None or self.workload.transmission.sent:
            self.progress.phase("collecting")
            received = await self._collect()
            self.progress.phase("writing the report")
            originals = {sent.shot.name: sent.shot.pixels for sent in self.workload.transmission.sent.values()}
            self.report.wall_s = time.monotonic() - self._began
            path = await asyncio.to_thread(write, self.report, originals, received, self.options.out)
        if reason is not None:
            raise RunError(reason if path is None else f"{reason}; a partial report is at {path}")

    async def _collect(self) -> dict[ReceivedKey, Picture]:
        """Fills the report's messages, links and nodes, and fetches the pictures from the receivers."""
        self.report.messages = findings.message_reports(self.workload.transmission.sent.values())
        counters = await self.workload.links.counters()
        self.report.links = findings.link_reports(self.workload.links.all(), counters, self.report.messages)
        received: dict[ReceivedKey, Picture] = {}
        for name in self.scenario.nodes:
            with contextlib.suppress(grpc.aio.AioRpcError):
                await self._collect_node(name, received)
        decoder_findings.note_decoding(self.report)
        self.report.refinements = layer_findings.refinement_reports(
            self.scenario, self.report.messages, self.workload.transmission.refinements
        )
        return received

    async def _collect_node(self, name: str, received: dict[ReceivedKey, Picture]) -> None:
        member = self.fleet.members.get(name)
        entry = NodeReport(name=name, role=self.scenario.nodes[name].role, restarts=member.restarts if member else 0)
        self.report.nodes.append(entry)
        if member is None:
            return
        entry.process = member.mates[0]
        stub = node_pb2_grpc.NodeServiceStub(member.channel)
        described = await stub.Describe(node_pb2.DescribeRequest(), timeout=10)
        entry.resident_bytes = described.resident_bytes
        entry.pictures_encoded, entry.messages_decoded = described.pictures_encoded, described.messages_decoded
        entry.parts = list(dict.fromkeys(part for session in described.sessions for part in session.parts))
        entry.codec = ", ".join(sorted({_codec_words(session.codec) for session in described.sessions}))
        if entry.role == "rx":
            messages = {(m.session, m.message_id): m for m in self.report.messages if m.destination == name}
            async for message in stub.Collect(node_pb2.CollectRequest()):
                key = (message.session, message.message_id)
                sent = self.workload.transmission.sent.get(key)
                if key in messages and sent is not None:
                    findings.note_decoding(messages[key], message, sent.shot.pixels)
                if message.png and sent is not None:
                    received[message.session, message.message_id, name] = findings.pixels(message.png)

    async def tear_down(self) -> None:
        """Stops every process and drops what receivers kept for this run."""
        await self.fleet.stop()
        shutil.rmtree(self.state, ignore_errors=True)
        self.progress.close()


async def run_scenario(scenario: Scenario, options: RunOptions, progress: Progress | None = None) -> Report:
    """Runs a scenario to its end and writes the report into options.out.

    Raises RunError, LaunchError or ImageError when it could not be begun or carried out, after everything was torn
    down; a run that is interrupted or breaks off half-way still leaves a partial report, which says so.
    """
    run = Run(scenario, options, progress or Silent())
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(run.carry_out())
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    try:
        await asyncio.wait({work, run.fleet.failure}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
        reason = _why_it_ended(work, run.fleet)
        if reason is not None:
            await run.fleet.let_die()
        await run.finish(reason)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        await run.tear_down()
    return run.report


def _batched(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[first : first + size] for first in range(0, len(names), size)]


def _capacity_arguments(capacity: Capacity | None) -> list[str]:
    """What a node is told to say of itself."""
    if capacity is None:
        return []
    memory = [] if capacity.memory_bytes is None else ["--memory-bytes", str(capacity.memory_bytes)]
    return ["--capacity", str(capacity.flops_per_s), *memory]


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


def _codec_words(codec: codec_pb2.CodecDescription) -> str:
    options = ", ".join(f"{k} {v}" for k, v in sorted(codec.options.items()) if k != "weights")
    return f"{codec.name} ({options})" if options else codec.name


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
