"""What every receiver takes at given prices: the inner half of the `price` solver, with its derivatives.

With all deadlines tight, t_n = tau + c1 rho_n seconds are left for the transmission to receiver n. At prices nu (per
Hz), pi (per W) and at tau, stationarity of the Lagrangian of P1 gives z = ln(1 + SNR) in closed form (`water_level`)
and rho as the root of one scalar equation; b and p follow. `Search` says what prices must satisfy; none is made here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.problem import FloatArray, Problem
from optimizer.water_level import log_one_plus_snr

LN2 = math.log(2.0)
FREE_POWER_PRICE = 1e-30  # per W; stands for 0 where energy has no weight and only the efficiency cap bounds the power
_MAX_RHO_STEPS = 80
_RHO_BISECTION_AFTER = 20
_RHO_TOLERANCE = 1e-13


@dataclass(frozen=True, slots=True)
class UserModel:
    """The numbers of a problem that a best response needs, with each receiver's own rho bounds.

    gain: [N] G in Hz/W. rho_low, rho_high: [N]; equal where rho is fixed. size_nats: D ln 2. time_slope_s: c1.
    energy_slope_j: e1. quality_weight: L1. energy_weight: lambda_3. log_snr_cap: cap on z (inf when there is none).
    budget_shift_s: tau must exceed minus this, since every receiver needs some time to transmit.
    """

    gain: FloatArray
    rho_low: FloatArray
    rho_high: FloatArray
    size_nats: float
    time_slope_s: float
    energy_slope_j: float
    quality_weight: float
    energy_weight: float
    log_snr_cap: float
    fixed_rho: bool
    budget_shift_s: float

    @classmethod
    def of(cls, problem: Problem, rho: FloatArray | None = None) -> UserModel:
        """The model of a problem; rho: [N] fixes the compression rates."""
        low = np.full(problem.size, problem.rho_lower) if rho is None else rho
        high = np.full(problem.size, problem.rho_upper) if rho is None else rho
        c1 = problem.compute.time_slope_s
        cap = problem.spectral_efficiency_cap
        return cls(
            gain=problem.gain_over_noise,
            rho_low=low,
            rho_high=high,
            size_nats=problem.source_bits * LN2,
            time_slope_s=c1,
            energy_slope_j=problem.compute.energy_slope_j,
            quality_weight=problem.log_rho_weight,
            energy_weight=problem.weights.energy,
            log_snr_cap=math.inf if cap is None else cap * LN2,
            fixed_rho=rho is not None or problem.rho_lower == problem.rho_upper,
            budget_shift_s=c1 * float(high.min() if c1 > 0 else low.max()),
        )


@dataclass(frozen=True, slots=True)
class Search:
    """What the scalars must satisfy. tau_s: fixed transmission budget, or None: free, at delay_weight a second.

    with_pi: whether power has a price that balances it; else it costs its energy alone.
    """

    model: UserModel
    bandwidth_hz: float
    power_w: float
    delay_weight: float
    tau_s: float | None
    with_pi: bool

    def scalars(self, point: Sequence[float]) -> tuple[float, float, float]:
        """(nu, pi, tau) at a point (ln nu, ln(tau + shift)[, ln pi])."""
        tau = math.exp(point[1]) - self.model.budget_shift_s if self.tau_s is None else self.tau_s
        unpriced = 0.0 if self.model.energy_weight > 0 else FREE_POWER_PRICE
        return math.exp(point[0]), math.exp(point[2]) if self.with_pi else unpriced, tau


@dataclass(frozen=True, slots=True)
class Start:
    """Where to look for a response first: [N] rho and z."""

    rho: FloatArray
    z: FloatArray


@dataclass(slots=True)
class _Terms:
    """One point of the stationarity condition rho * denominator = L1; everything is [N].

    by_z and by_t: partial derivatives of the denominator. late: D ln 2 tau / t^2. price: (nu + pi y / G) / z.
    """

    z: FloatArray
    y: FloatArray
    t: FloatArray
    denominator: FloatArray
    by_z: FloatArray
    by_t: FloatArray
    z_by_log_kappa: FloatArray
    weight: FloatArray
    late: FloatArray
    price: FloatArray


@dataclass(slots=True)
class Response:
    """Everything is [N]. z: ln(1 + SNR). mu_per_s: price of the receiver's deadline. interior: 1 where rho is free."""

    nu: float
    pi: float
    tau: float
    z: FloatArray
    rho: FloatArray
    y: FloatArray
    bandwidth_hz: FloatArray
    power_w: FloatArray
    mu_per_s: FloatArray
    interior: FloatArray
    terms: _Terms


def _terms(model: UserModel, nu: float, pi: float, tau: float, rho: FloatArray, guess: FloatArray | None) -> _Terms:
    t = tau + model.time_slope_s * rho
    weight = model.energy_weight * t + pi
    kappa = nu * model.gain / weight
    z = log_one_plus_snr(kappa, guess)
    z_by_log_kappa: FloatArray | None = None
    if math.isfinite(model.log_snr_cap):
        z_by_log_kappa = np.where(z > model.log_snr_cap, 0.0, kappa / (z * np.exp(z)))
        z = np.minimum(z, model.log_snr_cap)
    y = np.expm1(z)
    rise = y + 1.0
    if z_by_log_kappa is None:
        z_by_log_kappa = kappa / (z * rise)
    late = (model.size_nats * tau) / (t * t)
    load = y / model.gain
    price = (nu + pi * load) / z
    energy = model.energy_weight * model.size_nats / model.gain
    ratio = y / z
    return _Terms(
        z=z,
        y=y,
        t=t,
        denominator=energy * ratio - model.energy_weight * model.energy_slope_j + late * price,
        by_z=(energy * (rise - ratio) + late * (pi / model.gain * rise - price)) / z,
        by_t=-2.0 * late * price / t,
        z_by_log_kappa=z_by_log_kappa,
        weight=weight,
        late=late,
        price=price,
    )


def _rho_feedback(model: UserModel, terms: _Terms, rho: FloatArray) -> FloatArray:
    """d(denominator)/d(ln rho), through t alone and through z."""
    by_log_rho = model.time_slope_s * rho
    z_by_log_rho = -terms.z_by_log_kappa * model.energy_weight * by_log_rho / terms.weight
    return terms.by_z * z_by_log_rho + terms.by_t * by_log_rho


def respond(model: UserModel, nu: float, pi: float, tau: float, start: Start | None = None) -> Response:
    """The best response at prices nu > 0, pi >= 0 and transmission budget tau."""
    low, high = model.rho_low, model.rho_high
    c1 = model.time_slope_s
    if not model.fixed_rho:
        if c1 > 0 and tau <= 0:
            low = np.minimum(np.maximum(low, -tau / c1 * (1 + 1e-9)), high)
        elif c1 < 0:
            high = np.maximum(np.minimum(high, tau / -c1 * (1 - 1e-9)), low)
    rho = high if start is None else np.minimum(np.maximum(start.rho, low), high)
    terms = _terms(model, nu, pi, tau, rho, None if start is None else start.z)
    if model.fixed_rho:
        interior = np.zeros(rho.shape)
    else:
        rho, terms, interior = _solve_rho(model, nu, pi, tau, rho, low, high, terms)
    bandwidth = rho * model.size_nats / (terms.z * terms.t)
    power = terms.y * bandwidth / model.gain
    mu = (nu * bandwidth + pi * power) / terms.t
    return Response(nu, pi, tau, terms.z, rho, terms.y, bandwidth, power, mu, interior, terms)


def _solve_rho(
    model: UserModel,
    nu: float,
    pi: float,
    tau: float,
    rho: FloatArray,
    low: FloatArray,
    high: FloatArray,
    terms: _Terms,
) -> tuple[FloatArray, _Terms, FloatArray]:
    """Root of rho * denominator(rho) = L1 in [low, high], by Newton in ln rho inside a shrinking bracket."""
    weight = model.quality_weight
    if weight == 0:
        rho = np.where(terms.denominator > 0, low, high)
        return rho, _terms(model, nu, pi, tau, rho, terms.z), np.zeros(rho.shape)
    log_low, log_high = np.log(low), np.log(high)
    below, above = log_low, log_high
    v = np.minimum(np.maximum(np.log(rho), log_low), log_high)
    floor = 1e-9 * weight  # a denominator at or below 0 asks for the largest rho
    for step_count in range(_MAX_RHO_STEPS):
        denominator = np.maximum(terms.denominator, floor / np.exp(v))
        excess = v + np.log(denominator / weight)
        slope = 1.0 + _rho_feedback(model, terms, rho) / denominator
        above = np.where(excess > 0, v, above)
        below = np.where(excess > 0, below, v)
        newton = False
        if step_count >= _RHO_BISECTION_AFTER:
            proposal = 0.5 * (above + below)
        elif slope.min() > 0.05:
            proposal, newton = v - excess / slope, True
        else:
            proposal = v - excess / np.where(slope > 0.05, slope, 1.0)
        proposal = np.minimum(np.maximum(proposal, below), above)
        change = float(np.abs(proposal - v).max())
        v = proposal
        rho = np.where(v >= log_high, high, np.where(v <= log_low, low, np.exp(v)))
        if change <= _RHO_TOLERANCE:
            break
        terms = _terms(model, nu, pi, tau, rho, terms.z)
        if newton and change <= 1e-7:  # Newton's next step would be 1e-14
            break
    return rho, terms, ((v > log_low) & (v < log_high)).astype(np.float64)


_DIRECTIONS = {count: np.eye(3)[:, :count, None] for count in (2, 3)}  # of (ln nu, tau, ln pi), to broadcast over [N]


@dataclass(slots=True)
class Sensitivity:
    """How a response moves with ln nu, tau[, ln pi]. sums: [3, K] derivatives of sum b, sum p and sum mu.

    log_rho, log_z: [K, N] derivatives of ln rho and ln z.
    """

    sums: FloatArray
    log_rho: FloatArray
    log_z: FloatArray

    def ahead(self, response: Response, move: FloatArray) -> Start:
        """A start for prices that are `move`, [K], away: the response's rho and z extrapolated."""
        return Start(
            rho=response.rho * np.exp(np.minimum(np.maximum(move @ self.log_rho, -1.0), 1.0)),
            z=response.z * np.exp(np.minimum(np.maximum(move @ self.log_z, -1.0), 1.0)),
        )


def sensitivity(model: UserModel, response: Response, with_pi: bool) -> Sensitivity:
    """Derivatives of a response by implicit differentiation; K = 3 with_pi, else 2."""
    nu, pi, rho, terms = response.nu, response.pi, response.rho, response.terms
    d_log_nu, d_tau, d_log_pi = _DIRECTIONS[3 if with_pi else 2]
    d_pi = pi * d_log_pi
    z_direct = terms.z_by_log_kappa * (d_log_nu - (model.energy_weight * d_tau + d_pi) / terms.weight)
    by_log_nu = terms.late * nu / terms.z
    by_tau = model.size_nats * terms.price / (terms.t * terms.t) + terms.by_t
    push = terms.by_z * z_direct + by_log_nu * d_log_nu + by_tau * d_tau
    if with_pi:
        push += terms.late * terms.y / (terms.z * model.gain) * d_pi
    resistance = terms.denominator + _rho_feedback(model, terms, rho)
    resistance = np.where(np.abs(resistance) > 1e-300, resistance, 1.0)
    d_v = push * (-response.interior / resistance)
    d_t = d_tau + model.time_slope_s * rho * d_v
    d_z = terms.z_by_log_kappa * (d_log_nu - (model.energy_weight * d_t + d_pi) / terms.weight)
    d_log_z = d_z / terms.z
    d_log_t = d_t / terms.t
    d_log_b = d_v - d_log_z - d_log_t
    d_b = response.bandwidth_hz * d_log_b
    d_p = response.power_w * ((terms.y + 1.0) / terms.y * d_z + d_log_b)
    d_mu = nu / terms.t * (response.bandwidth_hz * d_log_nu + d_b) - response.mu_per_s * d_log_t
    if pi > 0:
        d_mu += pi / terms.t * (response.power_w * d_log_pi + d_p)
    sums = np.concatenate([d_b, d_p, d_mu]).sum(axis=1).reshape(3, -1)
    return Sensitivity(sums, d_v, d_log_z)
