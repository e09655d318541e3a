"""Times the solvers, best of several runs in one process. From the root: python tools/bench/optimizer.py --json FILE.

Ratios are of times measured in the same run. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

sys.path[0] = str(Path(__file__).parents[2])  # this file's own name must not hide the package it measures

from optimizer import algorithm1, algorithm1_joint, price  # noqa: E402
from optimizer.certificate import upper_bound  # noqa: E402
from optimizer.plan import Plan  # noqa: E402
from optimizer.presets import TRADEOFF  # noqa: E402
from optimizer.problem import Problem  # noqa: E402

_LEAST_S = 2.0
SIZES = (5, 100, 1000, 10_000, 100_000)


def problem_of(count: int) -> Problem:
    """Receivers at distances uniform in [1, 1000] m, preset tradeoff."""
    generator = np.random.default_rng(1)
    gain = 1e-3 * generator.uniform(1.0, 1000.0, count) ** -2.0
    return TRADEOFF.problem(tuple(f"rx{index}" for index in range(count)), gain)


def best_s(run: Callable[[], object], repeats: int) -> float:
    """Shortest run in seconds, of at least `repeats` runs and _LEAST_S: a shared machine only slows things down."""
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < repeats or (repeats > 1 and time.perf_counter() - started < _LEAST_S):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return min(times)


def _keep(plans: list[Plan], solver: Callable[[Problem], Plan], problem: Problem) -> None:
    plans.append(solver(problem))


def _certify(problem: Problem, plan: Plan) -> float:
    assert plan.prices is not None
    return upper_bound(problem, plan.prices, plan)


def scaling() -> list[dict[str, float]]:
    """price, its certificate and a warm-started re-plan for growing N."""
    rows = []
    for count in SIZES:
        problem = problem_of(count)
        repeats = 30 if count <= 1000 else 5
        plan = price.solve(problem)
        drift = np.random.default_rng(2).uniform(0.9, 1.1, count)
        moved = dataclasses.replace(problem, gain=problem.gain * drift)
        rows.append(
            {
                "receivers": count,
                "relative_gap": plan.relative_gap,
                "price_s": best_s(partial(price.solve_uncertified, problem), repeats),
                "certificate_s": best_s(partial(_certify, problem, plan), repeats),
                "replan_s": best_s(partial(price.solve_uncertified, moved, plan.prices), repeats),
                "replan_certified_s": best_s(partial(price.solve, moved, plan.prices), repeats),
            }
        )
    return rows


def against_algorithm1() -> list[dict[str, float]]:
    """Times and losses of the paper's algorithm and its repair, over price in the same run."""
    rows = []
    for count, repeats in ((5, 10), (100, 3), (1000, 1)):
        problem = problem_of(count)
        optimum = price.solve(problem).utility
        base = best_s(partial(price.solve, problem), 30)
        alone = best_s(partial(price.solve_uncertified, problem), 30)
        row: dict[str, float] = {"receivers": count, "price_s": alone, "price_certified_s": base}
        for name, solver in (("algorithm1", algorithm1.solve), ("algorithm1_joint", algorithm1_joint.solve)):
            plans: list[Plan] = []
            seconds = best_s(partial(_keep, plans, solver, problem), repeats)
            row[f"{name}_s"] = seconds
            row[f"{name}_over_price"] = seconds / alone
            row[f"{name}_over_certified_price"] = seconds / base
            row[f"{name}_loss"] = optimum - plans[0].utility
        rows.append(row)
    return rows


def shell() -> dict[str, float]:
    """Wall time of the command, interpreter included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.yaml"
        path.write_text("preset: tradeoff\nreceivers: {count: 5}\n", encoding="utf-8")
        command = [sys.executable, "-m", "optimizer.cli"]

        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder  # compiled once, as an installed package is

        def run(*arguments: str) -> float:
            whole = [*command, *arguments]
            return best_s(lambda: subprocess.run(whole, check=True, capture_output=True, env=environment), 12)

        return {"help_s": run("--help"), "plan_n5_s": run("plan", str(path), "--json")}


def main() -> None:
    """Prints the figures as JSON, and writes them where --json says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    arguments = parser.parse_args()
    figures = {
        "bench": "optimizer",
        "machine": {"python": platform.python_version(), "numpy": np.__version__, "processor": platform.machine()},
        "scaling": scaling(),
        "against_algorithm1": against_algorithm1(),
        "shell": shell(),
    }
    text = json.dumps(figures, indent=1)
    print(text)
    if arguments.json is not None:
        arguments.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
