from __future__ import annotations

import math

import pytest

from emulator.channels.ldpc import CRC_BITS, BlockPlan, LdpcQam, Mcs
from emulator.channels.mcs import Waterfall, best_mcs, measured_at, waterfalls
from emulator.channels.noise import NoiseKey, SegmentNoise

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


@pytest.mark.parametrize("curve", waterfalls(), ids=lambda curve: f"{curve.mcs} {curve.block_bits}")
def test_measured_waterfalls_are_near_shannons_limit(curve: Waterfall) -> None:
    # a tenth of the blocks fails no nearer than the limit for long blocks, and within 0.7 dB (QPSK) to 2.2 dB
    # (256-QAM, which lacks shaping gain) of it; shorter blocks 0.6 dB later
    limit_db = 10 * math.log10(2**curve.mcs.efficiency - 1)
    gaps = (limit_db + 0.05 * step for step in range(100))
    reached = next(snr_db for snr_db in gaps if curve.block_error_rate(snr_db) <= 0.1) - limit_db
    allowed = {4: 1.3, 16: 1.6, 64: 1.9, 256: 2.2}[curve.mcs.order]
    assert 0.2 < reached < allowed + (0.5 if curve.block_bits < 4096 else 0.0)
    rates = [errors / blocks for errors, blocks in zip(curve.errors, curve.blocks, strict=True)]
    assert rates == sorted(rates, reverse=True)
    assert curve.errors[-1] == 0


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 5.0, 10.0, 15.0, 20.0, 25.0])
def test_what_the_table_chooses_arrives(snr_db: float) -> None:
    # 16 blocks of the chosen scheme at a length that was measured: at most a quarter fails where the table expects
    # goodput, as it never prefers a scheme that fails more often to a slower one that does not
    mcs = best_mcs(snr_db, 1024)
    plan = BlockPlan.of(16 * (1024 - CRC_BITS), mcs, 1024)
    _, failed = LdpcQam(snr_db).block_errors(
        plan, range(16), SegmentNoise(NoiseKey(11, "air", "rx", "s", "payload"), 0, 0)
    )
    if snr_db < -4:
        assert mcs == Mcs(4, 1 / 5)
    else:
        assert failed.mean() <= 0.25


def test_goodput_never_falls_with_the_snr() -> None:
    def best(snr_db: float) -> float:
        return max(curve.goodput(snr_db) for curve in measured_at(4096))

    goodputs = [best(-6 + 0.25 * step) for step in range(140)]
    assert goodputs == sorted(goodputs)
    assert goodputs[-1] == pytest.approx(8 * 5 / 6)
