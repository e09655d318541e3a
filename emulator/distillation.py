"""Carries out distill steps: has the sender train, sends pictures meanwhile, carries what is better to the receiver.

The nodes decide; a decoder that is not better is a verdict. How many pictures the old and the new decoder made is known
when they are collected (decoder_findings.py).
"""

from __future__ import annotations

import math

import grpc
import grpc.aio

from edge.v1 import decoders_pb2, decoders_pb2_grpc, node_pb2
from emulator.decoders import Decoders
from emulator.errors import RunError
from emulator.fleet import Fleet
from emulator.gallery import Gallery
from emulator.pictures_to_send import Shot
from emulator.progress import Progress
from emulator.report.schema import AdaptationReport, CurvePoint, DistillationReport
from emulator.sessions import Session
from emulator.together import together
from emulator.topology import Distill, Scenario, told_snr_db
from emulator.transmission import NS_PER_S, Transmission


class Distillations:
    """All distillations of a run. Adds its reports to those that it is given."""

    def __init__(
        self,
        scenario: Scenario,
        fleet: Fleet,
        gallery: Gallery,
        transmission: Transmission,
        decoders: Decoders,
        reports: list[AdaptationReport],
        progress: Progress,
    ) -> None:
        self._scenario = scenario
        self._fleet = fleet
        self._gallery = gallery
        self._transmission = transmission
        self._decoders = decoders
        self._reports = reports
        self._progress = progress

    async def carry_out(self, index: int, step: Distill, sessions: list[Session], offered_ns: int) -> int:
        """One receiver after the other, pictures offered from offered_ns on. Gives the model time at the end. Raises
        RunError or what the nodes say."""
        for session in sessions:
            for receiver in step.receivers or session.destinations:
                if receiver in session.destinations:
                    offered_ns = await self._improve(index, step, session, receiver, offered_ns)
        return offered_ns

    async def _improve(self, index: int, step: Distill, session: Session, receiver: str, offered_ns: int) -> int:
        held = await self._decoders.running(receiver, session)
        snr_db = told_snr_db(self._scenario, receiver) if step.snr_db is None else step.snr_db
        assert snr_db is not None  # validation has seen to that
        own = DistillationReport(
            decoder=held.decoder, snr_db=snr_db, alpha=step.alpha, transfer=step.transfer, epoch=held.epoch
        )
        shots, served = self._gallery.to_learn(step), self._gallery.to_serve(step)
        report = AdaptationReport(
            step=index,
            session=session.name,
            source=session.source,
            receiver=receiver,
            method=step.kind,
            images=[shot.name for shot in shots],
            set_size=self._gallery.total,
            unit="dB",
            compute=step.compute,
            served=len(served),
        )
        report.distillation = own
        self._reports.append(report)
        self._progress.transmitting(len(served) * len(session.destinations))
        first, rest = served[: (len(served) + 1) // 2], served[(len(served) + 1) // 2 :]
        await together([self._train(step, report, own, shots), self._serve(session, first, index, offered_ns)])
        over_ns = max(offered_ns, self._transmission.last_received_ns)
        await together([self._give(session, report, own), self._serve(session, rest, index, over_ns)])
        over_ns = max(over_ns, self._transmission.last_received_ns)
        return over_ns + (round((report.train_wall_s or 0.0) * NS_PER_S) if step.compute == "measured" else 0)

    async def _serve(self, session: Session, shots: list[Shot], index: int, offered_ns: int) -> None:
        if shots:
            await self._transmission.send(session, shots, index, offered_ns)

    async def _give(self, session: Session, report: AdaptationReport, own: DistillationReport) -> None:
        """Uploads a decoder that is better. Pictures are on their way meanwhile."""
        if report.verdict == "adopted":
            own.uploaded_bytes = await self._decoders.give(session, report.receiver, own.decoder)

    async def _train(self, step: Distill, report: AdaptationReport, own: DistillationReport, shots: list[Shot]) -> None:
        """Until the sender's verdict. Raises RunError when there is none."""
        sender = self._fleet.members[report.source]
        try:
            stub = decoders_pb2_grpc.DecoderServiceStub(sender.channel)
            async for event in stub.Distill(request(step, report, own, shots)):
                if event.WhichOneof("event") == "progress":
                    self._note(report, event.progress)
                else:
                    _conclude(report, own, event.verdict)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise  # the node says why
            raise RunError(
                f"{report.source}: the sender died, and its distillation with it (its log is {sender.daemon.log}); run "
                "the scenario again"
            ) from error
        if report.verdict == "pending":
            raise RunError(f"{report.source}: stopped distilling without a verdict; its log is {sender.daemon.log}")

    def _note(self, report: AdaptationReport, said: decoders_pb2.DistillProgress) -> None:
        report.steps = said.step
        if said.step == 0:
            report.validation_before = _finite(said.validation_db)
        point = CurvePoint(
            step=said.step,
            loss=said.loss if said.HasField("loss") else None,
            validation=_finite(said.validation_db),
        )
        report.curve = [*report.curve, point]
        doing = f"distilling for {report.receiver}, validation {said.validation_db:.2f} dB"
        self._progress.learning(report.source, doing, said.step, said.steps)


def _conclude(report: AdaptationReport, own: DistillationReport, said: decoders_pb2.DistillVerdict) -> None:
    report.verdict, report.reason = "adopted" if said.better else "kept", said.reason
    report.validation_before, report.validation_after = _finite(said.before_db), _finite(said.after_db)
    report.train_wall_s = said.elapsed_s
    own.teacher, own.teacher_db = said.teacher, _finite(said.teacher_db)


def request(
    step: Distill, report: AdaptationReport, own: DistillationReport, shots: list[Shot]
) -> decoders_pb2.DistillRequest:
    """What the sender is told: the step's keys; those that were left out keep the method's defaults."""
    return decoders_pb2.DistillRequest(
        session=report.session,
        receiver=report.receiver,
        decoder=own.decoder,
        teacher=step.teacher,
        snr_db=own.snr_db,
        images=[node_pb2.ImagePayload(name=shot.name, png=shot.png) for shot in shots],
        steps=step.steps,
        batch=step.batch,
        crop=step.crop,
        learning_rate=step.learning_rate,
        alpha=step.alpha,
        transfer=step.transfer,
        seed=step.seed,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
