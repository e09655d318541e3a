from __future__ import annotations

import math

import pytest
import torch

from edge.adapt.errors import AdaptError
from edge.adapt.slices import as_floats, mean_psnr_db, split


@pytest.mark.parametrize(("count", "share", "judging"), [(32, 0.25, 8), (4, 0.01, 1), (4, 0.9, 2), (5, 0.5, 2)])
def test_every_lesson_teaches_or_judges_and_enough_do_each(count: int, share: float, judging: int) -> None:
    teaching, judges = split(count, share, seed=3)
    assert len(judges) == judging
    assert sorted(teaching + judges) == list(range(count))


def test_the_split_is_the_seeds() -> None:
    assert split(32, 0.25, 1) == split(32, 0.25, 1)
    assert split(32, 0.25, 1) != split(32, 0.25, 2)
    with pytest.raises(AdaptError, match="at most 512 fine-tuning images fit, got 513"):
        split(513, 0.25, 0)


def test_mean_psnr_is_the_mean_over_pictures_in_db() -> None:
    one = torch.zeros(3, 3, 8, 8)
    other = one + torch.tensor([0.1, 0.01, 0.0]).view(3, 1, 1, 1)
    assert mean_psnr_db(one, other) == pytest.approx((20 + 40 + 100) / 3, abs=1e-3)
    assert math.isnan(mean_psnr_db(one, other * math.nan))


def test_bytes_become_floats_and_floats_stay() -> None:
    assert torch.equal(as_floats(torch.tensor([0, 255], dtype=torch.uint8)), torch.tensor([0.0, 1.0]))
    floats = torch.tensor([0.25])
    assert as_floats(floats) is floats
