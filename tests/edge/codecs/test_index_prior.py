from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from edge.codecs.entropy import wavefronts
from edge.codecs.index_prior import REACH, IndexPrior, PriorShape, earlier_positions, padded


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2), (7, 4), (4, 9)])
def test_wavefronts_visit_every_position_once_and_after_all_its_neighbours(size: tuple[int, int]) -> None:
    seen: set[tuple[int, int]] = set()
    for positions in wavefronts(*size):
        for y, x in positions.tolist():
            near = {(y + dy, x + dx) for dy, dx in earlier_positions()}
            inside = {(b, a) for b, a in near if 0 <= b < size[0] and 0 <= a < size[1]}
            assert inside <= seen
        seen |= {(y, x) for y, x in positions.tolist()}
    assert seen == {(y, x) for y in range(size[0]) for x in range(size[1])}
    assert sum(len(positions) for positions in wavefronts(*size)) == size[0] * size[1]


def test_wavefronts_are_few() -> None:
    assert sum(1 for _ in wavefronts(64, 64)) == 64 + 2 * 63


def test_neighbours_come_nearest_first_and_left_and_above_lead() -> None:
    offsets = earlier_positions()
    assert set(offsets[:2]) == {(0, -1), (-1, 0)}
    distances = [dy * dy + dx * dx for dy, dx in offsets]
    assert all(a <= b for a, b in pairwise(distances))


def test_more_neighbours_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="neighbours: must be in"):
        PriorShape(neighbours=len(earlier_positions()) + 1)


def test_padding_marks_what_lies_outside() -> None:
    around = padded(np.zeros((2, 3, 4), np.uint16), 7)
    assert around.shape == (2, 3 + 2 * REACH, 4 + 2 * REACH)
    assert (around == 0).sum() == 2 * 3 * 4
    assert (around == 7).sum() == around.size - 24


def test_entries_with_equal_vectors_are_equally_likely() -> None:
    # indices mean what their vectors mean: that is what keeps a prior usable when the codebooks are fine-tuned
    torch.manual_seed(1)
    shape = PriorShape(entries=8, dimension=4, embedding=4, hidden=8, query=6, neighbours=3)
    books = torch.randn(8, 4)
    books[5] = books[2]
    prior = IndexPrior(shape, books, books)
    near = torch.tensor([[2, 0, 8], [5, 0, 8]])
    logits = prior.top_logits(near)
    torch.testing.assert_close(logits[:, 5], logits[:, 2])
    torch.testing.assert_close(logits[0], logits[1])
    assert logits.detach().std() > 0
