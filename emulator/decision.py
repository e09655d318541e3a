"""The optimizer's answer in the scenario's terms: radios for links, scales for codecs, a section of the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.report.schema import PlanReceiver, PlanReport
from emulator.topology import Scenario, planned_links
from emulator.topology.lowering import PlannedRadio
from optimizer.v1 import planner_pb2

SCALES = (2, 4, 8, 16)


@dataclass(frozen=True)
class Decision:
    """A plan in the scenario's terms: radios by link name, bottom scaling rates by receiver, and what to report."""

    radios: dict[str, PlannedRadio]
    scales: dict[str, int]
    report: PlanReport


def scale_rho(scale: int) -> float:
    """Compression rate of VQ-VAE-2 at a bottom scaling rate, top 2, 512 entries (FTSC, eq. 10 and 14)."""
    return (1 + 1 / 4) / scale**2 * 9 / (3 * 8)


def scale_for(rho: float) -> int:
    """The scaling rate that the codec has for a continuous rho: the finest that sends no more than planned."""
    for scale in SCALES:
        if scale_rho(scale) <= rho * (1 + 1e-9):
            return scale
    return SCALES[-1]


def decide(scenario: Scenario, plan: planner_pb2.PlanResponse, distances_m: Mapping[str, float | None]) -> Decision:
    """What the answer means for links, codecs and report. distances_m: where the receivers are; those that have left
    have no allocation."""
    by_name = {allocation.name: allocation for allocation in plan.allocations}
    radios, scales, receivers = {}, {}, []
    for link in planned_links(scenario):
        name = link.destinations[0]
        if name not in by_name:
            continue
        allocation = by_name[name]
        radios[link.name] = PlannedRadio(allocation.bandwidth_hz, allocation.power_w, allocation.gain)
        scales[name] = allocation.scale if allocation.HasField("scale") else scale_for(allocation.rho)
        receivers.append(
            PlanReceiver(
                name=name,
                distance_m=distances_m[name],
                gain=allocation.gain,
                bandwidth_hz=allocation.bandwidth_hz,
                power_w=allocation.power_w,
                snr_db=allocation.snr_db,
                rate_bps=allocation.rate_bps,
                rho=allocation.rho,
                scale=scales[name],
                transmit_s=allocation.transmit_s,
                compute_s=allocation.compute_s,
                quality_db=allocation.quality_db,
            )
        )
    report = PlanReport(
        solver=planner_pb2.Solver.Name(plan.solver).removeprefix("SOLVER_").lower().replace("_", "-"),
        status=planner_pb2.PlanStatus.Name(plan.status).removeprefix("PLAN_STATUS_").lower(),
        utility=plan.utility,
        upper_bound=plan.upper_bound,
        gap=plan.gap,
        delay_s=plan.delay_s,
        energy_j=plan.energy_j,
        warnings=list(plan.warnings),
        receivers=receivers,
    )
    return Decision(radios, scales, report)
