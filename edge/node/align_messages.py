"""What the messages of an alignment say (edge.v1.MessagePurpose): words in JSON, pieces of files, known indices.

They cross two sessions: S from the tx to its receiver, and the way back, which the nodes open themselves. An alignment
is known by the number of its first message, and its messages have their numbers from there, on either session:

    +0    ALIGN       S: ask (whom to align, how, what is held already)    way back: notice (wait, or it is over)
    +1    PILOTS      way back: indices that both ends know
    +2    ALIGN       offer: a file of parameters comes; way back the decoder, S what has changed
    +3    ALIGN       S: commit (put it in force)
    +4    ALIGN       S: leave (nothing will come of it)
    +64   PARAMETERS  piece 0 of the file on offer, and so on

Every one of them may come twice and means the same the second time, so receivers keep no receipts of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np

from edge.node.adapt_messages import (
    MAX_DIGEST,
    MAX_JSON_BYTES,
    LessonError,
    count,
    json_segment,
    read_json,
    text,
    whole,
)
from edge.segment import Kind, Segment

WORD, PILOTS, OFFER, COMMIT, LEAVE, FIRST_PIECE = 0, 1, 2, 3, 4, 64  # numbers, from the alignment's own
SMALLEST_PIECE_BYTES = 4096
LARGEST_PIECE_BYTES = 64 * 1024
MAX_PIECES = 1024
MAX_FILE_BYTES = 8 * 1024 * 1024
MESSAGES = FIRST_PIECE + MAX_PIECES  # numbers that an alignment may take
MAX_NAMES = 256


class Word:
    """One JSON message. alignment: the number of the alignment's first message."""

    word: ClassVar[str]

    def segments(self) -> list[Segment]:
        return [json_segment({"word": self.word, **asdict(self)})]  # type: ignore[call-overload]  # all are dataclasses


@dataclass(frozen=True)
class Ask(Word):
    """settings: JSON of edge.adapt.slf_settings. side: of the pictures, in pixels. life: drawn anew by each process of
    the tx. digest: SHA-256 of the file of which the tx holds a part; empty when it holds nothing. missing: which of its
    pieces it lacks. pilots: whether it needs them."""

    word: ClassVar[str] = "ask"
    alignment: int
    settings: str
    side: int
    life: str
    digest: str
    missing: tuple[int, ...]
    pilots: bool

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        found = body.get("missing")
        if not isinstance(found, list) or not all(type(n) is int and 0 <= n < MAX_PIECES for n in found):
            raise LessonError(f"missing: must be a list of numbers from 0 to {MAX_PIECES - 1}; use one version")
        return cls(
            count(body, "alignment"),
            text(body, "settings", MAX_JSON_BYTES),
            count(body, "side"),
            text(body, "life", MAX_DIGEST),
            text(body, "digest", MAX_DIGEST),
            tuple(sorted(set(found))),
            _flag(body, "pilots"),
        )


@dataclass(frozen=True)
class Notice(Word):
    """reason: a sentence for people. over: the receiver will not align, or no longer; otherwise the tx has to wait."""

    word: ClassVar[str] = "notice"
    alignment: int
    reason: str
    over: bool

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        return cls(count(body, "alignment"), text(body, "reason", MAX_JSON_BYTES), _flag(body, "over"))


@dataclass(frozen=True)
class Offer(Word):
    """A file: its SHA-256, its size, how large its pieces are (the last may be smaller), and the names of its tensors,
    in its order. decoder: SHA-256 of the receiver's decoder that it belongs to (edge.node.transfer.decoder_digest)."""

    word: ClassVar[str] = "offer"
    alignment: int
    digest: str
    size_bytes: int
    piece_bytes: int
    names: tuple[str, ...]
    decoder: str

    def __post_init__(self) -> None:
        if not 1 <= self.size_bytes <= MAX_FILE_BYTES:
            raise LessonError(f"size_bytes: must be 1 to {MAX_FILE_BYTES}, got {self.size_bytes}; send less")
        if not 1 <= self.piece_bytes <= LARGEST_PIECE_BYTES or self.pieces > MAX_PIECES:
            raise LessonError(
                f"piece_bytes: must be 1 to {LARGEST_PIECE_BYTES}, and give at most {MAX_PIECES} pieces, got "
                f"{self.piece_bytes} for {self.size_bytes} bytes; use one version on both ends"
            )

    @property
    def pieces(self) -> int:
        return -(-self.size_bytes // self.piece_bytes)

    def size_of(self, piece: int) -> int:
        """Bytes of a piece."""
        return min(self.piece_bytes, self.size_bytes - piece * self.piece_bytes)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        names = body.get("names")
        if not isinstance(names, list) or len(names) > MAX_NAMES or not all(isinstance(name, str) for name in names):
            raise LessonError(f"names: must be a list of at most {MAX_NAMES} strings; use one version on both ends")
        return cls(
            count(body, "alignment"),
            text(body, "digest", MAX_DIGEST),
            count(body, "size_bytes"),
            count(body, "piece_bytes"),
            tuple(names),
            text(body, "decoder", MAX_DIGEST),
        )


@dataclass(frozen=True)
class Commit(Word):
    """upload: SHA-256 of the file that was sent; empty when nothing changes. before, after: of the receiver's decoder
    (`edge.node.transfer.decoder_digest`), as it was downloaded and as it must be with the upload."""

    word: ClassVar[str] = "commit"
    alignment: int
    upload: str
    before: str
    after: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        return cls(
            count(body, "alignment"),
            text(body, "upload", MAX_DIGEST),
            text(body, "before", MAX_DIGEST),
            text(body, "after", MAX_DIGEST),
        )


@dataclass(frozen=True)
class Leave(Word):
    """reason: why, for people."""

    word: ClassVar[str] = "leave"
    alignment: int
    reason: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        return cls(count(body, "alignment"), text(body, "reason", MAX_JSON_BYTES))


WORDS = {kind.word: kind for kind in (Ask, Notice, Offer, Commit, Leave)}


def read_word(segments: Sequence[Segment]) -> Ask | Notice | Offer | Commit | Leave:
    """Raises LessonError."""
    body = read_json(segments, "alignment")
    kind = WORDS.get(str(body.get("word")))
    if kind is None:
        raise LessonError(f"word: '{str(body.get('word'))[:40]}' is not known; use one version on both ends")
    return kind.of(body)


def piece_segment(data: bytes) -> Segment:
    """A piece of a file."""
    return Segment(Kind.OPAQUE, np.frombuffer(data, np.uint8))


def read_piece(segments: Sequence[Segment]) -> bytes:
    """Raises LessonError when it did not arrive whole."""
    if len(segments) != 1:
        raise LessonError(f"parameters: must be 1 segment, got {len(segments)}; use one version on both ends")
    return whole(segments[0], "parameters")


def read_pilots(segments: Sequence[Segment], alphabet: int, pilots: int) -> Segment:
    """The known indices as they arrived. Raises LessonError unless it is so many of this alphabet."""
    if len(segments) != 1 or segments[0].kind is not Kind.INDICES or segments[0].values.shape != (pilots,):
        raise LessonError(f"pilots: must be {pilots} indices in one segment; use one version on both ends")
    if segments[0].alphabet != alphabet:
        raise LessonError(f"pilots: must be of {alphabet} values, got {segments[0].alphabet}; use one codec")
    return segments[0]


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if not isinstance(value, bool):
        raise LessonError(f"{name}: must be true or false, got {str(value)[:40]}; use one version on both ends")
    return value
