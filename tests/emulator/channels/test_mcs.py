from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from emulator.channels.awgn import AWGN
from emulator.channels.ldpc import CRC_BITS, BlockPlan, LdpcQam, Mcs
from emulator.channels.mcs import Waterfall, best_mcs, measured_at, waterfalls
from emulator.channels.noise import NoiseKey, SegmentNoise
from emulator.channels.soft_qam import SoftQAM

SLOW = Waterfall(Mcs(4, 1 / 2), 1024, (0.0, 1.0, 2.0), (20, 10, 0), (20, 100, 100))
FAST = Waterfall(Mcs(16, 3 / 4), 1024, (9.0, 10.0), (20, 0), (20, 100))
LONG = Waterfall(Mcs(16, 3 / 4), 4096, (9.0, 9.5), (20, 0), (20, 100))
TABLE = (SLOW, FAST, LONG)


def test_block_error_rate_is_interpolated_and_known_beyond_the_ends() -> None:
    rates = [SLOW.block_error_rate(snr_db) for snr_db in (-0.1, 0.0, 0.5, 1.0, 1.5, 2.0, 40.0)]
    assert rates == pytest.approx([1.0, 1.0, 0.55, 0.1, 0.05, 0.0, 0.0])


def test_the_best_scheme_brings_the_most_bits_through() -> None:
    assert best_mcs(5.0, 1024, table=TABLE) == SLOW.mcs
    assert best_mcs(10.0, 1024, table=TABLE) == FAST.mcs
    # at 9.5 dB half of the fast blocks fail: 3 / 2 is still more than 1, but not where two must arrive
    assert best_mcs(9.5, 1024, table=TABLE) == FAST.mcs
    assert best_mcs(9.5, 1024, blocks=2, table=TABLE) == SLOW.mcs
    assert best_mcs(9.5, 8448, blocks=2, table=TABLE) == LONG.mcs


def test_where_nothing_arrives_the_sturdiest_scheme_is_taken() -> None:
    assert best_mcs(-30.0, 1024, table=TABLE) == SLOW.mcs


def test_the_curves_for_a_length_are_those_of_blocks_no_longer() -> None:
    assert [len(measured_at(bits, TABLE)) for bits in (100, 1024, 4095, 4096, 8448)] == [2, 2, 2, 1, 1]


def test_an_snr_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^snr_db: must be a number of dB"):
        best_mcs(math.nan, 1024)


def bit_capacity(order: int, snr_db: float) -> float:
    """Bits a symbol that decisions on single bits can bring (bit-interleaved coded modulation), by 8000 symbols."""
    qam = SoftQAM(order, 10 ** (-snr_db / 10))
    bits = np.random.default_rng(order).integers(0, 2, 8000 * qam.bits_per_symbol).astype(bool)
    draw = SegmentNoise(NoiseKey(12, "air", "rx", "s", "payload"), 0, 0)
    ratios = qam.log_likelihood_ratios(AWGN(snr_db)(qam.modulate(bits), 0, draw)).astype(float)
    return float(qam.bits_per_symbol * (1 - np.logaddexp2(0, np.where(bits, ratios, -ratios) / math.log(2)).mean()))


@pytest.mark.parametrize("curve", waterfalls(), ids=lambda curve: f"{curve.mcs} {curve.block_bits}")
def test_measured_waterfalls_are_near_the_capacity_of_their_modulation(curve: Waterfall) -> None:
    # where a tenth of the blocks fails is beyond the limit, by 1.1 dB at most for 4096 bits, more for shorter blocks
    steps = (curve.snr_db[0] + 0.05 * step for step in range(200))
    reached = next(snr_db for snr_db in steps if curve.block_error_rate(snr_db) <= 0.1)
    assert bit_capacity(curve.mcs.order, reached) > curve.mcs.efficiency
    gap_db = {4096: 1.1, 1024: 1.6, 256: 2.6}[curve.block_bits]
    assert bit_capacity(curve.mcs.order, reached - gap_db) < curve.mcs.efficiency
    points = list(zip(curve.errors, curve.blocks, strict=True))
    for (errors, blocks), (more_errors, more_blocks) in itertools.pairwise(points):  # falls, but for 4 sigma of chance
        rate = (errors + more_errors) / (blocks + more_blocks)
        chance = 4 * math.sqrt(rate * (1 - rate) * (1 / blocks + 1 / more_blocks))
        assert more_errors / more_blocks <= errors / blocks + chance
    assert curve.errors[-1] == 0


@pytest.mark.parametrize("snr_db", [-3.5, 0.0, 5.0, 10.0, 15.0, 20.0, 25.0])
def test_what_the_table_chooses_arrives(snr_db: float) -> None:
    # 16 blocks of the chosen scheme at a length that was measured: no more fail than the table says, within 4 sigma
    mcs = best_mcs(snr_db, 1024)
    rate = next(curve for curve in measured_at(1024) if curve.mcs == mcs).block_error_rate(snr_db)
    plan = BlockPlan.of(16 * (1024 - CRC_BITS), mcs, 1024)
    draw = SegmentNoise(NoiseKey(11, "air", "rx", "s", "payload"), 0, 0)
    _, failed = LdpcQam(snr_db).block_errors(plan, range(16), draw)
    assert rate < 0.25
    assert failed.sum() <= 16 * rate + 4 * math.sqrt(16 * rate * (1 - rate)) + 1


def test_goodput_never_falls_with_the_snr() -> None:
    def best(snr_db: float) -> float:
        return max(curve.goodput(snr_db) for curve in measured_at(4096))

    goodputs = [best(-6 + 0.25 * step) for step in range(140)]
    assert goodputs == sorted(goodputs)
    assert goodputs[-1] == pytest.approx(8 * 5 / 6)
