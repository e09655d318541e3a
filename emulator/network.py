"""The emulated network as a computation: a topology of links, and what becomes of messages that cross it.

No sockets and no waiting: the data plane feeds it runs of packets and gets back what each destination receives, with
model times. Live control changes links here.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.segment import Kind
from edge.v1 import packet_pb2
from edge.wire.integrity import WireError, header_crc
from edge.wire.packing import packed_size
from edge.wire.reassembly import SegmentLayout, check_run, message_layout
from emulator.announced import check_message
from emulator.bearers.bearer import AskedLevel, Freight, GroupForm, MessageBearer
from emulator.bearers.table import bearer_table
from emulator.clock import Clock
from emulator.collection import Collection, Parcel, serve_collected
from emulator.link import LevelCount, Link, Passage, Train
from emulator.link_config import MAX_LINKS, LinkConfig, TopologyError
from emulator.route import Hop, route
from emulator.subscriptions import pruned, takers
from emulator.v1 import control_pb2

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
MAX_OPEN_MESSAGES = 64
MAX_TREES = 1024


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
    """One run's way through the network, with what it released on links that collect. start_ns, departed_ns: service by
    the first link; where that collects, until the message is whole, when it could begin."""

    start_ns: float
    departed_ns: float
    deliveries: list[Delivery]


@dataclass(frozen=True, slots=True)
class _Service:
    """By one link. begun: False where the packets wait for the rest of their message. collected_uses: channel uses of
    a message that had waited."""

    start_ns: float
    departed_ns: float
    begun: bool = True
    collected_uses: int = 0


@dataclass
class _Ledger:
    """One message towards one destination. packets, size_bits, channel_uses: of what it takes, on the first link."""

    received_ns: float = 0.0
    packets: int = 0
    size_bits: int = 0
    channel_uses: int = 0
    packets_lost: int = 0
    element_errors: int = 0
    retransmissions: int = 0
    packets_filled: int = 0


@dataclass
class Message:
    """A message under way. sent_ns: None before the first link serves it. ledgers: of those that it is for.
    collections: by the name of the link, those nearer to the source first. collected_uses: channel uses of what the
    first link collected."""

    head: packet_pb2.MessageHead
    layouts: list[SegmentLayout]
    collected_uses: int = 0
    sent_ns: float | None = None
    ledgers: dict[str, _Ledger] = field(default_factory=dict)
    collections: dict[str, Collection] = field(default_factory=dict)

    def collection(self, link: str, kind: Kind) -> Collection | None:
        """Where segments of this kind wait at the link; None where they do not."""
        return self.collections.get(link) if kind is Kind.BITS else None


class SessionRoute:
    """A session's tree of links, and its messages under way.

    asked: what its source announced of levels. highest: the highest level that a destination takes, of those that do
    not take all.
    """

    def __init__(
        self,
        session: str,
        destinations: Sequence[str],
        hops: list[Hop],
        asked: Sequence[AskedLevel] = (),
        highest: Mapping[str, int] | None = None,
    ) -> None:
        self.session = session
        self.destinations = list(destinations)
        self.hops = hops
        self.asked = tuple(asked)
        self.highest = dict(highest or {})
        self.open: dict[int, Message] = {}
        self._trees: dict[frozenset[str], list[Hop]] = {}

    def addressed(self, head: packet_pb2.MessageHead) -> list[str]:
        """The destinations that a message is for. Raises WireError for others than the session's."""
        for destination in head.destinations:
            if destination not in self.destinations:
                raise WireError(
                    f"session '{self.session}' message {head.message_id}: destination '{destination}' is not among "
                    "the session's; announce it"
                )
        return list(dict.fromkeys(head.destinations)) or self.destinations

    def tree(self, wanted: frozenset[str]) -> list[Hop]:
        """The links that lead to these destinations."""
        if wanted not in self._trees:
            if len(self._trees) >= MAX_TREES:
                self._trees.clear()
            self._trees[wanted] = pruned(self.hops, wanted)
        return self._trees[wanted]

    def every_hop(self, hops: Sequence[Hop] | None = None) -> Iterator[Hop]:
        """All links of the tree, or of this part of it, those nearer to the source first."""
        waiting = list(self.hops if hops is None else hops)
        while waiting:
            hop = waiting.pop(0)
            yield hop
            waiting += [following for branch in hop.branches for following in branch.hops]


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

    def update_link(self, change: control_pb2.UpdateLinkRequest, sessions: Iterable[SessionRoute] = ()) -> LinkConfig:
        """Changes one link from the next packet on; messages under way that a link collects keep their bearer.

        sessions: the open ones. Raises KeyError for an unknown link, and TopologyError, changing nothing, for a value
        or a bearer that cannot serve one of the sessions.
        """
        link = self.links[change.name]
        config = link.config.updated(change)
        table = bearer_table(config)
        if table.whole_bits is not None:
            for session in sessions:
                if any(hop.link == change.name for hop in session.every_hop()):
                    _require_service(session, change.name, table.whole_bits)
        link.reconfigure(config, table)
        return link.config

    def open_session(
        self,
        session: str,
        source: str,
        destinations: Sequence[str],
        asked: Sequence[AskedLevel] = (),
        highest: Mapping[str, int] | None = None,
    ) -> SessionRoute:
        """asked: the reliability levels that its source announced; highest: see SessionRoute. Raises TopologyError when
        a destination cannot be reached, or a link's bearer cannot serve these levels."""
        if not destinations:
            raise TopologyError(f"session '{session}': at least one destination is needed")
        configs = [link.config for link in self.links.values()]
        opened = SessionRoute(session, destinations, route(configs, source, destinations), asked, highest)
        for hop in opened.every_hop():
            bearer = self.links[hop.link].whole_bits
            if bearer is not None:
                _require_service(opened, hop.link, bearer)
        return opened

    def queue_bytes(self, session: SessionRoute) -> int:
        """What a source may have under way: the smallest queue of the session's first links."""
        return min(self.links[hop.link].config.queue_bytes for hop in session.hops)

    # -- messages ------------------------------------------------------------------------------------------------

    def open_message(self, session: SessionRoute, head: packet_pb2.MessageHead) -> None:
        """Opens a message, or begins it again. Raises CannotCarry where a link's bearer does not take it, WireError."""
        layouts = message_layout(head, MAX_MESSAGE_BYTES)
        if head.message_id not in session.open and len(session.open) >= MAX_OPEN_MESSAGES:
            raise WireError(f"session '{session.session}': more than {MAX_OPEN_MESSAGES} messages under way; end some")
        check_message(f"session '{session.session}' message {head.message_id}", layouts, session.asked)
        addressed = session.addressed(head)
        ledgers = {destination: _Ledger(received_ns=head.offered_ns) for destination in addressed}
        collections = self._collections(session, layouts, session.tree(frozenset(addressed)))
        session.open[head.message_id] = Message(head, layouts, ledgers=ledgers, collections=collections)

    def _collections(
        self, session: SessionRoute, layouts: Sequence[SegmentLayout], tree: Sequence[Hop]
    ) -> dict[str, Collection]:
        """Where a message's BITS will wait. Raises CannotCarry."""
        bers = dict(enumerate(level.ber for level in session.asked))
        forms = [
            GroupForm(index, layout.level, layout.shape, bers.get(layout.level))
            for index, layout in enumerate(layouts)
            if layout.kind is Kind.BITS and layout.elements
        ]
        bearers = [(hop, self.links[hop.link].whole_bits) for hop in session.every_hop(tree)] if forms else []
        return {hop.link: Collection(hop, bearer, forms) for hop, bearer in bearers if bearer is not None}

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
        wanted = takers(list(message.ledgers), run.level, session.highest)
        hops = session.tree(wanted)
        if not hops:  # nobody takes it: no link is served
            offered_ns = float(message.head.offered_ns)
            return Crossing(float("inf"), offered_ns, [])
        self._charge(message, wanted, freight, layout, hops)
        deliveries: list[Delivery] = []
        services = [self._cross(hop, Parcel(train, run), message, deliveries) for hop in hops]
        self._note(message, services)
        start, departed = min(each.start_ns for each in services), max(each.departed_ns for each in services)
        return Crossing(start, departed, deliveries)

    def _charge(
        self, message: Message, wanted: frozenset[str], freight: Freight, layout: SegmentLayout, hops: Sequence[Hop]
    ) -> None:
        """What these packets take on the first links, in the books of those that take them."""
        served = [hop for hop in hops if message.collection(hop.link, freight.kind) is None]
        uses = max((self.links[hop.link].channel_uses(freight, hop.ends) for hop in served), default=0)
        for destination in wanted:
            ledger = message.ledgers[destination]
            ledger.packets += freight.packets
            ledger.size_bits += 0 if layout.is_symbols else layout.bits(freight.count)
            ledger.channel_uses += uses

    def release(self, session: SessionRoute, message_id: int) -> Crossing | None:
        """Sends on what still waits on links that collect, as the message ends. None where nothing does.

        start_ns: infinite where it waited behind the first link, which had served it before.
        """
        message = session.open.get(message_id)
        deliveries: list[Delivery] = []
        services = []
        for each in message.collections.values() if message is not None else ():
            if message is not None and not each.released:
                service = self._release(each, message, deliveries)
                if any(each.hop.link == first.link for first in session.hops):
                    services.append(service)
        if message is None or not deliveries:
            return None
        self._note(message, services)
        start = min((each.start_ns for each in services), default=float("inf"))
        return Crossing(start, max((each.departed_ns for each in services), default=0.0), deliveries)

    @staticmethod
    def _note(message: Message, services: Sequence[_Service]) -> None:
        """What the first links did."""
        begun = [each.start_ns for each in services if each.begun]
        if begun:
            message.sent_ns = min(begun) if message.sent_ns is None else min(message.sent_ns, *begun)
        message.collected_uses = max([message.collected_uses, *(each.collected_uses for each in services)])

    def close_message(self, session: SessionRoute, message_id: int) -> dict[str, packet_pb2.Transit]:
        """What the message met towards each destination; empty when it is not open (a duplicate end)."""
        message = session.open.pop(message_id, None)
        if message is None:
            return {}
        for link in self.links.values():
            link.forget(session.session, message_id)
        return {
            destination: packet_pb2.Transit(
                sent_ns=round(message.head.offered_ns if message.sent_ns is None else message.sent_ns),
                received_ns=round(ledger.received_ns),
                size_bits=ledger.size_bits,
                channel_uses=ledger.channel_uses + message.collected_uses,
                packets=ledger.packets,
                packets_lost=ledger.packets_lost,
                element_errors=ledger.element_errors,
                retransmissions=ledger.retransmissions,
                packets_filled=ledger.packets_filled,
            )
            for destination, ledger in message.ledgers.items()
        }

    def abandon(self, session: SessionRoute) -> None:
        """Forgets the messages under way of a session whose source begins again."""
        for message_id in list(session.open):
            self.close_message(session, message_id)

    def _cross(self, hop: Hop, parcel: Parcel, message: Message, deliveries: list[Delivery]) -> _Service:
        """Sends a parcel over a link, and on; or has it wait for the rest of its message."""
        link = self.links[hop.link]
        collection = message.collection(hop.link, parcel.train.freight.kind)
        if collection is None:
            passages = link.serve(parcel.train, hop.ends)
            self._onward(hop, parcel, passages, message, deliveries)
            return _Service(passages[0].start_ns, link.free_at_ns)
        collection.add(parcel)
        if collection.complete:
            return self._release(collection, message, deliveries)
        could_begin_ns = max(link.free_at_ns, float(parcel.train.times_ns.min()))
        return _Service(could_begin_ns, could_begin_ns, begun=False)

    def _release(self, waiting: Collection, message: Message, deliveries: list[Delivery]) -> _Service:
        """Serves what a link has collected of a message, and sends it on."""
        hop = waiting.hop
        link = self.links[hop.link]
        gathered = waiting.release()
        served = serve_collected(link, gathered, hop.ends)
        for parcel, passages in zip(gathered.parcels, served.passages, strict=True):
            self._onward(hop, parcel, passages, message, deliveries)
        start_ns = link.free_at_ns if served.start_ns is None else served.start_ns
        return _Service(start_ns, link.free_at_ns, served.start_ns is not None, served.channel_uses)

    def _onward(
        self, hop: Hop, parcel: Parcel, passages: Sequence[Passage], message: Message, deliveries: list[Delivery]
    ) -> None:
        """From the end of a link to its receivers, and over the links that follow."""
        for branch, passage in zip(hop.branches, passages, strict=True):
            arrived = Parcel(
                passage.train,
                parcel.run,
                parcel.errors + passage.element_errors,
                parcel.retransmissions + passage.retransmissions,
                parcel.filled + passage.packets_filled,
            )
            if branch.is_destination:
                deliveries.append(self._deliver(branch.receiver, arrived, message))
            for following in branch.hops:
                self._cross(following, arrived, message, deliveries)

    def _deliver(self, destination: str, parcel: Parcel, message: Message) -> Delivery:
        ledger = message.ledgers[destination]
        ledger.received_ns = max(ledger.received_ns, float(parcel.train.times_ns.max()))
        ledger.packets_lost += int((~parcel.train.alive).sum())
        ledger.element_errors += parcel.errors
        ledger.retransmissions += parcel.retransmissions
        ledger.packets_filled += parcel.filled
        return Delivery(destination, _parts(parcel.train, parcel.run, self.clock.waits))

    def message_bearers(self) -> list[control_pb2.LinkBearer]:
        """Of every link that takes BITS a message at a time: what it holds and chose."""
        rows = []
        for link in self.links.values():
            if link.whole_bits is not None:
                row = link.whole_bits.describe()
                row.link = link.config.name
                rows.append(row)
        return rows

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


def _require_service(session: SessionRoute, link: str, bearer: MessageBearer) -> None:
    """Raises TopologyError when a link's bearer cannot serve the levels that a session's source announced."""
    objection = bearer.objection(session.asked)
    if not objection and session.highest:
        partial = min(session.highest)
        objection = f"it takes whole messages, but '{partial}' takes levels 0 to {session.highest[partial]} only"
    if objection:
        raise TopologyError(
            f"session '{session.session}' over link '{link}': {objection}; use the codec that it was made for, or "
            "another bearer"
        )


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
        packets_filled=count.packets_filled,
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
