"""The experiments behind figures 12, 13 and 14 of FTSC: rows of numbers over draws of the receivers. No drawing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.baselines import jpeg_ldpc, jscc
from optimizer.channel_gain import RicianGain, draw_distance_m
from optimizer.plan import Plan, with_bound
from optimizer.presets import PRESETS
from optimizer.problem import Problem, Weights
from optimizer.solve import solve

RECEIVERS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One solved problem of an experiment; x is the value on the figure's axis."""

    system: str
    preset: str
    seed: int
    x: float
    utility: float
    quality_db: float
    delay_s: float
    energy_j: float
    transmit_energy_j: float
    rho_mean: float
    relative_gap: float
    status: str

    @classmethod
    def of(cls, plan: Plan, system: str, preset: str, seed: int, x: float) -> Row:
        """The row of a plan."""
        return cls(
            system=system,
            preset=preset,
            seed=seed,
            x=x,
            utility=plan.utility,
            quality_db=plan.quality,
            delay_s=plan.delay_s,
            energy_j=plan.total_energy_j,
            transmit_energy_j=float(plan.transmit_energy_j.sum()),
            rho_mean=float(plan.rho.mean()),
            relative_gap=plan.relative_gap,
            status=plan.status.value,
        )


@dataclass(frozen=True, slots=True)
class Experiment:
    """What a figure varies, and its rows."""

    name: str
    x_label: str
    rows: tuple[Row, ...]


def drawn_problem(preset: str, seed: int, distance_factor: float = 1.0) -> Problem:
    """Five receivers at distances uniform in [1, 1000] m times distance_factor, with Rician gains."""
    channel = RicianGain()
    names = tuple(f"rx{index + 1}" for index in range(RECEIVERS))
    gain = [channel.draw(name, distance_factor * draw_distance_m(name, seed), seed) for name in names]
    return PRESETS[preset].problem(names, np.array(gain))


def fig12(seeds: Sequence[int], preset: str = "paper") -> Experiment:
    """Utility against the bandwidth budget, for LSDFT and the two benchmarks."""
    systems: dict[str, Callable[[Problem], Problem]] = {
        "LSDFT": lambda problem: problem,
        "JPEG+LDPC": jpeg_ldpc,
        "JSCC": jscc,
    }

    def rows() -> Iterator[Row]:
        for seed in seeds:
            for bandwidth_hz in range(1000, 8001, 500):
                problem = dataclasses.replace(drawn_problem(preset, seed), bandwidth_hz=float(bandwidth_hz))
                for system, variant in systems.items():
                    yield Row.of(solve(variant(problem)), system, preset, seed, float(bandwidth_hz))

    return Experiment("fig12", "total bandwidth (Hz)", tuple(rows()))


def fig13(seeds: Sequence[int], preset: str = "paper") -> Experiment:
    """Delay, energy and utility against a factor on every distance."""
    rows = (
        Row.of(solve(drawn_problem(preset, seed, factor)), "LSDFT", preset, seed, factor)
        for seed in seeds
        for factor in np.linspace(0.5, 2.0, 16).round(3).tolist()
    )
    return Experiment("fig13", "factor on all distances", tuple(rows))


def fig14(seeds: Sequence[int], preset: str | None = None) -> Experiment:
    """Energy and compression rate against lambda_1, with lambda_2 = lambda_3 = (1 - lambda_1) / 2.

    Both presets unless one is named: in `paper` every rho saturates, so that only `tradeoff` shows a trend.
    """

    def rows() -> Iterator[Row]:
        for name in PRESETS if preset is None else (preset,):
            for seed in seeds:
                problem = drawn_problem(name, seed)
                for quality in np.linspace(0.05, 0.95, 19).round(3).tolist():
                    rest = (1.0 - quality) / 2.0
                    weighted = dataclasses.replace(problem, weights=Weights(quality, rest, rest))
                    yield Row.of(solve(weighted), "LSDFT", name, seed, quality)

    return Experiment("fig14", "lambda_1", tuple(rows()))


def stall(seeds: Sequence[int], preset: str = "tradeoff") -> Experiment:
    """Where Algorithm 1 and its repair end, against the rho that everybody starts from; and the certified optimum."""
    from optimizer import algorithm1, algorithm1_joint
    from optimizer.algorithm1_blocks import Point

    solvers = {algorithm1.SOLVER: algorithm1.solve, algorithm1_joint.SOLVER: algorithm1_joint.solve}

    def rows() -> Iterator[Row]:
        for seed in seeds:
            problem = drawn_problem(preset, seed)
            optimum = solve(problem)
            for rho in np.geomspace(problem.rho_lower, problem.rho_upper, 7).tolist():
                yield Row.of(optimum, "price (certified)", preset, seed, rho)
                for name, solver in solvers.items():
                    plan = with_bound(solver(problem, Point.equal(problem, rho)), optimum.upper_bound)
                    yield Row.of(plan, name, preset, seed, rho)

    return Experiment("stall", "rho at the start", tuple(rows()))


FIGURES: dict[str, Callable[..., Experiment]] = {"fig12": fig12, "fig13": fig13, "fig14": fig14, "stall": stall}
