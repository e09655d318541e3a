from __future__ import annotations

import numpy as np
import torch

from edge.images import Named
from tools.ftsc import classifier


def bright_or_dark(count: int, seed: int) -> list[Named]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    return [
        Named(str(i), rng.integers(100 * label, 100 * label + 100, (8, 8, 3)).astype(np.uint8), int(label))
        for i, label in enumerate(labels)
    ]


def test_it_learns_what_is_easy_and_judges_pictures_it_has_not_seen() -> None:
    network = classifier.train(bright_or_dark(256, 0), epochs=12, seed=0)
    unseen = bright_or_dark(100, 1)
    pixels, labels = [one.pixels for one in unseen], [int(one.label or 0) for one in unseen]
    assert classifier.accuracy(network, pixels, labels) == 1.0
    assert classifier.accuracy(network, pixels, [1 - label for label in labels]) == 0.0


def test_training_follows_its_seed() -> None:
    pictures = bright_or_dark(64, 0)
    first, again, other = (classifier.train(pictures, 1, seed).state_dict()["body.0.weight"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
