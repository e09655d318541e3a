"""A second opinion on P1 by a general-purpose local method: SLSQP from many random starts. Slow; for tests and tools.

Variables are ln rho_n, ln b_n and ln(tau + shift). Powers follow from tight deadlines, which loses nothing: less power
at the same T is never worse. Needs SciPy.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.best_response import LN2
from optimizer.plan import Plan, evaluate, violation
from optimizer.problem import FloatArray, Problem

SOLVER = "slsqp"
_FEASIBLE = 1e-7
_WORST = 1e30


@dataclass(frozen=True, slots=True)
class _Model:
    """The reduced problem; every method takes the vector (u[N], ln b[N], s)."""

    problem: Problem
    shift_s: float

    def unpack(self, x: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """([N] rho, [N] bandwidth in Hz, tau in s)."""
        size = self.problem.size
        return np.exp(x[:size]), np.exp(x[size : 2 * size]), float(np.exp(x[-1])) - self.shift_s

    def state(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """([N] rho, b, t, q): q is the log of 1 + SNR that meets the deadline."""
        rho, band, tau = self.unpack(x)
        t = tau + self.problem.compute.time_slope_s * rho
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            q = np.where(t > 0, rho * self.problem.source_bits * LN2 / (band * t), np.inf)
        return rho, band, t, q

    def loss(self, x: FloatArray) -> tuple[float, FloatArray]:
        """Minus the utility (constants left out) and its gradient."""
        problem = self.problem
        rho, band, t, q = self.state(x)
        if not np.all(q < 300.0):
            return _WORST, np.zeros_like(x)
        weights, compute = problem.weights, problem.compute
        gain, snr = problem.gain_over_noise, np.expm1(q)
        turn = 1.0 - compute.time_slope_s * rho / t  # d ln q / du
        energy = band * t * snr / gain
        energy_u = (band * compute.time_slope_s * rho * snr + band * t * (snr + 1.0) * q * turn) / gain
        energy_b = band * t * (snr - (snr + 1.0) * q) / gain
        energy_tau = float((band * (snr - (snr + 1.0) * q) / gain).sum())
        tau = float(np.exp(x[-1])) - self.shift_s
        saved = weights.energy * compute.energy_slope_j * rho
        value = weights.delay * tau + weights.energy * float(energy.sum())
        value -= problem.log_rho_weight * float(np.log(rho).sum()) + float(saved.sum())
        gradient = np.concatenate(
            [
                weights.energy * energy_u - problem.log_rho_weight - saved,
                weights.energy * energy_b,
                [(weights.delay + weights.energy * energy_tau) * float(np.exp(x[-1]))],
            ]
        )
        return value / problem.size, gradient / problem.size

    def slack(self, x: FloatArray) -> FloatArray:
        """ln of what is left of the bandwidth and of the power; both must be >= 0."""
        _, band, _, q = self.state(x)
        power = float((band * np.expm1(np.minimum(q, 300.0)) / self.problem.gain_over_noise).sum())
        return -np.log([float(band.sum()) / self.problem.bandwidth_hz, power / self.problem.power_w])

    def slack_jacobian(self, x: FloatArray) -> FloatArray:
        """Its [2, 2 N + 1] Jacobian."""
        problem = self.problem
        rho, band, t, q = self.state(x)
        q = np.minimum(q, 300.0)
        snr, gain = np.expm1(q), problem.gain_over_noise
        power = float((band * snr / gain).sum())
        turn = 1.0 - problem.compute.time_slope_s * rho / t
        by_u = band * (snr + 1.0) * q * turn / gain
        by_b = band * (snr - (snr + 1.0) * q) / gain
        by_s = -float((band * (snr + 1.0) * q / (t * gain)).sum()) * float(np.exp(x[-1]))
        none = np.zeros(problem.size)
        return -np.stack(
            [np.concatenate([none, band, [0.0]]) / float(band.sum()), np.concatenate([by_u, by_b, [by_s]]) / power]
        )


def solve(problem: Problem, starts: int, seed: int, max_iterations: int = 200) -> Plan:
    """The best of `starts` SLSQP runs from random points. No deadline, no efficiency cap.

    Raises ValueError for a problem that has one of these.
    """
    if problem.deadline_s is not None or problem.spectral_efficiency_cap is not None:
        raise ValueError("reference: has no hard deadline and no spectral_efficiency_cap; leave them out")
    minimize: Any = importlib.import_module("scipy.optimize").minimize
    model = _Model(problem, max(problem.compute.time_slope_s, 0.0) * problem.rho_upper)
    size = problem.size
    rho_bounds = (math.log(problem.rho_lower), math.log(problem.rho_upper))
    bounds = [rho_bounds] * size + [(None, math.log(problem.bandwidth_hz))] * size + [(-20.0, 20.0)]
    generator = np.random.default_rng(seed)
    best: Plan | None = None
    for _ in range(starts):
        result = minimize(
            model.loss,
            _start(model, generator),
            jac=True,
            method="SLSQP",
            bounds=bounds,
            constraints={"type": "ineq", "fun": model.slack, "jac": model.slack_jacobian},
            options={"maxiter": max_iterations, "ftol": 1e-13},
        )
        plan = _plan(model, np.asarray(result.x))
        if plan is not None and (best is None or plan.utility > best.utility):
            best = plan
    if best is None:
        equal = np.full(size, 1.0 / size)
        rho = np.full(size, problem.rho_lower)
        return evaluate(problem, equal * problem.bandwidth_hz, equal * problem.power_w, rho, SOLVER)
    return dataclasses.replace(best, iterations=starts)


def _start(model: _Model, generator: np.random.Generator) -> FloatArray:
    """Random rates and bands, and a tau at which the hungriest receiver runs at 8 to 25 bit/s/Hz."""
    problem = model.problem
    size = problem.size
    u = generator.uniform(math.log(problem.rho_lower), math.log(problem.rho_upper), size)
    band = generator.dirichlet(np.full(size, 5.0)) * problem.bandwidth_hz
    tau = float((np.exp(u) * problem.source_bits / band).max()) / generator.uniform(8.0, 25.0)
    tau += max(-problem.compute.time_slope_s, 0.0) * problem.rho_upper
    return np.concatenate([u, np.log(band), [math.log(tau + model.shift_s)]])


def _plan(model: _Model, x: FloatArray) -> Plan | None:
    if not np.all(np.isfinite(x)):
        return None
    problem = model.problem
    rho, band, _, q = model.state(x)
    if not np.all(q < 300.0):
        return None
    rho = np.clip(rho, problem.rho_lower, problem.rho_upper)
    plan = evaluate(problem, band, band * np.expm1(q) / problem.gain_over_noise, rho, SOLVER)
    return plan if violation(plan) <= _FEASIBLE else None
