from __future__ import annotations

import numpy as np
import pytest

from edge.segment import Kind, Segment
from emulator.bearers.bearer import Carried, Freight
from emulator.channels.noise import SegmentNoise
from tools.figures import over_bearers


def power_of_difference(a: Segment, b: Segment) -> float:
    return float(np.mean(np.abs(a.values.astype(np.complex128) - b.values.astype(np.complex128)) ** 2))


def symbols(count: int) -> Segment:
    return Segment(Kind.SYMBOLS, np.ones(count, np.complex64))


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_analog_noise_has_variance_n0(snr_db: float) -> None:
    sent = symbols(100_000)
    received = over_bearers.transmit([sent], over_bearers.analog(snr_db), 3, 0)[0]
    variance = power_of_difference(received, sent)
    assert variance == pytest.approx(10 ** (-snr_db / 10), rel=0.02)  # relative sigma 1/sqrt(1e5) = 0.3 %


def test_noise_follows_seed_and_message_and_nothing_else() -> None:
    once, again, other_seed, other_message = (
        over_bearers.transmit([symbols(100)], over_bearers.analog(10.0), seed, message)[0].values
        for seed, message in ((1, 1), (1, 1), (2, 1), (1, 2))
    )
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other_seed)
    assert not np.array_equal(once, other_message)


def test_side_information_and_a_perfect_link_change_nothing() -> None:
    side = Segment(Kind.OPAQUE, np.arange(8, dtype=np.uint8))
    assert over_bearers.transmit([symbols(4), side], {}, 0, 0)[0].values.tolist() == [1, 1, 1, 1]
    assert over_bearers.transmit([side], over_bearers.analog(0.0), 0, 0)[0] is side


class LosesTheSecondPacket:
    def carry(self, freight: Freight, draw: SegmentNoise) -> Carried:
        lost = np.zeros(freight.packets, np.bool_)
        lost[1] = True
        return Carried(freight.payload, lost=lost)


def test_what_a_bearer_loses_is_not_present() -> None:
    sent = Segment(Kind.OPAQUE, np.full(2 * over_bearers.PACKET_ELEMENTS + 5, 7, np.uint8))
    received = over_bearers.transmit([sent], {Kind.OPAQUE: LosesTheSecondPacket()}, 0, 0)[0]
    assert received.present is not None
    lost = slice(over_bearers.PACKET_ELEMENTS, 2 * over_bearers.PACKET_ELEMENTS)
    assert not received.present[lost].any()
    assert received.present.sum() == over_bearers.PACKET_ELEMENTS + 5
    assert set(received.values[lost].tolist()) == {0}
