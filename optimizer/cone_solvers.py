"""How a CVXPY program is solved here: a chain of solvers, and an answer, not an exception, when all of them fail."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

cp: Any = importlib.import_module("cvxpy")
"""CVXPY, untyped: its own annotations do not cover the functions that it exports."""

_CHAIN: tuple[tuple[str, dict[str, Any]], ...] = (
    (cp.CLARABEL, {}),
    (cp.CLARABEL, {"equilibrate_max_iter": 50, "max_iter": 500, "static_regularization_constant": 1e-7}),
    (cp.SCS, {"eps": 1e-7, "max_iters": 20_000}),
)


def attempt(program: Any) -> str | None:
    """Name of the first solver of the chain that solves `program` (its variables are then set), or None.

    A solution that the solver itself calls inaccurate is kept only when nothing better follows.
    """
    rough: tuple[str, list[Any]] | None = None
    for name, options in _CHAIN:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # CVXPY warns of inaccuracy; the status says it too
                program.solve(solver=name, **options)
        except (cp.error.SolverError, ValueError, ArithmeticError):
            continue
        if program.status == cp.OPTIMAL:
            return name
        if program.status == cp.OPTIMAL_INACCURATE and rough is None:
            rough = (name, [variable.value for variable in program.variables()])
    if rough is None:
        return None
    for variable, value in zip(program.variables(), rough[1], strict=True):
        variable.save_value(value)
    return rough[0]
