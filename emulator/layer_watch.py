"""Counts, over each transmit step of a codec with layers, what the sub-blocks took on the links."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from emulator import layer_findings
from emulator.live_links import LiveLinks
from emulator.report.schema import MulticastReport
from emulator.sessions import Session


class LayerWatch:
    """What was found so far."""

    def __init__(self, links: LiveLinks) -> None:
        self._links = links
        self.reports: list[MulticastReport] = []

    @contextlib.asynccontextmanager
    async def watching(self, step: int, sessions: Sequence[Session], pictures: int) -> AsyncIterator[None]:
        """Inside, `pictures` pictures are sent on each session and answered."""
        layered = [session for session in sessions if session.layered]
        if not layered:
            yield
            return
        before, links = await self._links.counters(), self._links.all()
        yield
        after = await self._links.counters()
        found = layer_findings.multicast_reports(step, layered, pictures, links, before, after)
        self.reports += found
