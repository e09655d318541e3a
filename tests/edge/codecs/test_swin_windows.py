"""Windows of a map, and who sees whom in them."""

from __future__ import annotations

import pytest
import torch

from edge.codecs.swin_windows import Axis, offsets, order, visible


@pytest.mark.parametrize(
    ("side", "shifted", "expected"),
    [
        (8, False, (4, 0, 2, 8)),
        (8, True, (4, 2, 2, 8)),
        (6, True, (4, 2, 2, 8)),
        (4, True, (4, 0, 1, 4)),
        (2, True, (2, 0, 1, 2)),
    ],
)
def test_a_window_is_no_larger_than_the_map_and_a_single_one_is_not_shifted(
    side: int, shifted: bool, expected: tuple[int, int, int, int]
) -> None:
    axis = Axis.of(side, 4, shifted)
    assert (axis.window, axis.shift, axis.count, axis.extended) == expected


@pytest.mark.parametrize("side", [2, 3, 4, 5, 6, 8, 11])
@pytest.mark.parametrize("shifted", [False, True])
def test_tokens_see_each_other_in_windows_that_do_not_wrap(side: int, shifted: bool) -> None:
    # along one axis: the windows' borders are at shift + a multiple of the window, and at the map's ends
    axis, single = Axis.of(side, 4, shifted), Axis.of(1, 4, False)
    seen = visible(axis, single)
    mask = torch.ones(axis.count, 1, axis.window, axis.window) if seen is None else seen.float()
    place = (torch.arange(axis.extended) + axis.shift) % axis.extended
    whole = torch.block_diag(*mask[:, 0])
    for a in range(axis.extended):
        for b in range(axis.extended):
            if place[a] < side and place[b] < side:
                together = (place[a] - axis.shift) // axis.window == (place[b] - axis.shift) // axis.window
                assert whole[a, b] == together, (place[a], place[b])
            elif place[a] < side:
                assert whole[a, b] == 0, "no real token sees the extension"
    assert whole.diagonal().all(), "somebody sees nobody"


def test_a_map_that_windows_divide_needs_no_mask() -> None:
    assert visible(Axis.of(8, 4, False), Axis.of(4, 4, True)) is None
    assert visible(Axis.of(8, 4, True), Axis.of(4, 4, True)) is not None


def test_a_smaller_window_uses_the_middle_of_the_table_of_offsets() -> None:
    whole, small = offsets(4, 4, 4).reshape(16, 16), offsets(2, 2, 4).reshape(4, 4)
    assert whole.unique().tolist() == list(range(49))
    assert torch.equal(small, whole[[0, 1, 4, 5]][:, [0, 1, 4, 5]])
    assert whole.diagonal().unique().tolist() == [24]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 11), (2, 5), (1, 1)])
@pytest.mark.parametrize("shifted", [False, True])
def test_every_token_stands_where_it_is_looked_for(height: int, width: int, shifted: bool) -> None:
    rows, columns = Axis.of(height, 4, shifted), Axis.of(width, 4, shifted)
    standing, places = order(rows, columns)
    assert standing.shape == (rows.extended * columns.extended,)
    assert torch.equal(standing[places], torch.arange(height * width))
    assert places.unique().shape == places.shape


def test_the_first_shifted_window_begins_at_the_shift() -> None:
    standing, _ = order(Axis.of(8, 4, True), Axis.of(8, 4, True))
    assert standing[:5].tolist() == [18, 19, 20, 21, 26]  # row 2 from column 2 on, then row 3
    assert standing[-1] == 9  # the last window wraps: row 1, column 1


def test_what_was_computed_in_inference_serves_training() -> None:
    with torch.inference_mode():
        seen = visible(Axis.of(10, 4, True), Axis.of(12, 4, True))
        index = offsets(4, 3, 4)
    assert seen is not None
    assert not seen.is_inference()
    table = torch.zeros(49, requires_grad=True)
    table[index].sum().backward()
    assert table.grad is not None
