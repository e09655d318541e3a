"""Refinement on demand: which sub-blocks a transmission sends and offers, when a receiver asks for more, what it keeps
to decode both together.

A picture's head carries the offer, and the receipt the answer to it: so whatever brings back heads and receipts after
a failure brings back offers and requests too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.codecs.contract import CodecError
from edge.codecs.layered import Layered, level_of
from edge.segment import Segment
from edge.v1 import node_pb2, packet_pb2
from edge.wire.packets import TO_PROTO
from edge.wire.packing import pack, unpack
from edge.wire.reassembly import segment_layout

FIRST_NUMBER = 1 << 62  # refinements are numbered from here, pictures below
MAX_PICTURES = 1 << 43  # a session's pictures that may be refined
LEVELS = 256
DESTINATIONS = 1024


@dataclass(frozen=True)
class Selection:
    """What is sent of each picture, and offered. levels: of the sub-blocks to send; None for all."""

    levels: frozenset[int] | None = None
    offer: packet_pb2.RefinementOffer | None = None

    def of(self, segments: Sequence[Segment]) -> list[Segment]:
        return [segment for segment in segments if self.levels is None or segment.level in self.levels]


EVERYTHING = Selection()


def selection(codec: object, rule: node_pb2.RefinementRule | None, heads: Sequence[int | str]) -> Selection:
    """What a request means for the session's codec. Raises CodecError for a head that there is not."""
    levels = frozenset(level_of(codec, layer, head) for layer, head in enumerate(heads, start=1)) if heads else None
    if rule is None:
        return Selection(levels)
    level = asked_level(codec, "refine.", rule)
    assert isinstance(codec, Layered)  # asked_level has seen to that
    below = frozenset(codec.shape.blocks(codec.shape.heads[level].layer - 1))
    offer = packet_pb2.RefinementOffer(level=level, classes=rule.classes)
    if rule.HasField("below_confidence"):
        offer.below_confidence = rule.below_confidence
    return Selection(below if levels is None else below & levels, offer)


def asked_level(codec: object, where: str, asked: node_pb2.RefinementRule | node_pb2.RefineRequest) -> int:
    """Level of the sub-block that is, or may be, asked for. where: before the field's name in a sentence. Raises
    CodecError for a head that there is not, and for one of layer 1."""
    layer = None if asked.head_name and not asked.layer else asked.layer
    level = level_of(codec, layer, asked.head_name or asked.head)
    assert isinstance(codec, Layered)  # level_of has seen to that
    if codec.shape.heads[level].layer < 2:
        raise CodecError(f"{where}layer: must be 2 or more, got 1; layer 1 is what is refined")
    return level


def heads_of(request: node_pb2.TransmitRequest) -> list[int | str]:
    """The head that is to be sent of each layer, by number or name; none for all of them."""
    return [int(name) if name.isdecimal() else name for name in request.head_names] or list(request.heads)


def asks(
    codec: object, offer: packet_pb2.RefinementOffer | None, label: int | None, confidence: float | None
) -> int | None:
    """Level of the sub-block that a receiver asks for, having seen this class; None when it does not."""
    if offer is None or not isinstance(codec, Layered) or offer.level not in codec.shape.blocks(codec.layers):
        return None
    unsure = offer.HasField("below_confidence") and confidence is not None and confidence < offer.below_confidence
    return offer.level if unsure or label in offer.classes else None


def number(message_id: int, level: int, destination: int) -> int:
    """Number of the refinement message: the same whenever it is asked for again, so that it is delivered once.
    destination: place in the session's list."""
    return FIRST_NUMBER + (message_id * LEVELS + level) * DESTINATIONS + destination


def kept(segments: Iterable[Segment]) -> list[node_pb2.KeptSegment]:
    """Segments as they were received."""
    return [
        node_pb2.KeptSegment(
            head=packet_pb2.SegmentHead(
                kind=TO_PROTO[s.kind], level=s.level, alphabet=s.alphabet, shape=list(s.values.shape)
            ),
            payload=bytes(pack(s.kind, s.alphabet, s.values)),
            present=b"" if s.present is None else np.packbits(s.present).tobytes(),
            csi=b"" if s.csi is None else s.csi.astype("<c8").tobytes(),
        )
        for s in segments
    ]


def first_decoding(delivery: node_pb2.CollectResponse) -> node_pb2.FirstDecoding:
    """What a delivery holds of a picture that is about to be refined."""
    first = node_pb2.FirstDecoding(png=delivery.png)
    for name in ("label", "confidence", "level"):
        if delivery.HasField(name):
            setattr(first, name, getattr(delivery, name))
    return first


def unkept(segment: node_pb2.KeptSegment) -> Segment:
    """The segment again. Raises WireError for a head that cannot be."""
    layout = segment_layout(segment.head)
    present = csi = None
    if segment.present:
        bits = np.unpackbits(np.frombuffer(segment.present, np.uint8), count=layout.elements)
        present = bits.astype(np.bool_).reshape(layout.shape)
    if segment.csi:
        csi = np.frombuffer(segment.csi, "<c8").astype(np.complex64).reshape(layout.shape)
    values = unpack(layout.kind, layout.alphabet, segment.payload, layout.elements).reshape(layout.shape)
    return Segment(layout.kind, values, layout.level, layout.alphabet, present, csi)
