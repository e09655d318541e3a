"""Evaluation of a plan against eq. (16)-(25) written out for one receiver after another."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest

from optimizer.plan import Status, evaluate, violation, with_bound
from optimizer.problem import Problem, QualityAggregate

Draw = Callable[..., Problem]


def test_every_number_is_the_papers(drawn: Draw) -> None:
    problem = dataclasses.replace(drawn(1, 3), aggregate=QualityAggregate.MEAN)
    band, power, rho = np.array([100.0, 200.0, 300.0]), np.array([1.0, 2.0, 0.5]), np.array([0.01, 0.05, 0.1])
    plan = evaluate(problem, band, power, rho, "hand")
    delays, energies, qualities = [], [], []
    for n in range(3):
        rate = band[n] * math.log2(1 + power[n] * problem.gain[n] / (band[n] * 3.98e-21))
        work = problem.compute.base_mac - problem.compute.slope_mac * rho[n]
        delays.append(rho[n] * 1_572_864 / rate + work / 1.35e9)
        energies.append(power[n] * rho[n] * 1_572_864 / rate + 1e-28 * 1.35e9**2 * work)
        qualities.append(41.22 - 3.035 * math.log(1 / rho[n]))
        share = plan.share(n)
        assert share.rate_bps == pytest.approx(rate, rel=1e-12)
        assert share.transmit_s + share.compute_s == pytest.approx(delays[n], rel=1e-12)
        assert share.energy_j == pytest.approx(energies[n], rel=1e-12)
        assert share.quality_db == pytest.approx(qualities[n], rel=1e-12)
        assert share.snr_db == pytest.approx(10 * math.log10(2 ** (rate / band[n]) - 1), rel=1e-9)
    assert plan.delay_s == pytest.approx(max(delays))
    assert plan.total_energy_j == pytest.approx(sum(energies))
    assert plan.quality == pytest.approx(sum(qualities) / 3)
    assert plan.utility == pytest.approx(0.33 * sum(qualities) / 3 - 0.33 * max(delays) - 0.33 * sum(energies))
    assert plan.active.delay.tolist() == [delay == max(delays) for delay in delays]


def test_violation_measures_each_budget(drawn: Draw) -> None:
    problem = drawn(1, 2)
    half = np.array([0.5, 0.5])
    rho = np.full(2, problem.rho_upper)

    def worst(**changes: np.ndarray) -> float:
        shares = {"bandwidth_hz": half * 1500, "power_w": half * 50, "rho": rho, **changes}
        return violation(evaluate(problem, **shares, solver="hand"))

    assert worst() == 0.0
    assert worst(bandwidth_hz=half * 1500 * 1.01) == pytest.approx(0.01)
    assert worst(power_w=half * 50 * 1.02) == pytest.approx(0.02)
    assert worst(rho=rho * 1.03) == pytest.approx(0.03)


def test_a_bound_below_the_utility_is_not_believed(drawn: Draw) -> None:
    problem = drawn(1, 2)
    plan = evaluate(problem, np.array([700.0, 700.0]), np.array([1.0, 1.0]), np.full(2, 0.05), "hand")
    assert with_bound(plan, plan.utility + 1e-9).status is Status.OPTIMAL
    assert with_bound(plan, plan.utility + 1.0).status is Status.FEASIBLE
    assert with_bound(plan, plan.utility + 1.0).gap == pytest.approx(1.0)
    assert with_bound(plan, plan.utility - 1.0).status is Status.INACCURATE
