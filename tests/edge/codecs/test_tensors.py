from __future__ import annotations

import numpy as np
import pytest

from edge.codecs.tensors import Tensors, digest

VALUES: Tensors = {"b": np.asarray([0.5, -2.0, 65504.0], np.float32), "a": np.asarray([[1 / 3]], np.float32)}


def test_a_digest_depends_on_names_shapes_and_values_and_on_nothing_else() -> None:
    known = digest(VALUES)
    assert len(known) == 64
    assert digest(dict(reversed(VALUES.items()))) == known
    others = [
        VALUES | {"b": VALUES["b"][::-1]},
        VALUES | {"b": VALUES["b"].reshape(3, 1)},
        VALUES | {"a": np.nextafter(VALUES["a"], np.float32(1))},
        {"b": VALUES["b"], "c": VALUES["a"]},
        {"b": VALUES["b"]},
    ]
    assert len({known, *map(digest, others)}) == len(others) + 1


def test_a_file_in_half_precision_and_the_network_loaded_from_it_have_one_digest() -> None:
    halves = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float16)
    assert digest({"w": halves.astype(np.float32)}) == digest({"w": halves})
    assert digest({"w": halves.astype(np.float32).T.copy().T}) == digest({"w": halves})  # whatever the strides


@pytest.mark.parametrize("value", [1e-9, 1e6, np.inf, np.nan, -0.0])
def test_what_half_precision_cannot_hold_is_told_apart_too(value: float) -> None:
    assert digest({"w": np.asarray([value], np.float32)}) != digest({"w": np.zeros(1, np.float32)})
