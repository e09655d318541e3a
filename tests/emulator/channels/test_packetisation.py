"""However a segment is cut into packets, and in whatever order they pass, the received segment is the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from emulator.channels.awgn import AWGN
from emulator.channels.bsc import BSC
from emulator.channels.dmc import KaryDMC
from emulator.channels.erasure import GilbertElliott, IndependentErasure
from emulator.channels.fading import Rayleigh, Rician
from emulator.channels.noise import NoiseKey, SegmentNoise
from emulator.channels.qam import UncodedQAM

ELEMENTS = 10_002  # two whole blocks, a part of a third, and a multiple of three bytes
KEY = NoiseKey(seed=11, link="radio", receiver="rx0", session="test", purpose="payload")
RNG = np.random.default_rng(5)
BYTES = RNG.integers(0, 256, ELEMENTS, dtype=np.uint8)
INDICES = RNG.integers(0, 500, ELEMENTS, dtype=np.uint16)
SYMBOLS = (RNG.standard_normal(ELEMENTS) + 1j * RNG.standard_normal(ELEMENTS)).astype(np.complex64)

Channel = Callable[[NDArray[Any], int, SegmentNoise], Any]

CASES: dict[str, tuple[Channel, NDArray[Any], int]] = {
    **{f"bsc {ber}": (BSC(ber), BYTES, 1) for ber in (0.0, 1e-5, 1e-3, 0.02, 0.1, 0.25, 0.4, 0.49, 0.5)},
    **{f"dmc {epsilon}": (KaryDMC(512, epsilon), INDICES, 1) for epsilon in (1e-3, 0.1, 0.3, 1.0)},
    "dmc 500": (KaryDMC(500, 0.05), INDICES, 1),
    "awgn": (AWGN(3.0), SYMBOLS, 1),
    "rician": (Rician(4.0, 10.0), SYMBOLS, 1),
    "rayleigh, packet": (Rayleigh(10.0, "packet", packet_elements=300), SYMBOLS, 1),
    **{f"qam {order}": (UncodedQAM(order, 8.0), BYTES, 3 if order == 64 else 1) for order in (4, 16, 64, 256)},
}


def parts(received: Any) -> Sequence[NDArray[Any]]:
    return received if isinstance(received, tuple) else (received,)


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_any_cut_gives_the_same_segment(name: str, data: st.DataObject) -> None:
    channel, signal, grain = CASES[name]
    cuts = data.draw(st.lists(st.integers(0, ELEMENTS // grain).map(lambda place: place * grain), max_size=8))
    bounds = [0, *sorted(cuts), ELEMENTS]
    order = data.draw(st.permutations(range(len(bounds) - 1)))
    whole = parts(channel(signal, 0, SegmentNoise(KEY, 3, 1)))
    draw = SegmentNoise(KEY, 3, 1)
    slices = {piece: parts(channel(signal[bounds[piece] : bounds[piece + 1]], bounds[piece], draw)) for piece in order}
    for place, expected in enumerate(whole):
        assert np.array_equal(np.concatenate([slices[piece][place] for piece in range(len(order))]), expected)


@pytest.mark.parametrize(
    "erasure",
    [
        IndependentErasure(0.2),
        GilbertElliott(0.05, 0.3, 0.01, 0.9),
        GilbertElliott(1e-4, 2e-4, 0.0, 1.0),  # states outlast the first look back
    ],
)
@given(first=st.integers(0, 8000), count=st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_a_packets_fate_does_not_depend_on_how_many_are_asked(
    erasure: IndependentErasure | GilbertElliott, first: int, count: int
) -> None:
    everything = erasure(0, 8050, SegmentNoise(KEY, 3, 1))
    assert np.array_equal(erasure(first, count, SegmentNoise(KEY, 3, 1)), everything[first : first + count])


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("bsc 0.0", "bsc 1e-05")])
def test_input_is_left_alone_and_noise_does_not_depend_on_it(name: str) -> None:
    channel, signal, _ = CASES[name]
    before = signal.copy()
    signal.flags.writeable = False  # as a payload that views received bytes
    first = parts(channel(signal, 0, SegmentNoise(KEY, 3, 1)))[0]
    again = parts(channel(signal, 0, SegmentNoise(KEY, 3, 1)))[0]
    assert np.array_equal(signal, before)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, signal)


@pytest.mark.parametrize("other", [{"message": 4}, {"segment": 2}, {"attempt": 1}])
@pytest.mark.parametrize("name", ["bsc 0.1", "bsc 0.25", "bsc 0.02", "dmc 0.1", "dmc 0.3", "awgn"])
def test_other_messages_segments_and_attempts_meet_independent_noise(name: str, other: dict[str, int]) -> None:
    # Correlation of the two error patterns: sigma 1 / sqrt(n) when independent; 4 sigma.
    channel, signal, _ = CASES[name]
    place = {"message": 3, "segment": 1, "attempt": 0}

    def errors(draw: SegmentNoise) -> NDArray[Any]:
        received = channel(signal, 0, draw)
        if signal.dtype == np.uint8:
            return np.unpackbits(signal ^ received)
        return (received - signal).real if signal.dtype == np.complex64 else received != signal

    one = errors(SegmentNoise(KEY, **place))
    two = errors(SegmentNoise(KEY, **(place | other)))
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(one.size)


def test_receivers_of_a_multicast_meet_independent_noise() -> None:
    other = NoiseKey(seed=11, link="radio", receiver="rx1", session="test", purpose="payload")
    channel = AWGN(0.0)
    one = channel(SYMBOLS, 0, SegmentNoise(KEY, 3, 1)) - SYMBOLS
    two = channel(SYMBOLS, 0, SegmentNoise(other, 3, 1)) - SYMBOLS
    assert abs(np.corrcoef(one.real, two.real)[0, 1]) < 4 / np.sqrt(ELEMENTS)


def test_packets_cut_anywhere_share_the_gain_of_their_coherence_block() -> None:
    gain = Rayleigh(10.0, "packet", packet_elements=300)(SYMBOLS, 0, SegmentNoise(KEY, 3, 1)).gain
    blocks = [gain[start : start + 300] for start in range(0, ELEMENTS, 300)]
    assert all((block == block[0]).all() for block in blocks)
    assert len({complex(block[0]) for block in blocks}) == len(blocks)
