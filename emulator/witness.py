"""Asks, after each transmit step of codecs that ask for reliability levels, what carried their bits and who holds what.

So that one run may compare bearers, and show that application and network never met (Split DeepJSCC).
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

import grpc.aio

from edge.v1 import node_pb2, node_pb2_grpc
from emulator import bearer_findings
from emulator.bearer_findings import StepWatched
from emulator.fleet import Fleet
from emulator.live_links import LiveLinks
from emulator.report.schema import BearerReport, HoldingReport, SeparationReport
from emulator.sessions import Session
from emulator.together import together

PATIENCE_S = 10.0  # a process that is being started anew is waited for so long


class Witness:
    """What was found so far."""

    def __init__(self, fleet: Fleet, links: LiveLinks) -> None:
        self._fleet = fleet
        self._links = links
        self._rows: list[BearerReport] = []
        self._holdings: list[HoldingReport] = []

    @property
    def bearers(self) -> list[BearerReport]:
        """One entry a transmit step and link on which bits meet anything."""
        return bearer_findings.where_bits_meet_anything(self._rows)

    @property
    def separation(self) -> SeparationReport | None:
        """None when no codec asked for levels."""
        return bearer_findings.separation(self._holdings)

    @contextlib.asynccontextmanager
    async def watching(self, step: int, sessions: Sequence[Session], pictures: int) -> AsyncIterator[None]:
        """Inside, `pictures` pictures are sent on each session and answered."""
        leveled = [session for session in sessions if session.level_bers]
        if not leveled:
            yield
            return
        before, links = await self._links.counters(), self._links.all()
        yield
        after, bearers = await self._links.counters(), await self._links.bearers()
        self._rows += bearer_findings.bearer_reports(
            StepWatched(step, leveled, pictures, links, before, after, bearers)
        )
        self._holdings += bearer_findings.bearer_holdings(step, bearers)
        nodes = sorted({name for session in leveled for name in (session.source, *session.destinations)})
        for found in await together([self._ask(step, name) for name in nodes]):
            self._holdings += found

    async def _ask(self, step: int, node: str) -> list[HoldingReport]:
        """What a node holds; nothing when it does not answer."""
        stub = node_pb2_grpc.NodeServiceStub(self._fleet.members[node].channel)
        try:
            described = await stub.Describe(node_pb2.DescribeRequest(), timeout=PATIENCE_S, wait_for_ready=True)
        except grpc.aio.AioRpcError:
            return []
        return bearer_findings.node_holdings(step, node, described)
