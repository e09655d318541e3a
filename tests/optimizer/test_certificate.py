"""Weak duality: the bound holds for every allocation at any prices, and meets the optimum at the right ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import price
from optimizer.certificate import lagrangian_values, upper_bound
from optimizer.compute import ComputeModel
from optimizer.plan import Prices, evaluate, violation
from optimizer.problem import Problem

Draw = Callable[..., Problem]


def _any_plan(problem: Problem, generator: np.random.Generator):  # type: ignore[no-untyped-def]
    band = generator.dirichlet(np.ones(problem.size)) * problem.bandwidth_hz
    power = generator.dirichlet(np.ones(problem.size)) * problem.power_w * 10 ** generator.uniform(-5, 0)
    rho = np.exp(generator.uniform(np.log(problem.rho_lower), np.log(problem.rho_upper), problem.size))
    return evaluate(problem, band, power, rho, "random")


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    nu=st.floats(-7, 0),
    pi=st.floats(-6, 2),
    slope=st.sampled_from(["vqvae2", "none", "jscc"]),
    cap=st.sampled_from([None, 8.0]),
)
def test_no_allocation_beats_the_bound_at_any_prices(
    drawn: Draw, seed: int, nu: float, pi: float, slope: str, cap: float | None
) -> None:
    generator = np.random.default_rng(seed)
    problem = dataclasses.replace(drawn(seed, 3), spectral_efficiency_cap=cap)
    if slope != "vqvae2":
        compute = ComputeModel.none() if slope == "none" else ComputeModel(3e8, -2e9)
        problem = dataclasses.replace(problem, compute=compute)
    prices = Prices(10**nu, 10**pi, generator.dirichlet(np.ones(3)), 1.0)
    bound = upper_bound(problem, prices, _any_plan(problem, generator))
    for _ in range(20):
        plan = _any_plan(problem, generator)
        if violation(plan) == 0.0:
            assert plan.utility <= bound
    assert price.solve(problem).utility <= bound + 1e-9 * abs(bound)


def test_the_bound_at_the_optimums_prices_is_the_optimum(drawn: Draw) -> None:
    plan = price.solve(drawn(3, 20))
    assert plan.prices is not None
    assert upper_bound(plan.problem, plan.prices, plan) - plan.utility == pytest.approx(0.0, abs=1e-7)


def test_wrong_prices_make_a_loose_bound(drawn: Draw) -> None:
    plan = price.solve(drawn(3, 5))
    assert plan.prices is not None
    wrong = dataclasses.replace(plan.prices, nu_per_hz=2 * plan.prices.nu_per_hz)
    assert upper_bound(plan.problem, wrong, plan) > plan.utility + 0.1


def test_a_deadline_has_its_price(drawn: Draw) -> None:
    problem = dataclasses.replace(drawn(3, 5), deadline_s=6.0)
    plan = price.solve(problem)
    assert plan.prices is not None
    assert plan.active.deadline
    assert plan.prices.mu_per_s.sum() > problem.weights.delay
    assert upper_bound(problem, plan.prices, plan) - plan.utility == pytest.approx(0.0, abs=1e-7)


def test_values_at_given_rates_sum_to_the_bound_of_fixed_rates(drawn: Draw) -> None:
    problem = drawn(5, 4)
    rate = problem.image.rho_of_scale(4)
    plan = price.solve_fixed_rho(problem, np.full(4, rate))
    assert plan.prices is not None
    constant, values = lagrangian_values(problem, plan.prices, plan, np.array([rate]))
    assert constant + float(values.sum()) == pytest.approx(plan.utility, abs=1e-9)
