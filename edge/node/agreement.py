"""Whether a receiver and the sources that announce sessions to it mean the same codec.

An announcement of a session that is not configured yet waits: the controller may configure the two ends in any order.
A node that was started with a codec of its own (`edge-node --codec`) opens sessions as they are announced instead.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass

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
    """The codec a node was started with. source: the only node it receives from; None for any."""

    codec: Codec
    description: CodecDescription
    source: str | None = None


class Agreement:
    """Answers announcements, and says which session a message is to be decoded with."""

    def __init__(self, node: str, table: SessionTable, attachment: Attachment, own: OwnCodec | None = None) -> None:
        self.node = node
        self.own = own
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
        if self.own is not None:
            self._open(announcement, self.own)
        if self._table.get(name) is not None or self.own is not None:
            self._answer(name, self._objection(name))

    def opened(self, session: Session) -> None:
        """A session was configured here, or its parameters have changed: answers the announcement that waits for it.

        When the source was accepted with another codec before, it is about to announce its new one: silence until then,
        and FAILED receipts if it should send.
        """
        if session.name not in self._current:
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

    def _open(self, announcement: data_plane_pb2.Announcement, own: OwnCodec) -> None:
        """Opens an announced session with the node's own codec."""
        if own.source is not None and announcement.source != own.source:
            return
        with contextlib.suppress(ConfigurationError):  # then there is no session, and the answer says so
            check_session_name("announcement.session", announcement.session)
            destinations = tuple(announcement.destinations)
            self._table.put(
                [Session(announcement.session, announcement.source, destinations, own.codec, own.description)]
            )

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
