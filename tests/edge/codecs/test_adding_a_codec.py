"""The worked example of docs/adding-a-codec.md, end to end, and that the page shows the code that is tested here."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from edge import metrics, sample
from edge.codecs import registry
from edge.codecs.contract import Codec, CodecError, Half

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def thumbnail(monkeypatch: pytest.MonkeyPatch) -> type[Codec]:
    """The example as an installed package would offer it."""
    monkeypatch.syspath_prepend(str(DOCS / "examples"))
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("thumbnail", "thumbnail:Thumbnail", group)])
    return registry.load("thumbnail")


def test_the_page_shows_the_tested_file_and_the_entry_point() -> None:
    page = (DOCS / "adding-a-codec.md").read_text()
    assert (DOCS / "examples" / "thumbnail.py").read_text().strip() in page
    assert f'[project.entry-points."{registry.GROUP}"]\nthumbnail = "thumbnail:Thumbnail"' in page


def test_encode_corrupt_decode(thumbnail: type[Codec]) -> None:
    sender, receiver = thumbnail.open({}, Half.ENCODER), thumbnail.open({}, Half.DECODER)
    assert sender.describe() == receiver.describe()
    picture = sample.kodak()[0].pixels
    segments = sender.encode(picture)
    assert metrics.compression_rate(segments, 256, 256) == 4 * 32 * 32 * 3 / (8 * 3 * 256 * 256)
    rng = np.random.default_rng(6)
    quality_db = [metrics.psnr(picture, receiver.decode(segments))]
    for plane in (3, 0):  # errors in the least and then the most significant plane
        flips = rng.random(segments[plane].values.shape) < 0.1
        hurt = list(segments)
        hurt[plane] = replace(segments[plane], values=segments[plane].values ^ flips.astype(np.uint8))
        quality_db.append(metrics.psnr(picture, receiver.decode(hurt)))
    assert quality_db[0] > quality_db[1] > quality_db[2] + 3


def test_lost_planes_still_give_a_picture(thumbnail: type[Codec]) -> None:
    codec = thumbnail.open({"shrink": "16"}, Half.BOTH)
    picture = sample.kodak()[1].pixels
    nothing = [
        replace(s, values=np.zeros_like(s.values), present=np.zeros(s.values.shape, np.bool_))
        for s in codec.encode(picture)
    ]
    assert np.all(codec.decode(nothing) == 128)


def test_bad_options_and_sizes_are_refused(thumbnail: type[Codec]) -> None:
    with pytest.raises(CodecError, match="must be 4, 8 or 16, got '5'"):
        thumbnail.open({"shrink": "5"}, Half.BOTH)
    with pytest.raises(CodecError, match="is not a multiple of 8"):
        thumbnail.open({}, Half.BOTH).check_image(16, 20)
