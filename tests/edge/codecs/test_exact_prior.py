from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from edge.codecs.exact_prior import FREQUENCIES, LOGIT, MOST, ExactPrior, as_fixed_point, digest
from edge.codecs.index_prior import IndexPrior, PriorShape

SHAPE = PriorShape(entries=64, dimension=8, hidden=32, query=16)


def network(seed: int = 0) -> tuple[IndexPrior, dict[str, NDArray[np.generic]]]:
    torch.manual_seed(seed)
    prior = IndexPrior(SHAPE, torch.randn(64, 8) * 0.3, torch.randn(64, 8) * 0.5)
    with torch.no_grad():
        for one in (prior.top, prior.bottom):
            for free in (one.embed_entry, one.key_entry, one.entry_bias):
                free.normal_(0, 0.5)
    fixed: dict[str, NDArray[np.generic]] = {
        name: as_fixed_point(value.detach().numpy()) for name, value in prior.named_parameters()
    }
    return prior, fixed | {name: value.numpy() for name, value in prior.named_buffers()}


def exact(prior: IndexPrior, weights: dict[str, NDArray[np.generic]]) -> ExactPrior:
    return ExactPrior(SHAPE, weights, prior.vectors[0].numpy(), prior.vectors[1].numpy())


def contexts(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(3)
    return rng.integers(0, 65, (n, 12)), rng.integers(0, 65, (n, 9)), rng.integers(0, 2, (n, 2))


def test_probabilities_are_those_of_the_trained_network() -> None:
    # fixed point costs: weights to 2^-13, activations to 2^-9, logits to 2^-7 at most: 0.05 nat is generous
    prior, weights = network()
    near, above, phase = contexts(200)
    coded = exact(prior, weights)
    with torch.no_grad():
        expected = [
            prior.top_logits(torch.from_numpy(near)),
            prior.bottom_logits(torch.from_numpy(near), torch.from_numpy(above), torch.from_numpy(phase)),
        ]
    found = [coded.top_frequencies(near), coded.bottom_frequencies(near, above, phase)]
    for logits, frequencies in zip(expected, found, strict=True):
        log_p = np.log(frequencies.astype(np.float64) / frequencies.sum(axis=1, keepdims=True, dtype=np.float64))
        assert np.abs(log_p - torch.log_softmax(logits, dim=1).numpy()).max() < 0.05
        assert logits.std() > 0.2  # not a comparison of flat distributions


def test_probabilities_do_not_depend_on_the_order_of_sums_or_on_what_is_computed_together() -> None:
    # every sum is of integers below 2^53: shuffled inputs, single rows and another number of threads change no bit
    prior, weights = network()
    near, above, phase = contexts(64)
    coded = exact(prior, weights)
    together = coded.bottom_frequencies(near, above, phase)
    alone = [coded.bottom_frequencies(near[i : i + 1], above[i : i + 1], phase[i : i + 1]) for i in range(64)]
    assert np.array_equal(together, np.concatenate(alone))
    shuffle = np.random.default_rng(0).permutation(32)
    swapped = dict(weights)
    for name in ("bottom.first.weight", "bottom.first.bias"):
        swapped[name] = weights[name][shuffle]
    swapped["bottom.second.weight"] = weights["bottom.second.weight"][shuffle][:, shuffle]
    swapped["bottom.second.bias"] = weights["bottom.second.bias"][shuffle]
    swapped["bottom.third.weight"] = weights["bottom.third.weight"][:, shuffle]
    assert np.array_equal(together, exact(prior, swapped).bottom_frequencies(near, above, phase))


def test_sums_stay_exact_at_the_extremes() -> None:
    # the largest layer of the default shape, every weight and activation at its limit
    shape = PriorShape()
    inputs = shape.neighbours * shape.embedding + 9 * shape.embedding + 2 * 16
    assert inputs * MOST * MOST + MOST * 2**8 < 2**53


def test_no_entry_of_the_softmax_table_hangs_on_the_last_bit_of_exp() -> None:
    values = 2.0**20 * np.exp(-np.arange(len(FREQUENCIES)) / LOGIT)
    assert np.abs(values % 1 - 0.5).min() > 1e-6  # exp is good to about 1e-10 here, on any machine
    assert FREQUENCIES[0] == 2**20
    assert FREQUENCIES[-1] == 1


def test_digest_tells_weights_apart() -> None:
    _, weights = network()
    other = dict(weights)
    other["top.first.bias"] = weights["top.first.bias"] + np.int16(1)
    assert digest(weights) == digest(dict(reversed(weights.items())))
    assert digest(weights) != digest(other)
