from __future__ import annotations

import numpy as np
import pytest
import torch

from edge.images import ImageError, Named
from edge.train.crops import RandomCrops


def named(*shapes: tuple[int, int]) -> list[Named]:
    rng = np.random.default_rng(0)
    return [Named(f"p{i}", rng.integers(0, 256, (*shape, 3), dtype=np.uint8)) for i, shape in enumerate(shapes)]


def test_batches_have_the_promised_shape_and_range_and_follow_the_seed() -> None:
    pictures = named((20, 30), (16, 16))
    first, again, other = (RandomCrops([pictures], 16, seed).batch(5) for seed in (1, 1, 2))
    assert first.shape == (5, 3, 16, 16)
    assert first.dtype == torch.float32
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_orientation_of_a_crop_is_drawn() -> None:
    picture = named((8, 8))
    original = torch.from_numpy(picture[0].pixels).permute(2, 0, 1) / 255
    turned = [original, original.flip(2), original.transpose(1, 2), original.flip(2).transpose(1, 2)]
    drawn = RandomCrops([picture], 8, 0).batch(100)
    counts = [sum(torch.allclose(crop, view) for crop in drawn) for view in turned]
    assert sum(counts) == 100
    assert min(counts) >= 8  # 25 expected, sigma 4.3


def test_one_crop_in_three_is_half_size_where_the_picture_allows() -> None:
    # stripes one pixel wide: a 2x2 mean of them is flat grey
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = 200
    drawn = RandomCrops([[Named("stripes", stripes)]], 16, 0).batch(600)
    flat = int(((drawn - 100 / 255).abs().amax(dim=(1, 2, 3)) < 1e-6).sum())
    assert abs(flat - 200) < 4 * (600 * 1 / 3 * 2 / 3) ** 0.5
    assert RandomCrops([[Named("small", stripes[:31])]], 16, 0).groups[0].half == []


def test_pictures_that_are_too_small_are_left_out_and_none_left_is_refused() -> None:
    assert len(RandomCrops([named((20, 30), (15, 40))], 16, 0).groups[0].full) == 1
    for groups in ([named((20, 30))], [named((80, 80)), named((20, 30))], []):
        with pytest.raises(ImageError, match="no picture is at least 64x64"):
            RandomCrops(groups, 64, 0)


def test_sets_are_drawn_from_equally_often_however_many_pictures_they_hold() -> None:
    dark = [Named(f"d{i}", np.zeros((16, 16, 3), np.uint8)) for i in range(30)]
    bright = [Named("b", np.full((16, 16, 3), 255, np.uint8))]
    drawn = RandomCrops([dark, bright], 16, 0).batch(400)
    share = int(drawn.mean(dim=(1, 2, 3)).round().sum())
    assert abs(share - 200) < 4 * 10  # binomial, sigma 10


def test_with_resize_every_picture_is_scaled_first_and_none_is_too_small() -> None:
    # left half black: of a picture scaled to the crop's own size every crop sees one half black, whatever was its size
    pictures = []
    for side in (8, 200):
        pixels = np.zeros((side, side, 3), np.uint8)
        pixels[:, side // 2 :] = 255
        pictures.append(Named(f"h{side}", pixels))
    drawn = RandomCrops([pictures], 32, 0, resize=32).batch(20)
    assert torch.allclose(drawn.mean(dim=(1, 2, 3)), torch.full((20,), 0.5), atol=0.02)
    with pytest.raises(ImageError, match="--resize: must be at least the crop's 32, got 16"):
        RandomCrops([pictures], 32, 0, resize=16)
