"""One door to all solvers, by name. Solvers that need CVXPY are imported when they are asked for, not before."""

from __future__ import annotations

import dataclasses
import importlib

from optimizer.advice import warnings_of
from optimizer.errors import ProblemError
from optimizer.plan import Plan, scales_of, with_bound
from optimizer.problem import Problem

SOLVERS = ("price", "algorithm1", "algorithm1-joint", "convex")
"""Names of the solvers; `price` is the default."""

_MODULES = {"algorithm1": "algorithm1", "algorithm1-joint": "algorithm1_joint", "convex": "convex"}


def solve(problem: Problem, solver: str = "price", previous: Plan | None = None) -> Plan:
    """The plan of this solver, with upper bound and warnings. previous: plan of a similar problem (price only).

    Raises ProblemError for a solver that does not exist or does not fit, InfeasibleError when the deadline is short.
    """
    if solver not in SOLVERS:
        raise ProblemError(f"solver: must be one of {', '.join(SOLVERS)}, got {solver}")
    plan = _by_price(problem, previous) if solver == "price" else _by_cvxpy(problem, solver)
    return dataclasses.replace(plan, warnings=(*plan.warnings, *warnings_of(plan)))


def _by_price(problem: Problem, previous: Plan | None) -> Plan:
    from optimizer import discrete, price

    start = None if previous is None else previous.prices
    return discrete.solve(problem, start) if problem.scales else price.solve(problem, start)


def _by_cvxpy(problem: Problem, solver: str) -> Plan:
    from optimizer import price

    price.check_deadline(problem)
    module = importlib.import_module(f"optimizer.{_MODULES[solver]}")
    plan: Plan = module.solve(_continuous(problem, solver))
    plan = dataclasses.replace(plan, problem=problem, scales=scales_of(problem, plan.rho))
    reference = _by_price(problem, None)
    return with_bound(plan, reference.upper_bound)


def _continuous(problem: Problem, solver: str) -> Problem:
    """The problem with a single allowed scale turned into equal rho bounds."""
    if not problem.scales:
        return problem
    if len(problem.allowed_scales) > 1:
        raise ProblemError(f"scales: solver {solver} plans continuous rho; leave scales out, give one, or use price")
    rho = problem.image.rho_of_scale(problem.allowed_scales[0])
    return dataclasses.replace(problem, scales=(), rho_min=rho, rho_max=rho)
