from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from emulator.channels.belief_propagation import Bits, decode
from emulator.channels.ldpc import CRC_BITS, BlockPlan, LdpcQam, Mcs, crc24a
from emulator.channels.noise import SegmentNoise

MakeDraw = Callable[..., SegmentNoise]
QPSK = Mcs(4, 1 / 2)


def test_crc_has_its_published_check_value() -> None:
    # CRC-24/LTE-A of the nine digits, in every catalogue of CRCs
    digits = np.unpackbits(np.frombuffer(b"123456789", np.uint8)).astype(bool)
    assert crc24a(digits) == 0xCDE703
    tail = np.array([0xCDE703 >> bit & 1 for bit in reversed(range(24))], bool)
    assert crc24a(np.concatenate([digits, tail])) == 0
    assert crc24a(np.concatenate([np.zeros(5, bool), digits, tail])) == 0
    assert crc24a(np.concatenate([digits, ~tail])) != 0


@pytest.mark.parametrize("size_bits", [1, 100, 6144, 8424, 8425, 46_080, 1_000_000])
@pytest.mark.parametrize("mcs", [QPSK, Mcs(4, 1 / 5), Mcs(64, 5 / 6)])
def test_blocks_hold_all_bits_and_all_channel_uses_are_counted(size_bits: int, mcs: Mcs) -> None:
    plan = BlockPlan.of(size_bits, mcs)
    assert 0 <= plan.blocks * plan.payload_bits - size_bits < plan.blocks
    assert plan.code.k == plan.payload_bits + CRC_BITS <= (3840 if mcs.rate < 1 / 3 else 8448)
    assert plan.symbols * mcs.bits_per_symbol == plan.blocks * plan.code.n
    assert abs(plan.symbols_a_block - plan.code.k / mcs.efficiency) <= 1
    assert plan.symbols_up_to(np.array([0, size_bits])).tolist() == [0, plan.symbols]


def test_a_smaller_block_length_gives_more_blocks() -> None:
    assert [BlockPlan.of(8000, QPSK, bits).blocks for bits in (8448, 4096, 1024)] == [1, 2, 8]
    with pytest.raises(ValueError, match=r"^block_bits: must be an integer in \[64, 8448\], got 63"):
        BlockPlan.of(8000, QPSK, 63)


@pytest.mark.parametrize(
    ("mcs", "bad_db", "good_db"),
    [(QPSK, 0.0, 1.8), (Mcs(16, 3 / 4), 8.8, 11.0), (Mcs(64, 1 / 2), 8.5, 11.5), (Mcs(4, 1 / 5), -5.0, -3.0)],
)
def test_all_fail_at_shannons_limit_and_none_one_to_two_db_above(
    make_draw: MakeDraw, mcs: Mcs, bad_db: float, good_db: float
) -> None:
    # 20 blocks of 1000 bits. Shannon's limits of 1, 3, 3 and 0.4 bit/symbol: 0.0, 8.45, 8.45 and -4.95 dB.
    plan = BlockPlan.of(976, mcs)
    wrong, failed = LdpcQam(bad_db).block_errors(plan, range(20), make_draw())
    assert wrong.shape == (976, 20)
    assert failed.all()
    assert 0.01 < wrong.mean() < 0.5
    wrong, failed = LdpcQam(good_db).block_errors(plan, range(20), make_draw())
    assert not wrong.any()
    assert not failed.any()


def test_without_noise_nothing_is_wrong(make_draw: MakeDraw) -> None:
    wrong, failed = LdpcQam(np.inf).block_errors(BlockPlan.of(500, Mcs(256, 0.95)), range(2), make_draw())
    assert not wrong.any()
    assert not failed.any()


def test_a_blocks_errors_do_not_depend_on_its_company(make_draw: MakeDraw) -> None:
    # at the waterfall, so that some blocks fail and the others stop at different iterations
    plan, channel = BlockPlan.of(20 * 1000, QPSK, 1024), LdpcQam(0.8)
    together, failed = channel.block_errors(plan, range(20), make_draw())
    assert 0 < failed.sum() < 20
    for low, high in ((0, 1), (5, 9), (19, 20)):
        alone, alone_failed = channel.block_errors(plan, range(low, high), make_draw())
        assert np.array_equal(alone, together[:, low:high])
        assert np.array_equal(alone_failed, failed[low:high])
    other, _ = channel.block_errors(plan, range(20), make_draw(receiver="rx1"))
    assert not np.array_equal(other, together)


@pytest.mark.parametrize("order", [4, 64])
def test_real_codewords_meet_the_very_errors_of_the_word_of_zeros(make_draw: MakeDraw, order: int) -> None:
    """Information and CRC, encoded by Sionna, scrambled to what the channel draws: sent, descrambled, decoded."""
    import torch
    from sionna.phy.fec.ldpc import LDPC5GEncoder

    snr_db, mcs = {4: 0.7, 64: 9.9}[order], Mcs(order, 1 / 2)
    plan, channel, blocks = BlockPlan.of(12 * 1000, mcs, 1024), LdpcQam(snr_db), range(12)
    wrong, failed = channel.block_errors(plan, blocks, make_draw())
    assert 0 < failed.sum() < 12
    rng = np.random.default_rng(5)
    payload = rng.integers(0, 2, (plan.payload_bits, 12)).astype(bool)
    checks = [crc24a(column) for column in payload.T]
    tail = np.array([[check >> bit & 1 for check in checks] for bit in reversed(range(CRC_BITS))], bool)
    encoder: Any = LDPC5GEncoder(plan.code.k, plan.code.n)
    information = np.concatenate([payload, tail]).T.astype(np.float32)
    codewords = encoder(torch.tensor(information)).numpy().astype(bool)
    ratios = np.empty((plan.code.n, 12), np.float32)
    for block in blocks:
        on_air, received = channel.on_the_air(plan, block, make_draw())
        scrambler = on_air ^ codewords[block]
        seen = channel.modem(order).log_likelihood_ratios(received)
        ratios[:, block] = np.where(scrambler, -seen, seen)

    def crc_matches(decided: Bits) -> Bits:
        return np.array([crc24a(column) == 0 for column in decided.T])

    decided = decode(plan.code, ratios, crc_matches)
    assert np.array_equal(decided[: plan.payload_bits], payload ^ wrong)
    assert np.array_equal(~crc_matches(decided), failed)


def test_decoding_is_at_least_as_good_as_sionnas_own(make_draw: MakeDraw) -> None:
    # the same 40 noisy blocks near the waterfall; flooding sum-product with as many iterations fails more, not fewer
    import torch
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

    plan, channel = BlockPlan.of(40 * 300, QPSK, 324), LdpcQam(1.0)
    _, failed = channel.block_errors(plan, range(40), make_draw())
    signed = []
    for block in range(40):
        signs, received = channel.on_the_air(plan, block, make_draw())
        ratios = channel.modem(4).log_likelihood_ratios(received)
        signed.append(np.where(signs, -ratios, ratios))
    decoder: Any = LDPC5GDecoder(LDPC5GEncoder(plan.code.k, plan.code.n), num_iter=20)
    theirs = decoder(torch.tensor(-np.stack(signed))).numpy().any(axis=1)  # its ratios are log P(1) / P(0)
    assert 0 < failed.sum() <= theirs.sum() + 2 < 30
