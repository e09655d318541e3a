"""Algorithm 1 and its repair: what each block does, and how the loops end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from optimizer import algorithm1, algorithm1_blocks, algorithm1_joint, price
from optimizer.algorithm1_blocks import Point, RhoBlock, auxiliary
from optimizer.plan import Plan, Status, evaluate, violation
from optimizer.problem import Problem
from optimizer.solve import solve

Draw = Callable[..., Problem]


def _start(problem: Problem, rho: float | None = None) -> Plan:
    point = Point.equal(problem, rho)
    return evaluate(problem, point.bandwidth_hz, point.power_w, point.rho, "start")


def test_theta_makes_the_split_of_equation_27_exact_and_minimal(drawn: Draw) -> None:
    plan = _start(drawn(0))
    load, theta = plan.power_w * plan.rho, auxiliary(plan)

    def split(value: np.ndarray) -> np.ndarray:
        return load**2 * value + 1.0 / (4.0 * value * plan.rate_bps**2)

    np.testing.assert_allclose(split(theta), load / plan.rate_bps, rtol=1e-12)
    for factor in (0.5, 0.99, 1.01, 2.0):
        assert np.all(split(theta * factor) > split(theta))


def _surrogate(block: RhoBlock, rho: np.ndarray) -> float:
    problem = block.problem
    saved = problem.weights.energy * problem.compute.energy_slope_j * rho
    return float((problem.log_rho_weight * np.log(rho) - 0.5 * block.curvature * rho**2 + saved).sum())


def test_the_rho_step_is_the_best_within_the_delay(drawn: Draw) -> None:
    plan = _start(drawn(0), rho=0.02)
    block = RhoBlock.at(plan, auxiliary(plan))
    best = block.within(1.5 * plan.delay_s)
    grid = np.exp(np.linspace(np.log(plan.problem.rho_lower), np.log(plan.problem.rho_upper), 4001))
    for index in range(plan.problem.size):
        others = np.repeat(best[None, :], len(grid), axis=0)
        others[:, index] = grid
        allowed = [row for row in others if block.delay_s(row) <= 1.5 * plan.delay_s]
        assert max(_surrogate(block, row) for row in allowed) <= _surrogate(block, best) + 1e-12


def test_the_joint_rho_step_is_the_best_over_all_delays(drawn: Draw) -> None:
    plan = _start(drawn(0), rho=0.02)
    block = RhoBlock.at(plan, auxiliary(plan))

    def worth(rho: np.ndarray) -> float:
        return _surrogate(block, rho) - plan.problem.weights.delay * block.delay_s(rho)

    best = worth(block.jointly())
    assert best >= max(worth(block.within(delay)) for delay in np.linspace(1.0, 60.0, 600)) - 1e-9
    assert best > worth(block.within(plan.delay_s)) + 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_algorithm1_stalls_below_the_certified_optimum_with_every_deadline_tight(drawn: Draw, seed: int) -> None:
    plan = solve(drawn(seed), "algorithm1")
    assert violation(plan) <= 1e-6
    assert plan.gap > 1.0
    assert plan.status is Status.FEASIBLE
    np.testing.assert_allclose(plan.transmit_s + plan.compute_s, plan.delay_s, rtol=1e-3)
    utilities = [step.utility for step in plan.trace]
    assert np.all(np.diff(utilities) >= -1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_the_joint_variant_repairs_most_of_it(drawn: Draw, seed: int) -> None:
    problem = drawn(seed)
    literal, joint = solve(problem, "algorithm1"), solve(problem, "algorithm1-joint")
    assert violation(joint) <= 1e-6
    assert joint.gap < 0.1 * literal.gap
    assert price.solve(problem).utility >= joint.utility - 1e-6


def test_where_algorithm1_ends_depends_on_where_it_starts(drawn: Draw) -> None:
    problem = drawn(0)
    ends = [algorithm1.solve(problem, Point.equal(problem, rho)).utility for rho in (0.004, 0.03, 0.117)]
    assert max(ends) - min(ends) > 0.5


def test_a_fixed_rate_leaves_nothing_to_alternate_on(drawn: Draw) -> None:
    problem = dataclasses.replace(drawn(0), scales=(4,))
    plan = solve(problem, "algorithm1")
    assert plan.utility == pytest.approx(solve(problem).utility, abs=1e-3)
    assert plan.share(0).scale == 4


def test_solvers_that_break_down_leave_a_status_and_the_last_good_point(
    drawn: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(algorithm1_blocks, "attempt", lambda program: None)
    problem = drawn(0)
    plan = algorithm1_joint.solve(problem)
    assert plan.status is Status.FAILED
    assert plan.iterations == 0
    assert plan.utility == _start(problem).utility


def test_too_few_iterations_are_said_so(drawn: Draw) -> None:
    plan = algorithm1.solve(drawn(0), max_iterations=1)
    assert plan.status is Status.INACCURATE
    assert plan.iterations == 1
