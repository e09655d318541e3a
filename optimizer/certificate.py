"""The optimality certificate: an upper bound of P1 by weak duality, from any prices. It decides nothing.

For nu, pi >= 0 and mu_n >= 0 with sum mu = lambda_2 + eta, eta >= 0 the price of a hard deadline T_d,

    U* <= nu B + pi P + eta (T_d - c0) - lambda_2 c0 + N (lambda_1 w_Q a_q - lambda_3 e0) + sum_n max_u h_n(u),
    h_n(u) = L1 u + k_n e^u - phi_n(e^u),   k_n = lambda_3 e1 + mu_n c1,   u = ln rho,
    phi_n(rho) = min_y { lambda_3 rho D y / (G_n S) + 2 sqrt(mu_n D rho (nu + pi y / G_n) / S) },   S = log2(1 + y).

phi_n(e^u) is convex in u (log-convex terms minimised over ln y jointly), so its tangents lie below it, and e^u lies
below its chords: on any piece of [ln rho_min, ln rho_max] a chord and two tangents bound h_n from above. Pieces are
split, all receivers at once, until the bound is as close to the best value seen as asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.best_response import LN2
from optimizer.plan import Plan, Prices
from optimizer.problem import FloatArray, Problem

IntArray = NDArray[np.intp]

RELATIVE_TOLERANCE = 1e-10
"""The bound is computed to this part of its own value."""

_MAX_ROUNDS = 60
_MAX_STEPS = 60
_LEAST_LOG_SNR = -40.0
_NEAR = 16.0  # the part of a piece that is cut off next to the best point


@dataclass(frozen=True, slots=True)
class _Dual:
    """The receivers' part of the dual function: all [N] but the numbers of the problem."""

    gain: FloatArray
    log_snr: FloatArray
    mu: FloatArray
    exponential: FloatArray
    quality_weight: float
    energy_weight: float
    size_nats: float
    nu: float
    pi: float
    log_snr_cap: float

    def subset(self, users: IntArray) -> _Dual:
        return _Dual(
            self.gain[users],
            self.log_snr[users],
            self.mu[users],
            self.exponential[users],
            self.quality_weight,
            self.energy_weight,
            self.size_nats,
            self.nu,
            self.pi,
            self.log_snr_cap,
        )


def upper_bound(problem: Problem, prices: Prices, plan: Plan, fixed_rho: bool = False) -> float:
    """A number no allocation can beat, from `prices`; valid at any, tight at the optimum's. plan: where to look first.

    fixed_rho: bound the problem in which the compression rates are exactly the plan's.
    """
    dual, constant = _dual(problem, prices, plan)
    rho = plan.rho
    if fixed_rho or problem.rho_lower == problem.rho_upper:
        value, _ = _lagrangian(dual, np.log(rho))
        return constant + float(value.sum())
    low = np.full(problem.size, math.log(problem.rho_lower))
    high = np.full(problem.size, math.log(problem.rho_upper))
    tolerance = RELATIVE_TOLERANCE * max(1.0, abs(constant)) / problem.size
    return constant + float(_maximum(dual, low, high, np.clip(np.log(rho), low, high), tolerance).sum())


def lagrangian_values(problem: Problem, prices: Prices, plan: Plan, rho: FloatArray) -> tuple[float, FloatArray]:
    """(constant, h): the bound of a problem restricted to the [K] rates rho is constant + sum_n max_k h[n, k].

    plan: one at similar prices, where to look first.
    """
    dual, constant = _dual(problem, prices, plan)
    columns = [_lagrangian(dual, np.full(problem.size, math.log(rate)))[0] for rate in rho]
    return constant, np.stack(columns, axis=1)


def _dual(problem: Problem, prices: Prices, plan: Plan) -> tuple[_Dual, float]:
    weights, compute = problem.weights, problem.compute
    mu, eta = _deadline_prices(problem, prices.mu_per_s)
    nu, pi = max(prices.nu_per_hz, 0.0), max(prices.pi_per_w, 0.0)
    cap = problem.spectral_efficiency_cap
    dual = _Dual(
        gain=problem.gain_over_noise,
        log_snr=plan.snr_db * (math.log(10.0) / 10.0),
        mu=mu,
        exponential=weights.energy * compute.energy_slope_j + mu * compute.time_slope_s,
        quality_weight=problem.log_rho_weight,
        energy_weight=weights.energy,
        size_nats=problem.source_bits * LN2,
        nu=nu,
        pi=pi,
        log_snr_cap=700.0 if cap is None else min(cap * LN2, 700.0),
    )
    constant = nu * problem.bandwidth_hz + pi * problem.power_w - weights.delay * compute.time_base_s
    if problem.deadline_s is not None:
        constant += eta * (problem.deadline_s - compute.time_base_s)
    constant += problem.size * (
        weights.quality * problem.quality_share * problem.quality.intercept_db - weights.energy * compute.energy_base_j
    )
    return dual, constant


def _deadline_prices(problem: Problem, mu: FloatArray) -> tuple[FloatArray, float]:
    """mu scaled so that its sum is lambda_2, or lambda_2 + eta where a hard deadline allows eta >= 0."""
    mu = np.maximum(mu, 0.0)
    total, wanted = float(mu.sum()), problem.weights.delay
    if problem.deadline_s is not None and total > wanted * (1 + 1e-9):
        return mu, total - wanted
    if total > 0:
        return mu * (wanted / total), 0.0
    return np.full(mu.shape, wanted / mu.size), 0.0


def _lagrangian(dual: _Dual, u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """h without its e^u term's bound: ([M] h(u), [M] d phi / du)."""
    phi, slope = _phi(dual, u)
    return dual.quality_weight * u + dual.exponential * np.exp(u) - phi, slope


@dataclass(frozen=True, slots=True)
class _Inner:
    """What phi minimises, at x = ln y: both of its terms, and the derivatives of their sum in x; all [M]."""

    energy: FloatArray
    delay: FloatArray
    first: FloatArray
    second: FloatArray

    @classmethod
    def at(cls, dual: _Dual, rho: FloatArray, x: FloatArray) -> _Inner:
        """The terms at SNR e^x and compression rate rho."""
        y = np.exp(x)
        z = np.log1p(y)
        z_slope = y / ((1.0 + y) * z)  # d ln z / dx
        z_bend = z_slope * (1.0 / (1.0 + y) - z_slope)
        power = dual.pi / dual.gain * y
        loaded = dual.nu + power
        share = np.divide(power, loaded, out=np.zeros_like(y), where=loaded > 0)
        energy = (dual.energy_weight * dual.size_nats) * rho / dual.gain * y / z
        delay = 2.0 * np.sqrt(dual.mu * dual.size_nats * rho * loaded / z)
        energy_log, delay_log = 1.0 - z_slope, 0.5 * (share - z_slope)
        return cls(
            energy,
            delay,
            energy * energy_log + delay * delay_log,
            energy * (energy_log**2 - z_bend) + delay * (delay_log**2 + 0.5 * (share * (1.0 - share) - z_bend)),
        )


def _phi(dual: _Dual, u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """phi(e^u), not above its true value, and its derivative in u, both [M].

    A safeguarded Newton method in x = ln y, where the objective is convex. What is left at its end (twice the Newton
    decrement) is taken off, so that a bad end makes a loose bound and not a wrong one. The envelope theorem gives the
    derivative: the first term grows as e^u, the second as e^(u/2).
    """
    rho = np.exp(u)
    x_cap = dual.log_snr_cap + math.log(-math.expm1(-dual.log_snr_cap))
    low, high = np.full_like(u, _LEAST_LOG_SNR), np.full_like(u, x_cap)
    x = np.maximum(dual.log_snr, _LEAST_LOG_SNR + 1.0)  # the best SNR depends little on rho
    x = np.where(x > x_cap - 1e-6, x_cap, x)
    inner = _Inner.at(dual, rho, x)
    for _ in range(_MAX_STEPS):
        high = np.where(inner.first > 0, x, high)
        low = np.where(inner.first > 0, low, x)
        step = np.divide(inner.first, inner.second, out=np.sign(inner.first), where=inner.second > 0)
        proposal = np.minimum(x - np.maximum(np.minimum(step, 3.0), -3.0), x_cap)
        proposal = np.where((proposal >= low) & (proposal <= high), proposal, 0.5 * (low + high))
        change = float(np.abs(proposal - x).max())
        if change <= 1e-9:
            break
        x = proposal
        inner = _Inner.at(dual, rho, x)
        if change <= 3e-5:
            break  # the last step was Newton's, so x is right to about 1e-9, and phi is flat at its minimum
    held = (x >= x_cap) & (inner.first <= 0)
    decrement = np.divide(inner.first**2, inner.second, out=np.zeros_like(x), where=(inner.second > 0) & ~held)
    return inner.energy + inner.delay - decrement, inner.energy + 0.5 * inner.delay


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Intervals [left, right] of u with h and d phi / du at both ends; all [M]."""

    user: IntArray
    left: FloatArray
    right: FloatArray
    left_value: FloatArray
    right_value: FloatArray
    left_slope: FloatArray
    right_slope: FloatArray

    def at(self, chosen: NDArray[np.bool_]) -> _Pieces:
        """The pieces that `chosen` marks."""
        return _Pieces(
            self.user[chosen],
            self.left[chosen],
            self.right[chosen],
            self.left_value[chosen],
            self.right_value[chosen],
            self.left_slope[chosen],
            self.right_slope[chosen],
        )

    def bounds(self, dual: _Dual) -> tuple[FloatArray, FloatArray]:
        """([M] upper bound of h on each piece, [M] where two straight lines above h cross)."""
        k = dual.exponential[self.user]
        width = self.right - self.left
        chord = np.exp(self.left) * np.expm1(width) / width
        rising = dual.quality_weight + k * np.where(k >= 0, chord, np.exp(self.left)) - self.left_slope
        falling = dual.quality_weight + k * np.where(k >= 0, chord, np.exp(self.right)) - self.right_slope
        bend = rising - falling
        drop = self.right_value - self.left_value - falling * width
        offset = np.clip(np.divide(drop, bend, out=0.5 * width, where=bend > 0), 0.0, width)
        crossing = self.left_value + np.maximum(rising, 0.0) * offset
        ceiling = np.where(rising <= 0, self.left_value, np.where(falling >= 0, self.right_value, crossing))
        ceiling = np.maximum(ceiling, np.maximum(self.left_value, self.right_value))
        return ceiling, self.left + np.clip(offset, 0.1 * width, 0.9 * width)

    def cut(self, split: FloatArray, value: FloatArray, slope: FloatArray) -> _Pieces:
        """Every piece in two at split, where h is value and d phi / du is slope."""
        return _Pieces(
            np.concatenate([self.user, self.user]),
            np.concatenate([self.left, split]),
            np.concatenate([split, self.right]),
            np.concatenate([self.left_value, value]),
            np.concatenate([value, self.right_value]),
            np.concatenate([self.left_slope, slope]),
            np.concatenate([slope, self.right_slope]),
        )


def _maximum(dual: _Dual, low: FloatArray, high: FloatArray, first: FloatArray, tolerance: float) -> FloatArray:
    """[N] upper bounds of max_u h(u) on [low, high], each within `tolerance` of a value that h takes."""
    count = low.size
    everybody = np.arange(count)
    thrice = np.concatenate([everybody, everybody, everybody])
    value, slope = _lagrangian(dual.subset(thrice), np.concatenate([first, low, high]))
    value_first, value_low, value_high = value.reshape(3, count)
    slope_first, slope_low, slope_high = slope.reshape(3, count)
    best = np.maximum(value_first, np.maximum(value_low, value_high))
    pieces = _Pieces(
        user=np.concatenate([everybody, everybody]),
        left=np.concatenate([low, first]),
        right=np.concatenate([first, high]),
        left_value=np.concatenate([value_low, value_first]),
        right_value=np.concatenate([value_first, value_high]),
        left_slope=np.concatenate([slope_low, slope_first]),
        right_slope=np.concatenate([slope_first, slope_high]),
    )
    pieces = pieces.at(pieces.right > pieces.left)
    bound = best.copy()
    for _ in range(_MAX_ROUNDS):
        ceiling, split = pieces.bounds(dual)
        open_ = ceiling > best[pieces.user] + tolerance
        np.maximum.at(bound, pieces.user[~open_], ceiling[~open_])
        if not open_.any():
            return bound
        pieces, split = pieces.at(open_), split[open_]
        # Next to the best point the bound closes only quadratically: cut close to it, not in the middle.
        near = first[pieces.user]
        split = np.where(pieces.left == near, pieces.left + (pieces.right - pieces.left) / _NEAR, split)
        split = np.where(pieces.right == near, pieces.right - (pieces.right - pieces.left) / _NEAR, split)
        value, slope = _lagrangian(dual.subset(pieces.user), split)
        np.maximum.at(best, pieces.user, value)
        pieces = pieces.cut(split, value, slope)
    ceiling, _ = pieces.bounds(dual)
    np.maximum.at(bound, pieces.user, ceiling)
    return np.maximum(bound, best)
