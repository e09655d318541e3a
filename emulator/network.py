"""The emulated network as a computation: a topology of links, and what becomes of messages that cross it.

No sockets and no waiting: the data plane feeds it runs of packets and gets back what each destination receives, with
model times. Live control changes links here.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.v1 import packet_pb2
from edge.wire.integrity import WireError, header_crc
from edge.wire.packing import packed_size
from edge.wire.reassembly import SegmentLayout, check_run, message_layout
from emulator.bearers.bearer import Freight
from emulator.clock import Clock
from emulator.link import LevelCount, Link, Passage, Train
from emulator.link_config import MAX_LINKS, LinkConfig, TopologyError
from emulator.route import Hop, route
from emulator.v1 import control_pb2

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
MAX_OPEN_MESSAGES = 64


@dataclass(frozen=True, slots=True)
class Part:
    """Packets [low, high) of a train, which travel on together. due_ns: model time of the last arrival."""

    train: Train
    run: packet_pb2.PacketRun
    times: NDArray[np.int64]
    low: int
    high: int

    @property
    def due_ns(self) -> float:
        return float(self.times[self.low : self.high].max())

    @property
    def size_bytes(self) -> int:
        """Of the payload."""
        freight = self.train.freight
        return packed_size(freight.kind, freight.alphabet, self._elements)

    @property
    def _elements(self) -> int:
        freight = self.train.freight
        return min(self.high * freight.packet_elements, freight.count) - self.low * freight.packet_elements

    def write(self, frame: packet_pb2.Frame) -> None:
        """Fills a frame with these packets as a run. Done where the frame is sent from: copying it costs as much as
        carrying it."""
        freight, run = self.train.freight, self.run
        start = self.low * freight.packet_elements
        first = packed_size(freight.kind, freight.alphabet, start)
        part = frame.run
        part.session, part.message_id = run.session, run.message_id
        part.segment, part.level = run.segment, run.level
        part.offset, part.count, part.packet_elements = run.offset + start, self._elements, run.packet_elements
        part.payload = freight.payload[first : first + self.size_bytes].tobytes()
        part.payload_crcs.extend(run.payload_crcs[self.low : self.high])
        part.arrivals_ns = self.times[self.low : self.high].tobytes()
        if self.train.gains is not None:
            part.gains = self.train.gains[self.low : self.high].astype("<c8").tobytes()
        part.header_crc = header_crc(part)


@dataclass(frozen=True)
class Delivery:
    """What one destination gets of a run."""

    destination: str
    parts: list[Part]


@dataclass(frozen=True)
class Crossing:
    """One run's way through the network. start_ns, departed_ns: service by the first link."""

    start_ns: float
    departed_ns: float
    deliveries: list[Delivery]


@dataclass
class _Ledger:
    """One message towards one destination."""

    sent_ns: float | None = None
    received_ns: float = 0.0
    packets_lost: int = 0
    element_errors: int = 0
    retransmissions: int = 0


@dataclass
class Message:
    """A message under way."""

    head: packet_pb2.MessageHead
    layouts: list[SegmentLayout]
    packets: int = 0
    size_bits: int = 0
    channel_uses: int = 0
    ledgers: dict[str, _Ledger] = field(default_factory=dict)


class SessionRoute:
    """A session's tree of links, and its messages under way."""

    def __init__(self, session: str, destinations: Sequence[str], hops: list[Hop]) -> None:
        self.session = session
        self.destinations = list(destinations)
        self.hops = hops
        self.open: dict[int, Message] = {}


class Network:
    """Links by name, all seeded alike."""

    def __init__(self, topology: control_pb2.Topology) -> None:
        """Raises TopologyError, naming the link and the field."""
        self.topology = topology
        self.name = topology.name
        try:
            self.clock = Clock.from_proto(topology.clock)
        except ValueError as error:
            raise TopologyError(str(error)) from error
        self.nodes = frozenset(topology.nodes)
        if len(topology.links) > MAX_LINKS:
            raise TopologyError(f"links: at most {MAX_LINKS}, got {len(topology.links)}")
        self.links: dict[str, Link] = {}
        for i, proto in enumerate(topology.links):
            config = LinkConfig.from_proto(proto)
            for node in (config.source, *config.destinations):
                if node not in self.nodes:
                    raise TopologyError(f"links[{config.name}]: node '{node}' is not among the nodes; add it or rename")
            if config.name in self.links:
                raise TopologyError(f"links[{i}].name: '{config.name}' is taken; every link needs its own name")
            self.links[config.name] = Link(config, topology.seed)

    @property
    def digest(self) -> str:
        """SHA-256 of the topology, in hex."""
        return hashlib.sha256(self.topology.SerializeToString(deterministic=True)).hexdigest()

    def update_link(self, change: control_pb2.UpdateLinkRequest) -> LinkConfig:
        """Changes one link from the next packet on. Raises KeyError for an unknown link, TopologyError for a value."""
        link = self.links[change.name]
        link.reconfigure(link.config.updated(change))
        return link.config

    def open_session(self, session: str, source: str, destinations: Sequence[str]) -> SessionRoute:
        """Raises TopologyError when a destination cannot be reached."""
        if not destinations:
            raise TopologyError(f"session '{session}': at least one destination is needed")
        configs = [link.config for link in self.links.values()]
        return SessionRoute(session, destinations, route(configs, source, destinations))

    def queue_bytes(self, session: SessionRoute) -> int:
        """What a source may have under way: the smallest queue of the session's first links."""
        return min(self.links[hop.link].config.queue_bytes for hop in session.hops)

    # -- messages ------------------------------------------------------------------------------------------------

    def open_message(self, session: SessionRoute, head: packet_pb2.MessageHead) -> None:
        """Opens a message, or begins it again. Raises WireError."""
        layouts = message_layout(head, MAX_MESSAGE_BYTES)
        if head.message_id not in session.open and len(session.open) >= MAX_OPEN_MESSAGES:
            raise WireError(f"session '{session.session}': more than {MAX_OPEN_MESSAGES} messages under way; end some")
        ledgers = {destination: _Ledger(received_ns=head.offered_ns) for destination in session.destinations}
        session.open[head.message_id] = Message(head, layouts, ledgers=ledgers)

    def carry(self, session: SessionRoute, run: packet_pb2.PacketRun, payload: bytes) -> Crossing:
        """Sends a run, whose payload this is, over the session's links. Raises WireError when it does not fit its
        message."""
        message = session.open.get(run.message_id)
        if message is None:
            raise WireError(f"packet of session '{run.session}' message {run.message_id}: the message has no head")
        layout = check_run(run, payload, message.layouts)
        freight = Freight(
            layout.kind,
            layout.alphabet,
            run.offset,
            run.count,
            run.packet_elements,
            np.frombuffer(payload, np.uint8),
            0.0,
            run.level,
            layout.elements,
        )
        train = Train(
            run.session,
            run.message_id,
            run.segment,
            run.level,
            freight,
            np.full(freight.packets, float(message.head.offered_ns)),
            np.ones(freight.packets, bool),
        )
        message.packets += freight.packets
        message.size_bits += 0 if layout.is_symbols else layout.bits(run.count)
        message.channel_uses += max(self.links[hop.link].channel_uses(freight) for hop in session.hops)
        deliveries: list[Delivery] = []
        start, departed = self._spread(session.hops, train, message, run, deliveries, 0, 0)
        for delivery in deliveries:
            ledger = message.ledgers[delivery.destination]
            ledger.sent_ns = start if ledger.sent_ns is None else min(ledger.sent_ns, start)
        return Crossing(start, departed, deliveries)

    def close_message(self, session: SessionRoute, message_id: int) -> dict[str, packet_pb2.Transit]:
        """What the message met towards each destination; empty when it is not open (a duplicate end)."""
        message = session.open.pop(message_id, None)
        if message is None:
            return {}
        for link in self.links.values():
            link.forget(session.session, message_id)
        return {
            destination: packet_pb2.Transit(
                sent_ns=round(message.head.offered_ns if ledger.sent_ns is None else ledger.sent_ns),
                received_ns=round(ledger.received_ns),
                size_bits=message.size_bits,
                channel_uses=message.channel_uses,
                packets=message.packets,
                packets_lost=ledger.packets_lost,
                element_errors=ledger.element_errors,
                retransmissions=ledger.retransmissions,
            )
            for destination, ledger in message.ledgers.items()
        }

    def abandon(self, session: SessionRoute) -> None:
        """Forgets the messages under way of a session whose source begins again."""
        for message_id in list(session.open):
            self.close_message(session, message_id)

    def _spread(
        self,
        hops: list[Hop],
        train: Train,
        message: Message,
        run: packet_pb2.PacketRun,
        deliveries: list[Delivery],
        errors: int,
        retransmissions: int,
    ) -> tuple[float, float]:
        """Sends a train over the links that leave here, and on. Returns (first service, last departure) of these."""
        start, departed = float("inf"), 0.0
        for hop in hops:
            link = self.links[hop.link]
            passages = link.serve(train, [branch.receiver for branch in hop.branches])
            start, departed = min(start, passages[0].start_ns), max(departed, link.free_at_ns)
            for branch, passage in zip(hop.branches, passages, strict=True):
                met = errors + passage.element_errors, retransmissions + passage.retransmissions
                if branch.is_destination:
                    self._deliver(branch.receiver, passage, message, run, deliveries, *met)
                if branch.hops:
                    self._spread(branch.hops, passage.train, message, run, deliveries, *met)
        return start, departed

    def _deliver(
        self,
        destination: str,
        passage: Passage,
        message: Message,
        run: packet_pb2.PacketRun,
        deliveries: list[Delivery],
        errors: int,
        retransmissions: int,
    ) -> None:
        train = passage.train
        ledger = message.ledgers[destination]
        ledger.received_ns = max(ledger.received_ns, float(train.times_ns.max()))
        ledger.packets_lost += int((~train.alive).sum())
        ledger.element_errors += errors
        ledger.retransmissions += retransmissions
        deliveries.append(Delivery(destination, _parts(train, run, self.clock.waits)))

    def counters(self) -> list[control_pb2.LinkCounters]:
        """Of every link towards each of its receivers."""
        rows = []
        for link in self.links.values():
            for receiver in link.config.destinations:
                levels = sorted((level, c) for (who, level), c in link.counts.items() if who == receiver)
                rate = link.config.rate.bits_per_s
                rows.append(
                    control_pb2.LinkCounters(
                        link=link.config.name,
                        destination=receiver,
                        levels=[_level_counters(level, count) for level, count in levels],
                        busy_ns=round(link.busy_ns),
                        free_at_ns=round(link.free_at_ns),
                        rate_bps=0.0 if rate == float("inf") else rate,
                    )
                )
        return rows


def _level_counters(level: int, count: LevelCount) -> control_pb2.LevelCounters:
    return control_pb2.LevelCounters(
        level=level,
        packets=count.packets,
        packets_lost=count.packets_lost,
        retransmissions=count.retransmissions,
        size_bits=count.size_bits,
        channel_uses=count.channel_uses,
        bit_errors=count.bit_errors,
        index_errors=count.index_errors,
    )


COALESCE_NS = 1e6  # packets that arrive within a millisecond travel in one batch when the clock waits


def _parts(train: Train, run: packet_pb2.PacketRun, paced: bool) -> list[Part]:
    """The packets that arrived: cut at losses and, when deliveries wait, where time passes between them."""
    times = np.rint(train.times_ns).astype("<i8")
    if not paced and train.alive.all():
        return [Part(train, run, times, 0, times.size)]
    cuts = np.flatnonzero(np.diff(train.alive.astype(np.int8)) != 0) + 1
    if paced:
        windows = times // int(COALESCE_NS)
        cuts = np.union1d(cuts, np.flatnonzero(np.diff(windows) != 0) + 1)
    edges = [0, *cuts.tolist(), times.size]
    parts = [Part(train, run, times, low, high) for low, high in itertools.pairwise(edges) if train.alive[low]]
    return sorted(parts, key=lambda part: part.due_ns) if paced else parts
