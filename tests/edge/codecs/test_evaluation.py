from __future__ import annotations

import math

import numpy as np
import pytest

from edge.codecs import evaluation
from edge.codecs.contract import Half
from edge.codecs.raw import Raw
from edge.images import ImageError, Named

PICTURES = [Named(f"p{i}", np.random.default_rng(i).integers(0, 256, (16, 24, 3), dtype=np.uint8)) for i in range(2)]


def test_a_lossless_codec_scores_perfectly_and_its_rate_is_counted() -> None:
    codec = Raw.open({}, Half.BOTH)
    scores = list(evaluation.evaluate(codec, codec, PICTURES))
    for score, picture in zip(scores, PICTURES, strict=True):
        bits = codec.encode(picture.pixels)[0].values.size * 8
        assert (score.name, score.size_bits, score.rho) == (picture.name, bits, bits / (8 * 3 * 16 * 24))
        assert score.psnr_db == math.inf
        assert score.as_json()["psnr_db"] is None
        assert score.ssim == pytest.approx(1)


def test_mean_is_the_mean_and_of_nothing_is_refused() -> None:
    scores = [evaluation.Score("a", 10, 0.1, 20.0, 0.5), evaluation.Score("b", 20, 0.3, 30.0, 0.7)]
    mean = evaluation.mean(scores)
    assert (mean.size_bits, mean.psnr_db) == (15, 25.0)
    assert (mean.rho, mean.ssim) == (pytest.approx(0.2), pytest.approx(0.6))
    with pytest.raises(ValueError, match="there is no picture to score"):
        evaluation.mean([])


def test_cropping_takes_the_middle_or_everything() -> None:
    (crop,) = evaluation.cropped(PICTURES[:1], 8)
    assert np.array_equal(crop.pixels, PICTURES[0].pixels[4:12, 8:16])
    assert next(evaluation.cropped(PICTURES, 0)).pixels is PICTURES[0].pixels
    with pytest.raises(ImageError, match=r"p0: 24x16 is smaller than the 17x17 crop"):
        list(evaluation.cropped(PICTURES, 17))
