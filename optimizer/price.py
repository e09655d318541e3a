"""The default solver: P1 solved globally through three scalars, the prices nu and pi and the transmission budget tau.

Given (nu, pi, tau) every receiver's best response is (nearly) closed form (`best_response`); a damped Newton method
finds the scalars at which bandwidth, deadline prices and, where it binds, power add up; for a few receivers it begins
next to them (`few_receivers`). The certificate is made elsewhere (`certificate`), and so are discrete scaling rates
(`discrete`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.best_response import (
    FREE_POWER_PRICE,
    LN2,
    Response,
    Search,
    Sensitivity,
    Start,
    UserModel,
    respond,
    sensitivity,
)
from optimizer.certificate import upper_bound
from optimizer.errors import InfeasibleError
from optimizer.few_receivers import FEW, settle
from optimizer.monotone_root import decreasing_root
from optimizer.plan import (
    RESIDUAL_TOLERANCE,
    Plan,
    Prices,
    Status,
    TraceStep,
    evaluate,
    violation,
    with_bound,
)
from optimizer.problem import FloatArray, Problem

SOLVER = "price"
_MAX_ITERATIONS = 80
_CONVERGED = 1e-12
_LONGEST_STEP = 2.0  # in ln: no scalar changes by more than a factor e^2 at once
_TYPICAL_EFFICIENCY = 25.0  # bit/s/Hz, where power is free and only its energy costs
_STRETCHES = (1.0, 0.5, 1.8, 0.1)  # starting points, as factors on the typical efficiency
_LARGEST_LOG_SNR = 200.0
_SAMPLE = 1001  # gains looked at for their median


@dataclass(slots=True)
class _Found:
    response: Response
    residual: float
    steps: list[float]


def solve(problem: Problem, start: Prices | None = None) -> Plan:
    """The best continuous plan, with its certificate; start: prices of a similar problem, to begin from.

    Raises InfeasibleError when the deadline cannot be met. Any numerical trouble is a status of the plan.
    """
    best = _attempt(problem, None, start)
    if best.status is not Status.OPTIMAL and start is not None:
        best = _better(best, _attempt(problem, None, None))
    if best.status is not Status.OPTIMAL and problem.compute.time_slope_s > 0 and problem.rho_lower < problem.rho_upper:
        # Where computing costs more than quality is worth, the Lagrangian has several stationary points: try the ends.
        for rho in (problem.rho_upper, problem.rho_lower):
            best = _better(best, _at_fixed_rho_of(problem, rho, best))
    return best


def solve_uncertified(problem: Problem, start: Prices | None = None) -> Plan:
    """The plan without its certificate: status FEASIBLE at best, upper bound inf. For a first look, or for timing."""
    return _attempt(problem, None, start, certify=False)


def solve_fixed_rho(problem: Problem, rho: FloatArray, start: Prices | None = None, certify: bool = True) -> Plan:
    """The best bandwidths and powers for given [N] compression rates: a convex problem, solved exactly.

    The upper bound is that of the problem with these rates fixed. Raises InfeasibleError as `solve` does.
    """
    return _attempt(problem, rho, start, certify)


def smallest_delay_s(problem: Problem, rho: FloatArray | None = None) -> float:
    """T_min: the smallest delay that the budgets allow, at any allowed rho or at the given [N] rates.

    With T given a receiver needs less bandwidth the smaller rho when tau > 0, the larger rho when tau < 0; so the
    optimum is at one of the two ends for everybody.
    """
    ends = sorted({problem.rho_lower, problem.rho_upper})
    candidates = [np.full(problem.size, end) for end in ends] if rho is None else [rho]
    return min(_fastest(problem, candidate)[1] for candidate in candidates)


def check_deadline(problem: Problem, rho: FloatArray | None = None) -> None:
    """Raises InfeasibleError when the problem's deadline is below the smallest achievable delay."""
    if problem.deadline_s is None:
        return
    fastest = smallest_delay_s(problem, rho)
    if problem.deadline_s < fastest:
        raise InfeasibleError(
            f"deadline_s: infeasible: smallest achievable delay is {fastest:.6g} s, got {problem.deadline_s:g}; "
            "allow more time, bandwidth or power"
        )


def _better(one: Plan, other: Plan) -> Plan:
    """The plan of larger utility, with the smaller of the two upper bounds: both are valid."""
    if one.status in (Status.FAILED, Status.INACCURATE):
        return other
    winner = one if other.status in (Status.FAILED, Status.INACCURATE) or one.utility >= other.utility else other
    return with_bound(winner, min(one.upper_bound, other.upper_bound))


def _at_fixed_rho_of(problem: Problem, rho: float, fallback: Plan) -> Plan:
    """The plan with everybody at `rho`, bounded by its own prices over the whole range of rho and by the fallback's."""
    try:
        fixed = solve_fixed_rho(problem, np.full(problem.size, rho), certify=False)
    except InfeasibleError:
        return fallback
    own = math.inf if fixed.prices is None else upper_bound(problem, fixed.prices, fixed)
    return dataclasses.replace(fixed, upper_bound=min(own, fallback.upper_bound))


def _attempt(problem: Problem, rho: FloatArray | None, start: Prices | None, certify: bool = True) -> Plan:
    found = _find(problem, rho, start)
    plan = _finish(problem, found)
    if not certify or plan.prices is None:
        return plan
    return with_bound(plan, upper_bound(problem, plan.prices, plan, fixed_rho=rho is not None))


def _find(problem: Problem, rho: FloatArray | None, start: Prices | None) -> _Found:
    model = UserModel.of(problem, rho)
    tau_limit = None if problem.deadline_s is None else problem.deadline_s - problem.compute.time_base_s
    if problem.weights.delay > 0:
        found = _with_power(problem, model, None, start)
        if tau_limit is None or found.response.tau <= tau_limit:
            return found
    elif model.energy_weight == 0:
        everything = model.rho_high
        fastest, delay_s = _fastest(problem, everything)
        assert problem.deadline_s is not None
        if delay_s <= problem.deadline_s:
            return _without_prices(fastest)
    check_deadline(problem, rho)
    return _with_power(problem, model, tau_limit, start)


def _without_prices(found: _Found) -> _Found:
    """Quality is saturated and nothing else has a weight: the budgets bind nobody, all prices are 0."""
    response = dataclasses.replace(found.response, nu=0.0, pi=0.0, mu_per_s=np.zeros_like(found.response.mu_per_s))
    return _Found(response, found.residual, found.steps)


def _fastest(problem: Problem, rho: FloatArray) -> tuple[_Found, float]:
    """The allocation of smallest delay at given rates, and that delay."""
    model = dataclasses.replace(UserModel.of(problem, rho), energy_weight=0.0, quality_weight=0.0)
    found = _with_power(problem, model, None, None, delay_weight=1.0)
    return found, _finish(problem, found).delay_s


def _with_power(
    problem: Problem,
    model: UserModel,
    tau_s: float | None,
    start: Prices | None,
    delay_weight: float | None = None,
) -> _Found:
    """Solves with power free (pi = 0) first, and with a price of power where that overspends."""
    weight = problem.weights.delay if delay_weight is None else delay_weight
    search = Search(model, problem.bandwidth_hz, problem.power_w, weight, tau_s, with_pi=False)
    may_be_free = model.energy_weight > 0 or math.isfinite(model.log_snr_cap)
    if may_be_free and (start is None or start.pi_per_w <= FREE_POWER_PRICE):
        free = _from_starts(search, start)
        if free.residual <= RESIDUAL_TOLERANCE and float(free.response.power_w.sum()) <= problem.power_w:
            return free
    priced = _from_starts(dataclasses.replace(search, with_pi=True), start)
    if priced.residual > RESIDUAL_TOLERANCE and start is not None:
        return _with_power(problem, model, tau_s, None, delay_weight)
    return priced


def _from_starts(search: Search, start: Prices | None) -> _Found:
    """Newton's method from the given prices, then from one typical point after another, then nested root finding."""
    best: _Found | None = None
    for point in _starts(search, start):
        found = _newton(search, point)
        if best is None or found.residual < best.residual:
            best = found
        if best.residual <= RESIDUAL_TOLERANCE:
            break
    assert best is not None
    if best.residual > RESIDUAL_TOLERANCE:
        nested = _nested(search)
        return nested if nested.residual < best.residual else best
    return best


def _starts(search: Search, start: Prices | None) -> Iterator[FloatArray]:
    if start is not None and start.nu_per_hz > 0 and (start.pi_per_w > 0 or not search.with_pi):
        tau = start.transmit_budget_s if search.tau_s is None else search.tau_s
        if tau + search.model.budget_shift_s > 0:
            yield _point(search, start.nu_per_hz, tau, start.pi_per_w)
    for stretch in _STRETCHES:
        yield _guess(search, stretch)


def _point(search: Search, nu: float, tau: float, pi: float) -> FloatArray:
    return np.log([nu, tau + search.model.budget_shift_s] + ([pi] if search.with_pi else []))


def _guess(search: Search, stretch: float) -> FloatArray:
    """Prices at which N equal receivers of about median gain would share the budgets at a typical spectral efficiency.

    What the budgets are worth together, nu B + pi P, is what they add to the objective: that of time when tau is free,
    that of quality when it is fixed. stretch: factor on the typical efficiency.
    """
    model = search.model
    count = model.gain.size
    gain = float(np.sort(model.gain[:: max(1, count // _SAMPLE)])[min(count, _SAMPLE) // 2])
    typical = math.log1p(search.power_w * gain / search.bandwidth_hz) / LN2 if search.with_pi else _TYPICAL_EFFICIENCY
    z = min(typical * stretch * LN2, model.log_snr_cap, _LARGEST_LOG_SNR)
    bits = model.size_nats / LN2
    efficiency = z / LN2
    energy_per_rho = model.energy_weight * bits * math.expm1(z) / (gain * efficiency)
    low, high = float(model.rho_low.min()), float(model.rho_high.max())
    if search.tau_s is None:
        tau_per_rho = count * bits / (efficiency * search.bandwidth_hz)
        wanted = count * model.quality_weight / (search.delay_weight * tau_per_rho + count * energy_per_rho)
        rho = min(max(wanted, low), high)
        tau = tau_per_rho * rho + max(-model.time_slope_s * rho, -model.budget_shift_s, 0.0)
        t = tau + model.time_slope_s * rho
        worth = search.delay_weight * t
    else:
        tau = search.tau_s
        t = max(tau + model.time_slope_s * low, 1e-3 * abs(tau) + 1e-9)
        worth = max(count * model.quality_weight, count * energy_per_rho * low)
    kappa = max(z * math.exp(z) - math.expm1(z), 1e-12)
    if not search.with_pi:
        weight = model.energy_weight if model.energy_weight > 0 else FREE_POWER_PRICE
        return _point(search, kappa * weight * t / gain, tau, 1.0)
    band_per_watt = kappa * search.bandwidth_hz / gain
    pi = max(
        (worth - band_per_watt * model.energy_weight * t) / (search.power_w + band_per_watt),
        1e-6 * worth / search.power_w,
        1e-200,
    )
    return _point(search, kappa * (model.energy_weight * t + pi) / gain, tau, pi)


def _nested(search: Search) -> _Found:
    """The slow way, for when Newton's method fails: one scalar inside the other, each balance decreasing in its scalar.

    For given tau the dual function is convex in (nu, pi), and the worth of time decreases with tau where P1 is convex.
    """
    point = _guess(search, 1.0)
    order = ([1] if search.tau_s is None else []) + ([2] if search.with_pi else []) + [0]
    state: dict[str, Response | None] = {"response": None}

    def balance(which: int) -> float:
        response = state["response"]
        assert response is not None
        residuals = dict(zip(_free(search), _residuals(search, response).tolist(), strict=True))
        value = residuals[which]
        return value if math.isfinite(value) else math.copysign(700.0, value)

    def settle(depth: int) -> None:
        which = order[depth]

        def value_at(x: float) -> float:
            point[which] = x
            if depth + 1 < len(order):
                settle(depth + 1)
            else:
                state["response"] = _respond_at(search, point, None)
            return balance(which)

        value_at(decreasing_root(value_at, float(point[which]), -200.0, 200.0, 1e-11 * 10.0 ** (depth - len(order))))

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        settle(0)
    return _newton(search, point)


def _free(search: Search) -> list[int]:
    """Indices of the free scalars in a point (ln nu, ln(tau + shift), ln pi), in the order of `_residuals`."""
    return [0] + ([1] if search.tau_s is None else []) + ([2] if search.with_pi else [])


def _respond_at(search: Search, point: FloatArray, start: Start | None) -> Response:
    nu, pi, tau = search.scalars(point.tolist())
    return respond(search.model, nu, pi, tau, start)


def _residuals(search: Search, response: Response) -> FloatArray:
    """ln of what each scalar must balance: bandwidth, deadline prices (when tau is free), power (when priced)."""
    ratios = [float(response.bandwidth_hz.sum()) / search.bandwidth_hz]
    if search.tau_s is None:
        ratios.append(float(response.mu_per_s.sum()) / search.delay_weight)
    if search.with_pi:
        ratios.append(float(response.power_w.sum()) / search.power_w)
    return np.log(np.maximum(ratios, 1e-300))


def _derivatives(search: Search, response: Response, change: Sensitivity) -> FloatArray:
    """Jacobian of `_residuals` in the scalars that are free."""
    b, p, mu = change.sums
    rows = [b / response.bandwidth_hz.sum()]
    if search.tau_s is None:
        rows.append(mu / response.mu_per_s.sum())
    if search.with_pi:
        rows.append(p / response.power_w.sum())
    matrix = np.array(rows)
    matrix[:, 1] *= response.tau + search.model.budget_shift_s
    return matrix if search.tau_s is None else np.delete(matrix, 1, axis=1)


def _ahead(search: Search, response: Response, change: Sensitivity, move: FloatArray) -> Start:
    """The response extrapolated along a move of (ln nu, ln(tau + shift)[, ln pi])."""
    move = move[: 3 if search.with_pi else 2].copy()
    move[1] *= response.tau + search.model.budget_shift_s
    return change.ahead(response, move)


def _newton(search: Search, point: FloatArray) -> _Found:
    free = _free(search)
    settled = settle(search, point) if search.model.gain.size <= FEW else None
    if settled is not None:
        point = settled.point
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        response = _respond_at(search, point, None if settled is None else settled.start)
        residuals = _residuals(search, response)
        steps = [*([] if settled is None else settled.residuals), float(np.abs(residuals).max())]
        for _ in range(_MAX_ITERATIONS):
            size = steps[-1]
            if size <= _CONVERGED or not math.isfinite(size):
                break
            change = sensitivity(search.model, response, search.with_pi)
            try:
                direction = np.linalg.solve(_derivatives(search, response, change), -residuals)
            except np.linalg.LinAlgError:
                break
            if not np.all(np.isfinite(direction)):
                break
            length = min(1.0, _LONGEST_STEP / float(np.abs(direction).max()))
            moved = None
            for _ in range(12):
                candidate = point.copy()
                candidate[free] += length * direction
                trial = _respond_at(search, candidate, _ahead(search, response, change, candidate - point))
                trial_residuals = _residuals(search, trial)
                trial_size = float(np.abs(trial_residuals).max())
                if trial_size < size * (1 - 1e-4 * length):
                    moved = (candidate, trial, trial_residuals, trial_size)
                    break
                length *= 0.5
            if moved is None:
                break
            point, response, residuals, size = moved
            steps.append(size)
    final = steps[-1]
    return _Found(response, final if math.isfinite(final) else math.inf, steps)


def _finish(problem: Problem, found: _Found) -> Plan:
    """Shares scaled onto the budgets exactly, and everything recomputed from them."""
    response = found.response
    bandwidth, power = response.bandwidth_hz, response.power_w
    bandwidth_hz, power_w = float(bandwidth.sum()), float(power.sum())
    if not (math.isfinite(bandwidth_hz + power_w) and bandwidth.min() > 0):
        equal = np.full(problem.size, 1.0 / problem.size)
        return evaluate(
            problem, equal * problem.bandwidth_hz, equal * problem.power_w, response.rho, SOLVER, Status.FAILED
        )
    stretch = problem.bandwidth_hz / bandwidth_hz
    bandwidth = bandwidth * stretch
    power = power * min(stretch, problem.power_w / power_w)
    rho = np.clip(response.rho, problem.rho_lower, problem.rho_upper)
    plan = evaluate(problem, bandwidth, power, rho, SOLVER)
    residual = max(found.residual, violation(plan))
    trace = tuple(TraceStep(index, math.nan, step) for index, step in enumerate(found.steps))
    prices = Prices(response.nu, response.pi, response.mu_per_s, response.tau)
    return dataclasses.replace(
        plan,
        status=plan.status if residual <= RESIDUAL_TOLERANCE else Status.INACCURATE,
        iterations=len(found.steps) - 1,
        trace=(*trace, TraceStep(len(trace), plan.utility, residual)),
        prices=prices,
    )
