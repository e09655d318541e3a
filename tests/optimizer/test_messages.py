"""Requests mean what the same problem file means; responses carry the whole plan."""

from __future__ import annotations

import math

import pytest

from optimizer.errors import ProblemError
from optimizer.messages import plan_message, problem_mapping
from optimizer.problem import QualityAggregate
from optimizer.problem_file import parse
from optimizer.solve import solve
from optimizer.v1 import planner_pb2 as pb

RECEIVERS = [pb.Receiver(name="a", gain=1e-9), pb.Receiver(name="b", distance_m=100.0), pb.Receiver(gain=3e-9)]


def test_what_is_left_out_has_the_files_defaults() -> None:
    problem, solver = parse(problem_mapping(pb.PlanRequest(receivers=RECEIVERS)))
    same, _ = parse({"receivers": [{"name": "a", "gain": 1e-9}, {"name": "b", "distance_m": 100}, {"gain": 3e-9}]})
    assert solver == "price"
    assert problem.gain.tolist() == same.gain.tolist()
    assert problem.names == same.names == ("a", "b", "rx3")
    for field in ("bandwidth_hz", "power_w", "compute", "quality", "weights", "image", "scales", "deadline_s"):
        assert getattr(problem, field) == getattr(same, field)


def test_everything_can_be_said() -> None:
    request = pb.PlanRequest(
        preset=pb.PRESET_TRADEOFF,
        receivers=RECEIVERS,
        bandwidth_hz=2000.0,
        power_w=3.0,
        noise_density_w_per_hz=4e-21,
        weights=pb.Weights(quality_per_db=0.5, delay_per_s=0.0, energy_per_j=0.1),
        image=pb.ImageFormat(height_pixels=128, width_pixels=64),
        compute=pb.ComputeModel(affine=pb.AffineCompute(base_mac=1e9, slope_mac=1e8), frequency_hz=1e9, passes=2),
        quality=pb.QualityCurve(line=pb.QualityLine(intercept_db=40.0, slope_db=2.5)),
        aggregate=pb.QUALITY_AGGREGATE_MEAN,
        rho=pb.RhoBounds(min=0.005, max=0.05),
        scales=[4, 8],
        deadline_s=30.0,
        spectral_efficiency_cap_bps_per_hz=12.0,
        channel=pb.RicianChannel(rician_k=0.0, block=3),
        seed=9,
        solver=pb.SOLVER_ALGORITHM1_JOINT,
    )
    problem, solver = parse(problem_mapping(request))
    assert solver == "algorithm1-joint"
    assert (problem.bandwidth_hz, problem.power_w, problem.noise_density_w_per_hz) == (2000.0, 3.0, 4e-21)
    assert (problem.weights.quality, problem.weights.delay, problem.weights.energy) == (0.5, 0.0, 0.1)
    assert problem.source_bits == 3 * 128 * 64 * 8
    assert problem.compute.time_slope_s == pytest.approx(0.2)
    assert (problem.quality.intercept_db, problem.quality.slope_db) == (40.0, 2.5)
    assert problem.aggregate is QualityAggregate.MEAN
    assert (problem.rho_lower, problem.rho_upper, problem.allowed_scales) == (0.005, 0.05, (4, 8))
    assert (problem.deadline_s, problem.spectral_efficiency_cap) == (30.0, 12.0)


@pytest.mark.parametrize(
    ("quality", "slope_db"),
    [
        (pb.QualityCurve(preset=pb.QUALITY_PRESET_FFHQ_20DB), 3.073),
        (
            pb.QualityCurve(
                measured=pb.QualityPoints(
                    points=[pb.QualityPoint(rho=0.01, psnr_db=20.0), pb.QualityPoint(rho=0.1, psnr_db=30.0)]
                )
            ),
            10.0 / math.log(10.0),
        ),
    ],
)
def test_quality_sources(quality: pb.QualityCurve, slope_db: float) -> None:
    problem, _ = parse(problem_mapping(pb.PlanRequest(receivers=RECEIVERS, quality=quality)))
    assert problem.quality.slope_db == pytest.approx(slope_db)


def test_no_compute_and_vqvae2() -> None:
    none = pb.PlanRequest(receivers=RECEIVERS, compute=pb.ComputeModel(none=pb.NoCompute()))
    assert parse(problem_mapping(none))[0].compute.base_mac == 0
    narrow = pb.PlanRequest(receivers=RECEIVERS, compute=pb.ComputeModel(vqvae2=pb.Vqvae2Compute(channels=48)))
    assert 0 < parse(problem_mapping(narrow))[0].compute.base_mac < 1e9


@pytest.mark.parametrize("field", ["preset", "solver", "aggregate"])
def test_an_enum_value_of_the_future_is_refused(field: str) -> None:
    request = pb.PlanRequest(receivers=RECEIVERS)
    setattr(request, field, 77)
    with pytest.raises(ProblemError, match=f"{field}: unknown enum value 77"):
        problem_mapping(request)


def test_a_response_carries_the_plan() -> None:
    problem, _ = parse({"preset": "tradeoff", "receivers": {"count": 3}, "scales": [2, 4, 8, 16]})
    plan = solve(problem)
    message = plan_message(plan, 0.25)
    assert message.status == pb.PLAN_STATUS_OPTIMAL
    assert message.solver == pb.SOLVER_PRICE
    assert (message.utility, message.upper_bound, message.solve_s) == (plan.utility, plan.upper_bound, 0.25)
    for index, allocation in enumerate(message.allocations):
        share = plan.share(index)
        assert (allocation.name, allocation.scale) == (share.name, share.scale)
        assert allocation.bandwidth_hz == share.bandwidth_hz
        assert allocation.transmit_s == share.transmit_s
    assert list(message.active.delay) == ["rx1", "rx2", "rx3"]
    assert list(message.prices.mu_per_s) == plan.prices.mu_per_s.tolist()  # type: ignore[union-attr]
    continuous = solve(parse({"receivers": {"count": 2}})[0])
    assert not plan_message(continuous, 0.0).allocations[0].HasField("scale")
