"""The optimizer's answer in the scenario's terms."""

from __future__ import annotations

import pytest

from emulator.decision import SCALES, decide, scale_for, scale_rho
from emulator.topology import load
from optimizer.v1 import planner_pb2 as pb


def test_rates_of_the_scales_are_those_of_ftsc_eq_10_and_14() -> None:
    assert scale_rho(4) == pytest.approx((64 * 64 + 32 * 32) / (256 * 256 * 3) * 9 / 8)
    assert scale_rho(2) == 0.1171875
    assert [scale_rho(s) / scale_rho(2 * s) for s in SCALES[:-1]] == [4.0, 4.0, 4.0]


@pytest.mark.parametrize(("rho", "scale"), [(0.1171875, 2), (0.117, 4), (0.03, 4), (0.029, 8), (0.002, 16), (1e-6, 16)])
def test_a_continuous_rho_becomes_the_finest_scale_that_sends_no_more(rho: float, scale: int) -> None:
    assert scale_for(rho) == scale


def test_radios_go_to_links_and_scales_to_receivers_and_who_left_gets_nothing() -> None:
    scenario = load("ftsc-downlink")
    plan = pb.PlanResponse(
        allocations=[
            pb.Allocation(name="rx2", gain=1e-9, bandwidth_hz=700, power_w=0.5, rho=0.03, rate_bps=9e3, scale=4),
            pb.Allocation(name="rx5", gain=2e-9, bandwidth_hz=800, power_w=0.6, rho=0.02, rate_bps=8e3),
        ],
        status=pb.PLAN_STATUS_OPTIMAL,
        solver=pb.SOLVER_ALGORITHM1_JOINT,
        warnings=["mind the gap"],
    )
    decision = decide(scenario, plan, {f"rx{i}": 100.0 * i for i in range(1, 6)})
    assert set(decision.radios) == {"radio2", "radio5"}
    assert decision.radios["radio2"].bandwidth_hz == 700
    assert decision.scales == {"rx2": 4, "rx5": 8}
    assert decision.report.solver == "algorithm1-joint"
    assert decision.report.status == "optimal"
    assert [(r.name, r.distance_m, r.scale) for r in decision.report.receivers] == [
        ("rx2", 200.0, 4),
        ("rx5", 500.0, 8),
    ]
