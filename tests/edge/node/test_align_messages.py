"""The words of an alignment: what is written is read again, and nothing else is taken."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from edge.node.adapt_messages import LessonError, json_segment
from edge.node.align_messages import (
    MAX_FILE_BYTES,
    MAX_PIECES,
    Ask,
    Commit,
    Leave,
    Notice,
    Offer,
    Word,
    piece_segment,
    read_piece,
    read_pilots,
    read_word,
)
from edge.node.sessions import forth, is_way_back, way_back
from edge.segment import Kind, Segment

ASK = Ask(1000, '{"freeze": 2}', 32, "abc", "d" * 64, (3, 4, 5), True)
OFFER = Offer(1000, "d" * 64, 9000, 4096, ("codebook", "decoder.a"), "e" * 64)
WORDS = [ASK, OFFER, Notice(1000, "queued", False), Commit(1000, "", "a", "b"), Leave(1000, "its caller left")]


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.word)
def test_a_word_is_read_as_it_was_written(word: Word) -> None:
    assert read_word(word.segments()) == word


def test_the_pieces_of_an_offer_make_up_its_file() -> None:
    assert OFFER.pieces == 3
    assert [OFFER.size_of(piece) for piece in range(3)] == [4096, 4096, 808]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("word", "hello", "word: 'hello' is not known"),
        ("alignment", -1, "alignment: must be a number from 0"),
        ("missing", [MAX_PIECES], f"missing: must be a list of numbers from 0 to {MAX_PIECES - 1}"),
        ("missing", "all", "missing: must be a list"),
        ("pilots", 1, "pilots: must be true or false"),
        ("life", "x" * 129, "life: must be a string of at most 128"),
    ],
)
def test_an_ask_that_cannot_be_is_refused(field: str, value: Any, sentence: str) -> None:
    with pytest.raises(LessonError, match=sentence):
        read_word([json_segment({"word": "ask", **asdict(ASK), field: value})])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"size_bytes": 0}, "size_bytes: must be 1 to 8388608"),
        ({"size_bytes": MAX_FILE_BYTES + 1}, "size_bytes: must be 1 to 8388608"),
        ({"piece_bytes": 0}, "piece_bytes"),
        ({"piece_bytes": 65537}, "piece_bytes: must be 1 to 65536"),
        ({"size_bytes": MAX_FILE_BYTES, "piece_bytes": 4096}, "at most 1024 pieces"),
    ],
)
def test_an_offer_that_is_too_large_is_refused(changes: dict[str, int], sentence: str) -> None:
    with pytest.raises(LessonError, match=sentence):
        replace(OFFER, **changes)  # type: ignore[arg-type]
    with pytest.raises(LessonError, match=sentence):
        read_word([json_segment({"word": "offer", **asdict(OFFER), **changes})])


def test_what_is_no_word_is_refused() -> None:
    for body in (b"", b"[1]", b"\xff", json.dumps({"word": None}).encode()):
        with pytest.raises(LessonError):
            read_word([Segment(Kind.OPAQUE, np.frombuffer(body, np.uint8))])
    with pytest.raises(LessonError, match="must be 1 segment"):
        read_word([])


def test_a_piece_that_arrived_with_holes_is_refused() -> None:
    whole = piece_segment(b"abcdef")
    assert read_piece([whole]) == b"abcdef"
    present = np.array([True] * 4 + [False] * 2)
    with pytest.raises(LessonError, match="2 of its 6 bytes were lost"):
        read_piece([replace(whole, present=present)])


def test_pilots_of_another_number_or_alphabet_are_refused() -> None:
    sent = Segment(Kind.INDICES, np.zeros(10, np.uint16), alphabet=16)
    assert read_pilots([sent], 16, 10) is sent
    with pytest.raises(LessonError, match="must be 11 indices"):
        read_pilots([sent], 16, 11)
    with pytest.raises(LessonError, match="of 8 values, got 16"):
        read_pilots([sent], 8, 10)
    with pytest.raises(LessonError, match="must be 10 indices"):
        read_pilots([piece_segment(b"0123456789")], 16, 10)


def test_the_way_back_is_named_after_its_session() -> None:
    assert way_back("tx->rx") == "tx->rx/down"
    assert is_way_back(way_back("flow"))
    assert not is_way_back("flow")
    assert forth(way_back("a/down")) == "a/down"
