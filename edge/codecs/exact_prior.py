"""The index prior in the form that codes: integer arithmetic, so that two machines compute the same probabilities.

A range decoder needs the encoder's probabilities to the last bit, and floating-point sums depend on the order in which
a machine adds. So weights, activations and codebook features are integers here (fixed point), held in float64: every
product and partial sum stays below 2^53 and is exact, whatever the order, the number of threads or the library.
Rounding between layers is to the nearest even integer, softmax is a table of integers (after Ballé et al. 2018,
"Integer networks for data compression with latent-variable models"). What is trained is in index_prior.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from edge.codecs.index_prior import MAPS, WINDOW, PriorShape

Floats = NDArray[np.float64]
Weights = Mapping[str, NDArray[np.generic]]

ACTIVATION_BITS = 8  # an activation a is the integer a * 2^8
WEIGHT_BITS = 12  # a weight w is the integer w * 2^12
LOGIT_BITS = 6  # a logit is a multiple of 1/64
MOST = 2**15 - 1  # of any activation or weight, as an integer
ACTIVATION, WEIGHT, LOGIT = 2.0**ACTIVATION_BITS, 2.0**WEIGHT_BITS, 2.0**LOGIT_BITS
# Frequency of an entry whose logit is n/64 below the best one's. The least is 1: everything can be coded.
FREQUENCIES = np.maximum(np.rint(2.0**20 * np.exp(-np.arange(14 * 64) / LOGIT)), 1).astype(np.float32)


def as_fixed_point(weights: NDArray[np.generic]) -> NDArray[np.int16]:
    """Trained weights as they are kept in a file: multiples of 2^-12 in (-8, 8)."""
    return np.clip(np.rint(weights.astype(np.float64) * WEIGHT), -MOST, MOST).astype(np.int16)


def _product(a: Floats, b: Floats) -> Floats:
    """a @ b. By torch, for its number of threads is set in one place; NumPy's own threads waited 30 times as long for
    each other as these small products take, on a machine with other work."""
    product: Floats = torch.mm(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    return product


def _rounded(sums: Floats) -> Floats:
    return np.clip(np.rint(sums), -MOST, MOST)


class _Dense:
    """[n, inputs] -> [n, outputs], integers to integers."""

    def __init__(self, weights: Weights, name: str) -> None:
        self.weight = weights[f"{name}.weight"].astype(np.float64).T.copy()
        self.bias = weights[f"{name}.bias"].astype(np.float64) * ACTIVATION

    def __call__(self, x: Floats) -> Floats:
        return _rounded((_product(x, self.weight) + self.bias) / WEIGHT)


class _ExactMap:
    """One map's prior with a codebook in force."""

    def __init__(self, weights: Weights, name: str, codebook: NDArray[np.float32]) -> None:
        features = _features(codebook, float(weights[f"{name}.scale"][0]))
        entry = weights[f"{name}.embed_entry"].astype(np.float64)
        spread = 2.0 ** (WEIGHT_BITS - ACTIVATION_BITS)
        inside = _rounded(_Dense(weights, f"{name}.embed")(features) + np.rint(entry[:-1] / spread))
        self.table = np.concatenate([inside, np.rint(entry[-1:] / spread)])
        keys = _Dense(weights, f"{name}.key_second")(np.maximum(_Dense(weights, f"{name}.key_first")(features), 0))
        key_entry = weights[f"{name}.key_entry"].astype(np.float64)
        self.keys = _rounded(keys + np.rint(key_entry / spread)).T.copy()
        self.bias = weights[f"{name}.entry_bias"].astype(np.float64) * (ACTIVATION * ACTIVATION / WEIGHT)
        self.first, self.second, self.third = (_Dense(weights, f"{name}.{one}") for one in ("first", "second", "third"))

    def frequencies(self, known: Floats) -> NDArray[np.float32]:
        """known [n, inputs] -> [n, K], whole numbers in [1, 2^20]."""
        hidden = np.maximum(self.first(known), 0)
        hidden = _rounded(hidden + np.maximum(self.second(hidden), 0))
        logits = np.rint((_product(self.third(hidden), self.keys) + self.bias) / (ACTIVATION * ACTIVATION / LOGIT))
        below = logits.max(axis=1, keepdims=True) - logits
        found: NDArray[np.float32] = FREQUENCIES[np.minimum(below, len(FREQUENCIES) - 1).astype(np.intp)]
        return found


def _features(codebook: NDArray[np.float32], scale: float) -> Floats:
    """Single multiplications and exact sums: no order of operations to differ in."""
    scaled = _rounded(codebook.astype(np.float64) * scale * ACTIVATION)
    square = (scaled * scaled).sum(axis=1, keepdims=True) / (codebook.shape[1] * ACTIVATION)
    return np.concatenate([scaled, _rounded(square)], axis=1)


class ExactPrior:
    """Both maps' priors with the codebooks in force."""

    def __init__(
        self, shape: PriorShape, weights: Weights, top: NDArray[np.float32], bottom: NDArray[np.float32]
    ) -> None:
        """weights: int16 tensors by name, as the weight file holds them. top, bottom: codebooks [K, D]."""
        self.shape = shape
        self.top, self.bottom = (
            _ExactMap(weights, name, codebook) for name, codebook in zip(MAPS, (top, bottom), strict=True)
        )
        self.phases = np.eye(shape.top_scale) * ACTIVATION

    def check(self) -> None:
        """One prediction of each map: raises ValueError or IndexError when the weights do not fit the shape."""
        near = np.zeros((1, self.shape.neighbours), np.int64)
        above, phase = np.zeros((1, len(WINDOW)), np.int64), np.zeros((1, 2), np.int64)
        for frequencies in (self.top_frequencies(near), self.bottom_frequencies(near, above, phase)):
            if frequencies.shape != (1, self.shape.entries):
                raise ValueError(
                    f"the prior gives {frequencies.shape[1]} probabilities for {self.shape.entries} entries"
                )

    def top_frequencies(self, near: NDArray[np.int64]) -> NDArray[np.float32]:
        """near [n, neighbours], indices of earlier positions (K: outside) -> frequencies [n, K] of the next index."""
        return self.top.frequencies(self.top.table[near].reshape(len(near), -1))

    def bottom_frequencies(
        self, near: NDArray[np.int64], above: NDArray[np.int64], phase: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """As IndexPrior.bottom_logits: near [n, neighbours], above [n, 9], phase [n, 2] -> frequencies [n, K]."""
        n = len(near)
        known = [
            self.bottom.table[near].reshape(n, -1),
            self.top.table[above].reshape(n, len(WINDOW) * self.shape.embedding),
            self.phases[phase].reshape(n, -1),
        ]
        return self.bottom.frequencies(np.concatenate(known, axis=1))


def digest(weights: Weights) -> str:
    """Hex digest of the weights: both ends must have the same prior."""
    found = hashlib.sha256()
    for name in sorted(weights):
        tensor = np.ascontiguousarray(weights[name])
        found.update(f"{name} {tensor.dtype.str} {tensor.shape}".encode() + tensor.tobytes())
    return found.hexdigest()
