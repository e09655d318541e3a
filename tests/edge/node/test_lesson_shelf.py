"""Lessons that wait for their end, in memory and on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.node import lesson_shelf
from edge.node.adapt_messages import LessonError, Opening, original_segment
from edge.node.lesson_shelf import Ended, LessonShelf
from edge.segment import Kind, Segment

OPENING = Opening('{"method": "dft"}', 3)
PIXELS = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)


def latents(seed: int) -> list[Segment]:
    rng = np.random.default_rng(seed)
    present = rng.random((4, 4)) < 0.8
    return [
        Segment(Kind.INDICES, rng.integers(0, 512, (4, 4)).astype(np.uint16), 1, 512, present),
        Segment(Kind.SYMBOLS, rng.normal(size=(6,)).astype(np.complex64), csi=np.full(6, 2j, np.complex64)),
    ]


def check_same(given: list[Segment], kept: list[Segment]) -> None:
    assert len(given) == len(kept)
    for a, b in zip(given, kept, strict=True):
        assert (a.kind, a.level, a.alphabet) == (b.kind, b.level, b.alphabet)
        for x, y in ((a.values, b.values), (a.present, b.present), (a.csi, b.csi)):
            assert (x is None) == (y is None)
            if x is not None and y is not None:
                np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("on_disk", [False, True])
def test_lessons_come_back_as_they_were_put(tmp_path: Path, on_disk: bool) -> None:
    shelf = LessonShelf.begin(tmp_path / "shelf" if on_disk else None, 7, OPENING)
    shelf.put(2, latents(2), None)
    shelf.put(1, latents(1), original_segment(PIXELS))
    if on_disk:
        found = LessonShelf.found(tmp_path / "shelf")
        assert found is not None
        shelf = found
    assert (len(shelf), shelf.first_message_id, shelf.opening, shelf.ended) == (2, 7, OPENING, None)
    first, second = shelf.get((1, 2))
    check_same(first.segments, latents(1))
    check_same(second.segments, latents(2))
    assert second.original is None
    assert first.original is not None
    np.testing.assert_array_equal(first.original, PIXELS)
    with pytest.raises(LessonError, match="1 of 2 are not here"):
        shelf.get((1, 3))


@pytest.mark.parametrize("on_disk", [False, True])
def test_the_end_is_remembered_and_the_rest_forgotten(tmp_path: Path, on_disk: bool) -> None:
    folder = tmp_path if on_disk else None
    shelf = LessonShelf.begin(folder, 7, OPENING)
    shelf.put(1, latents(1), None)
    if shelf.checkpoint is not None:
        shelf.checkpoint.write_bytes(b"half way")
    shelf.end(Ended("not better", "digest"))
    assert len(shelf) == 0
    assert shelf.ended == Ended("not better", "digest")
    if on_disk:
        assert sorted(path.name for path in tmp_path.iterdir()) == ["ended.json", "opening.json"]
        found = LessonShelf.found(tmp_path)
        assert found is not None
        assert found.ended == shelf.ended
    LessonShelf.begin(folder, 9, OPENING)
    again = LessonShelf.found(folder)
    assert again is None if folder is None else again is not None and again.ended is None


@pytest.mark.parametrize("content", ["", "[]", '{"first_message_id": 1}', '{"first_message_id": 1, "settings": "{}"}'])
def test_a_damaged_shelf_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    assert LessonShelf.found(tmp_path) is None
    (tmp_path / "opening.json").write_text(content)
    assert LessonShelf.found(tmp_path) is None


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_shelf_is_bounded(tmp_path: Path, on_disk: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesson_shelf, "MAX_BYTES", 3000)
    shelf = LessonShelf.begin(tmp_path if on_disk else None, 7, OPENING)
    shelf.put(1, latents(1), None)
    with pytest.raises(LessonError, match="lessons: take more than 3000 bytes"):
        shelf.put(2, latents(2), original_segment(PIXELS))
    assert len(shelf) == 1
