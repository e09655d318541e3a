from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.codecs.contract import Half
from edge.segment import Kind, Segment
from emulator.bearers.bearer import Carried, Freight
from emulator.channels.noise import SegmentNoise
from tools.ftsc import noise
from tools.ftsc.models import find


def power_of_difference(a: Segment, b: Segment) -> float:
    return float(np.mean(np.abs(a.values.astype(np.complex128) - b.values.astype(np.complex128)) ** 2))


def symbols(count: int) -> Segment:
    return Segment(Kind.SYMBOLS, np.ones(count, np.complex64))


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_analog_noise_has_variance_n0(snr_db: float) -> None:
    sent = symbols(100_000)
    received = noise.transmit([sent], noise.analog(snr_db), 3, 0)[0]
    variance = power_of_difference(received, sent)
    assert variance == pytest.approx(10 ** (-snr_db / 10), rel=0.02)  # relative sigma 1/sqrt(1e5) = 0.3 %


def test_noise_follows_seed_and_message_and_nothing_else() -> None:
    once, again, other_seed, other_message = (
        noise.transmit([symbols(100)], noise.analog(10.0), seed, message)[0].values
        for seed, message in ((1, 1), (1, 1), (2, 1), (1, 2))
    )
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other_seed)
    assert not np.array_equal(once, other_message)


def test_side_information_and_a_perfect_link_change_nothing() -> None:
    side = Segment(Kind.OPAQUE, np.arange(8, dtype=np.uint8))
    assert noise.transmit([symbols(4), side], {}, 0, 0)[0].values.tolist() == [1, 1, 1, 1]
    assert noise.transmit([side], noise.analog(0.0), 0, 0)[0] is side


class LosesTheSecondPacket:
    def carry(self, freight: Freight, draw: SegmentNoise) -> Carried:
        lost = np.zeros(freight.packets, np.bool_)
        lost[1] = True
        return Carried(freight.payload, lost=lost)


def test_what_a_bearer_loses_is_not_present() -> None:
    sent = Segment(Kind.OPAQUE, np.full(2 * noise.PACKET_ELEMENTS + 5, 7, np.uint8))
    received = noise.transmit([sent], {Kind.OPAQUE: LosesTheSecondPacket()}, 0, 0)[0]
    assert received.present is not None
    lost = slice(noise.PACKET_ELEMENTS, 2 * noise.PACKET_ELEMENTS)
    assert not received.present[lost].any()
    assert received.present.sum() == noise.PACKET_ELEMENTS + 5
    assert set(received.values[lost].tolist()) == {0}


def test_semantic_noise_is_snr_below_the_mean_square() -> None:
    picture = np.full((256, 256, 3), 128, np.uint8)
    noisy = noise.noisy_picture(picture, 20.0, 0, 0)
    error = (noisy.astype(float) - 128) ** 2
    assert error.mean() == pytest.approx(128**2 / 100 + 1 / 12, rel=0.02)  # and rounding
    assert np.array_equal(noisy, noise.noisy_picture(picture, 20.0, 0, 0))
    assert not np.array_equal(noisy, noise.noisy_picture(picture, 20.0, 1, 0))


def test_features_over_a_perfect_link_give_what_indices_give(tiny_weights: Path) -> None:
    model = find(tiny_weights, "vqvae2-s4")
    assert model is not None
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    received = []
    for carry in ("indices", "features"):
        codec = model.open({"carry": carry}, Half.BOTH)
        received.append(codec.decode(noise.transmit(codec.encode(picture), {}, 0, 0)))
    assert np.abs(received[0].astype(int) - received[1]).max() <= 1  # dividing by the rms and back rounds
