"""Best responses: stationarity, derivatives against finite differences, and the ends of rho."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from optimizer.best_response import UserModel, respond, sensitivity
from optimizer.compute import ComputeModel
from optimizer.problem import Problem, Weights

Draw = Callable[..., Problem]

MODELS = {
    "vqvae2": None,
    "none": ComputeModel.none(),
    "jscc": ComputeModel(3e8, -2e9),
}


def _problem(drawn: Draw, name: str) -> Problem:
    problem = drawn(4, 6)
    model = MODELS[name]
    return problem if model is None else dataclasses.replace(problem, compute=model)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("nu", "pi", "tau"), [(3e-3, 0.0, 15.0), (3e-3, 4.0, 9.0), (5e-2, 0.5, 4.0), (1e-4, 1e-3, 2.0)]
)
def test_derivatives_agree_with_finite_differences(drawn: Draw, name: str, nu: float, pi: float, tau: float) -> None:
    model = UserModel.of(_problem(drawn, name))
    step = 1e-6

    def sums(log_nu: float, tau_s: float, log_pi: float) -> np.ndarray:
        response = respond(model, np.exp(log_nu), np.exp(log_pi) if pi else 0.0, tau_s)
        return np.array([response.bandwidth_hz.sum(), response.power_w.sum(), response.mu_per_s.sum()])

    at = np.array([np.log(nu), tau, np.log(pi) if pi else 0.0])
    computed = sensitivity(model, respond(model, nu, pi, tau), with_pi=pi > 0).sums
    for column in range(computed.shape[1]):
        shift = step * np.eye(3)[column] * (tau if column == 1 else 1.0)
        difference = (sums(*(at + shift)) - sums(*(at - shift))) / (2 * shift[column])
        np.testing.assert_allclose(computed[:, column], difference, rtol=2e-4, atol=1e-6 * np.abs(difference).max())


@pytest.mark.parametrize("name", MODELS)
def test_a_receiver_cannot_do_better_by_changing_rho_or_snr(drawn: Draw, name: str) -> None:
    """The response maximises L1 ln rho + lambda_3 e1 rho - lambda_3 E - nu b - pi p at fixed tau."""
    problem = _problem(drawn, name)
    model = UserModel.of(problem)
    nu, pi, tau = 3e-3, 0.7, 12.0
    response = respond(model, nu, pi, tau)

    def worth(rho: np.ndarray, z: np.ndarray) -> np.ndarray:
        t = tau + model.time_slope_s * rho
        band = rho * model.size_nats / (z * t)
        power = np.expm1(z) * band / model.gain
        return (
            model.quality_weight * np.log(rho)
            + model.energy_weight * (model.energy_slope_j * rho - power * t)
            - nu * band
            - pi * power
        )

    best = worth(response.rho, response.z)
    for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0):
        rho = np.clip(response.rho * factor, model.rho_low, model.rho_high)
        assert np.all(worth(rho, response.z) <= best + 1e-9)
        assert np.all(worth(response.rho, response.z * factor) <= best + 1e-9)


def test_quality_without_weight_takes_the_smallest_rho_while_time_costs(drawn: Draw) -> None:
    model = UserModel.of(dataclasses.replace(drawn(0), weights=Weights(0.0, 1.0, 0.1), compute=ComputeModel.none()))
    np.testing.assert_array_equal(respond(model, 1e-3, 0.0, 5.0).rho, model.rho_low)


def test_cheap_budgets_saturate_rho(drawn: Draw) -> None:
    model = UserModel.of(drawn(0))
    response = respond(model, 1e-12, 0.0, 50.0)
    np.testing.assert_array_equal(response.rho, model.rho_high)
    assert not response.interior.any()


def test_the_cap_bounds_the_snr(drawn: Draw) -> None:
    model = UserModel.of(dataclasses.replace(drawn(0), spectral_efficiency_cap=6.0))
    response = respond(model, 1e-2, 0.0, 20.0)
    np.testing.assert_allclose(np.log2(1.0 + response.y), 6.0, rtol=1e-12)
