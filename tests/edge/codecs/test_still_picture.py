"""HEVC and JPEG 2000 as codecs: budgets, what is charged, and what a receiver shows when it cannot decode."""

from __future__ import annotations

import builtins
import importlib.util
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge import metrics
from edge.codecs.contract import CodecError, Half
from edge.codecs.hevc import Hevc
from edge.codecs.jpeg2000 import Jpeg2000
from edge.codecs.still_picture import GREY, StillPicture
from edge.segment import Kind, Segment

needs_heif = pytest.mark.skipif(importlib.util.find_spec("pillow_heif") is None, reason="pillow-heif is not installed")
HEVC = pytest.param(Hevc, marks=needs_heif, id="hevc")
BOTH = [HEVC, pytest.param(Jpeg2000, id="jpeg2000")]


def picture(height: int = 32, width: int = 32) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Smooth, with an edge and a little grain."""
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([120 + 60 * np.sin(x / 9), 100 + 50 * np.cos(y / 7), 90 + 80 * (x > y)], axis=2)
    return (smooth + np.random.default_rng(0).normal(0, 2, smooth.shape)).clip(0, 255).astype(np.uint8)


def sent_by(codec: StillPicture, image: np.ndarray[Any, np.dtype[np.uint8]]) -> Segment:
    (segment,) = codec.encode(image)
    assert segment.kind is Kind.OPAQUE
    return segment


@pytest.mark.parametrize("codec", BOTH)
@pytest.mark.parametrize("size", [(32, 32), (24, 40), (17, 33), (96, 80)])
def test_a_good_quality_gives_the_picture_back_at_its_size(codec: type[StillPicture], size: tuple[int, int]) -> None:
    own = {"hevc": {"qp": "10"}, "jpeg2000": {"psnr_db": "40"}}[codec.name]
    sender, receiver = codec.open(own, Half.ENCODER), codec.open({}, Half.DECODER)
    assert sender.describe() == receiver.describe()
    image = picture(*size)
    assert metrics.psnr(image, receiver.decode([sent_by(sender, image)])) > 30


@pytest.mark.parametrize("codec", BOTH)
@pytest.mark.parametrize("shrink", ["none", "best"])
def test_the_budget_is_kept_and_more_of_it_is_better(codec: type[StillPicture], shrink: str) -> None:
    image, quality_db = picture(), []
    for size_bytes in (60, 120, 400):
        opened = codec.open({"budget_bits": str(8 * size_bytes), "size": "32x32", "shrink": shrink}, Half.BOTH)
        segment = sent_by(opened, image)
        assert segment.values.size <= size_bytes
        quality_db.append(metrics.psnr(image, opened.decode([segment])))
    assert quality_db == sorted(quality_db)
    assert quality_db[2] > quality_db[0] + 3


@needs_heif
def test_hevc_charges_neither_boxes_nor_parameter_sets() -> None:
    """They are some 420 bytes; a picture of one colour has nothing to say but its slice's head and that colour."""
    flat = np.full((64, 64, 3), 90, np.uint8)
    sent, agreed = (sent_by(Hevc.open({"qp": "30", **own}, Half.BOTH), flat) for own in ({}, {"size": "64x64"}))
    assert sent.values.size == agreed.values.size + 4
    assert 3 < agreed.values.size < 20


def test_jpeg2000_charges_the_packets_alone() -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(
        buffer, "JPEG2000", no_jp2=True, irreversible=True, quality_mode="dB", quality_layers=[35], num_resolutions=3
    )
    codestream = buffer.getvalue()
    packets = codestream[codestream.index(b"\xff\x93") + 2 : -2]
    agreed = sent_by(Jpeg2000.open({"psnr_db": "35", "size": "32x32"}, Half.BOTH), picture())
    assert agreed.values.tobytes() == packets


@pytest.mark.parametrize("codec", BOTH)
def test_what_does_not_fit_is_its_mean_colour(codec: type[StillPicture]) -> None:
    opened = codec.open({"budget_bits": "24", "size": "32x32"}, Half.BOTH)
    image = picture()
    assert opened.coded(image) is None
    segment = sent_by(opened, image)
    assert segment.values.size == 3
    shown = opened.decode([segment])
    assert shown.shape == image.shape
    assert np.array_equal(np.unique(shown.reshape(-1, 3), axis=0)[0], np.rint(image.reshape(-1, 3).mean(axis=0)))


@pytest.mark.parametrize("codec", BOTH)
def test_a_lost_byte_leaves_grey_of_the_right_size(codec: type[StillPicture]) -> None:
    opened = codec.open({}, Half.BOTH)
    segment = sent_by(opened, picture(40, 32))
    present = np.ones(segment.values.size, np.bool_)
    present[-1] = False
    assert np.array_equal(opened.decode([replace(segment, present=present)]), np.full((40, 32, 3), GREY))
    present[0] = False  # not even the size
    assert opened.decode([replace(segment, present=present)]).shape == (256, 256, 3)


@pytest.mark.parametrize("codec", BOTH)
def test_damaged_bytes_still_make_a_picture(codec: type[StillPicture]) -> None:
    opened = codec.open({"size": "32x32"}, Half.BOTH)
    rng = np.random.default_rng(3)
    for size in (0, 1, 5, 60):
        noise = Segment(Kind.OPAQUE, rng.integers(0, 256, size, dtype=np.uint8))
        assert opened.decode([noise]).shape == (32, 32, 3)


@pytest.mark.parametrize("codec", BOTH)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget_bits": "8"}, r"codec\.options\.budget_bits: must be a whole number in \[56, "),
        ({"budget_bits": "8", "size": "32x32"}, r"codec\.options\.budget_bits: must be a whole number in \[24, "),
        ({"shrink": "best"}, r"codec\.options\.shrink: best needs budget_bits"),
        ({"shrink": "most"}, r"codec\.options\.shrink: must be none or best, got 'most'"),
        ({"size": "32"}, r"codec\.options\.size: must be WIDTHxHEIGHT, got '32'"),
        ({"size": "0x4"}, r"codec\.options\.size: must be a whole number in \[1, 8192\], got '0'"),
        ({"sise": "4x4"}, r"codec\.options\.sise: \w+ has no such option"),
    ],
)
def test_bad_options_are_named(codec: type[StillPicture], options: dict[str, str], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        codec.open(options, Half.BOTH)


@needs_heif
def test_hevcs_own_options_are_checked() -> None:
    with pytest.raises(CodecError, match=r"codec\.options\.qp: must be a whole number in \[0, 51\], got '52'"):
        Hevc.open({"qp": "52"}, Half.BOTH)
    with pytest.raises(CodecError, match=r"codec\.options\.qp: contradicts budget_bits"):
        Hevc.open({"qp": "5", "budget_bits": "800"}, Half.BOTH)
    with pytest.raises(CodecError, match=r"codec\.options\.chroma: must be one of 420, 444, got '422'"):
        Hevc.open({"chroma": "422"}, Half.BOTH)
    assert Hevc.open({"chroma": "444"}, Half.BOTH).describe() != Hevc.open({}, Half.BOTH).describe()


@pytest.mark.parametrize("codec", BOTH)
def test_a_picture_of_another_size_than_agreed_is_refused(codec: type[StillPicture]) -> None:
    opened = codec.open({"size": "32x32"}, Half.BOTH)
    with pytest.raises(CodecError, match="image: 40x32 is not the agreed size 32x32"):
        opened.check_image(32, 40)


def test_without_the_package_hevc_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("pillow_heif"):
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CodecError, match=r"pip install 'semedge\[hevc\]' or use jpeg2000"):
        Hevc.open({}, Half.BOTH)


@pytest.mark.parametrize("codec", BOTH)
def test_foreign_segments_are_refused(codec: type[StillPicture]) -> None:
    opened = codec.open({}, Half.BOTH)
    with pytest.raises(CodecError, match=f"{opened.name}: expected 1 OPAQUE segment, got 2"):
        opened.decode([Segment(Kind.OPAQUE, np.zeros(4, np.uint8))] * 2)
