"""Sending pictures on a session, and keeping book of what was sent and what came back."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
import grpc.aio

from edge.v1 import node_pb2, node_pb2_grpc, packet_pb2
from emulator import pictures_to_send
from emulator.errors import RunError
from emulator.findings import Sent
from emulator.fleet import Fleet
from emulator.live_links import LiveLinks
from emulator.pictures_to_send import Shot
from emulator.progress import Progress
from emulator.sessions import Session

NS_PER_S = 1_000_000_000


@dataclass
class Refinement:
    """What became of a receiver's request for more of a picture. news: once it was sent; refused: why it was not."""

    news: node_pb2.MessageSent | None = None
    receipt: packet_pb2.Receipt | None = None
    refused: str = ""


@dataclass(frozen=True)
class Manner:
    """How a step's pictures are sent. interval_ns, deadline_ns: between pictures, and of each; 0 for none. heads,
    refine: as in TransmitRequest."""

    interval_ns: int = 0
    deadline_ns: int = 0
    heads: tuple[int | str, ...] = ()
    refine: node_pb2.RefinementRule | None = None


PLAIN = Manner()


class Transmission:
    """All messages of a run. sent: by session and number; refinements: by session, number of the picture's message and
    receiver, of those that were asked for."""

    def __init__(self, fleet: Fleet, links: LiveLinks, progress: Progress) -> None:
        self._fleet = fleet
        self._links = links
        self._progress = progress
        self.sent: dict[tuple[str, int], Sent] = {}
        self.refinements: dict[tuple[str, int, str], Refinement] = {}

    @property
    def last_received_ns(self) -> int:
        """Model time of the latest arrival so far; 0 before the first."""
        receipts = [r for sent in self.sent.values() for r in sent.receipts.values()]
        receipts += [each.receipt for each in self.refinements.values() if each.receipt is not None]
        return max((receipt.transit.received_ns for receipt in receipts), default=0)

    async def send(
        self,
        session: Session,
        shots: list[Shot],
        step: int,
        offered_ns: int,
        manner: Manner = PLAIN,
    ) -> None:
        """Sends the pictures of a workload step (its index), the first offered at offered_ns of model time, and waits
        for every receipt."""
        first_id = session.next_id
        links = self._links.all()
        for i, shot in enumerate(shots):
            self.sent[session.name, first_id + i] = Sent(
                session.name,
                first_id + i,
                session.source,
                session.destinations,
                shot,
                offered_ns + i * manner.interval_ns,
                links,
                step,
            )
        session.next_id += len(shots)
        for first, payloads in pictures_to_send.groups(shots):
            await self._request(
                session,
                node_pb2.TransmitRequest(
                    session=session.name,
                    images=payloads,
                    first_message_id=first_id + first,
                    first_offered_ns=offered_ns + first * manner.interval_ns,
                    interval_ns=manner.interval_ns,
                    deadline_ns=manner.deadline_ns,
                    head_names=[str(head) for head in manner.heads],
                    refine=manner.refine,
                ),
            )

    async def _request(self, session: Session, request: node_pb2.TransmitRequest) -> None:
        sender = self._fleet.members[session.source]
        try:
            async for event in node_pb2_grpc.NodeServiceStub(sender.channel).Transmit(request):
                self._note(session, event)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise  # the node says why
            raise RunError(
                f"{session.source}: the sender died, and its pictures with it (its log is {sender.daemon.log}); "
                "run the scenario again"
            ) from error

    def _note(self, session: Session, event: node_pb2.TransmitResponse) -> None:
        """Writes down what a sender says."""
        kind = event.WhichOneof("event")
        if kind == "sent" and event.sent.HasField("refines"):
            self._refinement(session, event.sent.refines, event.sent.destination).news = event.sent
        elif kind == "sent":
            self.sent[session.name, event.sent.message_id].news = event.sent
        elif kind == "refused":
            self._refinement(
                session, event.refused.message_id, event.refused.destination
            ).refused = event.refused.reason
        elif event.receipt.purpose == packet_pb2.MESSAGE_PURPOSE_REFINEMENT:
            self._refinement(session, event.receipt.refines, event.receipt.destination).receipt = event.receipt
        else:
            receipt = event.receipt
            self.sent[session.name, receipt.message_id].receipts[receipt.destination] = receipt
            self._progress.receipt()

    def _refinement(self, session: Session, message_id: int, destination: str) -> Refinement:
        return self.refinements.setdefault((session.name, message_id, destination), Refinement())
