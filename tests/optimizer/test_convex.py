"""The one-shot convex program agrees with `price` where it applies, and says so where it does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from optimizer import convex, price
from optimizer.compute import ComputeModel
from optimizer.errors import ProblemError
from optimizer.plan import violation
from optimizer.problem import Problem, Weights

Draw = Callable[..., Problem]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"weights": Weights(0.1, 0.6, 0.3)},
        {"spectral_efficiency_cap": 10.0},
        {"deadline_s": 8.0},
        {"power_w": 0.02},
        {"compute": ComputeModel(1e9, 0.0, energy_coefficient=1e-28)},
    ],
    ids=["default", "weights", "cap", "deadline", "power", "constant-work"],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_price(drawn: Draw, seed: int, changes: dict[str, Any]) -> None:
    problem = dataclasses.replace(drawn(seed), **{"compute": ComputeModel.none(), **changes})
    plan, reference = convex.solve(problem), price.solve(problem)
    assert plan.utility == pytest.approx(reference.utility, rel=1e-6)
    assert violation(plan) <= 1e-6
    assert plan.delay_s == pytest.approx(reference.delay_s, rel=1e-3)


def test_agrees_with_price_at_a_fixed_scale_with_compute(drawn: Draw) -> None:
    rho = drawn(0).image.rho_of_scale(4)
    problem = dataclasses.replace(drawn(0), rho_min=rho, rho_max=rho)
    plan = convex.solve(problem)
    assert plan.utility == pytest.approx(price.solve(problem).utility, rel=1e-6)
    assert plan.problem is problem


def test_refuses_what_is_not_convex(drawn: Draw) -> None:
    with pytest.raises(ProblemError, match="convex needs a compute time that does not depend on rho"):
        convex.solve(drawn(0))
