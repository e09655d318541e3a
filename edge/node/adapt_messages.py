"""What the messages of an adaptation say (edge.v1.MessagePurpose), as OPAQUE segments of JSON or PNG.

opening   LESSON, first number f      settings, number of images
lesson i  LESSON, number f + i        the codec's segments; for DFT also the original as PNG, last
round r   ROUND                       digest of the codebooks, L_q, and which lessons were usable everywhere
finish    FINISH                      L_q, and which lessons were usable everywhere
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from edge import images
from edge.images import Picture
from edge.segment import Kind, Segment

MAX_LESSONS = 512
MAX_JSON_BYTES = 64 * 1024
MAX_DIGEST = 128


class LessonError(ValueError):
    """A message of an adaptation that cannot be used; one sentence, which its sender gets as a receipt's reason."""


@dataclass(frozen=True)
class Opening:
    """settings: JSON of edge.adapt.settings.AdaptSettings. images: how many lessons follow."""

    settings: str
    images: int

    def segments(self) -> list[Segment]:
        return [json_segment(asdict(self))]

    @classmethod
    def read(cls, segments: Sequence[Segment]) -> Self:
        """Raises LessonError."""
        body = read_json(segments, "opening")
        opening = cls(text(body, "settings", MAX_JSON_BYTES), count(body, "images"))
        if not 1 <= opening.images <= MAX_LESSONS:
            raise LessonError(f"opening.images: must be 1 to {MAX_LESSONS}, got {opening.images}; send fewer images")
        return opening


@dataclass(frozen=True)
class Round:
    """adaptation: number of its opening. round: from 1. lessons: those that every destination could use, from 1."""

    adaptation: int
    round: int
    digest: str
    quantization_loss: float
    lessons: tuple[int, ...]

    def segments(self) -> list[Segment]:
        return [json_segment(asdict(self))]

    @classmethod
    def read(cls, segments: Sequence[Segment]) -> Self:
        """Raises LessonError."""
        body = read_json(segments, "round")
        return cls(
            count(body, "adaptation"),
            count(body, "round"),
            text(body, "digest", MAX_DIGEST),
            number(body, "quantization_loss"),
            _lessons(body),
        )


@dataclass(frozen=True)
class Finish:
    """adaptation: number of its opening. rounds: codebook rounds done. digest: of the codebooks after them; empty
    without rounds. quantization_loss: L_q over the lessons with these codebooks; None for a codec that has none.
    called_off: why there is to be no training after all; empty otherwise.
    """

    adaptation: int
    rounds: int
    digest: str
    quantization_loss: float | None
    lessons: tuple[int, ...]
    called_off: str = ""

    def segments(self) -> list[Segment]:
        return [json_segment(asdict(self))]

    @classmethod
    def read(cls, segments: Sequence[Segment]) -> Self:
        """Raises LessonError."""
        body = read_json(segments, "finish")
        loss = None if body.get("quantization_loss") is None else number(body, "quantization_loss")
        return cls(
            count(body, "adaptation"),
            count(body, "rounds"),
            text(body, "digest", MAX_DIGEST),
            loss,
            _lessons(body),
            text(body, "called_off", MAX_JSON_BYTES),
        )


def original_segment(picture: Picture) -> Segment:
    """A picture, lossless."""
    return Segment(Kind.OPAQUE, np.frombuffer(images.png_bytes(picture), np.uint8))


def read_original(segment: Segment) -> Picture:
    """Raises LessonError when the picture did not arrive whole, and ImageError when it is none."""
    return images.decode(whole(segment, "original"), "original")


def json_segment(body: dict[str, Any]) -> Segment:
    return Segment(Kind.OPAQUE, np.frombuffer(json.dumps(body).encode(), np.uint8))


def whole(segment: Segment, what: str) -> bytes:
    """The bytes of an OPAQUE segment. Raises LessonError when some are missing."""
    if segment.kind is not Kind.OPAQUE or segment.values.ndim != 1:
        raise LessonError(f"{what}: must be bytes (an OPAQUE segment), got {segment.kind.value}; use one version")
    if segment.present is not None and not bool(segment.present.all()):
        lost = int(segment.present.size - np.count_nonzero(segment.present))
        raise LessonError(
            f"{what}: {lost} of its {segment.present.size} bytes were lost on the way; "
            "let this link send them again (retransmissions)"
        )
    return segment.values.astype(np.uint8, copy=False).tobytes()


def read_json(segments: Sequence[Segment], what: str) -> dict[str, Any]:
    if len(segments) != 1:
        raise LessonError(f"{what}: must be 1 segment, got {len(segments)}; use one version on both ends")
    data = whole(segments[0], what)
    try:
        body = json.loads(data) if len(data) <= MAX_JSON_BYTES else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise LessonError(f"{what}: must be a JSON object of at most {MAX_JSON_BYTES} bytes; use one version")
    return body


def text(body: Mapping[str, Any], name: str, longest: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise LessonError(f"{name}: must be a string of at most {longest} characters; use one version on both ends")
    return value


def count(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise LessonError(f"{name}: must be a number from 0, got {str(value)[:40]}; use one version on both ends")
    return value


def number(body: dict[str, Any], name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise LessonError(f"{name}: must be a number, got {str(value)[:40]}; use one version on both ends")
    return float(value)


def _lessons(body: dict[str, Any]) -> tuple[int, ...]:
    found = body.get("lessons")
    if not isinstance(found, list) or not all(type(n) is int and 1 <= n <= MAX_LESSONS for n in found):
        raise LessonError(f"lessons: must be a list of numbers from 1 to {MAX_LESSONS}; use one version on both ends")
    if sorted(set(found)) != found:
        raise LessonError("lessons: must ascend; use one version on both ends")
    return tuple(found)
