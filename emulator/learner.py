"""Listens to one receiver while it learns, through its restarts, and writes down how it went."""

from __future__ import annotations

import asyncio
import math

import grpc
import grpc.aio

from edge.v1 import adapt_pb2, adapt_pb2_grpc
from emulator.errors import RunError
from emulator.fleet import SERVING_TIMEOUT_S, Fleet
from emulator.progress import Progress
from emulator.report.schema import AdaptationReport, CurvePoint

PAUSE_S = 0.2
MAX_CURVE_POINTS = 400
AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.NOT_FOUND)
"""What a receiver that died answers: nothing at all, or, started again, that it does not know the session yet."""


class Learner:
    """One receiver in one adaptation.

    report: fills up. rounds: codebook rounds in all, once they are known. trained: whether it began to. lessons_over:
    set when the receiver trains, or when it has ended without. ended: its last word, None before it.
    """

    def __init__(self, fleet: Fleet, progress: Progress, report: AdaptationReport, first_id: int) -> None:
        """first_id: number of the adaptation's first message."""
        self.report = report
        self.rounds = 0
        self.trained = False
        self.lessons_over = asyncio.Event()
        self.ended: adapt_pb2.WatchResponse | None = None
        self._fleet = fleet
        self._progress = progress
        self._first_id = first_id

    async def listen(self) -> None:
        """Until the adaptation has ended here. Raises RunError when the receiver stays away."""
        loop = asyncio.get_running_loop()
        last_word = loop.time()
        while self.ended is None:
            try:
                async for news in self._stub().Watch(self._request()):
                    last_word = loop.time()
                    self._note(news)
            except grpc.aio.AioRpcError as error:
                if error.code() not in AWAY:
                    raise  # the node says why
            if self.ended is None:
                if loop.time() - last_word > SERVING_TIMEOUT_S:
                    log = self._fleet.members[self.report.receiver].daemon.log
                    raise RunError(
                        f"{self.report.receiver}: said nothing of its adaptation for {SERVING_TIMEOUT_S:g} s; its log "
                        f"is {log}"
                    )
                await asyncio.sleep(PAUSE_S)

    def _stub(self) -> adapt_pb2_grpc.AdaptServiceStub:
        return adapt_pb2_grpc.AdaptServiceStub(self._fleet.members[self.report.receiver].channel)

    def _request(self) -> adapt_pb2.WatchRequest:
        return adapt_pb2.WatchRequest(session=self.report.session, first_message_id=self._first_id)

    def _note(self, news: adapt_pb2.WatchResponse) -> None:
        report = self.report
        report.steps = max(report.steps, news.step)
        report.unit = news.unit or report.unit
        self.rounds = news.rounds
        if news.HasField("validation_before"):
            report.validation_before = _finite(news.validation_before)
        if news.HasField("resumed_at_step") and news.resumed_at_step not in report.resumed_at_steps:
            report.resumed_at_steps = [*report.resumed_at_steps, news.resumed_at_step]
        if news.phase == adapt_pb2.ADAPT_PHASE_TUNING:
            self._plot(news)
        if news.phase == adapt_pb2.ADAPT_PHASE_ENDED:
            self.ended = news
            report.train_wall_s = news.elapsed_s
            report.validation_after = _finite(news.validation) if news.HasField("validation") else None
        self.trained = self.trained or news.phase == adapt_pb2.ADAPT_PHASE_TUNING or news.step > 0
        if news.phase in (adapt_pb2.ADAPT_PHASE_TUNING, adapt_pb2.ADAPT_PHASE_ENDED):
            self.lessons_over.set()
        self._tell(news)

    def _plot(self, news: adapt_pb2.WatchResponse) -> None:
        """Adds a point to the curve. One that has become too long loses every second point."""
        point = CurvePoint(
            step=news.step,
            loss=_finite(news.loss) if news.step else None,
            validation=_finite(news.validation) if news.HasField("validation") else None,
        )
        curve = [earlier for earlier in self.report.curve if earlier.step < point.step]  # a resumed one goes back
        self.report.curve = [*(curve[::2] if len(curve) >= MAX_CURVE_POINTS else curve), point]

    def _tell(self, news: adapt_pb2.WatchResponse) -> None:
        doing, done, total = {
            adapt_pb2.ADAPT_PHASE_LESSONS: ("lessons", news.lessons, len(self.report.images)),
            adapt_pb2.ADAPT_PHASE_ROUNDS: ("codebook rounds", news.round, news.rounds),
            adapt_pb2.ADAPT_PHASE_TUNING: (f"training{self._judgement(news)}", news.step, news.steps),
            adapt_pb2.ADAPT_PHASE_ENDED: (f"trained{self._judgement(news)}", news.step, news.steps),
        }.get(news.phase, ("waits for lessons", 0, len(self.report.images)))
        self._progress.learning(self.report.receiver, doing, done, total)

    def _judgement(self, news: adapt_pb2.WatchResponse) -> str:
        if not news.HasField("validation"):
            return ""
        before = f" (before: {news.validation_before:.3g})" if news.HasField("validation_before") else ""
        return f", validation {news.validation:.4g} {news.unit}{before}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
