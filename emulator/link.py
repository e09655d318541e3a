"""One link: takes packets in model time, gives them back later, altered, or not at all.

    offered --> [queue] --> [serialise at the rate, try by try] --> [lose | carry over the channel] --> [delay, jitter]

Pure computation: no clock, no sockets. Every random decision is keyed by seed, link, receiver, session, message,
segment and place in it, so a run of packets meets the same fate however it is cut and whenever it comes.

BITS that a bearer takes a message at a time do not come through serve() but through emulator.collection, which uses
this link's time, noise and counters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edge.segment import Kind
from edge.wire.packing import bits_on_wire, packed_size, unpack
from emulator.bearers.bearer import Bearer, Carried, Freight, MessageBearer, Modulator
from emulator.bearers.ideal import Ideal
from emulator.bearers.table import BearerTable, bearer_table
from emulator.channels.levels import Level
from emulator.channels.noise import NoiseKey, SegmentNoise, packet_uniforms
from emulator.link_config import LinkConfig

Times = NDArray[np.float64]  # model time in nanoseconds
MAX_WORKS = 64
ROUNDING = 1e-9  # of a symbol: 40 / (1 / 3) must be 120


@dataclass(frozen=True, slots=True)
class Train:
    """Consecutive packets of one segment on their way: the unit that links work on.

    freight: kind, place and payload; its ber is the level's on the link at hand. times_ns [packets]: when each is
    offered to the next link; for a lost packet, when it would have been. alive [packets]: False for lost packets.
    gains [packets]: channel gain met so far, or None. tries: transmissions beyond the first, over all packets.
    """

    session: str
    message_id: int
    segment: int
    level: int
    freight: Freight
    times_ns: Times
    alive: NDArray[np.bool_]
    gains: NDArray[np.complex64] | None = None

    @property
    def first_packet(self) -> int:
        return self.freight.offset // self.freight.packet_elements


@dataclass(frozen=True, slots=True)
class Passage:
    """What one receiver of a link gets of a train, and what it cost. packets_filled: see Transit in packet.proto."""

    train: Train
    start_ns: float
    element_errors: int
    retransmissions: int
    packets_filled: int = 0


@dataclass
class LevelCount:
    """Running counts of one reliability level towards one receiver; see LevelCounters in control.proto."""

    packets: int = 0
    packets_lost: int = 0
    retransmissions: int = 0
    size_bits: int = 0
    channel_uses: int = 0
    bit_errors: int = 0
    index_errors: int = 0
    packets_filled: int = 0


@dataclass
class _Fate:
    """What became of a train's packets towards one receiver, attempt by attempt."""

    payload: NDArray[np.uint8]
    gains: NDArray[np.complex64] | None
    failed: NDArray[np.bool_]
    missing: NDArray[np.bool_]
    tries: NDArray[np.int64]
    bit_errors: int | None  # as the channel counted them; None where it does not know, or no longer


@dataclass
class Link:
    """A link and its state: when it is free, and what it has counted."""

    config: LinkConfig
    seed: int
    free_at_ns: float = 0.0
    busy_ns: float = 0.0
    counts: dict[tuple[str, int], LevelCount] = field(default_factory=dict)
    whole_bits: MessageBearer | None = field(init=False, default=None)  # of the messages that begin from now on
    _bearers: dict[Kind, Bearer] = field(init=False, default_factory=dict)
    _own_bearers: dict[tuple[str, Kind], Bearer] = field(init=False, default_factory=dict)  # of one end alone
    _modulators: dict[Kind, Modulator] = field(init=False)
    _noise: dict[tuple[str, str, int, int], SegmentNoise] = field(default_factory=dict)
    _works: dict[tuple[Kind, int, int, int, float, tuple[int, ...]], tuple[Times, Times]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reconfigure(self.config, bearer_table(self.config))

    def reconfigure(self, config: LinkConfig, table: BearerTable) -> None:
        """From the next packet on. table: the bearers of this configuration."""
        by_kind = dict(table.by_kind)
        if table.whole_bits is not None and Kind.BITS in self._bearers:  # messages under way end as they began
            by_kind[Kind.BITS] = self._bearers[Kind.BITS]
        self.config, self.whole_bits, self._bearers = config, table.whole_bits, by_kind
        self._own_bearers = dict(table.by_end)
        self._modulators = {kind: each for kind, each in by_kind.items() if isinstance(each, Modulator)}
        self._works.clear()

    def serve(self, train: Train, receivers: Sequence[str]) -> list[Passage]:
        """Sends a train once; each receiver meets its own noise, and tries are repeated until all are served."""
        level = self.config.level(train.level)
        elements = train.freight.segment_elements or train.freight.offset + train.freight.count
        freight = replace(train.freight, ber=level.ber, level=train.level, segment_elements=elements)
        rate = self.config.code_rate(receivers)
        if self._loses_nothing(level, freight.kind) and train.alive.all():
            return self._serve_whole(train, freight, receivers, rate)
        queued = self._admit(train, freight, rate)
        fates = [self._carry(train, freight, level, receiver, queued) for receiver in receivers]
        tries = np.max([fate.tries for fate in fates], axis=0)
        starts, departures = self._serialise(train.times_ns, self._service_ns(freight, rate), tries, queued)
        uses = int(self._packet_uses(freight, rate)[queued].sum())
        passages = []
        for receiver, fate in zip(receivers, fates, strict=True):
            arrivals = departures + self.config.delay_s * 1e9 + self.jitter_ns(train, receiver)
            arrived = replace(
                train,
                freight=replace(freight, payload=fate.payload),
                times_ns=np.where(queued, arrivals, train.times_ns),
                alive=queued & ~fate.missing,
                gains=_joined(train.gains, fate.gains),
            )
            retransmissions = int((fate.tries - 1)[queued].sum())
            known = fate.bit_errors if freight.kind is Kind.BITS and arrived.alive.all() else None
            errors = self._count(train, arrived, receiver, queued, (uses, retransmissions), known)
            start = float(starts[queued][0]) if queued.any() else float(train.times_ns[0])
            passages.append(Passage(arrived, start, errors, retransmissions))
        return passages

    def channel_uses(self, freight: Freight, receivers: Sequence[str]) -> int:
        """Complex symbols that the packets take on this link, sent once to these of its ends."""
        return int(self._packet_uses(freight, self.config.code_rate(receivers)).sum())

    def _packet_uses(self, freight: Freight, rate: float) -> NDArray[np.int64]:
        """Complex symbols that each packet takes, sent once at a code rate."""
        modulator = self._modulators.get(freight.kind)
        if freight.kind is Kind.SYMBOLS:
            uses = self._packet_elements(freight)
        elif modulator is not None:
            uses = modulator.channel_uses(freight)
        else:
            uses = np.zeros(freight.packets, np.int64)
        return uses if rate == 1 else np.ceil(uses / rate - ROUNDING).astype(np.int64)

    def _bearer(self, kind: Kind, receiver: str) -> Bearer:
        return self._own_bearers.get((receiver, kind), self._bearers[kind])

    def _loses_nothing(self, level: Level, kind: Kind) -> bool:
        if kind is Kind.OPAQUE and not isinstance(self._bearers[kind], Ideal):
            return False  # these bytes come intact or not at all
        return not (self.config.drop_when_full or self.config.loss or level.erasure or level.on_error != "deliver")

    def _serve_whole(self, train: Train, freight: Freight, receivers: Sequence[str], rate: float) -> list[Passage]:
        """What serve() comes to where no packet can be lost or repeated; it is what a fast link does all the time."""
        service, done = self._work(freight, rate)
        uses = int(self._packet_uses(freight, rate).sum())
        begin = np.maximum(np.maximum.accumulate(train.times_ns - (done - service)), self.free_at_ns)
        departures = begin + done
        self.free_at_ns = float(departures[-1])
        self.busy_ns += float(done[-1])
        passages = []
        for receiver in receivers:
            carried = _through(self._bearer(freight.kind, receiver), freight, self._draw(train, receiver, 0))
            arrived = replace(
                train,
                freight=replace(freight, payload=carried.payload),
                times_ns=departures + (self.config.delay_s * 1e9 + self.jitter_ns(train, receiver)),
                gains=_joined(train.gains, carried.gains),
            )
            known = carried.bit_errors if freight.kind is Kind.BITS else None
            served = freight.packets, freight.count, uses
            errors = self._count_served(train, arrived, receiver, served, known)
            passages.append(Passage(arrived, float(departures[0] - service[0]), errors, 0))
        return passages

    def _work(self, freight: Freight, rate: float) -> tuple[Times, Times]:
        """Time that each packet of such a run takes the link, and the running sum; remembered, as runs are alike."""
        place: tuple[int, ...] = ()
        if freight.kind in self._modulators:  # whose symbols begin where the segment does
            place = (freight.offset, freight.segment_elements, freight.level)
        key = (freight.kind, freight.alphabet, freight.count, freight.packet_elements, rate, place)
        if key not in self._works:
            if len(self._works) >= MAX_WORKS:
                self._works.clear()
            service = self._service_ns(freight, rate)
            self._works[key] = service, np.cumsum(service)
        return self._works[key]

    def forget(self, session: str, message_id: int) -> None:
        """Drops the noise state that was kept for a message."""
        for key in [k for k in self._noise if k[1] == session and k[2] == message_id]:
            del self._noise[key]

    # -- whole messages (emulator.collection) --------------------------------------------------------------------

    def occupy(self, ready_ns: float, service_ns: float) -> tuple[float, float]:
        """Takes the link for so long, from when it is ready and free: (start, end) in model time."""
        start_ns = max(ready_ns, self.free_at_ns)
        self.free_at_ns = start_ns + service_ns
        self.busy_ns += service_ns
        return start_ns, self.free_at_ns

    def whole_service_ns(self, channel_uses: int, size_bits: int, packets: int) -> float:
        """Time that a message of so many symbols takes; that of its bits where the link has no symbol rate."""
        rate = self.config.rate
        header_ns = packets * self.config.header_bits * 1e9 / rate.bits_per_s
        limited = rate.symbols_per_s != math.inf
        return header_ns + (channel_uses * 1e9 / rate.symbols_per_s if limited else size_bits * 1e9 / rate.bits_per_s)

    def draw_of(self, session: str, message_id: int, receiver: str, segment: int) -> SegmentNoise:
        """The noise of one segment's first try on its way to one receiver."""
        kept = (receiver, session, message_id, segment)
        if kept not in self._noise:
            self._noise[kept] = SegmentNoise(self._key(session, receiver, "payload"), message_id, segment)
        return self._noise[kept]

    def count(self, receiver: str, level: int) -> LevelCount:
        """The counts of one level towards one receiver, to be added to."""
        return self.counts.setdefault((receiver, level), LevelCount())

    # -- queue and serialisation ---------------------------------------------------------------------------------

    def _packet_elements(self, freight: Freight) -> NDArray[np.int64]:
        sizes = np.full(freight.packets, freight.packet_elements, np.int64)
        sizes[-1] = freight.count - (freight.packets - 1) * freight.packet_elements
        return sizes

    def _service_ns(self, freight: Freight, rate: float) -> Times:
        """Time that each packet takes the link, once, at a code rate."""
        header_ns = self.config.header_bits * 1e9 / self.config.rate.bits_per_s
        modulated = freight.kind in self._modulators and self.config.rate.symbols_per_s != math.inf
        if freight.kind is Kind.SYMBOLS or modulated:
            service = self._packet_uses(freight, rate) * 1e9 / self.config.rate.symbols_per_s
        else:
            bits = self._packet_elements(freight) * bits_on_wire(freight.kind, freight.alphabet)
            service = bits / rate * 1e9 / self.config.rate.bits_per_s
        return np.asarray(service + header_ns, np.float64)

    def _admit(self, train: Train, freight: Freight, rate: float) -> NDArray[np.bool_]:
        """Which packets find room in the queue. A blocking queue takes all: credits have seen to that."""
        admitted = train.alive.copy()
        if not self.config.drop_when_full:
            return admitted
        service = self._service_ns(freight, rate)
        limit_ns = self.config.queue_bytes * 8e9 / self.config.rate.bits_per_s
        free = self.free_at_ns
        for i in np.flatnonzero(admitted):
            waiting = max(0.0, free - train.times_ns[i])
            admitted[i] = waiting <= limit_ns
            if admitted[i]:
                free = max(free, train.times_ns[i]) + service[i]
        return admitted

    def _serialise(
        self, offered: Times, service: Times, tries: NDArray[np.int64], queued: NDArray[np.bool_]
    ) -> tuple[Times, Times]:
        """First come, first served: depart[i] = max(offered[i], depart[i-1]) + work[i], by a running maximum."""
        work = np.where(queued, service * tries, 0.0)
        done = np.cumsum(work)
        ready = np.where(queued, offered, -np.inf)
        begin = np.maximum(np.maximum.accumulate(ready - (done - work)), self.free_at_ns)
        departures = begin + done
        if queued.any():
            self.free_at_ns = float(departures[-1])
            self.busy_ns += float(done[-1])
        return departures - work, departures

    def jitter_ns(self, train: Train, receiver: str) -> Times | float:
        if self.config.jitter_s == 0:
            return 0.0
        key = self._key(train.session, receiver, "jitter")
        drawn = packet_uniforms(key, train.message_id, train.segment, train.first_packet, train.freight.packets)
        return drawn * self.config.jitter_s * 1e9

    # -- loss and noise ------------------------------------------------------------------------------------------

    def _key(self, session: str, receiver: str, purpose: str) -> NoiseKey:
        return NoiseKey(self.seed, self.config.name, receiver, session, purpose)

    def _draw(self, train: Train, receiver: str, attempt: int) -> SegmentNoise:
        if attempt:
            key = self._key(train.session, receiver, "payload")
            return SegmentNoise(key, train.message_id, train.segment, attempt)
        return self.draw_of(train.session, train.message_id, receiver, train.segment)

    def _erased(
        self, train: Train, level: Level, receiver: str, attempt: int, first: int, count: int
    ) -> NDArray[np.bool_]:
        """Which of the packets [first, first + count) of the segment are lost whole on this attempt."""
        lost = np.zeros(count, bool)
        if self.config.loss is not None:
            key = self._key(train.session, receiver, "loss")
            lost |= self.config.loss(first, count, SegmentNoise(key, train.message_id, train.segment, attempt))
        if level.erasure:
            key = self._key(train.session, receiver, "erasure")
            lost |= packet_uniforms(key, train.message_id, train.segment, first, count, attempt) < level.erasure
        return lost

    def _carry(self, train: Train, freight: Freight, level: Level, receiver: str, queued: NDArray[np.bool_]) -> _Fate:
        bearer = self._bearer(freight.kind, receiver)
        carried = _through(bearer, freight, self._draw(train, receiver, 0))
        missing = self._erased(train, level, receiver, 0, train.first_packet, freight.packets)
        if carried.lost is not None:
            missing |= carried.lost
        failed = missing.copy()
        if level.on_error != "deliver":
            failed |= _altered(freight, carried)
        fate = _Fate(
            carried.payload, carried.gains, failed, missing, np.ones(freight.packets, np.int64), carried.bit_errors
        )
        if level.on_error == "retransmit":
            for packet in np.flatnonzero(failed & queued):
                self._retry(train, freight, level, receiver, int(packet), fate)
        if level.on_error != "deliver":
            fate.missing, fate.bit_errors = fate.failed, None
        return fate

    def _retry(self, train: Train, freight: Freight, level: Level, receiver: str, packet: int, fate: _Fate) -> None:
        """Sends one failed packet again until it comes through or its tries run out."""
        start = packet * freight.packet_elements
        count = min(freight.packet_elements, freight.count - start)
        low = packed_size(freight.kind, freight.alphabet, start)
        high = low + packed_size(freight.kind, freight.alphabet, count)
        one = replace(freight, offset=freight.offset + start, count=count, payload=freight.payload[low:high])
        for attempt in range(1, level.max_retries + 1):
            fate.tries[packet] += 1
            if self._erased(train, level, receiver, attempt, train.first_packet + packet, 1)[0]:
                continue
            carried = _through(self._bearer(freight.kind, receiver), one, self._draw(train, receiver, attempt))
            if _altered(one, carried)[0] or (carried.lost is not None and carried.lost[0]):
                continue
            if fate.payload is freight.payload or not fate.payload.flags.writeable:
                fate.payload = fate.payload.copy()
            fate.payload[low:high] = carried.payload
            if fate.gains is not None and carried.gains is not None:
                fate.gains[packet] = carried.gains[0]
            fate.failed[packet] = False
            return

    # -- counting ------------------------------------------------------------------------------------------------

    def _count(
        self,
        train: Train,
        arrived: Train,
        receiver: str,
        queued: NDArray[np.bool_],
        cost: tuple[int, int],
        bit_errors: int | None,
    ) -> int:
        """Adds to the counters; returns the elements altered in delivered packets (bits for BITS).

        cost: channel uses of one try, and retransmissions. bit_errors: where they are known already.
        """
        uses, retransmissions = cost
        elements = int(self._packet_elements(arrived.freight)[queued].sum())
        errors = self._count_served(train, arrived, receiver, (int(train.alive.sum()), elements, uses), bit_errors)
        count = self.counts[receiver, train.level]
        count.packets_lost += int((train.alive & ~arrived.alive).sum())
        count.retransmissions += retransmissions
        return errors

    def _count_served(
        self, train: Train, arrived: Train, receiver: str, served: tuple[int, int, int], bit_errors: int | None
    ) -> int:
        """The part of counting that every train needs; returns the elements altered in delivered packets.

        served: packets, elements and channel uses.
        """
        packets, elements, uses = served
        freight = train.freight
        count = self.count(receiver, train.level)
        count.packets += packets
        count.channel_uses += uses
        if freight.kind is Kind.SYMBOLS:
            return 0
        count.size_bits += elements * bits_on_wire(freight.kind, freight.alphabet)
        if arrived.freight.payload is freight.payload:
            return 0
        bits, indices = _errors(freight, arrived) if bit_errors is None else (bit_errors, 0)
        count.bit_errors += bits
        count.index_errors += indices
        return indices if freight.kind is Kind.INDICES else bits


def _through(bearer: Bearer, freight: Freight, draw: SegmentNoise) -> Carried:
    """Carries freight; the bits that pad the segment's last byte are not on the air, so they meet no noise."""
    carried = bearer.carry(freight, draw)
    padding = -freight.count * bits_on_wire(freight.kind, freight.alphabet) % 8
    if padding and carried.payload is not freight.payload:
        carried.payload[-1] = carried.payload[-1] >> padding << padding
        return replace(carried, bit_errors=None)  # some may have been in the padding
    return carried


def _joined(before: NDArray[np.complex64] | None, here: NDArray[np.complex64] | None) -> NDArray[np.complex64] | None:
    """Gains of two links in a row."""
    if before is None or here is None:
        return here if before is None else before
    return before * here


def _altered(freight: Freight, carried: Carried) -> NDArray[np.bool_]:
    """Which packets came out other than they went in. Symbols always do, so they count as they are."""
    altered = np.zeros(freight.packets, bool)
    if freight.kind is not Kind.SYMBOLS and carried.payload is not freight.payload:
        size = packed_size(freight.kind, freight.alphabet, freight.packet_elements)
        altered[np.flatnonzero(freight.payload != carried.payload) // size] = True
    return altered


def _xor(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """a ^ b, eight bytes at a time where that is possible."""
    if a.size % 8:
        return a ^ b
    return (a.view(np.uint64) ^ b.view(np.uint64)).view(np.uint8)


def _errors(sent: Freight, arrived: Train) -> tuple[int, int]:
    """(bit errors, index errors) in the packets that were delivered."""
    difference = _xor(sent.payload, arrived.freight.payload)
    if not arrived.alive.all():
        size = packed_size(sent.kind, sent.alphabet, sent.packet_elements)
        difference = difference * np.repeat(arrived.alive, size)[: difference.size]
    words = difference.view(np.uint64) if difference.size % 8 == 0 else difference
    bits = int(np.bitwise_count(words).sum(dtype=np.int64))
    if sent.kind is not Kind.INDICES or bits == 0:
        return bits, 0
    return bits, int(np.count_nonzero(unpack(sent.kind, sent.alphabet, difference.data, sent.count)))
