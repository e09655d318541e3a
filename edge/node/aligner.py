"""A node's part in alignments (SLF), whichever end it is: what comes goes to the one that asked or to the one asked."""

from __future__ import annotations

from edge.node.align_rx import AlignDesk
from edge.node.align_tx import Applicant
from edge.node.sessions import Session, is_way_back
from edge.wire.reassembly import ReceivedMessage


class Aligner:
    """Joins both ends' work. Belongs to the event loop."""

    def __init__(self, node: str, applicant: Applicant, desk: AlignDesk) -> None:
        self.node = node
        self.applicant = applicant
        self._desk = desk

    async def take(self, session: Session, message: ReceivedMessage) -> None:
        """Returns when the message may be answered. Raises with one sentence when it is to be answered with FAILED."""
        if is_way_back(session.name):
            await self.applicant.take(session, message)
        else:
            await self._desk.take(session, message)

    async def restore(self, session: Session) -> None:
        """Finds what a process before this one left of the session's alignment."""
        if session.source == self.node:
            await self.applicant.restore(session)
        else:
            await self._desk.restore(session)

    def opened(self, session: Session) -> None:
        """A session of this node's was configured."""
        if session.source == self.node and not is_way_back(session.name):
            self.applicant.opened(session)

    def announced(self, session: str) -> None:
        """A source opened a session towards this node, perhaps again."""
        self.applicant.announced(session)

    async def close(self) -> None:
        await self.applicant.close()
        await self._desk.close()
