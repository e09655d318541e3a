"""Whether a receiver and the sources that announce sessions to it mean the same codec.

An announcement of a session that is not configured yet waits: the controller may configure the two ends in any order.
A node that was started with a codec of its own (`edge-node --codec`) opens sessions as they are announced instead.
A source that announces codebooks which this node has kept a state for is followed: the state is put in force first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from edge.codecs.contract import Codec, CodecDescription
from edge.node.attachment import Attachment, DetachedError
from edge.node.descriptions import MAX_REASON, from_proto, mismatch
from edge.node.sessions import (
    MAX_SESSIONS,
    ConfigurationError,
    MismatchError,
    Session,
    SessionTable,
    check_session_name,
)
from emulator.v1 import data_plane_pb2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OwnCodec:
    """The codec a node was started with. source: the only node it receives from; None for any. options: those that it
    was opened with."""

    codec: Codec
    description: CodecDescription
    source: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


class Follower(Protocol):
    """Keeps states of codecs, and puts them in force."""

    def can_follow(self, session: Session, knowledge: str) -> bool:
        """Whether a state with this knowledge is kept."""
        ...

    async def follow(self, session: Session, knowledge: str) -> None:
        """Puts it in force. Raises CodecError and OSError, with nothing changed."""
        ...

    async def restore(self, session: Session) -> None:
        """Puts the state in force that was so when this node last held the session."""
        ...


class Agreement:
    """Answers announcements, and says which session a message is to be decoded with."""

    def __init__(
        self,
        node: str,
        table: SessionTable,
        attachment: Attachment,
        own: OwnCodec | None = None,
        follower: Follower | None = None,
    ) -> None:
        self.node = node
        self.own = own
        self._follower = follower
        self._following: set[asyncio.Task[None]] = set()
        self._table = table
        self._attachment = attachment
        self._announced: dict[str, data_plane_pb2.Announcement] = {}
        self._current: set[str] = set()  # announced on the stream that is up: others the emulator may not know
        self._accepted: set[str] = set()  # sessions whose source was told to go ahead, whatever was said after

    def welcomed(self) -> None:
        """A new stream: its sessions are announced again."""
        self._current.clear()

    def current(self, name: str) -> bool:
        """Whether the emulator knows the session, so that it can be answered for."""
        return name in self._current

    def announced(self, announcement: data_plane_pb2.Announcement) -> None:
        """A source opens a session, or says again that it is open."""
        name = announcement.session
        self._current.add(name)
        if name not in self._announced and len(self._announced) >= MAX_SESSIONS:
            self._answer(name, f"{self.node} takes part in {MAX_SESSIONS} sessions already; start another node")
            return
        self._announced[name] = announcement
        opened = self.own is not None and self._open(announcement, self.own)
        session = self._table.get(name)
        if session is not None and (opened or self._should_follow(session)):
            self._begin_following(session, opened)
        elif session is not None or self.own is not None:
            self._answer(name, self._objection(name))

    def opened(self, session: Session) -> None:
        """A session was configured here, or its parameters have changed: answers the announcement that waits for it.

        When the source was accepted with another codec before, it is about to announce its new one: silence until then,
        and FAILED receipts if it should send.
        """
        if session.name not in self._current:
            return
        if self._should_follow(session):
            self._begin_following(session, False)
            return
        objection = self._objection(session.name)
        if objection is None or session.name not in self._accepted:
            self._answer(session.name, objection)

    def session_for(self, name: str) -> Session:
        """The session to decode a message with. Raises MismatchError unless both ends agree on it."""
        session = self._table.get(name)
        objection = self._objection(name)
        if session is None or objection is not None:
            raise MismatchError(objection or f"session '{name}': is not configured at {self.node}; configure it")
        return session

    def _open(self, announcement: data_plane_pb2.Announcement, own: OwnCodec) -> bool:
        """Opens an announced session with the node's own codec, unless it is open. Gives whether it did."""
        name, source, destinations = announcement.session, announcement.source, tuple(announcement.destinations)
        if own.source is not None and source != own.source:
            return False
        held = self._table.get(name)
        if held is not None and (held.source, held.destinations) == (source, destinations):
            return False  # its codec may have been fine-tuned since
        with contextlib.suppress(ConfigurationError):  # then there is no session, and the answer says so
            check_session_name("announcement.session", name)
            self._table.put([Session(name, source, destinations, own.codec, own.description, own.options, shared=True)])
            return True
        return False

    # Following.

    def _should_follow(self, session: Session) -> bool:
        """Whether the source announces other codebooks than those in force, and a state with them is kept."""
        announcement = self._announced.get(session.name)
        if self._follower is None or announcement is None or announcement.source != session.source:
            return False
        there, here = from_proto(announcement.codec), session.description
        alike = (there.name, there.options) == (here.name, here.options)
        return alike and there.knowledge != here.knowledge and self._follower.can_follow(session, there.knowledge)

    def _begin_following(self, session: Session, opened: bool) -> None:
        task = asyncio.create_task(self._follow(session, opened), name=f"follow {session.name}")
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _follow(self, session: Session, opened: bool) -> None:
        """Puts kept states in force, then answers the announcement."""
        if self._follower is not None:
            try:
                if opened:
                    await self._follower.restore(session)
                if self._should_follow(session):
                    await self._follower.follow(session, self._announced[session.name].codec.knowledge)
            except Exception as error:  # the answer will name both codecs
                log.error("session '%s': the kept state cannot be put in force: %s", session.name, error)
        if session.name in self._current and self._table.get(session.name) is session:
            self._answer(session.name, self._objection(session.name))

    def _objection(self, name: str) -> str | None:
        """Why messages of the session cannot be decoded; None when they can."""
        session, announcement = self._table.get(name), self._announced.get(name)
        if announcement is None:
            return f"session '{name}': was not announced to {self.node}"
        if session is None:
            return f"session '{name}': {self.node} does not receive from {announcement.source} (--from)"
        there = from_proto(announcement.codec)
        if session.source != announcement.source:
            return f"session '{name}': {self.node} expects {session.source} to send, not {announcement.source}"
        if there != session.description:
            return mismatch(name, self.node, session.description, announcement.source, there)
        return None

    def _answer(self, name: str, objection: str | None) -> None:
        if objection is None:
            self._accepted.add(name)
        else:
            log.warning("refused: %s", objection)
        answer = data_plane_pb2.Answer(
            session=name, destination=self.node, accepted=objection is None, reason=(objection or "")[:MAX_REASON]
        )
        with contextlib.suppress(DetachedError):  # the emulator announces again when we are back
            self._attachment.post(data_plane_pb2.AttachRequest(answer=answer))
