"""A plan as a JSON-ready dictionary, and as a table with units for a terminal."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.plan import Plan
from optimizer.quality import QualityCurve

_SHOWN = 50  # receivers in the table; JSON has them all


def plan_dict(plan: Plan) -> dict[str, Any]:
    """The whole plan with units in its keys; numbers that JSON cannot hold become null."""
    active = plan.active
    return {
        "status": plan.status.value,
        "solver": plan.solver,
        "utility": plan.utility,
        "upper_bound": _finite(plan.upper_bound),
        "gap": _finite(plan.gap),
        "relative_gap": _finite(plan.relative_gap),
        "quality_db": plan.quality,
        "quality_curve": dataclasses.asdict(plan.problem.quality),
        "delay_s": plan.delay_s,
        "energy_j": plan.total_energy_j,
        "iterations": plan.iterations,
        "allocations": [dataclasses.asdict(share) for share in plan.shares()],
        "active": {
            "bandwidth": active.bandwidth,
            "power": active.power,
            "deadline": active.deadline,
            "delay": marked(plan, active.delay),
            "rho_min": marked(plan, active.rho_min),
            "rho_max": marked(plan, active.rho_max),
            "spectral_efficiency": marked(plan, active.spectral_efficiency),
        },
        "prices": None
        if plan.prices is None
        else {
            "nu_per_hz": plan.prices.nu_per_hz,
            "pi_per_w": plan.prices.pi_per_w,
            "mu_per_s": plan.prices.mu_per_s.tolist(),
        },
        "trace": [
            {"iteration": step.iteration, "utility": _finite(step.utility), "residual": _finite(step.residual)}
            for step in plan.trace
        ],
        "warnings": list(plan.warnings),
    }


def plan_table(plan: Plan) -> str:
    """The plan for a reader: one line a receiver, then the sums, the certificate and the warnings."""
    head = ("receiver", "gain dB", "band Hz", "power W", "rho", "scale", "rate bit/s", "SNR dB", "T_tx s", "T_comp s")
    rows: list[tuple[str, ...]] = [(*head, "energy J", "PSNR dB")]
    for index in range(min(plan.problem.size, _SHOWN)):
        share = plan.share(index)
        rows.append(
            (
                share.name,
                f"{10 * math.log10(share.gain):.1f}",
                f"{share.bandwidth_hz:.2f}",
                f"{share.power_w:.4g}",
                f"{share.rho:.5f}",
                "-" if share.scale is None else str(share.scale),
                f"{share.rate_bps:.1f}",
                f"{share.snr_db:.1f}",
                f"{share.transmit_s:.4f}",
                f"{share.compute_s:.4f}",
                f"{share.energy_j:.4g}",
                f"{share.quality_db:.2f}",
            )
        )
    lines = _aligned(rows)
    if plan.problem.size > _SHOWN:
        lines.append(f"... and {plan.problem.size - _SHOWN} more (--json has them all)")
    lines += ["", *_summary(plan), *(f"warning: {sentence}" for sentence in plan.warnings)]
    return "\n".join(lines)


def marked(plan: Plan, mask: NDArray[np.bool_]) -> list[str]:
    """Names of the receivers that mask, [N], marks."""
    return [plan.problem.names[index] for index in np.flatnonzero(mask)]


def _summary(plan: Plan) -> list[str]:
    problem = plan.problem
    band, power = float(plan.bandwidth_hz.sum()), float(plan.power_w.sum())
    return [
        f"utility {plan.utility:.6f}, upper bound {plan.upper_bound:.6f}, gap {plan.gap:.2g} "
        f"({100 * plan.relative_gap:.2g} %): {plan.status.value}, by {plan.solver} in {plan.iterations} iterations",
        f"quality {plan.quality:.3f} dB ({problem.aggregate.value}), delay {plan.delay_s:.4f} s, "
        f"energy {plan.total_energy_j:.4g} J",
        f"bandwidth {band:.6g} of {problem.bandwidth_hz:g} Hz, power {power:.4g} of {problem.power_w:g} W",
        _curve(problem.quality),
    ]


def _curve(curve: QualityCurve) -> str:
    """The quality curve that the plan rests on, and how well it fits what it was fitted to."""
    fit = ""
    if curve.rmse_db is not None and curve.r_squared is not None:
        fit = f" (fitted: RMSE {curve.rmse_db:.3f} dB, R^2 {curve.r_squared:.4f})"
    return f"quality curve {curve.intercept_db:.3f} + {curve.slope_db:.3f} ln(rho) dB{fit}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
