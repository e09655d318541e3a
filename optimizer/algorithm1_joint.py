"""Algorithm 1 with T in both of its blocks: the rho step may trade delay for quality, and no longer stalls at once.

A repair of ours, not the paper's. It still alternates, and may still end below the optimum that `price` certifies.
"""

from __future__ import annotations

from optimizer.algorithm1 import alternate
from optimizer.algorithm1_blocks import Point, RhoBlock
from optimizer.plan import Plan
from optimizer.problem import FloatArray, Problem

SOLVER = "algorithm1-joint"


def solve(problem: Problem, start: Point | None = None, tolerance: float = 1e-6, max_iterations: int = 100) -> Plan:
    """As `algorithm1.solve`, but the rho step moves T as well."""
    return alternate(problem, start or Point.equal(problem), _moving_delay, SOLVER, tolerance, max_iterations)


def _moving_delay(block: RhoBlock, _: Plan) -> FloatArray:
    return block.jointly()
