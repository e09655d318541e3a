"""Carries out adapt steps: has the sender teach, listens to the receivers, sends pictures while they train.

What an adaptation costs on the network is counted from what the sender says it sent. The nodes decide; a decoder that
is not better is a verdict, while an adaptation that could not be carried out ends the run with the nodes' sentence.
"""

from __future__ import annotations

import asyncio

import grpc
import grpc.aio

from edge.v1 import adapt_pb2, adapt_pb2_grpc, node_pb2, node_pb2_grpc, packet_pb2
from emulator.errors import RunError
from emulator.fleet import Fleet
from emulator.gallery import Gallery
from emulator.learner import Learner
from emulator.pictures_to_send import Shot
from emulator.progress import Progress
from emulator.report.schema import AdaptationReport, CodebookRound
from emulator.sessions import Session
from emulator.together import together
from emulator.topology import Adapt
from emulator.topology.workload import MOST_ROUNDS
from emulator.transmission import NS_PER_S, Transmission

AT_ONCE = 2
"""Adaptations at a time: as many as a node takes on."""

METHODS = {"dft": adapt_pb2.ADAPT_METHOD_DFT, "lsdft": adapt_pb2.ADAPT_METHOD_LSDFT}


class Adaptations:
    """All adaptations of a run, in the order of their steps."""

    def __init__(self, fleet: Fleet, gallery: Gallery, transmission: Transmission, progress: Progress) -> None:
        self.reports: list[AdaptationReport] = []
        self._fleet = fleet
        self._gallery = gallery
        self._transmission = transmission
        self._progress = progress

    async def carry_out(self, index: int, step: Adapt, sessions: list[Session], offered_ns: int) -> int:
        """Adapts every session, the lessons offered at offered_ns. Gives the model time at which all is over."""
        shots, served = self._gallery.to_learn(step), self._gallery.to_serve(step)
        works = []
        places = asyncio.Semaphore(AT_ONCE)
        for session in sessions:
            lesson = Teaching(self._fleet, self._transmission, self._progress, index, step, session, offered_ns)
            self.reports += lesson.begin(shots, self._gallery.total)
            works.append(lesson.carry_out(shots, served, places))
        return max(await together(works), default=offered_ns)


class Teaching:
    """One adaptation of one session."""

    def __init__(
        self,
        fleet: Fleet,
        transmission: Transmission,
        progress: Progress,
        index: int,
        step: Adapt,
        session: Session,
        offered_ns: int,
    ) -> None:
        self._fleet = fleet
        self._transmission = transmission
        self._progress = progress
        self._index = index
        self._step = step
        self._session = session
        self._offered_ns = offered_ns
        self._received_ns = offered_ns
        self._learners: dict[str, Learner] = {}
        self._receipts = 0
        self._heard = asyncio.Event()
        self._verdict: adapt_pb2.TeachVerdict | None = None

    def begin(self, shots: list[Shot], total: int) -> list[AdaptationReport]:
        """Takes the message numbers that the adaptation needs, and gives its receivers' reports, to be filled."""
        session, step = self._session, self._step
        self._first_id = session.next_id
        most_rounds = MOST_ROUNDS if step.rounds is None else step.rounds
        session.next_id = self._first_id + len(shots) + most_rounds + 2  # with the opening and the finish
        for name in session.destinations:
            report = AdaptationReport(
                step=self._index,
                session=session.name,
                source=session.source,
                receiver=name,
                method=step.method,
                images=[shot.name for shot in shots],
                set_size=total,
                compute=step.compute,
            )
            self._learners[name] = Learner(self._fleet, self._progress, report, self._first_id)
        return [learner.report for learner in self._learners.values()]

    async def carry_out(self, shots: list[Shot], served: list[Shot], places: asyncio.Semaphore) -> int:
        """Until verdict and pictures are there. Gives the model time at its end. Raises RunError or what nodes say."""
        async with places:
            listening = [learner.listen() for learner in self._learners.values()]
            await together([self._teach(shots), self._serve(served), *listening])
            await self._conclude()
        trained_s = max(learner.report.train_wall_s or 0.0 for learner in self._learners.values())
        return self._received_ns + (round(trained_s * NS_PER_S) if self._step.compute == "measured" else 0)

    # -- teaching --------------------------------------------------------------------------------------------------

    async def _teach(self, shots: list[Shot]) -> None:
        sender = self._fleet.members[self._session.source]
        request = adapt_pb2.TeachRequest(
            session=self._session.name,
            settings=settings(self._step),
            images=[node_pb2.ImagePayload(name=shot.name, png=shot.png) for shot in shots],
            first_message_id=self._first_id,
            first_offered_ns=self._offered_ns,
        )
        try:
            async for event in adapt_pb2_grpc.AdaptServiceStub(sender.channel).Teach(request):
                self._note(event, shots)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise  # the node says why
            raise RunError(
                f"{self._session.source}: the sender died or fell silent, and its adaptation with it "
                f"({error.details()}; its log is {sender.daemon.log}); run the scenario again"
            ) from error
        if self._verdict is None:
            raise RunError(
                f"{self._session.source}: stopped teaching without a verdict; its log is {sender.daemon.log}"
            )

    def _note(self, event: adapt_pb2.TeachResponse, shots: list[Shot]) -> None:
        """Writes down what the sender says."""
        kind = event.WhichOneof("event")
        if kind == "sent":
            self._count(event.sent, shots)
        elif kind == "receipt":
            self._count_receipt(event.receipt)
        elif kind == "round":
            done = event.round
            entry = CodebookRound(round=done.round, digest=done.digest, quantization_loss=done.quantization_loss)
            for learner in self._learners.values():
                learner.report.rounds = [*learner.report.rounds, entry]
        elif kind == "verdict":
            self._verdict = event.verdict
            self._count_served()
        self._heard.set()

    def _count(self, sent: node_pb2.MessageSent, shots: list[Shot]) -> None:
        """Bits and symbols on the first link; an original's are those of its PNG file, the rest are its latents."""
        lesson = sent.message_id - self._first_id - 1
        is_lesson = 0 <= lesson < len(shots)
        original = 8 * len(shots[lesson].png) if is_lesson and self._step.method == "dft" else 0
        for report in (learner.report for learner in self._learners.values()):
            if is_lesson:
                report.original_bits += min(original, sent.size_bits)
                report.latent_bits += max(sent.size_bits - original, 0)
                report.latent_channel_uses += sent.channel_uses
            else:
                report.other_bits += sent.size_bits

    def _count_receipt(self, receipt: packet_pb2.Receipt) -> None:
        self._receipts += 1
        self._received_ns = max(self._received_ns, receipt.transit.received_ns)
        report = self._learners[receipt.destination].report
        report.packets_lost += receipt.transit.packets_lost
        of_lesson = receipt.purpose == packet_pb2.MESSAGE_PURPOSE_LESSON
        if of_lesson and receipt.status == packet_pb2.RECEIPT_STATUS_FAILED:
            report.lessons_lost += 1

    # -- service goes on -------------------------------------------------------------------------------------------

    async def _serve(self, shots: list[Shot]) -> None:
        """Sends pictures while the receivers train: none when they never do."""
        await self._lessons_through()
        if not shots or not any(learner.trained for learner in self._learners.values()):
            return
        for learner in self._learners.values():
            learner.report.served = len(shots)
        self._progress.transmitting(len(shots) * len(self._learners))
        await self._transmission.send(self._session, shots, self._index, self._received_ns)

    async def _lessons_through(self) -> None:
        """Until lessons and rounds have their receipts, so that model time does not depend on who is faster."""
        await together([learner.lessons_over.wait() for learner in self._learners.values()])
        messages = [1 + len(each.report.images) + each.rounds for each in self._learners.values()]
        while self._verdict is None and self._receipts < sum(messages):
            self._heard.clear()
            await self._heard.wait()

    def _count_served(self) -> None:
        """How many pictures were answered before the verdict."""
        for name, learner in self._learners.items():
            sent = (each for each in self._transmission.sent.values() if each.step == self._index)
            learner.report.served_meanwhile = sum(
                each.session == self._session.name and name in each.receipts for each in sent
            )

    # -- the end ---------------------------------------------------------------------------------------------------

    async def _conclude(self) -> None:
        """Writes down the verdict. Raises RunError when there is none that a decoder could have got."""
        assert self._verdict is not None  # teaching ended
        said = {each.destination: each.reason for each in self._verdict.destinations}
        source_digest = await self._knowledge(self._session.source)
        for name, learner in self._learners.items():
            report = learner.report
            report.reason = said.get(name) or self._verdict.reason
            report.model_s = (self._received_ns - self._offered_ns) / NS_PER_S
            report.knowledge_source, report.knowledge_receiver = source_digest, await self._knowledge(name)
            if not self._verdict.adopted and not _was_judged(learner):
                raise RunError(f"workload[{self._index}].adapt: {name}: {report.reason or self._verdict.reason}")
            report.verdict = "adopted" if self._verdict.adopted else "kept"
            if self._verdict.adopted:
                await self._note_state(report)
            if report.knowledge_source != report.knowledge_receiver:
                raise RunError(
                    f"workload[{self._index}].adapt: {self._session.source} and {name} hold different codebooks "
                    f"({source_digest[:16]}, {report.knowledge_receiver[:16]}); look into their logs"
                )

    async def _note_state(self, report: AdaptationReport) -> None:
        """Writes down the state now in force at a receiver: its best decoder, where its last word was of its latest."""
        stub = adapt_pb2_grpc.AdaptServiceStub(self._fleet.members[report.receiver].channel)
        request = adapt_pb2.ListStatesRequest(session=report.session)
        states = (await stub.ListStates(request, timeout=30, wait_for_ready=True)).states
        for state in (each for each in states if each.active and each.HasField("after")):
            report.state, report.validation_before, report.validation_after = state.id, state.before, state.after

    async def _knowledge(self, node: str) -> str:
        """Digest of the codebooks that a node holds for this session."""
        stub = node_pb2_grpc.NodeServiceStub(self._fleet.members[node].channel)
        described = await stub.Describe(node_pb2.DescribeRequest(), timeout=30, wait_for_ready=True)
        held = (each.codec.knowledge for each in described.sessions if each.session == self._session.name)
        return next(held, "")


def _was_judged(learner: Learner) -> bool:
    """Whether a training came to its end and was measured against the old decoder: then its refusal is a verdict."""
    ended = learner.ended
    measured = learner.report.validation_before is not None and learner.report.validation_after is not None
    return ended is not None and measured and ended.step >= ended.steps


def settings(step: Adapt) -> adapt_pb2.AdaptSettings:
    """What the nodes are told: the step's keys; those that were left out keep the method's defaults."""
    return adapt_pb2.AdaptSettings(
        method=METHODS[step.method],
        rounds=step.rounds,
        steps=step.steps,
        batch=step.batch,
        crop=step.crop,
        learning_rate=step.learning_rate,
        checkpoint_steps=step.checkpoint_steps,
        equivariance=step.equivariance,
        seed=step.seed,
        denoise=step.denoise,
    )
