"""What an rx does with the messages of adaptations: one course a session, a few at a time, and who watches them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

from edge.adapt.errors import AdaptError
from edge.adapt.settings import AdaptSettings
from edge.node.adapt_messages import Finish, LessonError, Opening, Round
from edge.node.codec_thread import CodecThread
from edge.node.course import Course
from edge.node.lesson_shelf import LessonShelf
from edge.node.sessions import Session
from edge.node.state_keeper import StateKeeper
from edge.node.workshop import Workshop
from edge.v1 import adapt_pb2, packet_pb2
from edge.wire.reassembly import ReceivedMessage

log = logging.getLogger(__name__)

MAX_COURSES = 2  # at once, over all sessions of a node
ABANDONED_S = 600.0  # a course that has waited so long for a message may give way to another session's
WATCH_S = 0.1  # between two looks at a course

Message = TypeVar("Message", Round, Finish)

ENDED = adapt_pb2.ADAPT_PHASE_ENDED


class Pupil:
    """The adaptations of one receiver. Belongs to the event loop."""

    def __init__(self, node: str, thread: CodecThread, keeper: StateKeeper, workshop: Workshop) -> None:
        """thread: where codecs in service are used."""
        self.node = node
        self._thread = thread
        self._keeper = keeper
        self._workshop = workshop
        self._courses: dict[str, Course] = {}

    async def take(self, session: Session, message: ReceivedMessage) -> None:
        """Returns when the message may be answered: for the finish, when the decoder has been trained and judged.
        Raises with one sentence when it is to be answered with FAILED."""
        course = await self._course(session)
        if message.purpose == packet_pb2.MESSAGE_PURPOSE_LESSON:
            number = None if course is None or course.over else course.lesson_number(message.message_id)
            if course is None or number is None:
                await self._begin(session, course, message)
            else:
                await course.learn(number, message)
            return
        if course is None:
            raise LessonError(
                f"{self.node} has no lessons of this adaptation; start it with --state, so that it keeps them when it "
                "is replaced, and adapt again"
            )
        if message.purpose == packet_pb2.MESSAGE_PURPOSE_ROUND:
            await course.round(_of(course, Round.read(message.segments)))
        elif message.purpose == packet_pb2.MESSAGE_PURPOSE_FINISH:
            await course.finish(_of(course, Finish.read(message.segments)))
        else:
            raise LessonError(f"message purpose {message.purpose} is not known; use one version on both ends")

    def check_idle(self, session: Session) -> None:
        """Raises LessonError when an adaptation of the session is under way."""
        course = self._courses.get(session.name)
        if course is not None and not course.over and not _abandoned(course):
            raise LessonError(f"session '{session.name}': an adaptation is under way; wait until it has ended")

    async def watch(self, session: Session, first_message_id: int | None) -> AsyncIterator[adapt_pb2.WatchResponse]:
        """Progress: at once, when it changes, and last when the adaptation has ended.

        first_message_id: of the adaptation that is meant; None for the one at hand, or the last, or the next.
        """
        shown: adapt_pb2.WatchResponse | None = None
        while True:
            course = await self._course(session)
            if course is None or first_message_id not in (None, course.first_message_id):
                seen = adapt_pb2.WatchResponse(phase=adapt_pb2.ADAPT_PHASE_IDLE, digest=session.description.knowledge)
            else:
                seen = course.seen()
            if shown is None or _news(seen) != _news(shown):
                shown = seen
                yield seen
            if seen.phase == ENDED:
                return
            await asyncio.sleep(WATCH_S)

    async def close(self) -> None:
        """Stops every course after the steps at hand."""
        for course in self._courses.values():
            await course.close()

    async def _course(self, session: Session) -> Course | None:
        """The session's course, found again on the disk when this process took over."""
        course = self._courses.get(session.name)
        if course is None:
            shelf = await self._thread.run(LessonShelf.found, self._folder(session))
            course = self._courses.get(session.name)  # another message may have been quicker
            if course is None and shelf is not None:
                try:
                    course = self._courses[session.name] = self._made(session, shelf)
                except AdaptError as error:  # another version wrote it
                    log.warning("session '%s': kept lessons are left out: %s", session.name, error)
        elif course.session is not session and not course.busy:
            course.session = session  # configured anew
        return course

    async def _begin(self, session: Session, before: Course | None, message: ReceivedMessage) -> None:
        """An opening. Raises AdaptError, CodecError and LessonError, with nothing begun."""
        opening = Opening.read(message.segments)
        AdaptSettings.from_json(opening.settings)  # before the shelf is cleared for it
        if before is not None and before.busy:
            raise LessonError(f"session '{session.name}': an adaptation is under way; wait until it has ended")
        await self._make_room(session.name)
        if not self._keeper.lasting:
            log.warning("session '%s': lessons and states are kept in memory only; --state keeps them", session.name)
        if before is not None:
            await before.close()
        shelf = await self._thread.run(LessonShelf.begin, self._folder(session), message.message_id, opening)
        course = self._made(session, shelf)
        try:
            await course.prepare()
        except Exception as error:
            await course.end(str(error))
            raise
        finally:
            self._courses[session.name] = course

    async def _make_room(self, name: str) -> None:
        others = [c for key, c in self._courses.items() if key != name and not c.over]
        if len(others) < MAX_COURSES:
            return
        abandoned = [course for course in others if _abandoned(course)]
        if not abandoned:
            names = ", ".join(course.session.name for course in others)
            raise LessonError(f"{self.node} adapts {MAX_COURSES} sessions already ({names}); wait until one has ended")
        await abandoned[0].end("abandoned by its source")

    def _made(self, session: Session, shelf: LessonShelf) -> Course:
        return Course(session, shelf, self._thread, self._keeper, self._workshop)

    def _folder(self, session: Session) -> Path | None:
        folder = self._keeper.folder(session)
        return None if folder is None else folder / "lessons"


def _of(course: Course, said: Message) -> Message:
    """Raises LessonError when the message belongs to another adaptation of the session."""
    if said.adaptation != course.first_message_id:
        raise LessonError(
            f"belongs to the adaptation that began with message {said.adaptation}, but the one here began with "
            f"{course.first_message_id}; begin it again"
        )
    return said


def _abandoned(course: Course) -> bool:
    return not course.busy and time.monotonic() - course.touched_s > ABANDONED_S


def _news(response: adapt_pb2.WatchResponse) -> bytes:
    """What is worth telling: everything but the time that passes."""
    copy = adapt_pb2.WatchResponse()
    copy.CopyFrom(response)
    copy.ClearField("elapsed_s")
    news: bytes = copy.SerializeToString(deterministic=True)
    return news
