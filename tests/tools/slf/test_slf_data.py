"""Who gets which pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.images import ImageError
from tools.slf import data

COUNT = 40  # as conftest.py writes them


def test_a_mixture_has_its_share_of_each_set_and_classes_apart(sets: Path) -> None:
    mixed = data.own(sets, 0.25, 20, 0)
    assert mixed.pixels.shape == (20, 32, 32, 3)
    assert int((mixed.labels >= 10).sum()) == 5
    assert data.mixed_counts(1.0, 7) == {"mnist": 0, "cifar10": 7}
    with pytest.raises(ValueError, match="mixture"):
        data.mixed_counts(1.5, 7)


def test_what_is_scored_was_never_trained_with_and_is_always_the_same(sets: Path) -> None:
    own, scored = data.own(sets, 0.5, COUNT, 3), data.scored(sets, 0.5, COUNT)
    middle = (slice(None), 16, 16, 0)
    assert own.pixels[middle].max() < 100 <= scored.pixels[middle].min()
    assert np.array_equal(scored.pixels, data.scored(sets, 0.5, COUNT).pixels)


def test_seeds_draw_other_pictures_and_a_small_draw_is_part_of_a_large_one(sets: Path) -> None:
    few, more = data.own(sets, 0.0, 8, 1), data.own(sets, 0.0, 16, 1)
    assert np.array_equal(few.pixels, more.pixels[:8])
    assert not np.array_equal(few.pixels, data.own(sets, 0.0, 8, 2).pixels)


def test_too_few_pictures_are_said(sets: Path) -> None:
    with pytest.raises(ImageError, match=r"mnist\.npz: holds 40 train pictures, 41 are needed"):
        data.own(sets, 0.0, 41, 0)
