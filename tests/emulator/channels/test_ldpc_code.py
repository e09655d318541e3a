from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emulator.channels.belief_propagation import decode
from emulator.channels.ldpc_code import (
    LIFTING_SIZES,
    PUNCTURED,
    LdpcCode,
    LdpcMissingError,
    base_graph,
    lifting_size,
    max_k,
    require_base_graphs,
)

CASES = [(40, 1 / 2), (290, 0.75), (600, 1 / 3), (1024, 1 / 5), (1500, 0.9), (3840, 0.25), (8448, 1 / 3), (8448, 5 / 6)]


def coded(k: int, rate: float, bits_per_symbol: int = 2) -> tuple[LdpcCode, Any, NDArray[np.bool_], NDArray[np.bool_]]:
    """(our code, Sionna's encoder of the same k and n, random information [k], its n coded bits)."""
    import torch
    from sionna.phy.fec.ldpc import LDPC5GEncoder

    code = LdpcCode.for_block(k, rate, bits_per_symbol)
    encoder: Any = LDPC5GEncoder(k, code.n)
    information = np.random.default_rng(k).integers(0, 2, k).astype(bool)
    sent = encoder(torch.tensor(information[None].astype(np.float32))).numpy()[0].astype(bool)
    return code, encoder, information, sent


def test_the_51_lifting_sizes_of_the_standard() -> None:
    assert len(LIFTING_SIZES) == len(set(LIFTING_SIZES)) == 51
    assert (LIFTING_SIZES[0], LIFTING_SIZES[-1]) == (2, 384)


@pytest.mark.parametrize(("k", "rate"), CASES)
def test_a_codeword_of_the_standards_encoder_meets_every_check(k: int, rate: float) -> None:
    code, encoder, information, sent = coded(k, rate)
    assert (encoder.n, encoder.z) == (code.n, lifting_size(k, code.graph))
    word, known = np.zeros(code.length, bool), np.zeros(code.length, bool)
    word[:k], known[:k], known[code.filler] = information, True, True
    word[code.sent], known[code.sent] = sent, True
    assert np.array_equal(word[:k], information)  # systematic: what is sent first is the information
    judged = 0
    for check in code.checks:
        whole = known[check].all(axis=0)
        assert not np.bitwise_xor.reduce(word[check], axis=0)[whole].any()
        judged += int(whole.sum())
    # all of the parity that is sent, but for the core's four rows where not all of the core's parity is sent
    parity = code.n - (k - PUNCTURED * code.lifted.lifting)
    assert judged >= (parity if parity >= 4 * code.lifted.lifting else 0)


@pytest.mark.parametrize(("k", "rate"), CASES)
def test_a_clean_codeword_decodes_to_its_information(k: int, rate: float) -> None:
    # the first 2 z information bits are never sent: the decoder must find them from the checks
    code, _, information, sent = coded(k, rate)
    ratios = np.where(sent, -8.0, 8.0).astype(np.float32)[:, None]
    found = decode(code, ratios, lambda bits: np.all(bits == information[:, None], axis=0))
    assert np.array_equal(found[:, 0], information)


@pytest.mark.parametrize(("k", "rate"), CASES)
@pytest.mark.parametrize("bits_per_symbol", [2, 4, 6, 8])
def test_the_sent_bits_fill_whole_symbols_at_the_rate_asked_for(k: int, rate: float, bits_per_symbol: int) -> None:
    code = LdpcCode.for_block(k, rate, bits_per_symbol)
    assert code.n % bits_per_symbol == 0
    assert abs(code.n - k / rate) < bits_per_symbol
    assert len(np.unique(code.sent)) == code.n


def test_base_graphs_as_the_standard_chooses_them() -> None:
    # TS 38.212, section 7.2.2
    assert [base_graph(292, 0.9), base_graph(293, 0.9)] == [2, 1]
    assert [base_graph(3824, 0.67), base_graph(3825, 0.67), base_graph(3824, 0.68)] == [2, 1, 1]
    assert base_graph(3840, 0.25) == 2
    assert [max_k(0.25), max_k(1 / 3)] == [3840, 8448]


@pytest.mark.parametrize(
    ("k", "rate", "field"), [(11, 0.5, "k"), (8449, 0.5, "k"), (3841, 0.3, "k"), (99, 0.96, "rate")]
)
def test_what_the_standard_cannot_do_is_refused(k: int, rate: float, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: must be in"):
        LdpcCode.for_block(k, rate, 2)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.channels.ldpc_code.find_spec", lambda name: None)
    with pytest.raises(LdpcMissingError, match=r"sionna-no-rt is not installed; install version 2\.2"):
        require_base_graphs()


def test_a_rate_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^rate: must be in \[0.2, 0.95\], got nan"):
        LdpcCode.for_block(100, math.nan, 2)
