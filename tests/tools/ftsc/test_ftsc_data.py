from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.images import ImageError, Named
from tools.ftsc import data
from tools.ftsc.data import EVALUATION, FINE_TUNING, HOLD_OUT, SETS, Group, split


def names(pictures: list[Named]) -> set[str]:
    return {picture.name for picture in pictures}


@pytest.mark.parametrize("key", [key for key, one in SETS.items() if one.group is Group.TESTING])
def test_no_picture_is_in_two_parts_and_all_have_the_size(image_sets: Path, key: str) -> None:
    parts = split(image_sets, key)
    assert len(parts.fine_tuning) == FINE_TUNING
    assert len(parts.evaluation) == EVALUATION
    groups = [names(parts.fine_tuning), names(parts.evaluation), names(parts.basic)]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert {picture.pixels.shape for picture in parts.fine_tuning} == {(64, 64, 3)}  # as conftest.py sets the side


def test_a_split_does_not_depend_on_anything_but_the_set(image_sets: Path) -> None:
    first = split(image_sets, "xray")
    split.cache_clear()
    again = split(image_sets, "xray")
    assert [p.name for p in first.evaluation] == [p.name for p in again.evaluation]
    assert [p.name for p in first.fine_tuning] == [p.name for p in again.fine_tuning]
    assert [p.name for p in first.evaluation] != sorted(p.name for p in first.evaluation)


@pytest.mark.parametrize("key", ["celeba", "pokemon"])
def test_sets_without_a_test_part_are_scored_on_what_pretraining_held_out(image_sets: Path, key: str) -> None:
    numbers = [int("".join(c for c in picture.name if c.isdigit())) for picture in split(image_sets, key).evaluation]
    assert len(numbers) == 200 // HOLD_OUT
    assert {number % HOLD_OUT for number in numbers} == {HOLD_OUT - 1}


def test_the_pretraining_group_trains_on_train_and_is_scored_on_test(image_sets: Path) -> None:
    parts = split(image_sets, "cifar10")
    assert all("test" in name for name in names(parts.evaluation))
    assert all("train" in name for name in names(parts.fine_tuning))


def test_too_small_a_set_is_refused_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / SETS["camvid"].file, x=np.zeros((30, 8, 8, 3), np.uint8))
    with pytest.raises(ImageError, match=r"ood_street_camvid\.npz: 30 pictures are too few"):
        split(tmp_path, "camvid")


def test_labels_stay_with_their_pictures(image_sets: Path) -> None:
    found = data.labelled(image_sets, "fashion", "test")
    assert [picture.label for picture in found[:12]] == [*range(10), 0, 1]
