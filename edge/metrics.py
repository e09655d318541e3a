"""How well something arrived: pictures (PSNR, SSIM, MS-SSIM), decisions (accuracy, recall, precision), bits (BER).

Plain NumPy, because processes that never load torch score too. Pictures are uint8 [H, W, 3] or [H, W], peak 255.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.segment import Segment

PEAK = 255.0
WINDOW = 11  # taps of the Gaussian window of SSIM
SIGMA = 1.5
K1, K2 = 0.01, 0.03
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # MS-SSIM, finest first

Integers = NDArray[np.integer]
Floats = NDArray[np.float64]


def _pair(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Both pictures as float64 [C, H, W]. Raises ValueError when they cannot be compared."""
    if a.dtype != np.uint8 or b.dtype != np.uint8:
        raise ValueError(f"pictures: must be uint8 with peak 255, got {a.dtype} and {b.dtype}; convert them first")
    if a.shape != b.shape or a.ndim not in (2, 3) or a.size == 0:
        raise ValueError(f"pictures: must have one shape [H, W] or [H, W, C], got {list(a.shape)} and {list(b.shape)}")
    first, second = (np.atleast_3d(x).transpose(2, 0, 1).astype(np.float64) for x in (a, b))
    return first, second


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels; inf for equal pictures (see `json_number`)."""
    first, second = _pair(a, b)
    mse = float(np.mean((first - second) ** 2))
    return math.inf if mse == 0 else 10 * math.log10(PEAK**2 / mse)


def json_number(value: float) -> float | None:
    """JSON has no infinity: None (null) for what is not finite, such as the PSNR of a perfect copy."""
    return value if math.isfinite(value) else None


def _gaussian() -> Floats:
    taps = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
    return np.asarray(taps / taps.sum(), np.float64)


def _blur(plane: Floats) -> Floats:
    """[H, W] -> [H - 10, W - 10]: the Gaussian window, separably, only where it fits."""
    taps = _gaussian()
    height, width = plane.shape[0] - WINDOW + 1, plane.shape[1] - WINDOW + 1
    rows, result = np.zeros((height, plane.shape[1])), np.zeros((height, width))
    for i, tap in enumerate(taps):
        rows += tap * plane[i : i + height]
    for i, tap in enumerate(taps):
        result += tap * rows[:, i : i + width]
    return result


def _ssim_terms(first: Floats, second: Floats) -> tuple[float, float]:
    """Mean SSIM and mean contrast-structure term of one channel, [H, W] both."""
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    mean1, mean2 = _blur(first), _blur(second)
    covariance = _blur(first * second) - mean1 * mean2
    variances = _blur(first**2 + second**2) - mean1**2 - mean2**2
    contrast = (2 * covariance + c2) / (variances + c2)
    luminance = (2 * mean1 * mean2 + c1) / (mean1**2 + mean2**2 + c1)
    return float((luminance * contrast).mean()), float(contrast.mean())


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Structural similarity (Wang et al. 2004): 11x11 Gaussian window, sigma 1.5, K = (0.01, 0.03), mean over channels
    and over the places where the window fits. Raises ValueError for sides under 11."""
    first, second = _pair(a, b)
    if min(first.shape[1:]) < WINDOW:
        raise ValueError(f"ssim: sides must be at least {WINDOW}, got {list(a.shape[:2])}; use PSNR for tiny pictures")
    return float(np.mean([_ssim_terms(one, other)[0] for one, other in zip(first, second, strict=True)]))


def _halved(plane: Floats) -> Floats:
    """[H, W] -> [ceil(H/2), ceil(W/2)]: 2x2 means; an odd last row or column counts twice."""
    padded = np.pad(plane, ((0, plane.shape[0] % 2), (0, plane.shape[1] % 2)), mode="edge")
    height, width = padded.shape
    return np.asarray(padded.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)))


def _ms_ssim_of_channel(first: Floats, second: Floats) -> float:
    result = 1.0
    for scale, weight in enumerate(SCALE_WEIGHTS):
        if scale:
            first, second = _halved(first), _halved(second)
        full, contrast = _ssim_terms(first, second)
        coarsest = scale == len(SCALE_WEIGHTS) - 1
        result *= max(full if coarsest else contrast, 0.0) ** weight
    return result


def ms_ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Multi-scale SSIM over five scales (Wang, Simoncelli, Bovik 2003), mean over channels; negative terms count as 0.

    Raises ValueError for sides of 160 or less, where the window no longer fits at the coarsest scale.
    """
    first, second = _pair(a, b)
    if min(first.shape[1:]) <= 160:
        raise ValueError(f"ms_ssim: sides must be more than 160, got {list(a.shape[:2])}; use ssim")
    return float(np.mean([_ms_ssim_of_channel(one, other) for one, other in zip(first, second, strict=True)]))


def top1_accuracy(scores: NDArray[np.floating], labels: Integers) -> float:
    """Share of rows of scores [N, classes] whose largest entry is at labels [N]."""
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or not len(labels):
        raise ValueError(f"accuracy: need scores [N, classes] and labels [N], got {scores.shape} and {labels.shape}")
    return float(np.mean(scores.argmax(axis=1) == labels))


def _hits(predicted: Integers, labels: Integers, classes: int) -> NDArray[np.intp]:
    if predicted.shape != labels.shape or predicted.ndim != 1:
        raise ValueError(f"classes: predicted and labels must both be [N], got {predicted.shape} and {labels.shape}")
    both = np.concatenate([predicted, labels])
    if both.size and (both.min() < 0 or both.max() >= classes):
        raise ValueError(f"classes: predicted and labels must be in [0, {classes})")
    return np.bincount(labels[predicted == labels], minlength=classes)


def recall(predicted: Integers, labels: Integers, classes: int) -> Floats:
    """P(predicted = i | label = i) for each class, [classes] (SMRC, section on semantic accuracy); NaN for a class that
    never occurs."""
    return _ratio(_hits(predicted, labels, classes), np.bincount(labels, minlength=classes))


def precision(predicted: Integers, labels: Integers, classes: int) -> Floats:
    """P(label = i | predicted = i) for each class, [classes]; NaN for a class that is never predicted."""
    return _ratio(_hits(predicted, labels, classes), np.bincount(predicted, minlength=classes))


def _ratio(hits: NDArray[np.intp], cases: NDArray[np.intp]) -> Floats:
    ratio: Floats = np.divide(hits, cases, out=np.full(len(cases), np.nan), where=cases > 0)
    return ratio


def bit_error_rate(sent: Integers, received: Integers, bits_per_element: int) -> float:
    """Share of differing bits between two arrays of unsigned integers with `bits_per_element` bits each."""
    if sent.shape != received.shape or not sent.size:
        raise ValueError(f"bit_error_rate: need two arrays of one shape, got {sent.shape} and {received.shape}")
    if not 1 <= bits_per_element <= 64:
        raise ValueError(f"bit_error_rate: bits_per_element must be in [1, 64], got {bits_per_element}")
    errors = np.bitwise_count(sent.astype(np.uint64) ^ received.astype(np.uint64))
    return int(errors.sum(dtype=np.int64)) / (bits_per_element * sent.size)


def size_bits(segments: Iterable[Segment]) -> int:
    """Bits of one message on a bit-carrying link; SYMBOLS count nothing here (see `compression_rate`)."""
    return sum(segment.size_bits for segment in segments)


def compression_rate(segments: Sequence[Segment], height: int, width: int) -> float:
    """rho of one message that carries an 8-bit colour picture [height, width, 3].

    Bits sent over bits of the picture (FTSC, eq. (10)), or, for a codec that sends SYMBOLS, channel uses over values of
    the picture (k/n). Bits beside symbols are side information: each is charged as one channel use, which BPSK, or QPSK
    at rate 1/2, makes of it.
    """
    bits, uses = size_bits(segments), sum(segment.channel_uses for segment in segments)
    return (uses + bits) / (3 * height * width) if uses else bits / (8 * 3 * height * width)
