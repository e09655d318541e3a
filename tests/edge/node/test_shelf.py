"""Sub-blocks that a sender keeps: the latest, within a bound; what is gone is said with what is there."""

from __future__ import annotations

import numpy as np
import pytest

from edge.node.shelf import NotKeptError, Shelf
from edge.segment import Kind, Segment


def blocks(first: float) -> list[Segment]:
    """Two of 80 bytes."""
    return [Segment(Kind.SYMBOLS, np.full(10, first + level, np.complex64), level) for level in (0, 1)]


def test_what_was_put_is_there_by_level() -> None:
    shelf = Shelf()
    shelf.put("s", 3, blocks(5))
    assert shelf.get("s", 3, 1).values[0] == 6


def test_the_oldest_give_way_and_the_sentence_says_what_is_left() -> None:
    shelf = Shelf(keep_bytes=2 * 160)
    for number in range(5):
        shelf.put("s", number, blocks(number))
    assert shelf.get("s", 3, 0).values[0] == 3
    with pytest.raises(
        NotKeptError, match=r"session 's' message 2: .* is not kept here; kept are 2 messages from 3 to 4; ask sooner"
    ):
        shelf.get("s", 2, 1)


def test_a_level_that_was_never_made_is_refused_naming_the_levels() -> None:
    shelf = Shelf()
    shelf.put("s", 0, blocks(0))
    with pytest.raises(NotKeptError, match="ask for one of the levels 0, 1"):
        shelf.get("s", 0, 7)


def test_a_shelf_of_no_bytes_keeps_nothing() -> None:
    shelf = Shelf(0)
    shelf.put("s", 0, blocks(0))
    with pytest.raises(NotKeptError, match="no message of the session is kept"):
        shelf.get("s", 0, 0)


def test_a_number_put_again_is_counted_once() -> None:
    shelf = Shelf(keep_bytes=2 * 160)
    for _ in range(5):
        shelf.put("s", 0, blocks(0))
    shelf.put("s", 1, blocks(1))
    assert shelf.get("s", 0, 0).values[0] == 0
