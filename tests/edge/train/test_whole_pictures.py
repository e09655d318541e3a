from __future__ import annotations

import numpy as np
import pytest
import torch

from edge.images import ImageError, Named
from edge.train.whole_pictures import WholePictures, split


def flat(value: int, side: int = 6) -> Named:
    return Named(f"p{value}", np.full((side, side, 3), value, np.uint8), value)


def test_the_split_is_8_to_2_drawn_by_the_seed_and_loses_nothing() -> None:
    pictures = [flat(i) for i in range(50)]
    cut = split(pictures, 3)
    assert (len(cut.train), len(cut.test)) == (40, 10)
    assert sorted(p.name for p in cut.train + cut.test) == sorted(p.name for p in pictures)
    assert [p.name for p in split(pictures, 3).test] == [p.name for p in cut.test]
    assert {p.name for p in split(pictures, 4).test} != {p.name for p in cut.test}
    with pytest.raises(ImageError, match="2 pictures cannot be split"):
        split(pictures[:2], 0)


def test_batches_hold_whole_pictures_in_a_black_frame() -> None:
    source = WholePictures([[flat(255)]], 8, 0)
    batch = source.batch(3)
    assert batch.shape == (3, 3, 8, 8)
    frame = torch.ones(8, 8, dtype=torch.bool)
    frame[1:7, 1:7] = False
    assert bool((batch[:, :, frame] == 0).all())
    assert bool((batch[:, :, ~frame] == 1).all())


def test_groups_are_drawn_from_equally_often_whatever_their_size() -> None:
    source = WholePictures([[flat(0)], [flat(i) for i in range(1, 10)]], 6, 1)
    pictures, places = source.draw(2000)
    zeros = int((pictures[:, 0, 0, 0] == 0).sum())
    assert abs(zeros - 1000) < 4 * np.sqrt(500)  # 4 sigma
    assert all(pictures[i, 0, 0, 0] == (0 if group == 0 else 1 + place) for i, (group, place) in enumerate(places))


@pytest.mark.parametrize("groups", [[], [[]]])
def test_nothing_to_learn_from_is_refused(groups: list[list[Named]]) -> None:
    with pytest.raises(ImageError, match="there is no picture in it"):
        WholePictures(groups, 8, 0)
    with pytest.raises(ImageError, match="9x9 is larger than the 8x8"):
        WholePictures([[flat(1, 9)]], 8, 0)
