from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.codecs.contract import CodecError, Half
from edge.codecs.raw import FALLBACK_SIDE, GREY, Raw
from edge.segment import Kind, Segment

PICTURE = np.random.default_rng(3).integers(0, 256, (20, 36, 3), dtype=np.uint8)


def without(segment: Segment, lost: slice) -> Segment:
    """The segment as a receiver sees it when these bytes never came."""
    values, present = segment.values.copy(), np.ones(segment.values.shape, np.bool_)
    values[lost], present[lost] = 0, False
    return replace(segment, values=values, present=present)


@pytest.mark.parametrize("file_format", ["png", "webp"])
def test_arrives_bit_for_bit(file_format: str) -> None:
    sender, receiver = (Raw.open({"format": file_format}, half) for half in (Half.ENCODER, Half.DECODER))
    segments = sender.encode(PICTURE)
    assert [s.kind for s in segments] == [Kind.OPAQUE]
    assert np.array_equal(receiver.decode(segments), PICTURE)
    assert sender.describe() == receiver.describe()


def test_png_is_the_default_and_formats_do_not_match_each_other() -> None:
    assert Raw.open({}, Half.BOTH).describe() == Raw.open({"format": "png"}, Half.BOTH).describe()
    assert Raw.open({}, Half.BOTH).describe() != Raw.open({"format": "webp"}, Half.BOTH).describe()


@pytest.mark.parametrize("lost", [slice(0, 30), slice(40, 41), slice(-30, None)])
def test_a_lost_byte_gives_grey_of_the_right_size(lost: slice) -> None:
    codec = Raw.open({}, Half.BOTH)
    received = codec.decode([without(codec.encode(PICTURE)[0], lost)])
    assert received.shape == PICTURE.shape
    assert received.dtype == np.uint8
    assert np.all(received == GREY)


def test_damage_that_was_delivered_gives_grey_too() -> None:
    codec = Raw.open({}, Half.BOTH)
    segment = codec.encode(PICTURE)[0]
    values = segment.values.copy()
    values[30:60] ^= 0xFF
    received = codec.decode([replace(segment, values=values)])
    assert received.shape == PICTURE.shape
    assert np.all(received == GREY)


def test_when_both_ends_are_lost_the_size_is_the_stated_fallback() -> None:
    codec = Raw.open({}, Half.BOTH)
    received = codec.decode([without(codec.encode(PICTURE)[0], slice(None))])
    assert received.shape == (FALLBACK_SIDE, FALLBACK_SIDE, 3)


def test_a_segment_too_short_for_a_header_still_gives_a_picture() -> None:
    received = Raw.open({}, Half.BOTH).decode([Segment(Kind.OPAQUE, np.zeros(2, np.uint8))])
    assert received.shape == (FALLBACK_SIDE, FALLBACK_SIDE, 3)


def test_refusals_name_the_option_and_the_fix() -> None:
    with pytest.raises(CodecError, match=r"codec\.options\.format: must be one of png, webp, got 'gif'"):
        Raw.open({"format": "gif"}, Half.BOTH)
    with pytest.raises(CodecError, match=r"codec\.options\.fromat: raw has no such option \(it has: format\)"):
        Raw.open({"fromat": "png"}, Half.BOTH)
    with pytest.raises(CodecError, match="use the same codec on both ends"):
        Raw.open({}, Half.BOTH).decode([Segment(Kind.BITS, np.zeros(8, np.uint8))])
    with pytest.raises(CodecError, match="70000x1 is empty or too large"):
        Raw.open({}, Half.BOTH).check_image(1, 70000)
