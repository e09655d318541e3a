"""Rician gains against their moments, and what a draw depends on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optimizer.channel_gain import RicianGain, draw_distance_m
from optimizer.errors import ProblemError


@pytest.mark.parametrize("rician_k", [0.0, 10.0])
def test_mean_and_variance_of_the_fading(rician_k: float) -> None:
    # |h|^2 has mean 1 and variance (2 K + 1) / (K + 1)^2; 6000 draws, five-sigma band of the mean, 15 % of variance
    gain = RicianGain(reference_gain=1.0, rician_k=rician_k)
    draws = np.array([gain.draw("rx", 1.0, seed) for seed in range(6000)])
    variance = (2 * rician_k + 1) / (rician_k + 1) ** 2
    assert draws.mean() == pytest.approx(1.0, abs=5 * math.sqrt(variance / len(draws)))
    assert draws.var() == pytest.approx(variance, rel=0.15)


def test_path_loss_multiplies_the_same_fading() -> None:
    gain = RicianGain()
    near, far = gain.draw("rx", 10.0, seed=3), gain.draw("rx", 100.0, seed=3)
    assert near / far == pytest.approx(100.0, rel=1e-12)
    assert RicianGain(rician_k=1e12).draw("rx", 100.0, seed=3) == pytest.approx(1e-7, rel=1e-4)


def test_a_draw_depends_on_receiver_seed_and_block_and_on_nothing_else() -> None:
    gain = RicianGain()
    one = gain.draw("rx1", 50.0, seed=1, block=2)
    assert one == RicianGain().draw("rx1", 50.0, seed=1, block=2)
    others = {gain.draw("rx2", 50.0, 1, 2), gain.draw("rx1", 50.0, 2, 2), gain.draw("rx1", 50.0, 1, 3)}
    assert one not in others
    assert len(others) == 3


def test_distances_are_uniform() -> None:
    # 3000 draws: mean within five sigma of the middle, and the ends nearly reached
    draws = np.array([draw_distance_m("rx", seed, 1.0, 1000.0) for seed in range(3000)])
    assert draws.mean() == pytest.approx(500.5, abs=5 * 999 / math.sqrt(12 * 3000))
    assert 1.0 <= draws.min() < 5.0
    assert 995.0 < draws.max() <= 1000.0


@pytest.mark.parametrize("distance_m", [0.0, -1.0, math.nan, math.inf])
def test_a_bad_distance_names_the_receiver(distance_m: float) -> None:
    with pytest.raises(ProblemError, match="receiver rx7: distance must be finite and > 0"):
        RicianGain().draw("rx7", distance_m, seed=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path_loss_exponent": 0.0}, "channel.path_loss_exponent"),
        ({"rician_k": -1.0}, "channel.rician_k"),
        ({"reference_gain": 0.0}, "channel.reference_gain"),
    ],
)
def test_bad_parameters_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        RicianGain(**changes)
