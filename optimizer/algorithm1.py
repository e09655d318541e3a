"""Algorithm 1 of FTSC, literally: P1.1, P2.2 and P2.3 in turn until the utility stands still.

It stalls. After P2.3 every receiver's deadline is tight, so that P2.2, which keeps T, cannot raise any rho: wherever
the first rounds lead is a fixed point (docs/allocation.md shows how much that loses). `algorithm1_joint` repairs most
of it; `price` is the default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from optimizer.algorithm1_blocks import BandPowerBlock, Point, RhoBlock, auxiliary
from optimizer.plan import Plan, Status, TraceStep, evaluate
from optimizer.problem import FloatArray, Problem

SOLVER = "algorithm1"

RateStep = Callable[[RhoBlock, Plan], FloatArray]
"""The rho step of a variant: new [N] rates from the block at the current plan."""


def solve(problem: Problem, start: Point | None = None, tolerance: float = 1e-6, max_iterations: int = 100) -> Plan:
    """The paper's plan from `start` (equal shares at rho_max when left out); tolerance: epsilon, in utility units.

    The upper bound is left to the caller. Solver trouble is the plan's status: FAILED with the last good point.
    """
    return alternate(problem, start or Point.equal(problem), _keeping_delay, SOLVER, tolerance, max_iterations)


def _keeping_delay(block: RhoBlock, plan: Plan) -> FloatArray:
    """P2.2 as printed: T is that of the previous iteration."""
    return block.within(plan.delay_s)


def alternate(
    problem: Problem,
    start: Point,
    rates: RateStep,
    solver: str,
    tolerance: float,
    max_iterations: int,
) -> Plan:
    """The loop of Algorithm 1 around a given rho step. U(0) and T(0) are those of the start point."""
    plan = evaluate(problem, start.bandwidth_hz, start.power_w, start.rho, solver)
    trace = [TraceStep(0, plan.utility, float("nan"))]
    program = BandPowerBlock(problem)
    status = Status.INACCURATE
    for iteration in range(1, max_iterations + 1):
        theta = auxiliary(plan)
        rho = rates(RhoBlock.at(plan, theta), plan)
        point = program.best(theta, rho, plan)
        if point is None:
            status = Status.FAILED
            break
        previous = plan.utility
        plan = evaluate(problem, point.bandwidth_hz, point.power_w, point.rho, solver)
        change = abs(plan.utility - previous)
        trace.append(TraceStep(iteration, plan.utility, change))
        if change < tolerance:
            status = Status.FEASIBLE
            break
    return dataclasses.replace(plan, status=status, iterations=len(trace) - 1, trace=tuple(trace))
