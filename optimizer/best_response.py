"""What every receiver takes at given prices: the inner half of the `price` solver, with its derivatives.

With all deadlines tight, t_n = tau + c1 rho_n seconds are left for the transmission to receiver n. At prices nu (per
Hz), pi (per W) and at tau, stationarity of the Lagrangian of P1 gives z = ln(1 + SNR) in closed form (`water_level`)
and rho as the root of one scalar equation; b and p follow. No search over prices here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optimizer.problem import FloatArray, Problem
from optimizer.water_level import log_one_plus_snr

LN2 = math.log(2.0)
_MAX_RHO_STEPS = 60
_RHO_TOLERANCE = 1e-13


@dataclass(frozen=True, slots=True)
class UserModel:
    """The numbers of a problem that a best response needs, with each receiver's own rho bounds.

    gain: [N] G in Hz/W. rho_low, rho_high: [N]; equal where rho is fixed. size_nats: D ln 2. time_slope_s: c1.
    energy_slope_j: e1. quality_weight: L1. energy_weight: lambda_3. log_snr_cap: cap on z (inf when there is none).
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

    @classmethod
    def of(cls, problem: Problem, rho: FloatArray | None = None) -> UserModel:
        """The model of a problem; rho: [N] fixes the compression rates."""
        size = problem.size
        cap = problem.spectral_efficiency_cap
        return cls(
            gain=problem.gain_over_noise,
            rho_low=np.full(size, problem.rho_lower) if rho is None else rho,
            rho_high=np.full(size, problem.rho_upper) if rho is None else rho,
            size_nats=problem.source_bits * LN2,
            time_slope_s=problem.compute.time_slope_s,
            energy_slope_j=problem.compute.energy_slope_j,
            quality_weight=problem.log_rho_weight,
            energy_weight=problem.weights.energy,
            log_snr_cap=math.inf if cap is None else cap * LN2,
            fixed_rho=rho is not None or problem.rho_lower == problem.rho_upper,
        )

    @property
    def budget_shift_s(self) -> float:
        """tau must exceed minus this: every receiver needs some time to transmit, whatever its compute time."""
        hardest = self.rho_high.min() if self.time_slope_s > 0 else self.rho_low.max()
        return self.time_slope_s * float(hardest)


@dataclass(slots=True)
class Response:
    """Everything is [N]. z: ln(1 + SNR). mu_per_s: price of the receiver's deadline. Derivatives by `jacobian`."""

    nu: float
    pi: float
    tau: float
    z: FloatArray
    rho: FloatArray
    t: FloatArray
    y: FloatArray
    bandwidth_hz: FloatArray
    power_w: FloatArray
    mu_per_s: FloatArray
    interior: FloatArray


@dataclass(slots=True)
class _Terms:
    """The stationarity condition in rho at one point: denominator L1/rho must equal, and its partial derivatives."""

    z: FloatArray
    y: FloatArray
    t: FloatArray
    denominator: FloatArray
    by_z: FloatArray
    by_log_nu: FloatArray
    by_pi: FloatArray
    by_tau: FloatArray
    by_t: FloatArray
    z_by_log_kappa: FloatArray
    weight: FloatArray


def _terms(model: UserModel, nu: float, pi: float, tau: float, rho: FloatArray, guess: FloatArray | None) -> _Terms:
    t = tau + model.time_slope_s * rho
    weight = model.energy_weight * t + pi
    kappa = nu * model.gain / weight
    free = log_one_plus_snr(kappa, guess)
    z = np.minimum(free, model.log_snr_cap)
    y = np.expm1(z)
    z_by_log_kappa = np.where(free > model.log_snr_cap, 0.0, kappa / (z * (y + 1.0)))
    per_z = 1.0 / z
    slope = (y + 1.0 - y * per_z) * per_z  # d(y/z)/dz
    price = (nu + pi * y / model.gain) * per_z
    late = model.size_nats * tau / (t * t)
    energy = model.energy_weight * model.size_nats / model.gain
    denominator = energy * y * per_z - model.energy_weight * model.energy_slope_j + late * price
    return _Terms(
        z=z,
        y=y,
        t=t,
        denominator=denominator,
        by_z=energy * slope + late * (pi * (y + 1.0) / model.gain - price) * per_z,
        by_log_nu=late * nu * per_z,
        by_pi=late * y * per_z / model.gain,
        by_tau=model.size_nats * price / (t * t),
        by_t=-2.0 * late * price / t,
        z_by_log_kappa=z_by_log_kappa,
        weight=weight,
    )


def _rho_feedback(model: UserModel, terms: _Terms, rho: FloatArray) -> FloatArray:
    """d(denominator)/d(ln rho), through t alone and through z."""
    by_log_rho = model.time_slope_s * rho
    z_by_log_rho = -terms.z_by_log_kappa * model.energy_weight * by_log_rho / terms.weight
    return terms.by_z * z_by_log_rho + terms.by_t * by_log_rho


def respond(model: UserModel, nu: float, pi: float, tau: float, previous: Response | None = None) -> Response:
    """The best response at prices nu > 0, pi >= 0 and transmission budget tau. previous: where to start from."""
    low, high = model.rho_low, model.rho_high
    c1 = model.time_slope_s
    if not model.fixed_rho:
        if c1 > 0 and tau <= 0:
            low = np.minimum(np.maximum(low, -tau / c1 * (1 + 1e-9)), high)
        elif c1 < 0:
            high = np.maximum(np.minimum(high, tau / -c1 * (1 - 1e-9)), low)
    rho = high if previous is None else np.clip(previous.rho, low, high)
    guess = None if previous is None else previous.z
    terms = _terms(model, nu, pi, tau, rho, guess)
    if model.fixed_rho:
        interior = np.zeros(rho.shape)
    else:
        rho, terms, interior = _solve_rho(model, nu, pi, tau, rho, low, high, terms)
    bandwidth = rho * model.size_nats / (terms.z * terms.t)
    power = terms.y * bandwidth / model.gain
    mu = (nu * bandwidth + pi * power) / terms.t
    return Response(nu, pi, tau, terms.z, rho, terms.t, terms.y, bandwidth, power, mu, interior)


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
    v = np.clip(np.log(rho), log_low, log_high)
    floor = 1e-9 * weight  # a denominator at or below 0 asks for the largest rho
    for step_count in range(_MAX_RHO_STEPS):
        denominator = np.maximum(terms.denominator, floor / np.exp(v))
        excess = v + np.log(denominator / weight)
        slope = 1.0 + _rho_feedback(model, terms, rho) / denominator
        above = np.where(excess > 0, v, above)
        below = np.where(excess > 0, below, v)
        with np.errstate(divide="ignore", invalid="ignore"):
            proposal = v - excess / slope
        if step_count < 20:
            proposal = np.where((slope > 0.05) & np.isfinite(proposal), proposal, v - excess)
        else:
            proposal = 0.5 * (above + below)
        proposal = np.clip(proposal, below, above)
        change = np.abs(proposal - v).max()
        v = proposal
        rho = np.where(v >= log_high, high, np.where(v <= log_low, low, np.exp(v)))
        terms = _terms(model, nu, pi, tau, rho, terms.z)
        if change <= _RHO_TOLERANCE or (step_count >= 2 and change <= 1e-9):
            break
    return rho, terms, ((v > log_low) & (v < log_high)).astype(np.float64)


def jacobian(model: UserModel, response: Response, with_pi: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Derivatives of (sum b, sum p, sum mu) with respect to (ln nu, tau[, ln pi]): three arrays of 2 or 3 numbers."""
    nu, pi, rho = response.nu, response.pi, response.rho
    terms = _terms(model, nu, pi, response.tau, rho, response.z)
    ones, zeros = np.ones_like(rho), np.zeros_like(rho)
    d_log_nu = np.stack([ones, zeros, zeros][: 3 if with_pi else 2])
    d_tau = np.stack([zeros, ones, zeros][: 3 if with_pi else 2])
    d_log_pi = np.stack([zeros, zeros, ones][: 3 if with_pi else 2])
    d_pi = pi * d_log_pi
    z_direct = terms.z_by_log_kappa * (d_log_nu - (model.energy_weight * d_tau + d_pi) / terms.weight)
    push = terms.by_z * z_direct + terms.by_log_nu * d_log_nu + terms.by_pi * d_pi + (terms.by_tau + terms.by_t) * d_tau
    resistance = terms.denominator + _rho_feedback(model, terms, rho)
    resistance = np.where(np.abs(resistance) > 1e-300, resistance, 1.0)
    d_v = -response.interior * push / resistance
    d_t = d_tau + model.time_slope_s * rho * d_v
    d_z = terms.z_by_log_kappa * (d_log_nu - (model.energy_weight * d_t + d_pi) / terms.weight)
    d_log_b = d_v - d_z / terms.z - d_t / terms.t
    d_log_p = (terms.y + 1.0) / terms.y * d_z + d_log_b
    d_b = response.bandwidth_hz * d_log_b
    d_p = response.power_w * d_log_p
    d_mu = (nu * (response.bandwidth_hz * d_log_nu + d_b) + pi * (response.power_w * d_log_pi + d_p)) / terms.t
    d_mu -= response.mu_per_s * d_t / terms.t
    return d_b.sum(axis=1), d_p.sum(axis=1), d_mu.sum(axis=1)
