"""P1 in one convex program, where it is exactly convex: compute time must not depend on rho. A reference for tests.

In w = b t and e = p t (Hz s and J of each receiver) the rate is a perspective of log2 and every constraint is convex:
maximise L1 sum ln rho - lambda_2 tau - lambda_3 sum (e - e1 rho) subject to rho D <= w log2(1 + e G / w),
sum w <= B tau, sum e <= P tau.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from optimizer.best_response import LN2
from optimizer.cone_solvers import attempt, cp
from optimizer.errors import ProblemError
from optimizer.plan import Plan, Status, TraceStep, evaluate, violation
from optimizer.problem import FloatArray, Problem

SOLVER = "convex"
_TOLERANCE = 1e-6  # what a cone solver's answer may violate, relative


def solve(problem: Problem) -> Plan:
    """The optimum. Raises ProblemError when compute time depends on rho and rho is free: P1 is then another."""
    if problem.compute.time_slope_s != 0 and problem.rho_lower < problem.rho_upper:
        raise ProblemError(
            "solver: convex needs a compute time that does not depend on rho (compute.model none, or slope_mac 0); "
            "use price"
        )
    if problem.compute.time_slope_s != 0:
        return dataclasses.replace(_solve(_with_constant_compute(problem), problem), solver=SOLVER)
    return _solve(problem, problem)


def _with_constant_compute(problem: Problem) -> Problem:
    """The same work, written without a slope: exact when rho_min = rho_max."""
    compute = problem.compute
    work = compute.base_mac - compute.slope_mac * problem.rho_upper
    return dataclasses.replace(problem, compute=dataclasses.replace(compute, base_mac=work, slope_mac=0.0))


def _solve(problem: Problem, stated: Problem) -> Plan:
    """Two passes: the first finds the scale of the energies in which the second is accurate."""
    plan = _pass(problem, stated, _energy_unit(problem))
    if plan.status is Status.FAILED:
        return plan
    again = _pass(problem, stated, plan.power_w * plan.transmit_s)
    return again if again.status is not Status.FAILED and again.utility >= plan.utility else plan


def _pass(problem: Problem, stated: Problem, unit: FloatArray) -> Plan:
    size = problem.size
    gain = problem.gain_over_noise * unit / 1e3
    rho_unit = problem.rho_upper
    rho = cp.Variable(size, nonneg=True)  # relative to rho_unit
    band_time = cp.Variable(size, nonneg=True)  # kHz s
    energy = cp.Variable(size, nonneg=True)  # relative to unit, J
    tau = cp.Variable(nonneg=True)
    nats = rho_unit * problem.source_bits * LN2 / 1e3
    entropy = cp.rel_entr(band_time, cp.multiply(1.0 / gain, band_time) + energy)
    constraints = [
        nats * rho <= cp.multiply(np.log(gain), band_time) - entropy,
        cp.sum(band_time) <= problem.bandwidth_hz / 1e3 * tau,
        unit @ energy <= problem.power_w * tau,
        rho <= 1.0,
        rho >= problem.rho_lower / rho_unit,
    ]
    if problem.deadline_s is not None:
        constraints.append(tau <= problem.deadline_s - problem.compute.time_base_s)
    if problem.spectral_efficiency_cap is not None:
        steepest = math.expm1(problem.spectral_efficiency_cap * LN2)
        constraints.append(energy <= cp.multiply(steepest / gain, band_time))
    weights = problem.weights
    worth = -weights.delay * tau - weights.energy * (unit @ energy)
    worth += weights.energy * problem.compute.energy_slope_j * rho_unit * cp.sum(rho)
    if problem.log_rho_weight > 0:
        worth += problem.log_rho_weight * cp.sum(cp.log(rho))
    program = cp.Problem(cp.Maximize(worth), constraints)
    if attempt(program) is None or tau.value is None or float(tau.value) <= 0:
        share = np.full(size, 1.0 / size)
        rates = np.full(size, problem.rho_lower)
        return evaluate(stated, share * problem.bandwidth_hz, share * problem.power_w, rates, SOLVER, Status.FAILED)
    rates = np.clip(rho.value * rho_unit, problem.rho_lower, problem.rho_upper)
    return _plan(stated, band_time.value * 1e3 / float(tau.value), energy.value * unit / float(tau.value), rates)


def _energy_unit(problem: Problem) -> FloatArray:
    """[N] joules that a mid rate costs at about 20 bit/s/Hz: brings the cone program's numbers near 1."""
    efficiency = min(20.0, problem.spectral_efficiency_cap or 20.0)
    nats = math.sqrt(problem.rho_lower * problem.rho_upper) * problem.source_bits * LN2
    return np.asarray(nats * math.expm1(efficiency * LN2) / (efficiency * LN2 * problem.gain_over_noise))


def _plan(problem: Problem, bandwidth_hz: FloatArray, power_w: FloatArray, rho: FloatArray) -> Plan:
    bandwidth_hz = np.maximum(bandwidth_hz, 1e-12 * problem.bandwidth_hz)
    power_w = np.maximum(power_w, 1e-15 * problem.power_w)
    bandwidth_hz = bandwidth_hz * (problem.bandwidth_hz / float(bandwidth_hz.sum()))
    power_w = power_w * min(1.0, problem.power_w / float(power_w.sum()))
    plan = evaluate(problem, bandwidth_hz, power_w, rho, SOLVER)
    residual = violation(plan)
    status = Status.FEASIBLE if residual <= _TOLERANCE else Status.INACCURATE
    return dataclasses.replace(plan, status=status, iterations=1, trace=(TraceStep(1, plan.utility, residual),))
