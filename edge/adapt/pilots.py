"""Measuring a K-ary channel with pilots: indices that both ends know, and what their errors tell (SLF, step 1).

The estimate comes with the equal-tailed Jeffreys interval (Brown, Cai, DasGupta 2001): exact Clopper-Pearson covers 98
to 99.8 % where few errors are expected, and the normal approximation next to nothing. NumPy and SciPy only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.adapt.errors import AdaptError

CONFIDENCE = 0.95
LARGEST_ALPHABET = 256


@dataclass(frozen=True)
class Crossover:
    """pilots: that arrived; errors: of them, arrived as another index; estimate: of the crossover probability; low,
    high: ends of its interval, which holds the truth in a share `confidence` of all measurements."""

    pilots: int
    errors: int
    estimate: float
    low: float
    high: float
    confidence: float


def pilot_indices(alphabet: int, count: int, key: str) -> NDArray[np.uint8]:
    """Uniform indices uint8 [count] below `alphabet` (2 .. 256), the same wherever the key is the same: Philox keyed by
    its digest. Raises AdaptError."""
    if not 2 <= alphabet <= LARGEST_ALPHABET:
        raise AdaptError(f"pilots: the alphabet must be in [2, {LARGEST_ALPHABET}], got {alphabet}")
    if count < 1:
        raise AdaptError(f"align.pilots: must be at least 1, got {count}")
    words = np.random.Philox(key=int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little"))
    # raw words, whose sequence NumPy promises to keep; 2**64 is so large that the remainder's bias is nothing
    return np.asarray(words.random_raw(count) % np.uint64(alphabet), np.uint8)


def estimate_crossover(
    sent: NDArray[Any], received: NDArray[Any], present: NDArray[np.bool_] | None = None
) -> Crossover:
    """sent, received: indices of any one shape; present: False where nothing arrived, which is left out. Raises
    AdaptError when shapes differ or nothing arrived."""
    if sent.shape != received.shape or (present is not None and present.shape != sent.shape):
        raise AdaptError(
            f"pilots: {list(received.shape)} arrived of {list(sent.shape)}; use the same number at both ends"
        )
    arrived = np.ones(sent.shape, bool) if present is None else present
    pilots = int(arrived.sum())
    if pilots == 0:
        raise AdaptError("pilots: none arrived, so nothing is known of the channel; send more, or mend the link")
    errors = int(((sent != received) & arrived).sum())
    low, high = jeffreys_interval(errors, pilots, CONFIDENCE)
    return Crossover(pilots, errors, errors / pilots, low, high, CONFIDENCE)


def jeffreys_interval(errors: int, trials: int, confidence: float) -> tuple[float, float]:
    """The quantiles of Beta(errors + 1/2, trials - errors + 1/2) that leave out equal tails; an end where nothing (or
    everything) was an error is 0 (or 1), so that a perfect channel is not excluded."""
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    a, b = errors + 0.5, trials - errors + 0.5
    low = 0.0 if errors == 0 else float(betaincinv(a, b, tail))
    high = 1.0 if errors == trials else float(betaincinv(a, b, 1 - tail))
    return low, high
