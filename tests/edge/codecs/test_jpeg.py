from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edge.codecs.contract import CodecError, Half
from edge.codecs.jpeg import FALLBACK_SIDE, GREY, MIN_BUDGET_BITS, Jpeg
from edge.codecs.jpeg_file import HEAD, JpegFile
from edge.images import Picture
from edge.metrics import psnr
from edge.sample.sample import kodak
from edge.segment import Kind, Segment


@pytest.fixture(scope="module")
def picture() -> Picture:
    return np.asarray(Image.fromarray(kodak()[0].pixels).resize((250, 182)))  # no multiples of 16


def jpeg(**options: str) -> Jpeg:
    return Jpeg.open(options, Half.BOTH)


def without(segment: Segment, lost: slice) -> Segment:
    """The segment as a receiver sees it when these bytes never came."""
    values, present = segment.values.copy(), np.ones(segment.values.shape, np.bool_)
    values[lost], present[lost] = 0, False
    return replace(segment, values=values, present=present)


@pytest.mark.parametrize("quality", [1, 10, 75, 95])
def test_the_picture_is_what_the_whole_file_would_have_given(picture: Picture, quality: int) -> None:
    codec = jpeg(quality=str(quality))
    (segment,) = codec.encode(picture)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    assert segment.kind is Kind.OPAQUE
    assert segment.values.size < file.tell() - 300  # the container stays at home
    assert np.array_equal(codec.decode([segment]), np.asarray(Image.open(file)))


def test_own_huffman_tables_are_charged_and_used_only_where_they_save(picture: Picture) -> None:
    low, plain = JpegFile.of(picture, 5), JpegFile._coded(picture, 5, own_tables=False)
    assert low.tables
    assert not plain.tables
    assert low.size_bytes == HEAD.size + len(low.tables) + len(low.scan) < plain.size_bytes
    tiny = JpegFile.of(picture[:8, :8], 50)
    assert not tiny.tables  # a few bytes of scan do not pay for tables


@pytest.mark.parametrize("budget_bits", [9_000, 40_000])
def test_the_best_quality_that_fits_the_budget(picture: Picture, budget_bits: int) -> None:
    codec = jpeg(budget_bits=str(budget_bits))
    file = codec.file(picture)
    assert file is not None
    assert codec.encode(picture)[0].size_bits == 8 * file.size_bytes <= budget_bits
    assert 8 * JpegFile.of(picture, file.quality + 1).size_bytes > budget_bits
    assert psnr(picture, codec.decode(codec.encode(picture))) > 18


def test_what_fits_at_no_quality_arrives_as_its_mean_colour(picture: Picture) -> None:
    codec = jpeg(budget_bits=str(MIN_BUDGET_BITS))
    assert codec.file(picture) is None
    (segment,) = codec.encode(picture)
    assert segment.size_bits == MIN_BUDGET_BITS
    received = codec.decode([segment])
    assert received.shape == picture.shape
    assert np.all(received == np.rint(picture.reshape(-1, 3).mean(axis=0)).astype(np.uint8))


def test_what_came_before_the_first_lost_byte_is_painted_and_the_rest_grey(picture: Picture) -> None:
    codec = jpeg(quality="75")
    (segment,) = codec.encode(picture)
    whole = codec.decode([segment])
    half = codec.decode([without(segment, slice(segment.values.size // 2, segment.values.size // 2 + 1))])
    rows = slice(0, 32)
    assert np.array_equal(half[rows], whole[rows])
    assert np.all(np.abs(half[-16:].astype(int) - GREY) <= 1)


def test_without_its_head_a_picture_is_grey() -> None:
    codec = jpeg()
    segment = codec.encode(np.zeros((20, 30, 3), np.uint8))[0]
    lost_head = codec.decode([without(segment, slice(0, 3))])
    assert lost_head.shape == (FALLBACK_SIDE, FALLBACK_SIDE, 3)
    assert np.all(lost_head == GREY)


def test_lost_tables_give_grey_of_the_right_size(picture: Picture) -> None:
    codec = jpeg(quality="5")
    received = codec.decode([without(codec.encode(picture)[0], slice(20, 40))])
    assert received.shape == picture.shape
    assert np.all(received == GREY)


def test_no_damage_makes_decode_raise(picture: Picture) -> None:
    # OPAQUE bytes come intact or not at all; should the CRC miss an error, a picture must come out all the same
    codec, rng = jpeg(quality="20"), np.random.default_rng(1)
    small = picture[:48, :64]
    segment = codec.encode(small)[0]
    for _ in range(200):
        values = segment.values.copy()
        values[rng.integers(4, values.size, 5)] = rng.integers(0, 256, 5)
        assert codec.decode([replace(segment, values=values)]).ndim == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"quality": "96"}, "codec.options.quality: must be a whole number in [1, 95], got '96'"),
        ({"budget_bits": "63"}, "codec.options.budget_bits: must be a whole number in [64, "),
        ({"budget_bits": "9000", "quality": "5"}, "codec.options.quality: contradicts budget_bits"),
        ({"speed": "1"}, "codec.options.speed: jpeg has no such option"),
    ],
)
def test_bad_options_are_refused(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(CodecError) as refused:
        jpeg(**options)
    assert str(refused.value).startswith(sentence)


def test_another_codecs_segments_are_refused() -> None:
    with pytest.raises(CodecError, match="expected 1 OPAQUE segment"):
        jpeg().decode([Segment(Kind.BITS, np.zeros(8, np.uint8))])
