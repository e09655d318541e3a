from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import special

from emulator.channels.noise import SegmentNoise
from emulator.channels.qam import ORDERS, GrayQAM, UncodedQAM, gray_qam_ber

MakeDraw = Callable[..., SegmentNoise]


def q_function(x: float) -> float:
    return 0.5 * special.erfc(x / math.sqrt(2))


@pytest.mark.parametrize("es_n0_db", [-3.0, 0.0, 7.0, 14.0])
def test_ber_formula_in_the_cases_known_by_hand(es_n0_db: float) -> None:
    # QPSK: Q(sqrt(Es/N0)). Gray 16-QAM: 3/4 Q(a) + 1/2 Q(3a) - 1/4 Q(5a), a = sqrt(Es / (5 N0)).
    es_n0 = 10 ** (es_n0_db / 10)
    assert gray_qam_ber(4, es_n0_db) == pytest.approx(q_function(math.sqrt(es_n0)), rel=1e-12)
    a = math.sqrt(es_n0 / 5)
    by_hand = 0.75 * q_function(a) + 0.5 * q_function(3 * a) - 0.25 * q_function(5 * a)
    assert gray_qam_ber(16, es_n0_db) == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("snr_db", [0.0, 8.0, 15.0])
def test_measured_ber_is_the_formulas(make_draw: MakeDraw, order: int, snr_db: float) -> None:
    # 1.6 million uniform bits; 4 standard errors from 500 batch means, as bits of a symbol err together.
    # Below 100 expected errors the batch means say little: a Poisson band instead.
    packed = np.random.default_rng(4).integers(0, 256, 201_000, dtype=np.uint8)
    channel = UncodedQAM(order, snr_db)
    errors = np.unpackbits(packed ^ channel(packed, 0, make_draw()))
    expected = channel.ber
    assert expected == gray_qam_ber(order, snr_db)
    if expected * errors.size < 100:
        assert abs(int(errors.sum()) - expected * errors.size) <= 4 * math.sqrt(expected * errors.size) + 1
        return
    batches = errors.reshape(500, -1).mean(axis=1)
    assert abs(errors.mean() - expected) < 4 * batches.std(ddof=1) / math.sqrt(500)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size_bytes", [0, 1, 2, 3, 256, 1001])
def test_bits_come_back_without_noise(order: int, size_bytes: int) -> None:
    packed = np.random.default_rng(size_bytes).integers(0, 256, size_bytes, dtype=np.uint8)
    qam = GrayQAM(order)
    assert np.array_equal(qam.demodulate(qam.modulate(packed), size_bytes), packed)


@pytest.mark.parametrize("order", ORDERS)
def test_constellation_has_unit_power_and_gray_labels(order: int) -> None:
    # every label once: enumerate all bytes triples' worth of symbols and take the distinct (label, point) pairs
    qam = GrayQAM(order)
    bits = np.array([[label >> b & 1 for b in reversed(range(qam.bits_per_symbol))] for label in range(order)])
    padded = np.concatenate([bits.reshape(-1), np.zeros(-bits.size % 24, int)]).astype(np.uint8)
    points = qam.modulate(np.packbits(padded))[:order]
    assert np.mean(np.abs(points) ** 2) == pytest.approx(1.0, rel=1e-6)
    distance = np.abs(points[:, None] - points[None, :])
    neighbours = np.isclose(distance, distance[distance > 1e-3].min(), rtol=1e-3)
    differing = (bits[:, None] != bits[None, :]).sum(axis=2)
    assert neighbours.sum() == 4 * math.isqrt(order) * (math.isqrt(order) - 1)
    assert (differing[neighbours] == 1).all()


def test_first_bit_is_the_sign_of_the_real_axis_for_qpsk() -> None:
    points = GrayQAM(4).modulate(np.array([0b00_01_10_11], np.uint8)) * math.sqrt(2)
    assert np.allclose(points, [-1 - 1j, -1 + 1j, 1 - 1j, 1 + 1j])


def test_packets_that_split_a_symbol_are_refused(make_draw: MakeDraw) -> None:
    with pytest.raises(ValueError, match=r"^offset: must be a multiple of 3 bytes for 64-QAM, got 1024"):
        UncodedQAM(64, 10.0)(np.zeros(3, np.uint8), 1024, make_draw())


@pytest.mark.parametrize("order", [2, 8, 32, 1024])
def test_other_orders_are_refused(order: int) -> None:
    with pytest.raises(ValueError, match=r"^order: must be one of 4, 16, 64, 256"):
        UncodedQAM(order, 10.0)


def test_symbol_count_must_fit() -> None:
    with pytest.raises(ValueError, match=r"^symbols: 3 bytes take 4 symbols, got 5"):
        GrayQAM(64).demodulate(np.zeros(5, np.complex64), 3)
