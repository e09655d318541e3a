"""The three blocks of Algorithm 1: theta (P1.1), the compression rates (P2.2) and bands, powers and delay (P2.3).

The loops that alternate between them are `algorithm1` and `algorithm1_joint`. Restored here: lambda_1 in (30), and the
rate below D in its deadline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optimizer.best_response import LN2
from optimizer.cone_solvers import attempt, cp
from optimizer.plan import Plan
from optimizer.problem import FloatArray, Problem


@dataclass(frozen=True, slots=True)
class Point:
    """What the algorithm alternates on; arrays are [N]. None of the numbers is optimised here."""

    bandwidth_hz: FloatArray
    power_w: FloatArray
    rho: FloatArray

    @classmethod
    def equal(cls, problem: Problem, rho: float | None = None) -> Point:
        """Equal bands and powers, and everybody at `rho` (rho_max when left out)."""
        ones = np.ones(problem.size)
        return cls(
            ones * (problem.bandwidth_hz / problem.size),
            ones * (problem.power_w / problem.size),
            ones * (problem.rho_upper if rho is None else rho),
        )


def auxiliary(plan: Plan) -> FloatArray:
    """[N] theta = 1 / (2 p rho r), which minimises (27) (P1.1)."""
    return 1.0 / (2.0 * plan.power_w * plan.rho * plan.rate_bps)


@dataclass(frozen=True, slots=True)
class RhoBlock:
    """P2.2 at fixed theta, bands and powers: concave in each rho, so a closed form for each receiver.

    curvature: [N] 2 lambda_3 D p^2 theta. load_s: [N] D / r - c1, seconds that a unit of rho adds to a delay.
    """

    problem: Problem
    curvature: FloatArray
    load_s: FloatArray

    @classmethod
    def at(cls, plan: Plan, theta: FloatArray) -> RhoBlock:
        """The block at a plan's bands and powers."""
        problem = plan.problem
        energy = problem.weights.energy * problem.source_bits
        return cls(
            problem,
            2.0 * energy * plan.power_w**2 * theta,
            problem.source_bits / plan.rate_bps - problem.compute.time_slope_s,
        )

    def marginal(self, rho: FloatArray) -> FloatArray:
        """[N] derivative of the objective in rho, delay aside."""
        saving = self.problem.weights.energy * self.problem.compute.energy_slope_j
        return self.problem.log_rho_weight / rho - self.curvature * rho + saving

    def unhurried(self) -> FloatArray:
        """[N] the best rates if delay did not matter."""
        weight = self.problem.log_rho_weight
        saving = self.problem.weights.energy * self.problem.compute.energy_slope_j
        curvature = np.maximum(self.curvature, 1e-300)
        root = (saving + np.sqrt(saving * saving + 4.0 * curvature * weight)) / (2.0 * curvature)
        return np.clip(root, self.problem.rho_lower, self.problem.rho_upper)

    def within(self, delay_s: float) -> FloatArray:
        """[N] the best rates that keep every delay within delay_s."""
        slack = delay_s - self.problem.compute.time_base_s
        rho = self.unhurried()
        with np.errstate(divide="ignore"):
            limit = slack / self.load_s
        rho = np.where(self.load_s > 0, np.minimum(rho, limit), np.maximum(rho, limit))
        return np.clip(rho, self.problem.rho_lower, self.problem.rho_upper)

    def delay_s(self, rho: FloatArray) -> float:
        """Largest delay at these rates."""
        return self.problem.compute.time_base_s + float((self.load_s * rho).max())

    def jointly(self) -> FloatArray:
        """[N] the best rates when T is free as well and costs lambda_2 a second: bisection on its derivative."""
        lower = np.where(self.load_s > 0, self.problem.rho_lower, self.problem.rho_upper)
        low, high = self.delay_s(lower), self.delay_s(self.unhurried())
        if self.problem.deadline_s is not None:
            high = max(low, min(high, self.problem.deadline_s))
        for _ in range(200):
            middle = 0.5 * (low + high)
            if middle in (low, high):
                break
            if self._worth_of_time(middle) > self.problem.weights.delay:
                low = middle
            else:
                high = middle
        return self.within(high)

    def _worth_of_time(self, delay_s: float) -> float:
        """Utility that one more second would bring through the rates that wait for it."""
        rho = self.within(delay_s)
        inside = (rho > self.problem.rho_lower) & (rho < self.problem.rho_upper)
        waiting = inside & (np.abs(rho - self.unhurried()) > 1e-12 * rho)
        return float(np.sum(self.marginal(rho)[waiting] / self.load_s[waiting]))


class BandPowerBlock:
    """P2.3 at fixed theta and rho: one convex program, compiled once (DPP) and solved again with new numbers.

    Units are kHz, knat/s and s, and powers are relative to the last iteration's: without that, solvers fail.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        size = problem.size
        self._band = cp.Variable(size, nonneg=True)
        self._power = cp.Variable(size, nonneg=True)
        self._delay = cp.Variable()
        slowness = cp.Variable(size)
        rate = cp.Variable(size)
        self._log_gain = cp.Parameter(size)
        self._inverse_gain = cp.Parameter(size, nonneg=True)
        self._budget_share = cp.Parameter(size, nonneg=True)
        self._load = cp.Parameter(size, nonneg=True)
        self._compute = cp.Parameter(size)
        self._power_cost = cp.Parameter(size, nonneg=True)
        self._slowness_cost = cp.Parameter(size, nonneg=True)
        self._cap = cp.Parameter(size, nonneg=True)
        entropy = cp.rel_entr(self._band, cp.multiply(self._inverse_gain, self._band) + self._power)
        constraints = [
            cp.sum(self._band) <= problem.bandwidth_hz / 1e3,
            self._budget_share @ self._power <= 1.0,
            rate <= cp.multiply(self._log_gain, self._band) - entropy,
            slowness >= cp.inv_pos(rate),
            cp.multiply(self._load, slowness) + self._compute <= self._delay,
        ]
        if problem.deadline_s is not None:
            constraints.append(self._delay <= problem.deadline_s)
        if problem.spectral_efficiency_cap is not None:
            constraints.append(self._power <= cp.multiply(self._cap, self._band))
        cost = problem.weights.delay * self._delay
        cost += cp.sum_squares(cp.multiply(self._power_cost, self._power))
        cost += cp.sum_squares(cp.multiply(self._slowness_cost, slowness))
        self._program = cp.Problem(cp.Minimize(cost), constraints)

    def best(self, theta: FloatArray, rho: FloatArray, current: Plan) -> Point | None:
        """The best bands and powers, or None when every solver of the chain fails even after a change of scale."""
        for unit in (current.power_w, np.full(rho.shape, float(current.power_w.mean()))):
            self._set(theta, rho, unit)
            if attempt(self._program) is not None:
                point = self._point(rho, unit)
                if point is not None:
                    return point
        return None

    def _set(self, theta: FloatArray, rho: FloatArray, unit: FloatArray) -> None:
        problem = self._problem
        gain = problem.gain_over_noise * unit / 1e3
        energy = problem.weights.energy * problem.source_bits
        self._log_gain.value = np.log(gain)
        self._inverse_gain.value = 1.0 / gain
        self._budget_share.value = unit / problem.power_w
        self._load.value = rho * problem.source_bits * LN2 / 1e3
        self._compute.value = problem.compute.time_base_s - problem.compute.time_slope_s * rho
        self._power_cost.value = np.sqrt(energy * theta) * unit * rho
        self._slowness_cost.value = np.sqrt(energy / (4.0 * theta)) * LN2 / 1e3
        if problem.spectral_efficiency_cap is not None:
            self._cap.value = math.expm1(problem.spectral_efficiency_cap * LN2) / gain

    def _point(self, rho: FloatArray, unit: FloatArray) -> Point | None:
        """The solution in SI units, brought inside the budgets that it may miss by the solver's tolerance."""
        if self._band.value is None or self._power.value is None:
            return None
        band = np.asarray(self._band.value, dtype=np.float64) * 1e3
        power = np.asarray(self._power.value, dtype=np.float64) * unit
        if not (np.all(np.isfinite(band)) and np.all(np.isfinite(power)) and band.min() > 0 and power.min() > 0):
            return None
        band *= self._problem.bandwidth_hz / float(band.sum())
        power *= min(1.0, self._problem.power_w / float(power.sum()))
        if self._problem.spectral_efficiency_cap is not None:
            steepest = math.expm1(self._problem.spectral_efficiency_cap * LN2)
            power = np.minimum(power, steepest * band / self._problem.gain_over_noise)
        return Point(band, power, rho)
