"""The bad-input table of the notes, line by line, and the derived numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optimizer.compute import ComputeModel
from optimizer.errors import ProblemError
from optimizer.problem import Problem, QualityAggregate, Weights

Draw = Callable[..., Problem]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": (), "gain": []}, "receivers: at least one receiver required"),
        ({"gain": [1e-9, math.nan, 1e-9]}, r"receivers\[1\] \(rx2\): gain must be finite and > 0, got nan"),
        ({"gain": [1e-9, 1e-9, math.inf]}, r"receivers\[2\] \(rx3\): gain must be finite and > 0, got inf"),
        ({"gain": [0.0, 1e-9, 1e-9]}, r"receivers\[0\] \(rx1\): gain must be finite and > 0, got 0"),
        ({"gain": [1e-9, 1e-9]}, "one gain for each of the 3 names required"),
        ({"names": ("a", "b", "a")}, "the name a is used twice"),
        ({"bandwidth_hz": 0.0}, r"bandwidth_hz: must be a positive finite number \(Hz\)"),
        ({"bandwidth_hz": math.inf}, r"bandwidth_hz: must be a positive finite number \(Hz\)"),
        ({"power_w": -5.0}, r"power_w: must be a positive finite number \(W\), got -5"),
        ({"noise_density_w_per_hz": 0.0}, "noise_density_w_per_hz: must be a positive finite number"),
        ({"deadline_s": 0.0}, "deadline_s: must be a positive finite number"),
        ({"spectral_efficiency_cap": math.nan}, "spectral_efficiency_cap: must be a positive finite number"),
        ({"rho_min": 0.0}, "rho: must satisfy 0 < rho_min <= rho_max <= 0.1171875"),
        ({"rho_max": 0.2}, "rho: must satisfy .* got rho_min 0.00183105 and rho_max 0.2"),
        ({"rho_min": 0.1, "rho_max": 0.05}, "rho: must satisfy .* got rho_min 0.1 and rho_max 0.05"),
        ({"rho_min": math.nan}, "rho: must satisfy"),
        ({"scales": (3,)}, r"scales: the codec has scaling rates \(2, 4, 8, 16\), got 3"),
        ({"scales": (16,), "rho_min": 0.01}, "scales: none of .* between rho_min 0.01"),
        ({"weights": Weights(1.0, 0.0, 1.0)}, r"unbounded delay: set lambda_2 > 0 or a deadline"),
        ({"compute": ComputeModel(1e6, 1e9)}, "the work base_mac - slope_mac \\* rho is negative"),
    ],
)
def test_bad_input_is_refused_with_field_and_reason(drawn: Draw, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        dataclasses.replace(drawn(0, 3), **changes)


@pytest.mark.parametrize("values", [(-0.1, 0.5, 0.5), (math.nan, 0.5, 0.5), (0.0, 0.0, 0.0), (0.1, math.inf, 0.1)])
def test_weights_must_not_be_negative_or_all_zero(values: tuple[float, float, float]) -> None:
    with pytest.raises(ProblemError, match="weights must be >= 0 and not all zero"):
        Weights(*values)


def test_a_deadline_allows_a_weightless_delay(drawn: Draw) -> None:
    problem = dataclasses.replace(drawn(0, 3), weights=Weights(1.0, 0.0, 1.0), deadline_s=10.0)
    assert problem.weights.delay == 0


def test_derived_numbers(drawn: Draw) -> None:
    problem = dataclasses.replace(drawn(0, 4), aggregate=QualityAggregate.MEAN)
    assert problem.rho_lower == problem.rho_upper / 64
    assert problem.log_rho_weight == pytest.approx(0.33 * 3.035 / 4)
    assert dataclasses.replace(problem, scales=(8, 2, 4), rho_max=0.05).allowed_scales == (4, 8)


def test_the_gains_cannot_be_changed_behind_the_problems_back(drawn: Draw) -> None:
    given = np.array([1e-9, 2e-9, 3e-9])
    problem = dataclasses.replace(drawn(0, 3), gain=given)
    given[0] = 1.0
    assert problem.gain[0] == 1e-9
    with pytest.raises(ValueError, match="read-only"):
        problem.gain[0] = 1.0
