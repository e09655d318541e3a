"""Between the messages of optimizer.v1 and the optimizer's own types. Keeps Protobuf out of everything else.

A request becomes the same nested mapping as a problem file, so that defaults and error sentences are one set.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import ProblemError
from optimizer.plan import Plan, Status
from optimizer.problem import Problem
from optimizer.v1 import planner_pb2 as pb

_PRESETS: dict[int, str] = {pb.PRESET_UNSPECIFIED: "paper", pb.PRESET_PAPER: "paper", pb.PRESET_TRADEOFF: "tradeoff"}
_SOLVERS: dict[int, str] = {
    pb.SOLVER_UNSPECIFIED: "price",
    pb.SOLVER_PRICE: "price",
    pb.SOLVER_ALGORITHM1: "algorithm1",
    pb.SOLVER_ALGORITHM1_JOINT: "algorithm1-joint",
    pb.SOLVER_CONVEX: "convex",
}
_SOLVER_NUMBERS: dict[str, pb.Solver] = {
    "price": pb.SOLVER_PRICE,
    "algorithm1": pb.SOLVER_ALGORITHM1,
    "algorithm1-joint": pb.SOLVER_ALGORITHM1_JOINT,
    "convex": pb.SOLVER_CONVEX,
}
_AGGREGATES: dict[int, str] = {
    pb.QUALITY_AGGREGATE_UNSPECIFIED: "sum",
    pb.QUALITY_AGGREGATE_SUM: "sum",
    pb.QUALITY_AGGREGATE_MEAN: "mean",
}
_QUALITY_PRESETS: dict[int, str] = {
    pb.QUALITY_PRESET_UNSPECIFIED: "ffhq-ideal",
    pb.QUALITY_PRESET_FFHQ_IDEAL: "ffhq-ideal",
    pb.QUALITY_PRESET_FFHQ_20DB: "ffhq-20db",
}
_STATUSES: dict[Status, pb.PlanStatus] = {
    Status.OPTIMAL: pb.PLAN_STATUS_OPTIMAL,
    Status.FEASIBLE: pb.PLAN_STATUS_FEASIBLE,
    Status.INACCURATE: pb.PLAN_STATUS_INACCURATE,
    Status.FAILED: pb.PLAN_STATUS_FAILED,
}


def problem_mapping(request: pb.PlanRequest) -> dict[str, Any]:
    """The request as the mapping of a problem file, holding only what the request says. Raises ProblemError."""
    mapping: dict[str, Any] = {
        "preset": _known(_PRESETS, request.preset, "preset"),
        "receivers": [receiver_mapping(receiver) for receiver in request.receivers],
        "seed": request.seed,
        "solver": _known(_SOLVERS, request.solver, "solver"),
        "aggregate": _known(_AGGREGATES, request.aggregate, "aggregate"),
        "scales": list(request.scales),
    }
    mapping |= _present(request, {name: name for name in ("bandwidth_hz", "power_w", "noise_density_w_per_hz")})
    mapping |= _present(request, {"scale": "scale", "deadline_s": "deadline_s"})
    mapping |= _present(request, {"spectral_efficiency_cap_bps_per_hz": "spectral_efficiency_cap"})
    mapping["weights"] = _present(
        request.weights, {"quality_per_db": "quality", "delay_per_s": "delay", "energy_per_j": "energy"}
    )
    mapping["image"] = _present(
        request.image,
        {
            "height_pixels": "height",
            "width_pixels": "width",
            "value_bits": "value_bits",
            "index_bits": "index_bits",
        },
    )
    mapping["rho"] = _present(request.rho, {"min": "min", "max": "max"})
    mapping["channel"] = {
        "block": request.channel.block,
        **_present(request.channel, {name: name for name in ("reference_gain", "path_loss_exponent", "rician_k")}),
    }
    mapping["compute"] = _compute_mapping(request.compute)
    mapping["quality"] = _quality_mapping(request.quality)
    return mapping


def receiver_mapping(receiver: pb.Receiver) -> dict[str, Any]:
    """One receiver as an entry of `receivers`."""
    entry: dict[str, Any] = {"name": receiver.name} if receiver.name else {}
    return entry | _present(receiver, {"gain": "gain", "distance_m": "distance_m"})


def plan_message(plan: Plan, solve_s: float) -> pb.PlanResponse:
    """The plan as a response. solve_s: wall time of its solution."""
    message = pb.PlanResponse(
        utility=plan.utility,
        upper_bound=plan.upper_bound,
        gap=plan.gap,
        delay_s=plan.delay_s,
        energy_j=plan.total_energy_j,
        quality_db=plan.quality,
        active=_active_message(plan),
        status=_STATUSES[plan.status],
        solver=_SOLVER_NUMBERS[plan.solver],
        iterations=plan.iterations,
        warnings=plan.warnings,
        solve_s=solve_s,
    )
    for share in plan.shares():
        message.allocations.add(
            name=share.name,
            gain=share.gain,
            bandwidth_hz=share.bandwidth_hz,
            power_w=share.power_w,
            rho=share.rho,
            scale=share.scale,
            rate_bps=share.rate_bps,
            snr_db=share.snr_db,
            transmit_s=share.transmit_s,
            compute_s=share.compute_s,
            energy_j=share.energy_j,
            quality_db=share.quality_db,
        )
    for step in plan.trace:
        message.trace.add(iteration=step.iteration, utility=step.utility, residual=step.residual)
    if plan.prices is not None:
        message.prices.nu_per_hz = plan.prices.nu_per_hz
        message.prices.pi_per_w = plan.prices.pi_per_w
        message.prices.mu_per_s.extend(plan.prices.mu_per_s.tolist())
    return message


def _known(names: dict[int, str], number: int, field: str) -> str:
    if number not in names:
        raise ProblemError(f"{field}: unknown enum value {number}; use one of the values in planner.proto")
    return names[number]


def _present(message: Any, names: dict[str, str]) -> dict[str, Any]:
    """The fields that are set, under the names of a problem file."""
    return {key: getattr(message, field) for field, key in names.items() if message.HasField(field)}


def _compute_mapping(compute: pb.ComputeModel) -> dict[str, Any]:
    mapping = _present(
        compute,
        {
            "frequency_hz": "frequency_hz",
            "energy_coefficient_j_s2": "energy_coefficient",
            "passes": "passes",
        },
    )
    work = compute.WhichOneof("work")
    if work == "affine":
        mapping |= {"model": "affine", "base_mac": compute.affine.base_mac, "slope_mac": compute.affine.slope_mac}
    elif work == "none":
        mapping["model"] = "none"
    elif work == "vqvae2":
        mapping |= _present(compute.vqvae2, {"kernel_size_pixels": "kernel_size", "channels": "channels"})
    return mapping


def _quality_mapping(quality: pb.QualityCurve) -> dict[str, Any]:
    source = quality.WhichOneof("source")
    if source == "preset":
        return {"preset": _known(_QUALITY_PRESETS, quality.preset, "quality.preset")}
    if source == "line":
        return {"intercept_db": quality.line.intercept_db, "slope_db": quality.line.slope_db}
    if source == "measured":
        return {"points": [(point.rho, point.psnr_db) for point in quality.measured.points]}
    return {}


def _active_message(plan: Plan) -> pb.ActiveConstraints:
    active = plan.active
    return pb.ActiveConstraints(
        bandwidth=active.bandwidth,
        power=active.power,
        deadline=active.deadline,
        delay=_marked(plan.problem, active.delay),
        rho_min=_marked(plan.problem, active.rho_min),
        rho_max=_marked(plan.problem, active.rho_max),
        spectral_efficiency=_marked(plan.problem, active.spectral_efficiency),
    )


def _marked(problem: Problem, mask: NDArray[np.bool_]) -> list[str]:
    return [problem.names[index] for index in np.flatnonzero(mask)]
