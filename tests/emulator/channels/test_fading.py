from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from emulator.channels.fading import Rayleigh, Rician
from emulator.channels.noise import SegmentNoise

MakeDraw = Callable[..., SegmentNoise]
PACKETS = 100_000

# The law of h: test_faces.py, for this face and for Torch's.


def test_outage_probability_is_that_of_an_exponential_gain(make_draw: MakeDraw) -> None:
    # P(log2(1 + |h|^2 snr) < R) = 1 - exp(-(2^R - 1) / snr); 100 000 packets, binomial 4-sigma band
    snr, rate_bits = 10.0, 2.0
    gain = Rayleigh(10.0, "packet", packet_elements=1).gain(0, PACKETS, make_draw())
    outage = np.mean(np.log2(1 + np.abs(gain) ** 2 * snr) < rate_bits)
    expected = 1 - math.exp(-(2**rate_bits - 1) / snr)
    assert abs(outage - expected) < 4 * math.sqrt(expected * (1 - expected) / PACKETS)


def test_noise_follows_transmitted_power_in_deep_fades_too(make_draw: MakeDraw) -> None:
    # E|y - h x|^2 = N0 over the weakest tenth of the packets: |n|^2 / N0 is exponential, sigma 1 / sqrt(n); 4 sigma
    sent = np.exp(2j * np.pi * np.arange(PACKETS) / 8).astype(np.complex64)
    received, gain = Rayleigh(6.0, "packet", packet_elements=1)(sent, 0, make_draw())
    weakest = np.argsort(np.abs(gain))[: PACKETS // 10]
    noise_power = np.mean(np.abs(received - gain * sent)[weakest] ** 2)
    expected = 10 ** (-6.0 / 10)
    assert abs(noise_power / expected - 1) < 4 / math.sqrt(weakest.size)


def test_a_message_has_one_gain_over_its_segments_and_attempts(make_draw: MakeDraw) -> None:
    channel = Rician(2.0, 10.0)
    gains = [channel.gain(offset, 3, make_draw(segment=s, attempt=a)) for offset, s, a in ((0, 1, 0), (900, 2, 1))]
    assert np.array_equal(gains[0], gains[1])
    assert not np.array_equal(channel.gain(0, 3, make_draw(message=4)), gains[0])
    assert not np.array_equal(channel.gain(0, 3, make_draw(receiver="rx1")), gains[0])


def test_a_retransmitted_packet_meets_a_new_gain(make_draw: MakeDraw) -> None:
    channel = Rayleigh(10.0, "packet", packet_elements=4)
    assert not np.array_equal(channel.gain(0, 4, make_draw(attempt=0)), channel.gain(0, 4, make_draw(attempt=1)))


@pytest.mark.parametrize("coherence", ["message", "packet"])
def test_empty_slices_pass(make_draw: MakeDraw, coherence: str) -> None:
    channel = Rayleigh(10.0, coherence, 4 if coherence == "packet" else None)  # type: ignore[arg-type]
    assert channel(np.empty(0, np.complex64), 7, make_draw()).gain.size == 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((-0.1, 10.0), "k_factor"),
        ((math.inf, 10.0), "k_factor"),
        ((1.0, math.nan), "snr_db"),
        ((1.0, 10.0, "symbol"), "coherence"),
        ((1.0, 10.0, "packet"), "packet_elements"),
        ((1.0, 10.0, "packet", 0), "packet_elements"),
        ((1.0, 10.0, "message", 8), "packet_elements"),
    ],
)
def test_bad_configuration_is_refused(arguments: tuple, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        Rician(*arguments)
