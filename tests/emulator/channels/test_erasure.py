from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from emulator.channels.erasure import GilbertElliott, IndependentErasure
from emulator.channels.noise import SegmentNoise

MakeDraw = Callable[..., SegmentNoise]
PACKETS = 400_000


def burst_lengths(lost: np.ndarray) -> np.ndarray:
    """Lengths of the runs of losses that both begin and end inside."""
    edges = np.flatnonzero(np.diff(lost.astype(np.int8)))
    starts, ends = edges[~lost[edges]], edges[lost[edges]]
    ends = ends[ends > starts[0]]
    return ends - starts[: ends.size]


def test_independent_loss_has_its_rate_and_burst_length(make_draw: MakeDraw) -> None:
    # binomial 4-sigma band; bursts are geometric with mean 1 / (1 - p), variance p / (1 - p)^2: 4 sigma of the mean
    p = 0.3
    erasure = IndependentErasure(p)
    lost = erasure(0, PACKETS, make_draw())
    assert abs(lost.mean() - erasure.mean_loss) < 4 * math.sqrt(p * (1 - p) / PACKETS)
    bursts = burst_lengths(lost)
    assert abs(bursts.mean() - erasure.mean_burst_packets) < 4 * math.sqrt(p) / (1 - p) / math.sqrt(bursts.size)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_certain_fates(make_draw: MakeDraw, probability: float) -> None:
    assert (IndependentErasure(probability)(5, 1000, make_draw()) == bool(probability)).all()
    assert IndependentErasure(1.0).mean_burst_packets == math.inf


@pytest.mark.parametrize(("p_gb", "p_bg"), [(0.01, 0.2), (0.3, 0.5), (0.4, 0.6), (0.002, 0.01)])
def test_gilbert_elliott_chain_has_its_stationary_loss_bursts_and_transitions(
    make_draw: MakeDraw, p_gb: float, p_bg: float
) -> None:
    # Loss = bad state. Var of the mean of a two-state chain: pi (1 - pi) / n * (1 + c) / (1 - c), c = 1 - p_gb - p_bg.
    # Bursts are geometric with mean 1 / p_bg, variance (1 - p_bg) / p_bg^2. 4 sigma each.
    erasure = GilbertElliott(p_gb, p_bg, loss_good=0.0, loss_bad=1.0)
    lost = erasure(0, PACKETS, make_draw())
    pi, c = p_gb / (p_gb + p_bg), 1 - p_gb - p_bg
    assert erasure.mean_loss == pytest.approx(pi)
    assert abs(lost.mean() - pi) < 4 * math.sqrt(pi * (1 - pi) / PACKETS * (1 + c) / (1 - c))
    bursts = burst_lengths(lost)
    assert erasure.mean_burst_packets == pytest.approx(1 / p_bg)
    assert abs(bursts.mean() - 1 / p_bg) < 4 * math.sqrt((1 - p_bg) / bursts.size) / p_bg
    from_good = lost[1:][~lost[:-1]]
    assert abs(from_good.mean() - p_gb) < 4 * math.sqrt(p_gb * (1 - p_gb) / from_good.size)


def test_gilbert_elliott_with_losses_in_both_states(make_draw: MakeDraw) -> None:
    # 4 standard errors from 200 batch means, which account for the chain's memory
    erasure = GilbertElliott(0.05, 0.2, loss_good=0.02, loss_bad=0.6)
    lost = erasure(0, PACKETS, make_draw())
    batches = lost.reshape(200, -1).mean(axis=1)
    assert abs(lost.mean() - erasure.mean_loss) < 4 * batches.std(ddof=1) / math.sqrt(200)
    bursts = burst_lengths(lost)
    assert abs(bursts.mean() - erasure.mean_burst_packets) < 4 * bursts.std(ddof=1) / math.sqrt(bursts.size)


def test_gilbert_elliott_starts_stationary(make_draw: MakeDraw) -> None:
    # packet 0 of 4000 segments; binomial 4-sigma band. A chain that started good would lose none.
    erasure = GilbertElliott(0.02, 0.03, loss_good=0.0, loss_bad=1.0)
    first = np.array([erasure(0, 1, make_draw(segment=segment))[0] for segment in range(4000)])
    assert abs(first.mean() - 0.4) < 4 * math.sqrt(0.4 * 0.6 / 4000)


def test_gilbert_elliott_that_never_leaves_a_state(make_draw: MakeDraw) -> None:
    assert GilbertElliott(0.1, 0.0, 0.0, 1.0)(0, 100, make_draw()).all()
    assert not GilbertElliott(0.0, 0.1, 0.0, 1.0)(0, 100, make_draw()).any()
    assert GilbertElliott(0.1, 0.0, 0.0, 1.0).mean_burst_packets == math.inf
    assert math.isnan(GilbertElliott(0.0, 0.1, 0.0, 1.0).mean_burst_packets)


def test_attempts_are_independent_chains(make_draw: MakeDraw) -> None:
    # correlated samples widen the band by (1 + c) / (1 - c) with c = (1 - p_gb - p_bg)^2 for a product of two chains
    erasure = GilbertElliott(0.1, 0.2, 0.0, 1.0)
    first, second = (erasure(0, 100_000, make_draw(attempt=attempt)) for attempt in (0, 1))
    c = (1 - 0.3) ** 2
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 * math.sqrt((1 + c) / (1 - c) / 100_000)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((-0.1, 0.5, 0.0, 1.0), "p_good_to_bad"),
        ((0.1, 1.5, 0.0, 1.0), "p_bad_to_good"),
        ((0.1, 0.5, 2.0, 1.0), "loss_good"),
        ((0.1, 0.5, 0.0, math.nan), "loss_bad"),
        ((0.6, 0.5, 0.0, 1.0), "p_good_to_bad"),
        ((0.0, 0.0, 0.0, 1.0), "p_good_to_bad"),
    ],
)
def test_bad_configuration_is_refused(arguments: tuple[float, float, float, float], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        GilbertElliott(*arguments)
