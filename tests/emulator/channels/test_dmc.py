from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from emulator.channels.dmc import SPARSE_LIMIT, KaryDMC
from emulator.channels.noise import SegmentNoise

MakeDraw = Callable[..., SegmentNoise]

# Rate and uniformity of errors: test_faces.py, for this face and for Torch's.


@pytest.mark.parametrize("epsilon", [SPARSE_LIMIT, 1.0])
@pytest.mark.parametrize("k", [2, 3, 65535, 65536])
def test_smallest_and_largest_alphabets_stay_inside(make_draw: MakeDraw, k: int, epsilon: float) -> None:
    sent = np.random.default_rng(1).integers(0, k, 50_000).astype(np.uint16)
    received = KaryDMC(k, epsilon)(sent, 0, make_draw())
    assert int(received.max()) < k
    changed = np.mean(received != sent)
    assert changed == 1.0 if epsilon == 1.0 else abs(changed - epsilon) < 4 * np.sqrt(epsilon * (1 - epsilon) / 50_000)


def test_zero_epsilon_changes_nothing(make_draw: MakeDraw) -> None:
    sent = np.arange(512, dtype=np.uint16)
    assert np.array_equal(KaryDMC(512, 0.0)(sent, 0, make_draw()), sent)


@pytest.mark.parametrize(
    ("k", "epsilon", "sentence"),
    [
        (1, 0.1, "k: must be an integer in [2, 65536], got 1"),
        (65537, 0.1, "k: must be an integer in [2, 65536], got 65537"),
        (16, 1.1, "epsilon: must be in [0, 1], got 1.1"),
    ],
)
def test_bad_configuration_is_refused(k: int, epsilon: float, sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 (compared as plain text)
        KaryDMC(k, epsilon)
    assert str(refusal.value).startswith(sentence)


def test_symbols_outside_the_alphabet_are_refused(make_draw: MakeDraw) -> None:
    with pytest.raises(ValueError, match=r"^symbols: must be below K = 500, got 500"):
        KaryDMC(500, 0.1)(np.array([3, 500], np.uint16), 0, make_draw())
