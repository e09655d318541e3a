"""Files of parameters on an ordinary session: cut into pieces, sent, counted.

What is here serves both directions. Which pieces are held already, and what becomes of the file, is the business of
`piece_shelf`, `align_tx` and `align_rx`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edge.adapt.errors import AdaptError
from edge.codecs.tensors import Tensors
from edge.node.align_messages import COMMIT as COMMIT_NUMBER
from edge.node.align_messages import (
    FIRST_PIECE,
    LEAVE,
    MAX_FILE_BYTES,
    MAX_PIECES,
    OFFER,
    SMALLEST_PIECE_BYTES,
    WORD,
    Commit,
    Leave,
    Notice,
    Offer,
    Word,
    piece_segment,
)
from edge.node.parameters import TensorFile
from edge.node.transmitter import Maker, Schedule, Transmitter
from edge.segment import Segment
from edge.v1 import packet_pb2

ALIGN = packet_pb2.MESSAGE_PURPOSE_ALIGN
PARAMETERS = packet_pb2.MESSAGE_PURPOSE_PARAMETERS
CODEBOOK, DECODER, ENCODER, CLASSIFIER = "codebook", "decoder.", "encoder.", "classifier."  # how tensors are named

NUMBERS: dict[type[Word], int] = {Offer: OFFER, Commit: COMMIT_NUMBER, Leave: LEAVE, Notice: WORD}


def decoder_part(tensors: Tensors) -> dict[str, NDArray[Any]]:
    """Of a codec's tensors those that make a decoder: the codebook and the decoder's layers."""
    return {name: tensor for name, tensor in tensors.items() if name == CODEBOOK or name.startswith(DECODER)}


def decoder_digest(tensors: Tensors) -> str:
    """SHA-256 of a decoder (codebook and layers, no classifier) as one safetensors file."""
    return TensorFile.of(decoder_part(tensors)).digest


def offer_of(alignment: int, file: TensorFile, decoder: str) -> Offer:
    """Announces a file, in pieces of 4 KiB or, when these would be too many, larger ones. Raises AdaptError."""
    size = len(file.data)
    if size > MAX_FILE_BYTES:
        raise AdaptError(f"the parameters take {size} bytes, more than {MAX_FILE_BYTES}; use a smaller network")
    kibibytes = -(-size // (1024 * MAX_PIECES))
    piece_bytes = max(SMALLEST_PIECE_BYTES, 1024 * kibibytes)
    names = tuple(head.name for head in file.heads())
    return Offer(alignment, file.digest, size, piece_bytes, names, decoder)


@dataclass(frozen=True)
class Crossed:
    """What a message, or several, met in model time: first link's first service, last arrival; bits on the first
    link."""

    sent_ns: int
    received_ns: int
    size_bits: int

    @classmethod
    def of(cls, transit: packet_pb2.Transit) -> Crossed:
        return cls(transit.sent_ns, transit.received_ns, transit.size_bits)

    @classmethod
    def all(cls, several: Iterable[Crossed]) -> Crossed | None:
        """Several as one; None for none."""
        found = list(several)
        if not found:
            return None
        return cls(
            min(each.sent_ns for each in found),
            max(each.received_ns for each in found),
            sum(each.size_bits for each in found),
        )


class Courier:
    """Sends the messages of one alignment on one session, and gives their receipts."""

    def __init__(self, transmitter: Transmitter, session: str, alignment: int) -> None:
        self.session = session
        self.alignment = alignment
        self._transmitter = transmitter

    async def word(self, word: Word, offered_ns: int, though_held: bool = False) -> packet_pb2.Receipt:
        """Raises MismatchError when the session is refused."""
        number = NUMBERS.get(type(word), WORD)
        return await self.one(number, word.segments(), ALIGN, offered_ns, though_held)

    async def one(
        self,
        number: int,
        segments: list[Segment],
        purpose: packet_pb2.MessagePurpose,
        offered_ns: int,
        though_held: bool = False,
    ) -> packet_pb2.Receipt:
        """A message and its receipt. Raises MismatchError."""
        (receipt,) = [each async for each in self._send(number, [lambda _: segments], purpose, offered_ns, though_held)]
        return receipt

    async def pieces(
        self, data: bytes, offer: Offer, wanted: Sequence[int], offered_ns: int
    ) -> AsyncGenerator[tuple[int, packet_pb2.Receipt]]:
        """Sends pieces of a file; gives each one's number and receipt. Raises MismatchError."""
        for group in _in_a_row(wanted):
            makers = [_piece(data, offer, piece) for piece in group]
            async for receipt in self._send(FIRST_PIECE + group[0], makers, PARAMETERS, offered_ns):
                yield receipt.message_id - self.alignment - FIRST_PIECE, receipt

    async def _send(
        self,
        number: int,
        makers: Sequence[Maker],
        purpose: packet_pb2.MessagePurpose,
        offered_ns: int,
        though_held: bool = False,
    ) -> AsyncGenerator[packet_pb2.Receipt]:
        first = self.alignment + number
        await self._transmitter.flow(self.session).gone(first, len(makers))  # sent before, by whoever gave up on them
        schedule = Schedule(first, offered_ns)
        sending = self._transmitter.send(self.session, makers, schedule, len(makers), purpose, though_held)
        async for event in sending:
            if isinstance(event, packet_pb2.Receipt):
                yield event


def _piece(data: bytes, offer: Offer, piece: int) -> Maker:
    begin = piece * offer.piece_bytes
    return lambda _: [piece_segment(data[begin : begin + offer.piece_bytes])]


def _in_a_row(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Ascending numbers in groups without gaps."""
    group: list[int] = []
    for number in sorted(numbers):
        if group and number != group[-1] + 1:
            yield group
            group = []
        group.append(number)
    if group:
        yield group
