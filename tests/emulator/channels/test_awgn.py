from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import special

from emulator.channels.awgn import AWGN
from emulator.channels.noise import SegmentNoise

MakeDraw = Callable[..., SegmentNoise]

# Noise variance and normality per real dimension: test_faces.py, for this face and for Torch's.


@pytest.mark.parametrize("snr_db", [0.0, 4.0, 8.0])
def test_uncoded_qpsk_meets_its_q_function(make_draw: MakeDraw, snr_db: float) -> None:
    # One bit a real dimension at amplitude sqrt(Es / 2), noise N0 / 2: BER = Q(sqrt(Es/N0)). A noise variance that is
    # halved or doubled by mistake moves this by 3 dB. A million bits, binomial 4-sigma band.
    n = 500_000
    signs = np.random.default_rng(2).integers(0, 2, 2 * n) * 2 - 1
    sent = (signs.astype(np.float32) * np.float32(math.sqrt(0.5))).view(np.complex64)
    received = AWGN(snr_db)(sent, 0, make_draw()).view(np.float32)
    expected = 0.5 * special.erfc(math.sqrt(10 ** (snr_db / 10) / 2))
    measured = np.mean(np.sign(received) != signs)
    assert abs(measured - expected) < 4 * math.sqrt(expected * (1 - expected) / (2 * n))


def test_noise_power_can_be_given_directly(make_draw: MakeDraw) -> None:
    sent = np.zeros(5000, np.complex64)
    by_power = AWGN.from_noise_power(0.1)
    assert by_power.snr_db == pytest.approx(10.0)
    assert np.allclose(by_power(sent, 0, make_draw()), AWGN(10.0)(sent, 0, make_draw()), rtol=1e-6)


def test_infinite_snr_is_no_noise(make_draw: MakeDraw) -> None:
    sent = np.ones(10, np.complex64)
    for channel in (AWGN(math.inf), AWGN.from_noise_power(0.0)):
        assert np.array_equal(channel(sent, 0, make_draw()), sent)


@pytest.mark.parametrize("snr_db", [math.nan, -math.inf])
def test_snr_must_be_a_number(snr_db: float) -> None:
    with pytest.raises(ValueError, match=r"^snr_db: must be a number of dB"):
        AWGN(snr_db)


@pytest.mark.parametrize("noise_power", [-1.0, math.inf, math.nan])
def test_noise_power_must_be_finite(noise_power: float) -> None:
    with pytest.raises(ValueError, match=r"^noise_power: must be finite and >= 0"):
        AWGN.from_noise_power(noise_power)


def test_double_precision_is_not_cast(make_draw: MakeDraw) -> None:
    with pytest.raises(TypeError, match=r"^symbols: must be a contiguous one-dimensional complex64 array"):
        AWGN(0.0)(np.zeros(4, np.complex128), 0, make_draw())  # type: ignore[arg-type]
