from __future__ import annotations

import numpy as np
import pytest
import torch

from edge.codecs.contract import CodecError
from edge.codecs.network_codec import as_batch, as_picture, check_multiple, conceal


def test_concealment_keeps_what_is_known_and_averages_the_neighbours_of_a_hole() -> None:
    vectors = torch.arange(18, dtype=torch.float32).view(1, 2, 3, 3)
    present = torch.ones(3, 3, dtype=torch.bool)
    present[1, 1] = False
    filled = conceal(vectors, present, torch.zeros(2))
    around = vectors[0].masked_select(present).view(2, 8)
    assert torch.equal(filled[0][:, present], around)
    assert torch.allclose(filled[0, :, 1, 1], around.mean(1))


def test_concealment_reaches_everywhere_from_one_known_vector() -> None:
    vectors = torch.randn(1, 3, 9, 14, generator=torch.Generator().manual_seed(0))
    present = torch.zeros(9, 14, dtype=torch.bool)
    present[8, 0] = True
    filled = conceal(vectors, present, torch.zeros(3))
    assert torch.allclose(filled, vectors[:, :, 8:9, 0:1].expand_as(filled), atol=1e-6)


def test_concealment_of_nothing_known_gives_the_stated_vector() -> None:
    filled = conceal(torch.randn(1, 3, 4, 4), torch.zeros(4, 4, dtype=torch.bool), torch.tensor([1.0, 2.0, 3.0]))
    assert torch.equal(filled[0, :, 2, 3], torch.tensor([1.0, 2.0, 3.0]))


def test_concealment_of_nothing_lost_changes_nothing() -> None:
    vectors = torch.randn(1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(conceal(vectors, torch.ones(4, 5, dtype=torch.bool), torch.zeros(3)), vectors)


def test_a_picture_goes_through_a_batch_unchanged_and_values_are_clamped() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(as_picture(as_batch(picture)), picture)
    assert np.array_equal(as_picture(torch.full((1, 3, 2, 2), 1.5)), np.full((2, 2, 3), 255))
    assert np.array_equal(as_picture(torch.full((1, 3, 2, 2), -0.5)), np.zeros((2, 2, 3)))


@pytest.mark.parametrize(("height", "width", "fix"), [(20, 30, "crop it to 24x16"), (4, 8, "use a larger picture")])
def test_a_picture_of_odd_size_is_told_the_size_that_fits(height: int, width: int, fix: str) -> None:
    check_multiple("net", 8, 16, 24)
    with pytest.raises(CodecError, match=rf"image: {width}x{height} is not a multiple of 8 .*which net needs; {fix}"):
        check_multiple("net", 8, height, width)
