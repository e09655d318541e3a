"""Certifies `price` on random realistic instances and compares it with Algorithm 1, its repair and multi-start SLSQP.

Run from the repository's root: python tools/optimizer_certify.py --json certify.json. Takes minutes; the test suite
runs a part of it (tests/optimizer/test_price.py). Prints a Markdown table for docs/allocation.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np

from optimizer import algorithm1, algorithm1_joint, price, reference
from optimizer.plan import Plan, violation
from optimizer.presets import PRESETS
from optimizer.problem import Problem, QualityAggregate

GROUPS = ((1, 5), (6, 20), (21, 60), (61, 200))


def instance(seed: int, largest: int) -> tuple[str, Problem]:
    """N log-uniform in 1..largest, distances uniform in [1, 1000] m, Rician K = 10; preset and aggregate alternate."""
    generator = np.random.default_rng(seed)
    count = int(np.exp(generator.uniform(0.0, np.log(largest + 1.0))))
    distance_m = generator.uniform(1.0, 1000.0, count)
    scatter = generator.standard_normal((2, count)) * np.sqrt(0.5 / 11.0)
    fading = (np.sqrt(10.0 / 11.0) + scatter[0]) ** 2 + scatter[1] ** 2
    preset = ("paper", "tradeoff")[seed % 2]
    names = tuple(f"rx{index + 1}" for index in range(count))
    problem = PRESETS[preset].problem(names, 1e-3 * distance_m**-2.0 * fading)
    aggregate = (QualityAggregate.SUM, QualityAggregate.MEAN)[seed // 2 % 2]
    return preset, dataclasses.replace(problem, aggregate=aggregate)


def slsqp_starts(count: int, everywhere: bool) -> int:
    """20 starts where a run takes a fraction of a second, fewer as N grows, none above 60 unless asked for."""
    budgets = ((5, 20), (20, 6), (60, 2))
    return 20 if everywhere else next((starts for largest, starts in budgets if count <= largest), 0)


def examine(seed: int, largest: int, everywhere: bool) -> dict[str, object]:
    """One instance, solved in every way."""
    preset, problem = instance(seed, largest)
    plan = price.solve(problem)
    starts = slsqp_starts(problem.size, everywhere)
    begun = time.perf_counter()
    others: dict[str, Plan] = {
        "algorithm1": algorithm1.solve(problem),
        "algorithm1-joint": algorithm1_joint.solve(problem),
    }
    if starts:
        others["slsqp"] = reference.solve(problem, starts, seed)
    return {
        "seed": seed,
        "preset": preset,
        "aggregate": problem.aggregate.value,
        "receivers": problem.size,
        "status": plan.status.value,
        "utility": plan.utility,
        "relative_gap": plan.relative_gap,
        "violation": violation(plan),
        "slsqp_starts": starts,
        "lead": {name: plan.utility - other.utility for name, other in others.items()},
        "others_s": time.perf_counter() - begun,
    }


def table(rows: list[dict[str, object]]) -> str:
    """Markdown: one line a group of sizes."""
    lines = [
        "| N | instances | certified | worst relative gap | SLSQP beats price by at most | mean loss of Algorithm 1 "
        "(worst) | mean loss of joint (worst) |",
        "|---|---|---|---|---|---|---|",
    ]
    for low, high in GROUPS:
        group = [row for row in rows if low <= int(str(row["receivers"])) <= high]
        if not group:
            continue
        lead = {
            name: np.array([row["lead"][name] for row in group if name in row["lead"]])  # type: ignore[index,operator]
            for name in ("slsqp", "algorithm1", "algorithm1-joint")
        }
        ahead = f"{max(0.0, -lead['slsqp'].min()):.1e}" if lead["slsqp"].size else "not run"
        certified = sum(row["status"] == "optimal" for row in group)
        gap = max(float(str(row["relative_gap"])) for row in group)
        lines.append(
            f"| {low}-{high} | {len(group)} | {certified} | {gap:.1e} | {ahead} | "
            f"{lead['algorithm1'].mean():.2f} ({lead['algorithm1'].max():.2f}) | "
            f"{lead['algorithm1-joint'].mean():.3f} ({lead['algorithm1-joint'].max():.2f}) |"
        )
    return "\n".join(lines)


def main() -> None:
    """Examines the instances and exits with status 1 when one fails its promise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--instances", type=int, default=200, help="how many")
    parser.add_argument("--largest", type=int, default=200, help="largest N")
    parser.add_argument("--slsqp-everywhere", action="store_true", help="20 SLSQP starts at every N: hours")
    parser.add_argument("--json", type=Path, default=None, help="where to write every row")
    arguments = parser.parse_args()
    rows = []
    for seed in range(arguments.instances):
        rows.append(examine(seed, arguments.largest, arguments.slsqp_everywhere))
        print(f"\r{seed + 1} of {arguments.instances}", end="", flush=True)
    print()
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(table(rows))
    bad = [
        row
        for row in rows
        if float(str(row["relative_gap"])) > 1e-6 or min(row["lead"].values()) < -1e-6  # type: ignore[attr-defined]
    ]
    for row in bad:
        print("BROKEN PROMISE:", json.dumps(row))
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
