from __future__ import annotations

import math

import numpy as np
import pytest

from emulator.channels.awgn import AWGN
from emulator.channels.noise import NoiseKey, SegmentNoise
from emulator.channels.qam import ORDERS, gray_qam_ber
from emulator.channels.soft_qam import SoftQAM

SYMBOLS = 60_000


def received(order: int, snr_db: float) -> tuple[np.ndarray, np.ndarray]:
    """(sent bits, log-likelihood ratios) [m SYMBOLS]."""
    qam = SoftQAM(order, 10 ** (-snr_db / 10))
    bits = np.random.default_rng(order).integers(0, 2, SYMBOLS * qam.bits_per_symbol).astype(bool)
    draw = SegmentNoise(NoiseKey(3, "air", "rx", "s", "payload"), 0, 0)
    return bits, qam.log_likelihood_ratios(AWGN(snr_db)(qam.modulate(bits), 0, draw))


@pytest.mark.parametrize("order", ORDERS)
def test_points_have_unit_power_and_hard_decisions_the_exact_error_rate(order: int) -> None:
    # 60 000 symbols at an SNR with some per cent of errors; 4 standard errors, one symbol's bits taken as dependent
    snr_db = {4: 4.0, 16: 10.0, 64: 16.0, 256: 22.0}[order]
    qam = SoftQAM(order, 1.0)
    every = np.array([[label >> bit & 1 for label in range(order)] for bit in range(qam.bits_per_symbol)], bool)
    assert np.mean(np.abs(qam.modulate(every.reshape(-1))) ** 2) == pytest.approx(1.0, rel=1e-6)
    bits, ratios = received(order, snr_db)
    wrong = (bits != (ratios < 0)).reshape(qam.bits_per_symbol, -1).mean(axis=0)
    assert abs(wrong.mean() - gray_qam_ber(order, snr_db)) < 4 * wrong.std() / math.sqrt(SYMBOLS)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("snr_db", [0.0, 9.0])
def test_a_ratio_says_how_often_its_decision_is_wrong(order: int, snr_db: float) -> None:
    # exact ratios: of decisions with |L| near l, a share 1 / (1 + e^l) is wrong; bins of 0.5 up to 6, 4.5 sigma each
    bits, ratios = received(order, snr_db)
    certainty, wrong = np.abs(ratios), bits != (ratios < 0)
    for low in np.arange(0, 6, 0.5):
        inside = (certainty >= low) & (certainty < low + 0.5)
        expected = 1 / (1 + np.exp(certainty[inside].astype(float)))
        spread = math.sqrt(float((expected * (1 - expected)).sum()))
        assert abs(wrong[inside].sum() - expected.sum()) < 4.5 * spread + 3


@pytest.mark.parametrize("order", ORDERS)
def test_the_first_coded_bits_are_the_safest(order: int) -> None:
    bits, ratios = received(order, 10.0)
    rates = (bits != (ratios < 0)).reshape(order.bit_length() - 1, -1).mean(axis=1)
    assert np.all(np.diff(rates[::2]) >= 0)
    assert np.all(np.diff(rates[1::2]) >= 0)
