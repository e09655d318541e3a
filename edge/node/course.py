"""One adaptation at a receiver: lessons come in, codebook rounds are repeated and compared, the decoder is trained.

    LESSONS -> ROUNDS (DFT, when the codec has codebooks) -> TUNING -> ENDED

All slow work happens in a thread of the course's own, on a copy of the codec: the one in service is only read. What is
needed to go on after a kill is on the shelf: lessons and the training's checkpoint; rounds are run again from the
lessons, which gives the same codebooks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from edge.adapt.errors import AdaptError
from edge.adapt.lessons import Lesson
from edge.adapt.settings import AdaptSettings
from edge.codecs.contract import Codec, Half
from edge.node.adapt_messages import Finish, LessonError, Round, read_original
from edge.node.codec_thread import CodecThread
from edge.node.lesson_shelf import Ended, LessonShelf
from edge.node.sessions import Session
from edge.node.state_keeper import StateKeeper
from edge.node.workshop import RoundDone, Rounds, Tuning, Verdict, Workshop, live_parameters
from edge.v1 import adapt_pb2
from edge.wire.reassembly import ReceivedMessage

log = logging.getLogger(__name__)

REPORT_STEPS = 5  # training steps between two reports of progress


class Course:
    """One adaptation. thread: where the codec in service is used."""

    def __init__(
        self, session: Session, shelf: LessonShelf, thread: CodecThread, keeper: StateKeeper, workshop: Workshop
    ) -> None:
        """Raises AdaptError for settings that cannot be used."""
        self.session = session
        self.settings = AdaptSettings.from_json(shelf.opening.settings)
        self.busy = False  # a round or the training is at hand
        self.touched_s = time.monotonic()  # when the last message came
        self._shelf = shelf
        self._service_thread = thread
        self._keeper = keeper
        self._workshop = workshop
        self._thread = CodecThread()
        self._began_s = time.monotonic()
        self._copy: Codec | None = None
        self._ahead: asyncio.Task[None] | None = None  # runs the rounds
        self._rounds: Rounds | None = None
        self._rounds_done: list[RoundDone] = []
        self._round_done = asyncio.Event()
        self._usable: tuple[int, ...] = ()
        self.progress = adapt_pb2.WatchResponse(
            phase=adapt_pb2.ADAPT_PHASE_LESSONS,
            lessons=len(shelf),
            steps=self.settings.steps,
            first_message_id=shelf.first_message_id,
            digest=session.description.knowledge,
        )
        if shelf.ended is not None:
            self._show_end(shelf.ended)

    @property
    def first_message_id(self) -> int:
        return self._shelf.first_message_id

    @property
    def over(self) -> bool:
        return self._shelf.ended is not None

    def lesson_number(self, message_id: int) -> int | None:
        """Which lesson a message is, from 1; None when it is none of this course."""
        number = message_id - self.first_message_id
        return number if 1 <= number <= self._shelf.opening.images else None

    def seen(self) -> adapt_pb2.WatchResponse:
        """Where the course stands now."""
        response = adapt_pb2.WatchResponse()
        response.CopyFrom(self.progress)
        if not self.over:
            response.elapsed_s = time.monotonic() - self._began_s
        return response

    async def close(self) -> None:
        """Stops after the round or the training steps at hand."""
        await self._stop_rounds()
        await asyncio.to_thread(self._thread.close)

    # What comes.

    async def prepare(self) -> None:
        """Opens the copy with both halves. Raises AdaptError and CodecError when that cannot be."""
        if self._copy is None:
            live = await self._service_thread.run(lambda: live_parameters(self.session.codec))
            self._copy = await self._thread.run(self._workshop.copy, self.session, Half.BOTH, live)
            names = await self._thread.run(self._workshop.codebook_names, self._copy)
            self.progress.rounds = self.settings.codebook_rounds if names else 0

    async def learn(self, number: int, message: ReceivedMessage) -> None:
        """Keeps a lesson. Raises LessonError, ImageError and CodecError when it cannot be used."""
        self._refuse_when_over()
        await self.prepare()
        segments = list(message.segments)
        original = segments.pop() if self.settings.method == "dft" and segments else None
        if not segments:
            raise LessonError(f"lesson {number}: holds no latents; use one version on both ends")

        def check_and_keep() -> None:
            picture = None if original is None else read_original(original)
            assert self._copy is not None  # prepared above
            self._workshop.check_lesson(self._copy, Lesson(segments, picture))
            self._shelf.put(number, segments, original)

        await self._thread.run(check_and_keep)
        self.touched_s = time.monotonic()
        self.progress.lessons = len(self._shelf)
        if len(self._shelf) == self._shelf.opening.images and self.progress.rounds and self._ahead is None:
            await self._run_rounds(tuple(range(1, len(self._shelf) + 1)))

    async def round(self, said: Round) -> None:
        """Runs the same round and compares. Raises LessonError when the digests differ: the course is then over."""
        async with self._at_work():
            self.progress.phase = adapt_pb2.ADAPT_PHASE_ROUNDS
            await self._catch_up(said.round, said.digest, said.lessons)

    async def finish(self, said: Finish) -> None:
        """Trains, judges, and adopts what is better. Raises LessonError with the reason when nothing was adopted."""
        if self._shelf.ended is not None:
            await self._say_again(self._shelf.ended)
            return
        async with self._at_work():
            if said.called_off:
                raise LessonError(f"called off by {self.session.source}: {said.called_off}")
            await self.prepare()
            if said.rounds != self.progress.rounds:
                raise LessonError(f"finish: comes after {said.rounds} rounds, but there are {self.progress.rounds}")
            if said.rounds:
                await self._catch_up(said.rounds, said.digest, said.lessons)
            lessons = await self._thread.run(self._shelf.get, said.lessons)
            verdict, tuning = await self._train(lessons)
            if not verdict.better:
                raise AdaptError(verdict.reason)
            await self._adopt(verdict, tuning)

    async def end(self, reason: str) -> None:
        """Ends the course without a result. Raises OSError."""
        await self._end(Ended(reason, self.session.description.knowledge))

    # Codebook rounds.

    async def _catch_up(self, number: int, digest: str, usable: tuple[int, ...]) -> None:
        """Waits for that round to be done here too, and compares the digest."""
        await self.prepare()
        if not 1 <= number <= self.progress.rounds:
            raise LessonError(
                f"round: must be 1 to {self.progress.rounds} with these settings, got {number}; "
                "use one version and one codec on both ends"
            )
        if self._ahead is None or usable != self._usable:
            await self._run_rounds(usable)
        assert self._ahead is not None  # started above
        while len(self._rounds_done) < number and not self._ahead.done():
            self._round_done.clear()
            await self._round_done.wait()
        if len(self._rounds_done) < number:
            await self._ahead  # raises what went wrong
        done = self._rounds_done[number - 1]
        if done.digest != digest:
            raise LessonError(
                f"codebook digests differ after round {number}: {done.digest} here, {digest} at "
                f"{self.session.source}; both ends keep their last good codebook"
            )

    async def _run_rounds(self, usable: tuple[int, ...]) -> None:
        """Begins to run all rounds from these lessons: before their source asks, so that both ends work at once."""
        await self._stop_rounds()
        self._usable = usable
        self._ahead = asyncio.create_task(self._all_rounds(usable), name=f"rounds {self.session.name}")
        self._ahead.add_done_callback(self._rounds_over)

    async def _all_rounds(self, usable: tuple[int, ...]) -> None:
        lessons = await self._thread.run(self._shelf.get, usable)
        originals = [lesson.original for lesson in lessons if lesson.original is not None]
        assert self._copy is not None  # prepared
        self._rounds = await self._thread.run(self._workshop.rounds, self._copy, originals, self.settings)
        while len(self._rounds_done) < self.progress.rounds:
            done = await self._thread.run(self._rounds.run_round)
            self._rounds_done.append(done)
            self.progress.round, self.progress.digest = done.round, done.digest
            self._round_done.set()

    async def _stop_rounds(self) -> None:
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.gather(self._ahead, return_exceptions=True)
        self._ahead = self._rounds = None
        self._rounds_done.clear()

    def _rounds_over(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # whoever waits for a round gets it
        self._round_done.set()

    # Training.

    async def _train(self, lessons: list[Lesson]) -> tuple[Verdict, Tuning]:
        tuning = await self._make_tuning(lessons)
        checkpoint = self._shelf.checkpoint
        if checkpoint is not None and checkpoint.exists():
            await self._resume(tuning, checkpoint)
        self.progress.phase = adapt_pb2.ADAPT_PHASE_TUNING
        self.progress.step, self.progress.steps = tuning.step, tuning.steps
        every = self.settings.checkpoint_steps
        while not tuning.finished:
            count = min(REPORT_STEPS, every - tuning.step % every)
            done = await self._thread.run(tuning.advance, count)
            self.progress.step, self.progress.loss, self.progress.unit = done.step, done.loss, done.unit
            self.progress.validation, self.progress.validation_before = done.validation, done.validation_before
            if checkpoint is not None and (done.step % every == 0 or tuning.finished):
                await self._thread.run(tuning.save, checkpoint)
        return await self._thread.run(tuning.verdict), tuning

    async def _make_tuning(self, lessons: list[Lesson]) -> Tuning:
        live = await self._service_thread.run(lambda: live_parameters(self.session.codec))
        codebooks = None if self._rounds is None else self._rounds.codebooks()
        assert self._copy is not None  # prepared
        make = partial(self._workshop.tuner, self._copy, lessons, self.settings, live, codebooks)
        return await self._thread.run(make)

    async def _resume(self, tuning: Tuning, checkpoint: Path) -> None:
        try:
            await self._thread.run(tuning.resume, checkpoint)
        except AdaptError as error:
            log.warning("session '%s': trains from the beginning: %s", self.session.name, error)
            return
        self.progress.resumed_at_step = tuning.step
        log.warning("session '%s': goes on with its training at step %d", self.session.name, tuning.step)

    async def _adopt(self, verdict: Verdict, tuning: Tuning) -> None:
        """Keeps the result. Where the codebook stays, swaps the decoder; else the source's announcement will do it."""
        from edge.adapt.states import Origin

        tensors = await self._thread.run(tuning.tensors)
        here = self.session.description.knowledge
        digest = self._rounds_done[-1].digest if self._rounds_done else here
        origin = Origin(digest, self.settings.method, verdict.before, verdict.after, verdict.unit)
        state = await self._keeper.add(self.session, tensors, origin)
        await self._end(Ended("", digest, state.id))

    # The end.

    async def _say_again(self, ended: Ended) -> None:
        """Answers a finish when all has been decided. Raises LessonError with the reason, if there is one.

        A process that was killed between keeping a state and putting it in force makes up for it here."""
        if ended.reason:
            raise LessonError(ended.reason)
        if ended.digest == self.session.description.knowledge:
            await self._keeper.activate(self.session, ended.state)

    async def _end(self, ended: Ended) -> None:
        await self._thread.run(self._shelf.end, ended)
        if not ended.reason:
            await self._say_again(ended)
        else:
            log.warning("session '%s': its decoder stays as it was: %s", self.session.name, ended.reason)
        self.progress.elapsed_s = time.monotonic() - self._began_s
        self._show_end(ended)
        self._copy = None
        await self.close()

    def _show_end(self, ended: Ended) -> None:
        self.progress.phase = adapt_pb2.ADAPT_PHASE_ENDED
        self.progress.adopted, self.progress.reason = not ended.reason, ended.reason
        self.progress.digest = ended.digest

    def _refuse_when_over(self) -> None:
        if self.over:
            raise LessonError("the adaptation is over at this receiver; begin another")

    @asynccontextmanager
    async def _at_work(self) -> AsyncIterator[None]:
        """One round or training at a time; what goes wrong ends the course."""
        self._refuse_when_over()
        if self.busy:
            raise LessonError("comes out of turn: the message before is not answered yet")
        self.busy = True
        try:
            yield
        except Exception as error:
            if not self.over:
                await self.end(str(error) or type(error).__name__)
            raise
        finally:
            self.busy = False
            self.touched_s = time.monotonic()
