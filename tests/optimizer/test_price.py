"""The default solver: certified, feasible, unbeaten by other methods, and obedient to the problem's symmetries."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import price, reference
from optimizer.baselines import jscc
from optimizer.compute import ComputeModel
from optimizer.errors import InfeasibleError
from optimizer.plan import Plan, Status, violation
from optimizer.problem import Problem, QualityAggregate, Weights
from optimizer.solve import solve

Draw = Callable[..., Problem]

INSTANCES = range(20)
SIZES = (1, 2, 3, 5, 8, 13, 21, 34, 120, 200)


def _instance(drawn: Draw, seed: int) -> Problem:
    problem = drawn(seed, SIZES[seed % 10], ("paper", "tradeoff")[seed % 2])
    return dataclasses.replace(problem, aggregate=(QualityAggregate.SUM, QualityAggregate.MEAN)[seed // 2 % 2])


@pytest.mark.parametrize("seed", INSTANCES)
def test_certified_on_realistic_instances(drawn: Draw, seed: int) -> None:
    plan = price.solve(_instance(drawn, seed))
    assert plan.status is Status.OPTIMAL
    assert plan.relative_gap <= 1e-9
    assert plan.utility <= plan.upper_bound + 1e-9 * abs(plan.utility)
    assert violation(plan) <= 1e-9


@pytest.mark.parametrize("seed", [seed for seed in INSTANCES if SIZES[seed % 10] <= 8])
def test_never_below_slsqp_from_many_starts(drawn: Draw, seed: int) -> None:
    problem = _instance(drawn, seed)
    best = reference.solve(problem, starts=20 if problem.size <= 3 else 3, seed=seed)
    assert best.solver == "slsqp"
    assert price.solve(problem).utility >= best.utility - 1e-6
    assert best.utility >= price.solve(problem).utility - 0.05  # the reference does find the neighbourhood


@pytest.mark.parametrize("seed", [0, 1, 3, 6])
@pytest.mark.parametrize("other", ["algorithm1", "algorithm1-joint"])
def test_never_below_the_papers_algorithm(drawn: Draw, seed: int, other: str) -> None:
    problem = _instance(drawn, seed)
    assert price.solve(problem).utility >= solve(problem, other).utility - 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_slsqp_where_the_problem_is_convex_and_compute_grows_with_rho(drawn: Draw, seed: int) -> None:
    problem = jscc(drawn(seed, 4))
    assert price.solve(problem).utility == pytest.approx(reference.solve(problem, 6, seed).utility, abs=1e-6)


def _power_limited(problem: Problem) -> Problem:
    return dataclasses.replace(problem, power_w=price.solve(problem).power_w.sum() / 3)


@pytest.mark.parametrize("seed", range(6))
def test_a_binding_power_budget_is_priced(drawn: Draw, seed: int) -> None:
    problem = _power_limited(drawn(seed, 7))
    plan = price.solve(problem)
    assert plan.status is Status.OPTIMAL
    assert plan.active.power
    assert plan.prices is not None
    assert plan.prices.pi_per_w > 0
    assert plan.utility >= reference.solve(problem, 3, seed).utility - 1e-6


def test_prices_are_the_derivatives_of_the_optimum(drawn: Draw) -> None:
    problem = _power_limited(drawn(2, 5))
    prices = price.solve(problem).prices
    assert prices is not None
    for field, value in (("bandwidth_hz", prices.nu_per_hz), ("power_w", prices.pi_per_w)):
        step = 1e-4 * getattr(problem, field)
        up = price.solve(dataclasses.replace(problem, **{field: getattr(problem, field) + step})).utility
        down = price.solve(dataclasses.replace(problem, **{field: getattr(problem, field) - step})).utility
        assert value == pytest.approx((up - down) / (2 * step), rel=1e-5)


def test_energy_without_weight_spends_all_power(drawn: Draw) -> None:
    plan = price.solve(dataclasses.replace(drawn(0), weights=Weights(0.5, 0.5, 0.0)))
    assert plan.status is Status.OPTIMAL
    assert plan.power_w.sum() == pytest.approx(50.0, rel=1e-9)


def test_an_efficiency_cap_is_kept_and_certified(drawn: Draw) -> None:
    plan = price.solve(dataclasses.replace(drawn(0, 6), spectral_efficiency_cap=8.0))
    assert plan.status is Status.OPTIMAL
    assert (plan.rate_bps / plan.bandwidth_hz).max() <= 8.0 * (1 + 1e-9)
    assert plan.active.spectral_efficiency.any()


def test_all_deadlines_are_tight(drawn: Draw) -> None:
    assert price.solve(drawn(0, 30)).active.delay.all()


@pytest.mark.parametrize("weights", [Weights(0.33, 0.33, 0.33), Weights(0.5, 0.0, 0.5), Weights(1.0, 0.0, 0.0)])
def test_a_hard_deadline_is_met_and_certified(drawn: Draw, weights: Weights) -> None:
    free = price.solve(drawn(1))
    problem = dataclasses.replace(drawn(1), weights=weights, deadline_s=0.6 * free.delay_s)
    plan = price.solve(problem)
    assert plan.status is Status.OPTIMAL
    assert plan.delay_s <= problem.deadline_s * (1 + 1e-9)


def test_a_deadline_that_does_not_bind_changes_nothing(drawn: Draw) -> None:
    free = price.solve(drawn(1))
    bound = price.solve(dataclasses.replace(drawn(1), deadline_s=2 * free.delay_s))
    assert bound.utility == pytest.approx(free.utility, rel=1e-12)


def test_quality_alone_within_a_generous_deadline_saturates(drawn: Draw) -> None:
    plan = price.solve(dataclasses.replace(drawn(1), weights=Weights(1.0, 0.0, 0.0), deadline_s=1000.0))
    assert plan.status is Status.OPTIMAL
    assert plan.active.rho_max.all()


def test_the_smallest_delay_is_achievable_and_no_less(drawn: Draw) -> None:
    problem = drawn(1)
    fastest = price.smallest_delay_s(problem)
    plan = price.solve(dataclasses.replace(problem, deadline_s=fastest * (1 + 1e-6)))
    assert plan.delay_s <= fastest * (1 + 2e-6)
    with pytest.raises(InfeasibleError, match="infeasible: smallest achievable delay is"):
        price.solve(dataclasses.replace(problem, deadline_s=fastest * (1 - 1e-6)))


@pytest.mark.parametrize(
    "weights", [Weights(0.9, 0.05, 0.05), Weights(0.01, 0.5, 0.5), Weights(0.0, 1.0, 1.0), Weights(100.0, 1.0, 1e-3)]
)
@pytest.mark.parametrize("bandwidth_hz", [50.0, 1e5, 1e8])
def test_extreme_weights_and_budgets_are_certified(drawn: Draw, weights: Weights, bandwidth_hz: float) -> None:
    problem = dataclasses.replace(drawn(3), weights=weights, bandwidth_hz=bandwidth_hz, compute=ComputeModel.none())
    plan = price.solve(problem)
    assert plan.status is Status.OPTIMAL
    assert violation(plan) <= 1e-9


def test_a_warm_start_gives_the_same_plan_in_no_more_iterations(drawn: Draw) -> None:
    problem = drawn(5, 50)
    cold = price.solve(problem)
    moved = dataclasses.replace(problem, gain=problem.gain * np.linspace(0.8, 1.25, 50))
    warm, fresh = price.solve(moved, cold.prices), price.solve(moved)
    assert warm.utility == pytest.approx(fresh.utility, rel=1e-12)
    assert warm.iterations <= fresh.iterations


# --- properties of the optimum ---------------------------------------------------------------------------------------

seeds = st.integers(0, 100_000)
sizes = st.integers(1, 8)
presets = st.sampled_from(["paper", "tradeoff"])
PROPERTY = settings(max_examples=25, deadline=None)


def _worth(problem: Problem) -> Plan:
    plan = price.solve(problem)
    assert plan.relative_gap <= 1e-8
    return plan


@PROPERTY
@given(seed=seeds, count=sizes, preset=presets, factor=st.floats(1.0, 10.0))
def test_more_bandwidth_power_or_gain_never_hurts(
    drawn: Draw, seed: int, count: int, preset: str, factor: float
) -> None:
    problem = drawn(seed, count, preset)
    base = _worth(problem).utility - 1e-8
    louder = problem.gain.copy()
    louder[seed % count] *= factor
    assert _worth(dataclasses.replace(problem, bandwidth_hz=problem.bandwidth_hz * factor)).utility >= base
    assert _worth(dataclasses.replace(problem, power_w=problem.power_w * factor)).utility >= base
    assert _worth(dataclasses.replace(problem, gain=louder)).utility >= base


@PROPERTY
@given(seed=seeds, count=sizes, preset=presets, low=st.floats(0.05, 0.9), rise=st.floats(0.01, 0.5))
def test_quality_and_cost_do_not_fall_as_quality_gains_weight(
    drawn: Draw, seed: int, count: int, preset: str, low: float, rise: float
) -> None:
    """lambda_2 = lambda_3 = (1 - lambda_1) / 2: the exchange argument that contradicts the text under figure 14."""
    high = min(low + rise, 0.95)
    plans = []
    for quality in (low, high):
        rest = (1.0 - quality) / 2.0
        plans.append(_worth(dataclasses.replace(drawn(seed, count, preset), weights=Weights(quality, rest, rest))))
    before, after = plans
    assert after.quality >= before.quality - 1e-6
    assert after.delay_s + after.total_energy_j >= before.delay_s + before.total_energy_j - 1e-6


@PROPERTY
@given(seed=seeds, count=sizes, preset=presets)
def test_permuted_receivers_get_the_permuted_plan(drawn: Draw, seed: int, count: int, preset: str) -> None:
    problem = drawn(seed, count, preset)
    order = np.random.default_rng(seed).permutation(count)
    names = tuple(problem.names[index] for index in order)
    plan, permuted = _worth(problem), _worth(dataclasses.replace(problem, names=names, gain=problem.gain[order]))
    np.testing.assert_allclose(permuted.bandwidth_hz, plan.bandwidth_hz[order], rtol=1e-8)
    np.testing.assert_allclose(permuted.power_w, plan.power_w[order], rtol=1e-8)
    np.testing.assert_allclose(permuted.rho, plan.rho[order], rtol=1e-8)


@PROPERTY
@given(seed=seeds, count=sizes, preset=presets)
def test_equal_receivers_get_equal_shares(drawn: Draw, seed: int, count: int, preset: str) -> None:
    problem = drawn(seed, count, preset)
    plan = _worth(dataclasses.replace(problem, gain=np.full(count, problem.gain[0])))
    for shares in (plan.bandwidth_hz, plan.power_w, plan.rho):
        np.testing.assert_allclose(shares, shares[0], rtol=1e-10)


@PROPERTY
@given(seed=seeds, count=sizes, scale=st.floats(-6, 6))
def test_units_do_not_matter(drawn: Draw, seed: int, count: int, scale: float) -> None:
    """Gains and noise in another unit; and joules in another unit, with the weight of energy and the gains to match."""
    problem, unit = drawn(seed, count), 10.0**scale
    plan = _worth(problem)
    noisier = dataclasses.replace(
        problem, gain=problem.gain * unit, noise_density_w_per_hz=problem.noise_density_w_per_hz * unit
    )
    np.testing.assert_allclose(_worth(noisier).bandwidth_hz, plan.bandwidth_hz, rtol=1e-7)
    compute = dataclasses.replace(problem.compute, energy_coefficient=problem.compute.energy_coefficient * unit)
    other_joule = dataclasses.replace(
        problem,
        gain=problem.gain / unit,
        power_w=problem.power_w * unit,
        compute=compute,
        weights=Weights(problem.weights.quality, problem.weights.delay, problem.weights.energy / unit),
    )
    other = _worth(other_joule)
    assert other.utility == pytest.approx(plan.utility, rel=1e-8)
    np.testing.assert_allclose(other.power_w, plan.power_w * unit, rtol=1e-6)


@PROPERTY
@given(seed=seeds, count=sizes, power=st.floats(-5, 1), cap=st.sampled_from([None, 4.0, 20.0]))
def test_budgets_are_never_exceeded(drawn: Draw, seed: int, count: int, power: float, cap: float | None) -> None:
    problem = dataclasses.replace(drawn(seed, count), power_w=10.0**power, spectral_efficiency_cap=cap)
    assert violation(price.solve(problem)) <= 1e-9
