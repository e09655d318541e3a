"""A start for the `price` solver, next to its solution, for so few receivers that NumPy's calls would take the time.

One idea: Newton's method on all conditions of optimality at once (each receiver's rho, and the scalars nu, tau and pi),
in plain floats. It promises nothing: `price` checks and goes on from where it ends, and starts elsewhere when it fails.

With b, p and mu of `best_response` the condition on rho is W = lambda_3 t p - lambda_3 e1 rho + tau mu = L1, and in
logarithms nearly every derivative is a short expression.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optimizer.best_response import Search, Start, UserModel
from optimizer.problem import FloatArray

FEW = 16
"""Up to this many receivers it saves time."""

_MAX_ITERATIONS = 15
_LONGEST_STEP = 2.0  # in ln
_CLOSE = 1e-7  # the convergence is quadratic: after a step of this length what is left is rounding
_SMALLEST_KAPPA = 1e-6  # below, `water_level` uses a series

Triple = tuple[float, float, float]
"""Of (ln nu, ln(tau + shift), ln pi), or by them."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Where the method ended: the scalars as `price` has them, where to start from, and every iteration's residual."""

    point: FloatArray
    start: Start
    residuals: list[float]


class _LostError(Exception):
    """The method does not lead to a maximum from here, or the numbers are out of its range."""


@dataclass(slots=True)
class _Receiver:
    """Where a receiver is. own, by: how far its ln rho still has to move, at these scalars and with each of them."""

    gain: float
    log_low: float
    log_high: float
    log_rho: float
    z: float = 0.0
    own: float = 0.0
    by: Triple = (0.0, 0.0, 0.0)


def settle(search: Search, point: FloatArray) -> Settled | None:
    """A solution near `point`, (ln nu, ln(tau + shift)[, ln pi]), or None when the method does not end at one."""
    model = search.model
    if model.quality_weight == 0 and not model.fixed_rho:
        return None
    bounds = zip(model.gain.tolist(), np.log(model.rho_low).tolist(), np.log(model.rho_high).tolist(), strict=True)
    receivers = [_Receiver(gain, low, high, high) for gain, low, high in bounds]
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):  # as floats do; numbers may be NumPy's
            return _newton(search, receivers, point.tolist())
    except (_LostError, ArithmeticError, ValueError):
        return None


def _newton(search: Search, receivers: list[_Receiver], logs: list[float]) -> Settled | None:
    residuals = []
    for _ in range(_MAX_ITERATIONS):
        change, residual = _scalar_change(search, receivers, logs)
        residuals.append(residual)
        longest = max(abs(value) for value in change)
        length = 1.0 if longest <= _LONGEST_STEP else _LONGEST_STEP / longest
        logs = [value + length * step for value, step in zip(logs, change, strict=False)]  # pi may be left out
        for receiver in receivers:
            longest = max(longest, _move(receiver, change, length))
        if longest <= _CLOSE:
            rho = np.exp([receiver.log_rho for receiver in receivers])
            return Settled(np.array(logs), Start(rho, np.array([receiver.z for receiver in receivers])), residuals)
    return None


def _move(receiver: _Receiver, change: Triple, length: float) -> float:
    """Newton's step of ln rho, kept inside its range; returns how far it went."""
    by = receiver.by
    step = receiver.own + by[0] * change[0] + by[1] * change[1] + by[2] * change[2]
    before = receiver.log_rho
    receiver.log_rho = min(max(before + length * step, receiver.log_low), receiver.log_high)
    return abs(receiver.log_rho - before)


def _scalar_change(search: Search, receivers: list[_Receiver], logs: list[float]) -> tuple[Triple, float]:
    """Newton's step of the scalars, each receiver's rho eliminated, and the largest residual of what they balance."""
    model = search.model
    nu, pi, tau = search.scalars(logs)
    lifted = tau + model.budget_shift_s
    sums = [0.0] * 15
    for receiver in receivers:
        sums = [total + part for total, part in zip(sums, _shares(model, receiver, nu, pi, tau, lifted), strict=True)]
    band, late, power = sums[:5], sums[5:10], sums[10:]
    balances = [_balance(band, search.bandwidth_hz)]
    balances.append(_balance(late, search.delay_weight) if search.tau_s is None else (0.0, (0.0, 1.0, 0.0), 0.0))
    balances.append(_balance(power, search.power_w) if search.with_pi else (0.0, (0.0, 0.0, 1.0), 0.0))
    (one, a, one_now), (two, b, two_now), (three, c, three_now) = balances
    bc, ca, ab = _cross(b, c), _cross(c, a), _cross(a, b)
    determinant = a[0] * bc[0] + a[1] * bc[1] + a[2] * bc[2]
    x, y, z = ((one * i + two * j + three * k) / determinant for i, j, k in zip(bc, ca, ab, strict=True))
    return (x, y, z), max(abs(one_now), abs(two_now), abs(three_now))


def _balance(sums: list[float], target: float) -> tuple[float, Triple, float]:
    """(what is missing once every rho has moved on its own, derivatives by the scalars, what is missing now), in ln."""
    total, own, by_nu, by_tau, by_pi = sums
    missing = math.log(target / total)
    return missing - own / total, (by_nu / total, by_tau / total, by_pi / total), missing


def _cross(a: Triple, b: Triple) -> Triple:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _shares(
    model: UserModel, receiver: _Receiver, nu: float, pi: float, tau: float, lifted: float
) -> tuple[float, ...]:
    """b, mu and p of a receiver, each with its change as rho moves on its own and its derivatives by the scalars.

    lifted: tau + shift. Sets z, own and by of the receiver.
    """
    rho = math.exp(receiver.log_rho)
    t = tau + model.time_slope_s * rho
    weight = model.energy_weight * t + pi
    z, z_slope = _log_snr(nu * receiver.gain / weight, receiver.z, model.log_snr_cap)
    y = math.expm1(z)
    b = rho * model.size_nats / (z * t)
    p = y * b / receiver.gain
    cost = nu * b + pi * p
    mu = cost / t
    energy, late = model.energy_weight * t * p, tau * mu
    worth = energy - model.energy_weight * model.energy_slope_j * rho + late
    # Each line: derivatives of ln b, ln mu, ln p and of W. With ln kappa, with ln t, then with what they depend on.
    k_b, k_p = -z_slope, (z * (y + 1.0) / y - 1.0) * z_slope
    of_b, of_p = nu * b / cost, pi * p / cost
    k_mu = of_b * k_b + of_p * k_p
    k_w = energy * k_p + late * k_mu
    share = model.energy_weight * t / weight
    t_b, t_mu, t_p, t_w = -1.0 - share * k_b, -2.0 - share * k_mu, -1.0 - share * k_p, -2.0 * late - share * k_w
    by_rho, by_tau, free = model.time_slope_s * rho / t, lifted / t, 1.0 - share
    rho_b, rho_mu, rho_p, rho_w = 1.0 + by_rho * t_b, 1.0 + by_rho * t_mu, 1.0 + by_rho * t_p, worth + by_rho * t_w
    nu_b, nu_mu, nu_p, nu_w = k_b, of_b + k_mu, k_p, late * of_b + k_w
    tau_b, tau_mu, tau_p, tau_w = by_tau * t_b, by_tau * t_mu, by_tau * t_p, by_tau * t_w + mu * lifted
    pi_b, pi_mu, pi_p, pi_w = -free * k_b, of_p - free * k_mu, -free * k_p, late * of_p - free * k_w
    own, (by_nu, by_tau, by_pi) = _rho_change(model, receiver, worth, rho_w, (nu_w, tau_w, pi_w))
    receiver.z, receiver.own, receiver.by = z, own, (by_nu, by_tau, by_pi)
    db, dmu, dp = b * rho_b, mu * rho_mu, p * rho_p
    return (
        b,
        db * own,
        db * by_nu + b * nu_b,
        db * by_tau + b * tau_b,
        db * by_pi + b * pi_b,
        mu,
        dmu * own,
        dmu * by_nu + mu * nu_mu,
        dmu * by_tau + mu * tau_mu,
        dmu * by_pi + mu * pi_mu,
        p,
        dp * own,
        dp * by_nu + p * nu_p,
        dp * by_tau + p * tau_p,
        dp * by_pi + p * pi_p,
    )


def _rho_change(model: UserModel, receiver: _Receiver, worth: float, slope: float, by: Triple) -> tuple[float, Triple]:
    """Newton's step of ln rho towards W = L1, and with each scalar; none at an end of the range that holds it."""
    if model.fixed_rho:
        return 0.0, (0.0, 0.0, 0.0)
    excess = worth - model.quality_weight
    if (receiver.log_rho >= receiver.log_high and excess < 0) or (receiver.log_rho <= receiver.log_low and excess > 0):
        return 0.0, (0.0, 0.0, 0.0)
    if slope <= 0 or worth <= 0:
        raise _LostError
    own = math.log(model.quality_weight / worth) * worth / slope
    return own, (-by[0] / slope, -by[1] / slope, -by[2] / slope)


def _log_snr(kappa: float, guess: float, cap: float) -> tuple[float, float]:
    """(z = ln(1 + SNR), d ln z / d ln kappa): `water_level` for one receiver; guess 0: none."""
    if kappa < _SMALLEST_KAPPA:
        raise _LostError
    target = math.log(kappa)
    if guess > 0:
        z = guess
    elif target < 2.0:
        z = min(math.exp(0.5 * target + 0.3466), 2.0)
    else:
        z = target - math.log(target) + 0.5
    for _ in range(_MAX_ITERATIONS):
        exponential = math.exp(z)
        level = z * exponential - math.expm1(z)
        slope = z * z * exponential / level
        step = (target - math.log(level)) / slope
        z *= math.exp(min(max(step, -2.0), 2.0))
        if abs(step) <= _CLOSE:
            return (z, 1.0 / slope) if z <= cap else (cap, 0.0)
    raise _LostError
