"""The start for a few receivers: near the solution where it is found, and no plan depends on it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest

from optimizer import price
from optimizer.best_response import Search, UserModel, respond
from optimizer.compute import ComputeModel
from optimizer.few_receivers import FEW, settle
from optimizer.plan import Plan
from optimizer.problem import FloatArray, Problem, QualityAggregate, Weights

Draw = Callable[..., Problem]


def _varied(drawn: Draw, seed: int) -> tuple[Problem, FloatArray | None]:
    """A random problem: every term, budget and bound that may be there or not; fixed rates for one in four."""
    generator = np.random.default_rng(seed)
    count = int(generator.integers(1, FEW + 1))
    problem = drawn(seed, count, ("paper", "tradeoff")[seed % 2])
    quality, delay, energy = generator.uniform(0.02, 1.0, 3).tolist()
    with_energy, with_delay = (generator.uniform(size=2) > (0.2, 0.5)).tolist()
    weights = Weights(quality, delay, energy if with_energy else 0.0)
    problem = dataclasses.replace(
        problem,
        weights=weights,
        aggregate=QualityAggregate.MEAN if generator.uniform() < 0.3 else QualityAggregate.SUM,
        bandwidth_hz=problem.bandwidth_hz * 10.0 ** generator.uniform(-1.0, 2.0),
        power_w=10.0 ** generator.uniform(-4.0, 1.0) if generator.uniform() < 0.4 else 50.0,
        spectral_efficiency_cap=generator.uniform(1.0, 25.0) if generator.uniform() < 0.3 else None,
        compute=(problem.compute, ComputeModel.none(), ComputeModel(3e8, -(10.0 ** generator.uniform(8.0, 9.7))))[
            int(generator.integers(3))
        ],
    )
    rho = generator.uniform(problem.rho_lower, problem.rho_upper, count) if generator.uniform() < 0.25 else None
    if generator.uniform() < 0.3:
        problem = dataclasses.replace(
            problem,
            deadline_s=generator.uniform(1.01, 5.0) * price.smallest_delay_s(problem, rho),
            weights=weights if with_delay else dataclasses.replace(weights, delay=0.0),
        )
    return problem, rho


def _numbers(plan: Plan) -> FloatArray:
    assert plan.prices is not None
    prices = [plan.prices.nu_per_hz, plan.prices.pi_per_w]
    return np.concatenate([prices, plan.rho, plan.bandwidth_hz, plan.power_w])


@pytest.mark.parametrize("block", range(8))
def test_the_plan_is_that_of_the_vectorised_way(drawn: Draw, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    for seed in range(50 * block, 50 * block + 50):
        problem, rho = _varied(drawn, seed)
        plans = []
        for few in (FEW, 0):
            monkeypatch.setattr(price, "FEW", few)
            if rho is None:
                plans.append(price.solve_uncertified(problem))
            else:
                plans.append(price.solve_fixed_rho(problem, rho, certify=False))
        with_start, without = plans
        assert with_start.status is without.status, seed
        np.testing.assert_allclose(_numbers(with_start), _numbers(without), rtol=1e-10, err_msg=f"seed {seed}")


@pytest.mark.parametrize("preset", ["paper", "tradeoff"])
@pytest.mark.parametrize("power_w", [50.0, 1e-3])
def test_it_ends_where_everything_adds_up(drawn: Draw, preset: str, power_w: float) -> None:
    problem = dataclasses.replace(drawn(3, 5, preset), power_w=power_w)
    plan = price.solve(problem)
    assert plan.prices is not None
    with_pi = plan.prices.pi_per_w > 0
    search = Search(UserModel.of(problem), problem.bandwidth_hz, power_w, problem.weights.delay, None, with_pi)
    scalars = [plan.prices.nu_per_hz, plan.prices.transmit_budget_s + search.model.budget_shift_s]
    settled = settle(search, np.log([*scalars, plan.prices.pi_per_w] if with_pi else scalars) + 0.3)
    assert settled is not None
    nu, pi, tau = search.scalars(settled.point.tolist())
    response = respond(search.model, nu, pi, tau, settled.start)
    assert response.bandwidth_hz.sum() == pytest.approx(problem.bandwidth_hz, rel=1e-11)
    assert response.mu_per_s.sum() == pytest.approx(problem.weights.delay, rel=1e-11)
    if with_pi:
        assert response.power_w.sum() == pytest.approx(power_w, rel=1e-11)
    np.testing.assert_allclose(settled.start.rho, plan.rho, rtol=1e-10)


def test_it_gives_up_rather_than_answer_wrongly(drawn: Draw) -> None:
    problem = drawn(0)
    model = UserModel.of(problem)
    search = Search(model, problem.bandwidth_hz, problem.power_w, problem.weights.delay, None, with_pi=False)
    assert settle(search, np.array([math.nan, math.nan])) is None
    assert settle(search, np.array([1e4, 0.0])) is None
    worthless = dataclasses.replace(search, model=dataclasses.replace(model, quality_weight=0.0))
    assert settle(worthless, np.zeros(2)) is None
