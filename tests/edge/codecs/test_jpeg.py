from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edge import images
from edge.codecs.contract import CodecError, Half
from edge.codecs.jpeg import FALLBACK_SIDE, GREY, MIN_BUDGET_BITS, Jpeg
from edge.codecs.jpeg_file import HEAD, JpegFile, largest_that_fits
from edge.codecs.jpeg_shrink import FACTOR_BYTES, FACTORS, ShrunkenFile, scaled
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
        ({"shrink": "2"}, "codec.options.shrink: must be none or best, got '2'"),
        ({"shrink": "best"}, "codec.options.shrink: best needs budget_bits to choose by"),
        ({"shrink": "best", "budget_bits": "64"}, "codec.options.budget_bits: must be a whole number in [72, "),
        ({"speed": "1"}, "codec.options.speed: jpeg has no such option"),
    ],
)
def test_bad_options_are_refused(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(CodecError) as refused:
        jpeg(**options)
    assert str(refused.value).startswith(sentence)


def test_where_few_bits_are_left_a_smaller_picture_comes_out_better(picture: Picture) -> None:
    plain, shrunken = (jpeg(budget_bits="4000", shrink=shrink) for shrink in ("none", "best"))
    assert plain.file(picture) is None  # an outage at every quality
    chosen = shrunken.file(picture)
    assert isinstance(chosen, ShrunkenFile)
    assert chosen.factor > 1
    (segment,) = shrunken.encode(picture)
    assert segment.size_bits == 8 * chosen.size_bytes <= 4000
    received = shrunken.decode([segment])
    assert received.shape == picture.shape
    assert np.array_equal(received, chosen.picture())
    assert psnr(picture, received) > psnr(picture, plain.decode(plain.encode(picture))) + 2


def test_the_best_of_all_factors_is_taken_and_each_at_its_best_quality(picture: Picture) -> None:
    budget_bits, offers = 9000, {}
    for factor in FACTORS:
        small = scaled(picture, -(-182 // factor), -(-250 // factor))
        file = largest_that_fits(small, budget_bits // 8 - FACTOR_BYTES)
        if file is not None:
            shown = images.decode(file.container(), "small")
            offers[factor] = psnr(picture, scaled(shown, 182, 250))
    chosen = jpeg(budget_bits=str(budget_bits), shrink="best").file(picture)
    assert isinstance(chosen, ShrunkenFile)
    assert len(offers) > 1
    assert chosen.factor == max(offers, key=lambda factor: offers[factor])
    assert psnr(picture, chosen.picture()) == pytest.approx(offers[chosen.factor], abs=1e-9)


def test_with_many_bits_the_picture_keeps_its_size_and_pays_one_byte(picture: Picture) -> None:
    plain, shrunken = (jpeg(budget_bits="200000", shrink=shrink) for shrink in ("none", "best"))
    file, chosen = plain.file(picture), shrunken.file(picture)
    assert isinstance(chosen, ShrunkenFile)
    assert chosen.factor == 1
    assert file is not None
    assert chosen.size_bytes == file.size_bytes + 1
    assert np.array_equal(shrunken.decode(shrunken.encode(picture)), plain.decode(plain.encode(picture)))


def test_the_two_formats_do_not_pass_for_each_other() -> None:
    plain, shrunken = (jpeg(budget_bits="9000", shrink=shrink).describe() for shrink in ("none", "best"))
    assert plain == jpeg(quality="5").describe() != shrunken


def test_damage_to_a_shrunken_picture_is_shown_and_never_raised(picture: Picture) -> None:
    codec, rng = jpeg(budget_bits="9000", shrink="best"), np.random.default_rng(2)
    (segment,) = codec.encode(picture)
    assert codec.decode([without(segment, slice(0, 1))]).shape == (FALLBACK_SIDE, FALLBACK_SIDE, 3)
    cut = codec.decode([without(segment, slice(segment.values.size // 2, None))])
    assert cut.shape == picture.shape
    assert psnr(picture[:32], cut[:32]) > 18
    for _ in range(100):
        values = segment.values.copy()
        values[rng.integers(5, values.size, 5)] = rng.integers(0, 256, 5)
        values[0] = rng.integers(0, 256)
        assert codec.decode([replace(segment, values=values)]).ndim == 3
    tiny = jpeg(budget_bits="72", shrink="best")
    assert tiny.encode(picture)[0].size_bits == 72
    assert np.ptp(tiny.decode(tiny.encode(picture)).reshape(-1, 3), axis=0).max() == 0  # its mean colour


def test_another_codecs_segments_are_refused() -> None:
    with pytest.raises(CodecError, match="expected 1 OPAQUE segment"):
        jpeg().decode([Segment(Kind.BITS, np.zeros(8, np.uint8))])
