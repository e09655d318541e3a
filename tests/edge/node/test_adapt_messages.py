"""What messages of an adaptation say, and what is refused of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from edge.node.adapt_messages import (
    Finish,
    LessonError,
    Opening,
    Round,
    original_segment,
    read_original,
)
from edge.segment import Kind, Segment


def as_segment(data: bytes, present: Any = None) -> Segment:
    return Segment(Kind.OPAQUE, np.frombuffer(data, np.uint8), present=present)


@pytest.mark.parametrize(
    "message",
    [
        Opening('{"method": "dft"}', 32),
        Round(1 << 60, 3, "ab" * 32, 0.125, (1, 2, 5)),
        Finish(7, 3, "ab" * 32, 0.125, (1, 2, 5)),
        Finish(7, 0, "", None, (), "rx2: no"),
    ],
)
def test_a_message_is_read_as_it_was_written(message: Opening | Round | Finish) -> None:
    assert type(message).read(message.segments()) == message


def test_an_original_comes_back_bit_for_bit() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    np.testing.assert_array_equal(read_original(original_segment(pixels)), pixels)


def test_an_original_with_a_hole_is_refused() -> None:
    segment = original_segment(np.zeros((8, 8, 3), np.uint8))
    present = np.ones(segment.values.shape, bool)
    present[3:5] = False
    holed = Segment(segment.kind, segment.values, present=present)
    with pytest.raises(LessonError, match=r"original: 2 of its \d+ bytes were lost on the way"):
        read_original(holed)


ROUND = {"adaptation": 0, "round": 1, "digest": "d", "quantization_loss": 0.5, "lessons": [1, 2]}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"round": "1"}, "round: must be a number from 0"),
        ({"round": -1}, "round: must be a number from 0"),
        ({"digest": "d" * 200}, "digest: must be a string of at most 128"),
        ({"digest": None}, "digest: must be a string"),
        ({"quantization_loss": "low"}, "quantization_loss: must be a number"),
        ({"quantization_loss": True}, "quantization_loss: must be a number"),
        ({"lessons": [0]}, "lessons: must be a list of numbers from 1"),
        ({"lessons": [513]}, "lessons: must be a list of numbers from 1 to 512"),
        ({"lessons": [2, 1]}, "lessons: must ascend"),
        ({"lessons": [1, 1]}, "lessons: must ascend"),
        ({"lessons": 3}, "lessons: must be a list"),
    ],
)
def test_a_field_that_cannot_be_is_named(change: dict[str, Any], sentence: str) -> None:
    assert Round.read([as_segment(json.dumps(ROUND).encode())]).lessons == (1, 2)
    with pytest.raises(LessonError, match=sentence):
        Round.read([as_segment(json.dumps(ROUND | change).encode())])


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff\xfe", b"{" * 10_000, b'{"a": "' + b"a" * 70_000 + b'"}'])
def test_what_is_no_small_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(LessonError, match="opening: must be a JSON object of at most 65536 bytes"):
        Opening.read([as_segment(data)])


def test_what_is_not_one_segment_of_bytes_is_refused() -> None:
    with pytest.raises(LessonError, match="opening: must be 1 segment, got 0"):
        Opening.read([])
    with pytest.raises(LessonError, match=r"opening: must be bytes \(an OPAQUE segment\), got indices"):
        Opening.read([Segment(Kind.INDICES, np.zeros(4, np.uint16))])


@pytest.mark.parametrize("images", [0, 513])
def test_an_opening_bounds_the_number_of_lessons(images: int) -> None:
    with pytest.raises(LessonError, match=f"opening.images: must be 1 to 512, got {images}"):
        Opening.read(Opening("{}", images).segments())
