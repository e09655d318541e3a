"""Plans over the codec's scaling rates, against brute force over every choice."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import pytest

from optimizer import discrete, price
from optimizer.errors import InfeasibleError
from optimizer.image_format import SCALES
from optimizer.plan import Status, violation
from optimizer.problem import Problem, QualityAggregate

Draw = Callable[..., Problem]


def _brute_force(problem: Problem) -> float:
    rates = [problem.image.rho_of_scale(scale) for scale in problem.allowed_scales]
    best = -np.inf
    for choice in itertools.product(rates, repeat=problem.size):
        try:
            best = max(best, price.solve_fixed_rho(problem, np.array(choice), certify=False).utility)
        except InfeasibleError:
            continue
    return best


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "changes",
    [{}, {"bandwidth_hz": 600.0}, {"deadline_s": 8.0}, {"aggregate": QualityAggregate.MEAN}],
    ids=["default", "narrow", "deadline", "mean"],
)
def test_equals_brute_force_and_proves_it(drawn: Draw, seed: int, changes: dict[str, object]) -> None:
    problem = dataclasses.replace(drawn(seed, 3), scales=SCALES, **changes)
    plan = discrete.solve(problem)
    assert plan.utility == pytest.approx(_brute_force(problem), rel=1e-9)
    assert plan.status is Status.OPTIMAL
    assert violation(plan) <= 1e-9


def test_rho_is_exactly_that_of_the_scale(drawn: Draw) -> None:
    plan = discrete.solve(dataclasses.replace(drawn(3, 6), scales=SCALES))
    assert plan.scales is not None
    for index in range(6):
        assert plan.rho[index] == plan.problem.image.rho_of_scale(int(plan.scales[index]))
        assert plan.share(index).scale == plan.scales[index]


@pytest.mark.parametrize("scale", SCALES)
def test_a_single_scale_is_given_to_everybody_and_certified(drawn: Draw, scale: int) -> None:
    plan = discrete.solve(dataclasses.replace(drawn(0), scales=(scale,)))
    assert plan.status is Status.OPTIMAL
    assert plan.scales is not None
    assert set(plan.scales.tolist()) == {scale}


def test_many_receivers_get_a_plan_between_its_bound_and_the_uniform_choices(drawn: Draw) -> None:
    problem = dataclasses.replace(drawn(1, 60), scales=SCALES)
    plan = discrete.solve(problem)
    uniform = max(
        price.solve_fixed_rho(problem, np.full(60, problem.image.rho_of_scale(scale))).utility for scale in SCALES
    )
    assert uniform <= plan.utility <= plan.upper_bound
    assert plan.upper_bound <= price.solve(dataclasses.replace(problem, scales=())).upper_bound + 1e-6
    assert plan.relative_gap < 0.02  # every receiver has a deadline price of its own, so the dual stays loose


def test_the_restriction_costs_something_but_never_gains(drawn: Draw) -> None:
    problem = drawn(1)
    free = price.solve(problem).utility
    assert free - 5.0 < discrete.solve(dataclasses.replace(problem, scales=SCALES)).utility < free


def test_a_deadline_no_choice_can_meet_is_refused(drawn: Draw) -> None:
    with pytest.raises(InfeasibleError, match="smallest achievable delay"):
        discrete.solve(dataclasses.replace(drawn(0), scales=(2, 4), deadline_s=0.5))
