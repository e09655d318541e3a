from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from edge import metrics, sample
from edge.segment import Kind, Segment

Picture = NDArray[np.uint8]


def noisy(picture: Picture, sigma: float, seed: int = 0) -> Picture:
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def flat(value: int, side: int = 16) -> Picture:
    return np.full((side, side, 3), value, np.uint8)


def test_psnr_of_a_constant_difference() -> None:
    assert metrics.psnr(flat(100), flat(110)) == pytest.approx(20 * math.log10(255 / 10))
    assert metrics.psnr(flat(0), flat(255)) == 0
    assert metrics.psnr(flat(110), flat(100)) == metrics.psnr(flat(100), flat(110))  # no wrap-around of uint8


def test_psnr_of_equal_pictures_is_infinite_and_null_in_json() -> None:
    assert metrics.psnr(flat(7), flat(7)) == math.inf
    assert metrics.json_number(math.inf) is None
    assert metrics.json_number(31.5) == 31.5


def test_ssim_of_flat_pictures_is_the_luminance_term() -> None:
    c1 = (0.01 * 255) ** 2
    expected = (2 * 60 * 90 + c1) / (60**2 + 90**2 + c1)
    assert metrics.ssim(flat(60), flat(90)) == pytest.approx(expected, rel=1e-9)


def test_ssim_is_one_for_equals_symmetric_and_falls_with_noise() -> None:
    picture = sample.kodak()[0].pixels
    little, much = noisy(picture, 5), noisy(picture, 40)
    assert metrics.ssim(picture, picture) == pytest.approx(1, abs=1e-12)
    assert metrics.ssim(picture, little) == pytest.approx(metrics.ssim(little, picture), abs=1e-12)
    assert 1 > metrics.ssim(picture, little) > metrics.ssim(picture, much) > 0


@pytest.mark.parametrize(("height", "width", "sigma"), [(176, 176, 3.0), (176, 240, 30.0)])
def test_ssim_and_ms_ssim_agree_with_pytorch_msssim(height: int, width: int, sigma: float) -> None:
    reference = pytest.importorskip("pytorch_msssim")
    torch = pytest.importorskip("torch")
    picture = sample.kodak()[1].pixels[:height, :width]
    other = noisy(picture, sigma, seed=1)
    tensors = [torch.tensor(x).permute(2, 0, 1)[None].double() for x in (picture, other)]
    assert metrics.ssim(picture, other) == pytest.approx(reference.ssim(*tensors, data_range=255).item(), abs=1e-6)
    expected = reference.ms_ssim(*tensors, data_range=255).item()
    assert metrics.ms_ssim(picture, other) == pytest.approx(expected, abs=1e-6)


def test_ssim_of_a_small_odd_grey_picture_agrees_too() -> None:
    reference = pytest.importorskip("pytorch_msssim")
    torch = pytest.importorskip("torch")
    digit = sample.mnist()[0].pixels[:27, :, 0]
    other = noisy(digit, 20)
    tensors = [torch.tensor(x)[None, None].double() for x in (digit, other)]
    assert metrics.ssim(digit, other) == pytest.approx(reference.ssim(*tensors, data_range=255).item(), abs=1e-6)


def test_ms_ssim_works_at_odd_sides_and_opposites_score_zero() -> None:
    picture = sample.kodak()[2].pixels[:161, :163]
    assert metrics.ms_ssim(picture, picture) == pytest.approx(1, abs=1e-12)
    assert metrics.ms_ssim(picture, 255 - picture) == 0  # negative contrast terms count as nothing


def test_pictures_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="must have one shape"):
        metrics.psnr(flat(0, 16), flat(0, 17))
    with pytest.raises(ValueError, match="must be uint8 with peak 255, got float64"):
        metrics.psnr(flat(0).astype(np.float64), flat(0))
    with pytest.raises(ValueError, match="sides must be at least 11"):
        metrics.ssim(flat(0, 10), flat(0, 10))
    with pytest.raises(ValueError, match="sides must be more than 160, got"):
        metrics.ms_ssim(flat(0, 160), flat(0, 160))


def test_top1_accuracy() -> None:
    scores = np.array([[0.1, 0.9, 0.0], [0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.4, 0.3, 0.3]])
    assert metrics.top1_accuracy(scores, np.array([1, 0, 2, 1])) == 0.75
    with pytest.raises(ValueError, match="need scores"):
        metrics.top1_accuracy(scores, np.array([1, 0]))


def test_recall_and_precision_of_each_class() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    predicted = np.array([0, 0, 0, 1, 1, 0, 1, 1])
    np.testing.assert_array_equal(metrics.recall(predicted, labels, 4), [3 / 4, 1 / 2, 0, np.nan])
    np.testing.assert_array_equal(metrics.precision(predicted, labels, 4), [3 / 4, 1 / 4, np.nan, np.nan])
    with pytest.raises(ValueError, match=r"must be in \[0, 2\)"):
        metrics.recall(predicted, labels, 2)
    with pytest.raises(ValueError, match="must both be"):
        metrics.precision(predicted[:3], labels, 4)


def test_bit_error_rate_counts_bits_not_elements() -> None:
    sent = np.array([0b000000000, 0b111111111], np.uint16)
    received = np.array([0b000000001, 0b111110000], np.uint16)
    assert metrics.bit_error_rate(sent, received, 9) == 5 / 18
    assert metrics.bit_error_rate(sent, sent, 9) == 0
    with pytest.raises(ValueError, match="two arrays of one shape"):
        metrics.bit_error_rate(sent, received[:1], 9)
    with pytest.raises(ValueError, match="bits_per_element must be in"):
        metrics.bit_error_rate(sent, received, 0)


def test_compression_rate_of_bits_of_symbols_and_of_a_mixture() -> None:
    indices = Segment(Kind.INDICES, np.zeros((4, 4), np.uint16), alphabet=512)
    bits = Segment(Kind.BITS, np.zeros(10, np.uint8))
    symbols = Segment(Kind.SYMBOLS, np.zeros(32, np.complex64))
    assert metrics.size_bits([indices, bits]) == 4 * 4 * 9 + 10
    assert metrics.compression_rate([indices, bits], 8, 8) == 154 / (8 * 3 * 64)
    assert metrics.compression_rate([symbols], 8, 8) == 32 / (3 * 64)
    assert metrics.compression_rate([bits, symbols], 8, 8) == (32 + 10) / (3 * 64)  # side information: 1 bit a use
