"""What each end keeps of an alignment, and finds again after a death."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.codecs.tensors import TensorError
from edge.node.align_shelf import Phase, RxRecord, RxShelf, TxRecord, TxShelf, finite
from edge.node.parameters import TensorFile
from edge.node.transfer import Crossed, decoder_digest, decoder_part, offer_of

TX = TxRecord(1000, '{"freeze": 1}', 5.0, 7)
ENCODER = {"encoder.a": np.arange(4, dtype=np.float32)}
CHANGED = {"decoder.a": np.ones((2, 3), np.float32)}


def test_a_tx_finds_phase_results_and_receipts_again(tmp_path: Path) -> None:
    shelf = TxShelf.begin(tmp_path / "align", TX)
    shelf.keep_result(ENCODER, CHANGED)
    shelf.was_uploaded(2, Crossed(1, 2, 3))
    shelf.was_uploaded(64, Crossed(4, 5, 6))
    shelf.note(phase=Phase.COMMITTING, download_cuts=(4096,))
    found = TxShelf.found(tmp_path / "align")
    assert found is not None
    assert found.record == shelf.record
    assert found.record.phase is Phase.COMMITTING
    assert found.uploaded == {2: Crossed(1, 2, 3), 64: Crossed(4, 5, 6)}
    assert found.uploaded_pieces == {0}
    np.testing.assert_array_equal(found.encoder()["encoder.a"], ENCODER["encoder.a"])
    np.testing.assert_array_equal(found.changed()["decoder.a"], CHANGED["decoder.a"])
    found.end("0001-abc")
    ended = TxShelf.found(tmp_path / "align")
    assert ended is not None
    assert (ended.record.phase, ended.record.state) == (Phase.ENDED, "0001-abc")
    assert not (tmp_path / "align" / "encoder.safetensors").exists()


def test_a_tx_that_changed_nothing_has_no_tensors_to_send(tmp_path: Path) -> None:
    shelf = TxShelf.begin(tmp_path / "align", TX)
    shelf.keep_result(ENCODER, {})
    found = TxShelf.found(tmp_path / "align")
    assert found is not None
    assert found.changed() == {}


def test_an_upload_that_is_forgotten_is_sent_again(tmp_path: Path) -> None:
    shelf = TxShelf.begin(tmp_path / "align", TX)
    shelf.was_uploaded(64, Crossed(4, 5, 6))
    shelf.forget_upload()
    found = TxShelf.found(tmp_path / "align")
    assert found is not None
    assert found.uploaded_pieces == shelf.uploaded_pieces == set()


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"number": 1, "phase": "unheard of"}'])
def test_a_shelf_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    for folder in (None, tmp_path / "nothing"):
        assert TxShelf.found(folder) is None
        assert RxShelf.found(folder) is None
    (tmp_path / "alignment.json").write_text(content)
    assert TxShelf.found(tmp_path) is None
    assert RxShelf.found(tmp_path) is None


def test_a_new_alignment_removes_what_was_there(tmp_path: Path) -> None:
    TxShelf.begin(tmp_path / "align", TX).keep_result(ENCODER, CHANGED)
    TxShelf.begin(tmp_path / "align", TX)
    assert sorted(path.name for path in (tmp_path / "align").iterdir()) == ["alignment.json"]


def test_an_rx_finds_whom_it_agreed_with_and_what_came(tmp_path: Path) -> None:
    shelf = RxShelf.begin(tmp_path / "align", RxRecord(1000, "{}", 3))
    file = TensorFile.of(CHANGED)
    shelf.upload.begin(offer_of(1000, file, ""), Crossed(1, 2, 3))
    shelf.upload.put(0, file.data, Crossed(4, 5, 6))
    found = RxShelf.found(tmp_path / "align")
    assert found is not None
    assert (found.record, found.upload.file()) == (shelf.record, file.data)
    found.end("its caller left")
    ended = RxShelf.found(tmp_path / "align")
    assert ended is not None
    assert (ended.record.over, ended.record.ended, ended.upload.offer) == (True, "its caller left", None)


def test_a_decoder_is_codebook_and_layers_whatever_their_order() -> None:
    tensors = {"codebook": np.ones(2, np.float32), "decoder.a": np.zeros(3, np.float32)}
    more = {**tensors, "classifier.a": np.ones(1, np.float32), "encoder.a": np.ones(1, np.float32)}
    assert set(decoder_part(more)) == set(tensors)
    assert decoder_digest(more) == decoder_digest(dict(reversed(tensors.items())))
    assert decoder_digest(more) != decoder_digest({**more, "codebook": np.zeros(2, np.float32)})


def test_large_files_have_larger_pieces() -> None:
    small = offer_of(1, TensorFile.of({"a": np.zeros(1000, np.float32)}), "")
    assert (small.piece_bytes, small.names) == (4096, ("a",))
    large = offer_of(1, TensorFile.of({"a": np.zeros(2_000_000, np.float32)}), "")
    assert (large.piece_bytes, large.pieces) == (8192, 977)
    with pytest.raises(ValueError, match="more than 8388608"):
        offer_of(1, TensorFile.of({"a": np.zeros(2_200_000, np.float32)}), "")


def test_tensors_that_are_not_numbers_are_refused() -> None:
    finite(CHANGED)
    for bad in (np.array([np.inf], np.float32), np.array([True])):
        with pytest.raises(TensorError, match=r"tensors\.x: holds values that are not finite numbers"):
            finite({"x": bad})
