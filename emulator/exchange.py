"""Joins nodes to the network: who is attached, which sessions are open, what is delivered when, who has credit.

Knows nothing of gRPC: `data_plane.py` turns what it raises into statuses.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import uuid
from dataclasses import dataclass
from functools import partial

from edge.v1 import packet_pb2
from edge.wire.integrity import WireError
from emulator.announced import AnnouncementError, announced_levels
from emulator.attachment import Attachment, Control, Outgoing
from emulator.clock import WallTime
from emulator.collection import CannotCarry
from emulator.link_config import LinkConfig, TopologyError
from emulator.network import Crossing, Network, SessionRoute
from emulator.pacer import Pacer
from emulator.subscriptions import announced_subscriptions, head_for
from emulator.v1 import control_pb2, data_plane_pb2

MAX_SESSIONS = 4096
MAX_BATCH_BYTES = 1024 * 1024
CREDIT_DELAY_S = 0.002

log = logging.getLogger(__name__)


class Refusal(Exception):  # noqa: N818  (it is an answer, not a fault)
    """A request that is refused. code: name of a gRPC status."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass
class Session:
    """An open session. outstanding_bytes: payload taken and not yet served. owed_bytes: served, but its credit not yet
    given back. grants: how often the whole queue was granted; credit for bytes of an earlier grant is void."""

    announcement: data_plane_pb2.Announcement
    route: SessionRoute
    wall: WallTime
    granted: bool = False
    outstanding_bytes: int = 0
    owed_bytes: int = 0
    grants: int = 0
    barred: bool = False


class Exchange:
    """The daemon's state. All methods run in one event loop."""

    def __init__(self) -> None:
        self.instance = uuid.uuid4().hex
        self.network: Network | None = None
        self.attached: dict[str, Attachment] = {}
        self.sessions: dict[str, Session] = {}
        self.stopping = False
        self._known: set[str] = set()  # nodes that were attached before
        self._pacer = Pacer(asyncio.get_running_loop()).start()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- topology ------------------------------------------------------------------------------------------------

    def apply_topology(self, topology: control_pb2.Topology) -> Network:
        """Replaces the network. Raises Refusal while messages are under way, TopologyError for a bad topology."""
        if any(session.route.open for session in self.sessions.values()):
            raise Refusal("FAILED_PRECONDITION", "topology: messages are under way; apply it when they have arrived")
        network = Network(topology)
        routes = []
        for session in self.sessions.values():  # sessions outlive a change of links if their path does
            held = session.announcement
            asked, highest = session.route.asked, session.route.highest
            routes.append(network.open_session(held.session, held.source, list(held.destinations), asked, highest))
        for session, route in zip(self.sessions.values(), routes, strict=True):
            session.route = route
            session.wall = WallTime(network.clock)
        self.network = network
        return network

    def update_link(self, change: control_pb2.UpdateLinkRequest) -> LinkConfig:
        """Changes one link from the next packet on. Raises Refusal before there is a topology, TopologyError for a
        value, or for a bearer that cannot serve an open session."""
        network = self._network()
        if change.name not in network.links:
            known = ", ".join(sorted(network.links))
            raise Refusal("NOT_FOUND", f"link '{change.name}': unknown (links: {known})")
        return network.update_link(change, [session.route for session in self.sessions.values()])

    def _network(self) -> Network:
        if self.network is None:
            raise Refusal("UNAVAILABLE", "the emulator has no topology yet; apply one, or start it with --topology")
        return self.network

    # -- nodes ---------------------------------------------------------------------------------------------------

    def attach(self, hello: data_plane_pb2.Hello) -> Attachment:
        """A node's stream is up. Raises Refusal for an unknown name, or one that another process holds."""
        network = self._network()
        if self.stopping:
            raise Refusal("UNAVAILABLE", "the emulator is stopping")
        if hello.node not in network.nodes:
            known = ", ".join(sorted(network.nodes))
            raise Refusal("NOT_FOUND", f"node '{hello.node}': not in the topology '{network.name}' (nodes: {known})")
        held = self.attached.get(hello.node)
        if held is not None and held.instance != hello.instance:
            raise Refusal(
                "ALREADY_EXISTS", f"node '{hello.node}': another process is attached under this name; stop it first"
            )
        if held is not None:
            held.close()
        attachment = Attachment(hello.node, hello.instance)
        self.attached[hello.node] = attachment
        attachment.send(
            data_plane_pb2.AttachResponse(
                welcome=data_plane_pb2.Welcome(
                    scenario=network.name, max_batch_bytes=MAX_BATCH_BYTES, instance=self.instance
                )
            )
        )
        returned = hello.node in self._known
        self._known.add(hello.node)
        for session in self.sessions.values():
            if hello.node in session.announcement.destinations:
                if returned:
                    self._resume(session, hello.node)  # its source announces again
                else:
                    attachment.send(data_plane_pb2.AttachResponse(announcement=session.announcement))
        return attachment

    def detach(self, attachment: Attachment) -> None:
        """The node's stream is gone."""
        attachment.close()
        if self.attached.get(attachment.node) is attachment:
            del self.attached[attachment.node]

    def _resume(self, session: Session, destination: str) -> None:
        """A destination is back and may have lost what it held: the source is to announce and send again."""
        name, source = session.announcement.session, session.announcement.source
        log.info("session %s: %s is back; asking %s to resume", name, destination, source)
        session.granted = False
        session.grants += 1
        if source in self.attached:
            resume = data_plane_pb2.Resume(session=name, destination=destination)
            self.attached[source].send(data_plane_pb2.AttachResponse(resume=resume))

    # -- sessions ------------------------------------------------------------------------------------------------

    def announce(self, node: str, announcement: data_plane_pb2.Announcement) -> None:
        """Opens a session, or opens it again after its source reconnected. Raises Refusal."""
        network = self._network()
        name = announcement.session
        if announcement.source != node:
            raise Refusal(
                "PERMISSION_DENIED", f"session '{name}': node '{node}' cannot send as '{announcement.source}'"
            )
        held = self.sessions.get(name)
        if held is not None and held.announcement.source != node:
            raise Refusal("ALREADY_EXISTS", f"session '{name}': belongs to '{held.announcement.source}'; choose a name")
        if held is None and len(self.sessions) >= MAX_SESSIONS:
            raise Refusal("RESOURCE_EXHAUSTED", f"session '{name}': more than {MAX_SESSIONS} sessions are open")
        for destination in announcement.destinations:
            if destination not in network.nodes:
                raise Refusal("NOT_FOUND", f"session '{name}': destination '{destination}' is not in the topology")
        try:
            asked = announced_levels(announcement)
            highest = announced_subscriptions(announcement)
            route = network.open_session(name, node, list(announcement.destinations), asked, highest)
        except (AnnouncementError, TopologyError) as error:
            if node in announcement.destinations:
                raise Refusal("NOT_FOUND", f"session '{name}': {error}") from error
            self._no_way(announcement, str(error))
            return
        if held is not None:
            network.abandon(held.route)
        self.sessions[name] = Session(announcement, route, WallTime(network.clock))
        for destination in announcement.destinations:
            attachment = self.attached.get(destination)
            if attachment is not None:
                attachment.send(data_plane_pb2.AttachResponse(announcement=announcement))

    def _no_way(self, announcement: data_plane_pb2.Announcement, reason: str) -> None:
        """Answers for destinations that no links lead to, or none that can serve what is announced. Not with a refusal
        of the stream: a receiver opens the way back of a session when its peer asks it to, and must not be cut off for
        that."""
        source = self.attached.get(announcement.source)
        if source is not None:
            for destination in announcement.destinations:
                answer = data_plane_pb2.Answer(session=announcement.session, destination=destination, reason=reason)
                source.send(data_plane_pb2.AttachResponse(answer=answer))

    def answer(self, node: str, answer: data_plane_pb2.Answer) -> None:
        """Forwards a destination's answer; the first one that accepts opens the source's credit. Raises Refusal."""
        session = self._session(answer.session)
        if answer.destination != node or node not in session.announcement.destinations:
            raise Refusal("PERMISSION_DENIED", f"session '{answer.session}': node '{node}' cannot answer for it")
        source = self.attached.get(session.announcement.source)
        if source is not None:
            source.send(data_plane_pb2.AttachResponse(answer=answer))
            if answer.accepted and not session.granted and not self.stopping:
                self._grant(session)

    def receipt(self, node: str, receipt: packet_pb2.Receipt) -> None:
        """Forwards a destination's receipt. Raises Refusal."""
        session = self._session(receipt.session)
        if receipt.destination != node or node not in session.announcement.destinations:
            raise Refusal("PERMISSION_DENIED", f"session '{receipt.session}': node '{node}' cannot answer for it")
        source = self.attached.get(session.announcement.source)
        if source is not None:
            source.send(data_plane_pb2.AttachResponse(receipt=receipt))

    def _session(self, name: str) -> Session:
        session = self.sessions.get(name)
        if session is None:
            raise Refusal("NOT_FOUND", f"session '{name}': not announced; announce it first")
        return session

    # -- packets -------------------------------------------------------------------------------------------------

    def batch(self, node: str, batch: packet_pb2.Batch) -> None:
        """Takes frames. Raises Refusal for another's session, a packet that cannot be, or lack of credit."""
        for frame in batch.frames:
            step = frame.WhichOneof("frame")
            if step is None:
                raise Refusal("INVALID_ARGUMENT", "batch: a frame is empty; send a head, a run or an end")
            body = frame.head if step == "head" else frame.run if step == "run" else frame.end
            session = self._session(body.session)
            if session.announcement.source != node:
                raise Refusal("PERMISSION_DENIED", f"session '{body.session}': node '{node}' cannot send on it")
            try:
                self._frame(session, frame, step)
            except WireError as error:
                raise Refusal("INVALID_ARGUMENT", str(error)) from error

    def _frame(self, session: Session, frame: packet_pb2.Frame, step: str) -> None:
        network = self._network()
        if session.barred:
            return
        if step == "head":
            try:
                network.open_message(session.route, frame.head)
            except CannotCarry as reason:
                session.barred = True
                self._no_way(session.announcement, str(reason))
                return
            self._forward_head(session.route, frame)
        elif step == "run":
            payload = frame.run.payload  # read once: each reading copies it
            size = len(payload)
            # twice the queue: what a source sent before it learned of a renewed grant is still on its way
            if session.outstanding_bytes + size > 2 * network.queue_bytes(session.route):
                raise Refusal(
                    "RESOURCE_EXHAUSTED", f"session '{frame.run.session}': {size} bytes sent beyond the credit granted"
                )
            session.outstanding_bytes += size
            here_s = time.monotonic()  # before the link's own computation, which is no part of its time
            self._deliver(session, network.carry(session.route, frame.run, payload), size, here_s)
        else:
            self._end(session, frame.end.message_id)

    def _forward_head(self, route: SessionRoute, frame: packet_pb2.Frame) -> None:
        """To those that the message is for; each learns what it will not get because it does not take it."""
        whole = [name for name in route.addressed(frame.head) if name not in route.highest]
        self._forward(whole, Control(frame))
        for name in route.addressed(frame.head):
            if name in route.highest:
                own = packet_pb2.Frame(head=head_for(frame.head, route.highest[name]))
                self._forward([name], Control(own))

    def _deliver(self, session: Session, crossing: Crossing, size_bytes: int, here_s: float) -> None:
        """Forwards what arrived, now or when it is due, and gives the credit back. here_s: when the packets came."""
        self._hand_on(session, crossing, here_s)
        if self._network().clock.waits:
            served = partial(self._served, session, session.grants, size_bytes)
            self._pacer.at(session.wall.deadline_s(crossing.departed_ns), served)
        else:
            self._served(session, session.grants, size_bytes)

    def _hand_on(self, session: Session, crossing: Crossing, here_s: float) -> None:
        """Forwards what arrived, now or when it is due."""
        waits = self._network().clock.waits
        if waits and math.isfinite(crossing.start_ns):
            session.wall.begin_service(crossing.start_ns, here_s)
        for delivery in crossing.deliveries:
            for part in delivery.parts:
                forward = partial(self._forward_due, session, delivery.destination, part)
                if waits:
                    self._pacer.at(session.wall.deadline_s(part.due_ns), forward)
                else:
                    forward()

    def _end(self, session: Session, message_id: int) -> None:
        network = self._network()
        released = network.release(session.route, message_id)
        if released is not None:
            self._hand_on(session, released, time.monotonic())
        for destination, transit in network.close_message(session.route, message_id).items():
            end = packet_pb2.MessageEnd(session=session.announcement.session, message_id=message_id, transit=transit)
            frame = packet_pb2.Frame(end=end)
            if network.clock.waits:
                if transit.packets == 0:
                    session.wall.begin_service(transit.sent_ns, time.monotonic())
                deadline_s = session.wall.deadline_s(transit.received_ns)
                self._pacer.at(deadline_s, partial(self._forward_due, session, destination, Control(frame)))
            else:
                self._forward([destination], Control(frame))

    def _forward_due(self, session: Session, destination: str, outgoing: Outgoing) -> None:
        """Forwards what had to wait for its time, unless its source has announced anew and sends everything again: an
        end from before would cut the message short."""
        if self.sessions.get(session.announcement.session) is session:
            self._forward([destination], outgoing)

    def _forward(self, destinations: list[str], outgoing: Outgoing) -> None:
        """To those that are attached; the others will have it sent again when they come back."""
        for destination in destinations:
            attachment = self.attached.get(destination)
            if attachment is not None:
                attachment.send_frame(outgoing)

    # -- credit --------------------------------------------------------------------------------------------------

    def _grant(self, session: Session) -> None:
        """Grants the whole queue, once an announcement was accepted."""
        session.granted = True
        session.outstanding_bytes = session.owed_bytes = 0
        session.grants += 1
        self._send_credit(session, self._network().queue_bytes(session.route))

    def _served(self, session: Session, grant: int, size_bytes: int) -> None:
        """The link has served these bytes: give their credit back, once every destination is there and keeps up."""
        if self.stopping or grant != session.grants or self.sessions.get(session.announcement.session) is not session:
            return
        destinations = [self.attached.get(name) for name in session.announcement.destinations]
        present = [attachment for attachment in destinations if attachment is not None]
        if len(present) < len(destinations):
            return  # granted anew when the missing one is back
        congested = [attachment for attachment in present if attachment.congested]
        if congested:
            task = asyncio.create_task(self._serve_later(session, grant, size_bytes, congested))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        session.outstanding_bytes = max(0, session.outstanding_bytes - size_bytes)
        session.owed_bytes += size_bytes
        if 4 * session.owed_bytes >= self._network().queue_bytes(session.route):
            self._pay_back(session, grant)
        elif session.owed_bytes == size_bytes:  # the first that is owed: do not wait for more for long
            asyncio.get_running_loop().call_later(CREDIT_DELAY_S, self._pay_back, session, grant)

    def _pay_back(self, session: Session, grant: int) -> None:
        """Gives back what is owed, in one message: each costs about as much as carrying 30 kB."""
        if session.owed_bytes and grant == session.grants:
            self._send_credit(session, session.owed_bytes)
            session.owed_bytes = 0

    async def _serve_later(self, session: Session, grant: int, size_bytes: int, congested: list[Attachment]) -> None:
        for attachment in congested:
            await attachment.wait_drained()
        self._served(session, grant, size_bytes)

    def _send_credit(self, session: Session, size_bytes: int) -> None:
        source = self.attached.get(session.announcement.source)
        if source is not None:
            credit = data_plane_pb2.Credit(session=session.announcement.session, size_bytes=size_bytes)
            source.send(data_plane_pb2.AttachResponse(credit=credit))

    # -- stopping ------------------------------------------------------------------------------------------------

    async def drain(self, grace_s: float) -> bool:
        """Gives no more credit, waits until everything accepted is written, closes. False when grace_s ran out.

        Nobody attaches any more, so when the last node has left there is nothing to wait for.
        """
        self.stopping = True
        deadline = time.monotonic() + grace_s
        drained = False
        while not drained and time.monotonic() < deadline:
            drained = not self.attached or (self._pacer.waiting == 0 and all(a.idle for a in self.attached.values()))
            if not drained:
                await asyncio.sleep(0.01)
        for attachment in self.attached.values():
            attachment.close()
        self._pacer.close()
        return drained
