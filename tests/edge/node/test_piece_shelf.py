"""Pieces of a file: found again after a death, of one file only, and whole or refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from edge.adapt.errors import AdaptError
from edge.node.align_messages import Offer
from edge.node.piece_shelf import PieceShelf
from edge.node.transfer import Crossed

DATA = bytes(range(250)) * 40  # three pieces, the last one short
OFFER = Offer(1, hashlib.sha256(DATA).hexdigest(), len(DATA), 4096, (), "")
OPENED, MET = Crossed(5, 10, 800), Crossed(10, 30, 4096 * 8)


def piece(number: int) -> bytes:
    return DATA[number * 4096 : (number + 1) * 4096]


@pytest.fixture(params=["memory", "folder"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "pieces" if request.param == "folder" else None


def test_pieces_make_the_file_in_any_order(folder: Path | None) -> None:
    shelf = PieceShelf(folder)
    shelf.begin(OFFER, OPENED)
    for number in (2, 0):
        shelf.put(number, piece(number), MET)
    assert (shelf.missing, shelf.complete, shelf.held_bytes) == ([1], False, 4096 + 1808)
    with pytest.raises(AdaptError, match=r"1 of 3 pieces of the file have not come \(the first is 1\)"):
        shelf.file()
    shelf.put(1, piece(1), Crossed(30, 90, 100))
    shelf.put(1, bytes(4096), MET)  # the first one counts
    assert shelf.complete
    assert shelf.file() == DATA
    assert shelf.met == Crossed(5, 90, 800 + 2 * 4096 * 8 + 100)


def test_what_a_folder_holds_is_found_again(tmp_path: Path) -> None:
    before = PieceShelf(tmp_path / "pieces")
    before.begin(OFFER, OPENED)
    before.put(0, piece(0), MET)
    before.put(2, piece(2), MET)
    (tmp_path / "pieces" / "00002.piece").write_bytes(b"cut short")
    after = PieceShelf(tmp_path / "pieces")
    assert (after.offer, after.missing) == (OFFER, [1, 2])
    for number in (1, 2):
        after.put(number, piece(number), MET)
    assert after.file() == DATA
    assert after.met == Crossed(5, 30, 800 + 3 * 4096 * 8)


def test_a_folder_that_cannot_be_read_is_begun_anew(tmp_path: Path) -> None:
    shelf = PieceShelf(tmp_path / "pieces")
    shelf.begin(OFFER, OPENED)
    (tmp_path / "pieces" / "offer.json").write_text("{")
    assert PieceShelf(tmp_path / "pieces").offer is None


def test_another_file_takes_the_place_of_the_first(folder: Path | None) -> None:
    shelf = PieceShelf(folder)
    shelf.begin(OFFER, OPENED)
    shelf.put(0, piece(0), MET)
    shelf.begin(OFFER, OPENED)
    assert shelf.missing == [1, 2]
    shelf.begin(replace(OFFER, digest="0" * 64), OPENED)
    assert shelf.missing == [0, 1, 2]


def test_a_forged_digest_is_refused(folder: Path | None) -> None:
    shelf = PieceShelf(folder)
    shelf.begin(replace(OFFER, digest="0" * 64), OPENED)
    for number in range(3):
        shelf.put(number, piece(number), MET)
    with pytest.raises(AdaptError, match=f"the file's SHA-256 is {OFFER.digest}, not '0000"):
        shelf.file()


def test_pieces_that_were_not_offered_are_refused(folder: Path | None) -> None:
    shelf = PieceShelf(folder)
    with pytest.raises(AdaptError, match="comes before the file was offered"):
        shelf.put(0, piece(0), MET)
    shelf.begin(OFFER, OPENED)
    for number, data in ((3, b""), (-1, piece(0)), (2, piece(0)), (0, piece(2))):
        with pytest.raises(AdaptError, match="do not fit a file of 10000 bytes in pieces of 4096"):
            shelf.put(number, data, MET)
    assert shelf.missing == [0, 1, 2]
