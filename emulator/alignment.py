"""Carries out align steps: asks the sender, listens, through its deaths, and writes down how it went.

The nodes align by themselves, over the network. What was not better is a verdict, while an alignment that could not be
carried out ends the run with the nodes' sentence.
"""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import grpc
import grpc.aio

from edge.v1 import align_pb2, align_pb2_grpc
from emulator import alignment_findings
from emulator.errors import RunError
from emulator.fleet import SERVING_TIMEOUT_S, Fleet
from emulator.live_links import LiveLinks
from emulator.progress import Progress
from emulator.report.schema import AlignmentReport, CurvePoint
from emulator.sessions import Session
from emulator.topology import Align
from emulator.topology.workload import OwnData
from emulator.transmission import NS_PER_S

MESSAGES = 1100
"""Message numbers that an alignment may take (AlignRequest)."""

PAUSE_S = 0.2
MAX_CURVE_POINTS = 400

DIED = (grpc.StatusCode.UNAVAILABLE,)

PHASES = {
    align_pb2.ALIGN_PHASE_ASKED: "asks",
    align_pb2.ALIGN_PHASE_DOWNLOADING: "downloads the decoder",
    align_pb2.ALIGN_PHASE_TUNING: "training",
    align_pb2.ALIGN_PHASE_UPLOADING: "uploads what changed",
    align_pb2.ALIGN_PHASE_SWITCHING: "puts it in force",
}


class Alignments:
    """All alignments of a run, in order."""

    def __init__(self, fleet: Fleet, links: LiveLinks, progress: Progress) -> None:
        self.reports: list[AlignmentReport] = []
        self._fleet = fleet
        self._links = links
        self._progress = progress

    async def carry_out(self, index: int, step: Align, sessions: list[Session], offered_ns: int) -> int:
        """Aligns the sessions, one after the other, the first offered at offered_ns. Gives the model time at the end.

        Raises RunError or what the nodes say.
        """
        for session in sessions:
            work = Alignment(self._fleet, self._links, self._progress, index, step, session, offered_ns)
            self.reports.append(work.report)
            offered_ns = await work.carry_out()
        return offered_ns


class Alignment:
    """One alignment of one session's two ends. report: fills up."""

    def __init__(
        self,
        fleet: Fleet,
        links: LiveLinks,
        progress: Progress,
        index: int,
        step: Align,
        session: Session,
        offered_ns: int,
    ) -> None:
        (receiver,) = session.destinations
        self._fleet = fleet
        self._progress = progress
        self._step = step
        self._offered_ns = offered_ns
        self._request = request(step, session, offered_ns)
        session.next_id += MESSAGES
        self._up = alignment_findings.way(links.all(), session.source, receiver)
        self._down = alignment_findings.way(links.all(), receiver, session.source)
        self._verdict: align_pb2.AlignVerdict | None = None
        self.report = AlignmentReport(
            step=index,
            session=session.name,
            source=session.source,
            receiver=receiver,
            method=step.method,
            freeze=step.freeze,
            classifier=step.classifier,
            shared=step.shared,
            data=step.data.sample or step.data.path or "",
            compute=step.compute,
        )

    async def carry_out(self) -> int:
        """Until the verdict. Gives the model time at its end. Raises RunError or what the nodes say."""
        try:
            await self._listen()
        finally:
            alignment_findings.note_recovery(self.report, self._step.flops_per_s)
        self._conclude()
        return self._offered_ns + round((self.report.recovery_model_s or 0.0) * NS_PER_S)

    async def _listen(self) -> None:
        """Asks, and asks again for the same when the sender has died: it goes on where it was."""
        loop = asyncio.get_running_loop()
        last_word, away = loop.time(), False
        while True:
            try:
                async for news in self._stub().Align(self._request):
                    last_word, away = loop.time(), False
                    self._note(news)
                break
            except grpc.aio.AioRpcError as error:
                # a new process may not have been told its sessions yet
                if error.code() not in ((*DIED, grpc.StatusCode.NOT_FOUND) if away else DIED):
                    raise  # the node says why
                self.report.asked_again += not away
                away = True
                if loop.time() - last_word > SERVING_TIMEOUT_S:
                    raise RunError(
                        f"{self.report.source}: said nothing of its alignment for {SERVING_TIMEOUT_S:g} s "
                        f"({error.details()}); its log is {self._log()}"
                    ) from error
            await asyncio.sleep(PAUSE_S)
        if self._verdict is None:
            raise RunError(f"{self.report.source}: stopped aligning without a verdict; its log is {self._log()}")

    def _stub(self) -> align_pb2_grpc.AlignServiceStub:
        return align_pb2_grpc.AlignServiceStub(self._fleet.members[self.report.source].channel)

    def _log(self) -> Path:
        return self._fleet.members[self.report.source].daemon.log

    # -- what the sender says --------------------------------------------------------------------------------------

    def _note(self, news: align_pb2.AlignResponse) -> None:
        """Writes it down. What is said again, after a death, replaces what was said."""
        kind = news.WhichOneof("event")
        if kind == "progress":
            self._note_progress(news.progress)
        elif kind == "crossover":
            self.report.crossover = alignment_findings.crossover(news.crossover, self._down, self._up)
        elif kind == "transfer":
            if news.transfer.direction == align_pb2.TRANSFER_DIRECTION_DOWN:
                self.report.download = alignment_findings.transfer(news.transfer, self._down)
            else:
                self.report.upload = alignment_findings.transfer(news.transfer, self._up)
        elif kind == "tuning":
            self.report.tuning = alignment_findings.tuning(news.tuning)
        elif kind == "verdict":
            self._verdict = news.verdict

    def _note_progress(self, progress: align_pb2.AlignProgress) -> None:
        if progress.phase == align_pb2.ALIGN_PHASE_ASKED and progress.reason:
            self.report.waited = list(dict.fromkeys([*self.report.waited, progress.reason]))
        if progress.phase == align_pb2.ALIGN_PHASE_TUNING and progress.step:
            self._plot(progress)
        training = progress.phase == align_pb2.ALIGN_PHASE_TUNING
        done, total = (progress.step, progress.steps) if training else (progress.bytes, progress.size_bytes)
        doing = progress.reason or PHASES.get(progress.phase, "aligns")
        self._progress.learning(f"{self.report.source} with {self.report.receiver}", doing, done, total)

    def _plot(self, progress: align_pb2.AlignProgress) -> None:
        """Adds a point to the curve. One that has become too long loses every second point."""
        loss = progress.loss if math.isfinite(progress.loss) else None
        curve = [earlier for earlier in self.report.curve if earlier.step < progress.step]  # a resumed one goes back
        kept = curve[::2] if len(curve) >= MAX_CURVE_POINTS else curve
        self.report.curve = [*kept, CurvePoint(step=progress.step, loss=loss)]

    # -- the end ---------------------------------------------------------------------------------------------------

    def _conclude(self) -> None:
        """Writes down the verdict. Raises RunError when the alignment failed, and not because it was no better."""
        assert self._verdict is not None  # the sender was heard to its end
        said, report = self._verdict, self.report
        report.reason = said.reason
        report.digest_before, report.digest_after = said.digest_before, said.digest_after
        report.recovery_model_s, report.wall_s = said.recovery_model_s, said.elapsed_s
        report.verdict = "adopted" if said.adopted else "kept"
        if not said.adopted and (report.tuning is None or report.tuning.mse_after < report.tuning.mse_before):
            raise RunError(f"workload[{report.step}].align: {report.source} and {report.receiver}: {said.reason}")


def request(step: Align, session: Session, offered_ns: int) -> align_pb2.AlignRequest:
    """What the sender is told: the step's keys; those that were left out keep the method's defaults."""
    asked = align_pb2.AlignRequest(
        session=session.name,
        settings=settings(step),
        data=own_data(step.data),
        first_message_id=session.next_id,
        first_offered_ns=offered_ns,
    )
    if step.compute == "flops":
        asked.compute.flops_per_s = step.flops_per_s
    elif step.compute == "measured":
        asked.compute.measured = True
    return asked


def settings(step: Align) -> align_pb2.AlignSettings:
    """The method's part of a step."""
    return align_pb2.AlignSettings(
        freeze=step.freeze,
        steps=step.steps,
        batch=step.batch,
        learning_rate=step.learning_rate,
        commitment=step.commitment,
        checkpoint_steps=step.checkpoint_steps,
        seed=step.seed,
        pilots=step.pilots,
        classifier=step.classifier,
        shared=step.shared,
    )


def own_data(data: OwnData) -> align_pb2.OwnData:
    """The sender's pictures. A path is taken from where the controller runs: a node may run elsewhere."""
    source = data.sample if data.path is None else str(Path(data.path).expanduser().absolute())
    return align_pb2.OwnData(source=source or "", limit=data.limit or 0)
