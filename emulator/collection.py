"""A link collects the BITS of a message, because its bearer takes them together.

    trains, as they come --> [Collection] --> all there, or the message ends --> serve_collected() --> passages

A link cannot know that a packet was lost on its way: it waits for it until `collect_s` after the message's first packet
has come, and goes on without what is missing then. Deadlines are judged by the packets' own model times, so what comes
of a message does not depend on how its packets are cut, or in which order they get here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edge.v1 import packet_pb2
from edge.wire.integrity import WireError
from emulator.bearers.bearer import CarriedGroup, Group, GroupForm, MessageBearer
from emulator.link import Link, Passage, Train
from emulator.route import Hop

MAX_MESSAGE_BITS = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Parcel:
    """A train between two links, the run that it came in, and what it has met so far (as in Transit)."""

    train: Train
    run: packet_pb2.PacketRun
    errors: int = 0
    retransmissions: int = 0
    filled: int = 0


class CannotCarry(WireError):  # noqa: N818  (it is an answer, not a fault)
    """A message of a form that a link's bearer does not take."""


class Collection:
    """The BITS of one message where they wait. Keeps the bearer that its link had when the message began."""

    def __init__(self, hop: Hop, bearer: MessageBearer, forms: Sequence[GroupForm]) -> None:
        """Raises CannotCarry for a message that the bearer does not take."""
        size_bits = sum(form.size_bits for form in forms)
        if size_bits > MAX_MESSAGE_BITS:
            raise CannotCarry(
                f"link '{hop.link}': takes messages of at most {MAX_MESSAGE_BITS} bits, got {size_bits}; send less"
            )
        try:
            bearer.check(forms)
        except ValueError as error:
            raise CannotCarry(f"link '{hop.link}': {error}") from error
        self.hop = hop
        self.bearer = bearer
        self.forms = list(forms)
        self.released = False
        self._waiting: list[Parcel] = []
        self._offered = {form.segment: np.zeros(0, np.bool_) for form in forms}  # by packet
        self._outstanding_bits = size_bits

    def add(self, parcel: Parcel) -> None:
        """Takes a train. Raises WireError for packets that were here before, or are cut otherwise than those."""
        train, freight = parcel.train, parcel.train.freight
        offered = self._offered[train.segment]
        packets = -(-self._form(train).size_bits // freight.packet_elements)
        if offered.size == 0:
            offered = self._offered[train.segment] = np.zeros(packets, np.bool_)
        here = slice(train.first_packet, train.first_packet + freight.packets)
        if offered.size != packets or offered[here].any():
            raise WireError(
                f"packet of session '{train.session}' message {train.message_id}: segment {train.segment} has these "
                f"elements ({freight.offset} to {freight.offset + freight.count}) already; send each once, in packets "
                "of one size"
            )
        offered[here] = True
        self._outstanding_bits -= freight.count
        self._waiting.append(parcel)

    @property
    def complete(self) -> bool:
        """Every packet has been offered, those that were lost included."""
        return self._outstanding_bits == 0

    def release(self) -> Gathered:
        """All that came, in the order of the message."""
        self.released = True
        waiting = sorted(self._waiting, key=lambda parcel: (parcel.train.segment, parcel.train.freight.offset))
        self._waiting = []
        came = [parcel.train.times_ns[parcel.train.alive] for parcel in waiting]
        times = np.concatenate([*came, np.zeros(0)])
        deadline_ns = float(times.min()) + self.bearer.collect_s * 1e9 if times.size else 0.0
        usable = [parcel.train.alive & (parcel.train.times_ns <= deadline_ns) for parcel in waiting]
        groups = [self._group(form, waiting, usable) for form in self.forms]
        whole = all(group.present.all() for group in groups)
        ready_ns = (float(times.max()) if whole else deadline_ns) if times.size else None
        return Gathered(self.bearer, groups, waiting, usable, ready_ns)

    def _form(self, train: Train) -> GroupForm:
        return next(form for form in self.forms if form.segment == train.segment)

    @staticmethod
    def _group(form: GroupForm, waiting: Sequence[Parcel], usable: Sequence[NDArray[np.bool_]]) -> Group:
        bits = np.zeros(form.size_bits, np.uint8)
        present = np.zeros(form.size_bits, np.bool_)
        for parcel, packets in zip(waiting, usable, strict=True):
            freight = parcel.train.freight
            if parcel.train.segment == form.segment:
                here = slice(freight.offset, freight.offset + freight.count)
                present[here] = _by_element(packets, parcel.train)
                bits[here] = np.unpackbits(freight.payload, count=freight.count) * present[here]
        return Group(form, bits, present)


@dataclass(frozen=True)
class Gathered:
    """A message's BITS at a link that serves them together. usable: of each parcel's packets, which came in time.
    ready_ns: when the last that was needed was there, or the deadline; None where nothing came."""

    bearer: MessageBearer
    groups: list[Group]
    parcels: list[Parcel]
    usable: list[NDArray[np.bool_]]
    ready_ns: float | None

    @property
    def forms(self) -> list[GroupForm]:
        return [group.form for group in self.groups]


@dataclass(frozen=True)
class Served:
    """What a link did with a message. start_ns, channel_uses: None and 0 where nothing had come. passages: one for each
    parcel and receiver."""

    start_ns: float | None
    channel_uses: int
    passages: list[list[Passage]]


def serve_collected(link: Link, gathered: Gathered, receivers: Sequence[str]) -> Served:
    """Sends a message's BITS once, each receiver meeting its own noise. All its packets arrive when its last symbol
    has."""
    parcels, forms = gathered.parcels, gathered.forms
    if gathered.ready_ns is None:
        lost = [Passage(parcel.train, float(parcel.train.times_ns[0]), 0, 0) for parcel in parcels]
        return Served(None, 0, [[passage] * len(receivers) for passage in lost])
    uses = gathered.bearer.channel_uses(forms)
    packets = sum(int(usable.sum()) for usable in gathered.usable)
    size_bits = sum(int(group.present.sum()) for group in gathered.groups)
    start_ns, end_ns = link.occupy(gathered.ready_ns, link.whole_service_ns(sum(uses), size_bits, packets))
    first = parcels[0].train
    draws = [partial(link.draw_of, first.session, first.message_id, receiver) for receiver in receivers]
    carried = gathered.bearer.carry(gathered.groups, draws)
    places = {form.segment: place for place, form in enumerate(forms)}
    passages: list[list[Passage]] = []
    for parcel, usable in zip(parcels, gathered.usable, strict=True):
        place = places[parcel.train.segment]
        share = _Share(parcel.train, usable, gathered.groups[place], uses[place], start_ns, end_ns)
        passages.append(
            [share.passage(link, receiver, each[place]) for receiver, each in zip(receivers, carried, strict=True)]
        )
    return Served(start_ns, sum(uses), passages)


@dataclass(frozen=True)
class _Share:
    """One train's part in a message that a link serves from start_ns to end_ns. uses: channel uses of its group."""

    train: Train
    usable: NDArray[np.bool_]
    group: Group
    uses: int
    start_ns: float
    end_ns: float

    def passage(self, link: Link, receiver: str, carried: CarriedGroup) -> Passage:
        """What one receiver gets of it; counted."""
        train, freight = self.train, self.train.freight
        here = slice(freight.offset, freight.offset + freight.count)
        firsts = np.arange(freight.packets) * freight.packet_elements
        alive = np.logical_and.reduceat(carried.delivered[here], firsts)
        filled = alive & ~self.usable
        judged = _by_element(self.usable & alive, train)
        errors = int(np.count_nonzero((carried.bits[here] != self.group.bits[here]) & judged))
        count = link.count(receiver, train.level)
        count.packets += int((train.alive & ~filled).sum())
        count.packets_lost += int((train.alive & ~alive).sum())
        count.packets_filled += int(filled.sum())
        count.size_bits += int(judged.sum())
        count.channel_uses += self._symbols_up_to(here.stop) - self._symbols_up_to(here.start)
        count.bit_errors += errors
        arrived = replace(
            train,
            freight=replace(freight, payload=np.packbits(carried.bits[here])),
            times_ns=np.full(freight.packets, self.end_ns + link.config.delay_s * 1e9)
            + link.jitter_ns(train, receiver),
            alive=alive,
        )
        return Passage(arrived, self.start_ns, errors, 0, int(filled.sum()))

    def _symbols_up_to(self, bits: int) -> int:
        """Channel uses charged to the group's first so many bits: in proportion."""
        return self.uses * bits // self.group.bits.size


def _by_element(packets: NDArray[np.bool_], train: Train) -> NDArray[np.bool_]:
    """[packets] -> [count]: what holds of each element's packet."""
    freight = train.freight  # a packet may claim far more elements than its segment has
    return np.repeat(packets, min(freight.packet_elements, freight.count))[: freight.count]
