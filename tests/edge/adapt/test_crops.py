from __future__ import annotations

import pytest
import torch

from edge.adapt.crops import MARGIN, Grid, masked_mse

SEED = torch.Generator().manual_seed(0)


def test_parts_of_maps_lie_over_the_crop() -> None:
    picture = torch.arange(48 * 64).float().view(1, 48, 64)
    maps = [picture[:, ::r, ::r][None] for r in (8, 4)]  # each position holds the number of its top left pixel
    grid = Grid.over(48, 64, maps, crop=30)
    assert (grid.rows, grid.columns, grid.unit) == (24, 24, 8)
    for _ in range(20):
        top, left = grid.draw(SEED)
        crop = grid.of_picture(picture, top, left)
        for r, part in zip((8, 4), grid.of_maps([one[0] for one in maps], top, left), strict=True):
            assert torch.equal(part, crop[:, ::r, ::r])


def test_every_corner_is_drawn_and_none_beyond_the_picture() -> None:
    grid = Grid.over(16, 24, [torch.zeros(1, 1, 4, 6)], crop=16)
    assert {grid.draw(SEED) for _ in range(200)} == {(0, 0), (0, 4), (0, 8)}


def test_a_crop_larger_than_the_picture_is_the_whole_picture_and_all_of_it_counts() -> None:
    grid = Grid.over(32, 32, [torch.zeros(1, 1, 8, 8)], crop=128)
    assert grid.draw(SEED) == (0, 0)
    assert grid.counted(0, 0).shape == (1, 32, 32)
    assert bool(grid.counted(0, 0).all())


def test_maps_that_do_not_divide_the_picture_leave_the_whole_picture() -> None:
    maps = [torch.zeros(1, 1, 5, 5)]
    grid = Grid.over(16, 16, maps, crop=8)
    assert grid.draw(SEED) == (0, 0)
    assert grid.of_maps([maps[0][0]], 0, 0)[0].shape == (1, 5, 5)
    assert bool(grid.counted(0, 0).all())


@pytest.mark.parametrize(("corner", "low"), [((0, 0), (0, 0)), ((64, 64), (4 * MARGIN, 4 * MARGIN))])
def test_the_margin_spares_the_pictures_own_edge(corner: tuple[int, int], low: tuple[int, int]) -> None:
    grid = Grid.over(256, 256, [torch.zeros(1, 1, 64, 64)], crop=64)
    counted = grid.counted(*corner)[0]
    rows, columns = counted.any(1).nonzero().flatten(), counted.any(0).nonzero().flatten()
    assert (int(rows[0]), int(columns[0])) == low
    assert (int(rows[-1]), int(columns[-1])) == (63 - 4 * MARGIN, 63 - 4 * MARGIN)
    assert counted.sum() == len(rows) * len(columns)


def test_a_crop_no_larger_than_its_margins_still_counts_somewhere() -> None:
    grid = Grid.over(256, 256, [torch.zeros(1, 1, 64, 64)], crop=16)
    assert grid.counted(64, 64).sum() > 0


def test_masked_mse_is_the_mean_over_what_counts() -> None:
    found, wanted = torch.rand(2, 3, 4, 4, generator=SEED), torch.rand(2, 3, 4, 4, generator=SEED)
    counted = torch.zeros(2, 1, 4, 4)
    counted[0, :, 1:3] = 1
    expected = (found - wanted)[0, :, 1:3].pow(2).mean()
    torch.testing.assert_close(masked_mse(found, wanted, counted), expected)


def test_moved_pictures_are_windows_of_the_picture_mirrored_and_turned() -> None:
    picture = torch.arange(24 * 16).float().view(1, 1, 24, 16)
    grid = Grid.over(24, 16, [torch.zeros(1, 1, 3, 2)], crop=256)
    seen = set()
    for _ in range(60):
        moved = grid.moved(picture, SEED)[0, 0]
        upright = moved.t() if moved.shape == (8, 16) else moved
        assert upright.shape == (16, 8)
        mirrored = bool(upright[0, 1] < upright[0, 0])
        upright = upright.flip(1) if mirrored else upright
        top, left = divmod(int(upright[0, 0]), 16)
        assert torch.equal(upright, picture[0, 0, top : top + 16, left : left + 8])
        seen.add((moved.shape == (8, 16), mirrored, top % 8, left % 8))
    assert {one[:2] for one in seen} == {(a, b) for a in (False, True) for b in (False, True)}
    assert len({one[2:] for one in seen}) > 20


def test_a_picture_of_one_unit_is_only_mirrored_and_turned() -> None:
    grid = Grid.over(8, 8, [torch.zeros(1, 1, 1, 1)], crop=8)
    assert grid.moved(torch.rand(2, 3, 8, 8), SEED).shape == (2, 3, 8, 8)
