"""The planning daemon as its clients see it: a real process, Plan, Replan, health, and every refusal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from optimizer.problem_file import parse
from optimizer.solve import solve
from optimizer.v1 import planner_pb2 as pb
from optimizer.v1 import planner_pb2_grpc

ROOT = Path(__file__).parents[2]
SERVE = [sys.executable, "-m", "optimizer.cli", "serve", "--listen"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    process = subprocess.Popen([*SERVE, "127.0.0.1:0"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["serving"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    process.stdout.close()


@pytest.fixture
def stub(address: str) -> Iterator[planner_pb2_grpc.PlannerServiceStub]:
    with grpc.insecure_channel(address) as channel:
        yield planner_pb2_grpc.PlannerServiceStub(channel)


def _request(**changes: object) -> pb.PlanRequest:
    receivers = [pb.Receiver(name=f"rx{index}", gain=1e-10 * 2**index) for index in range(1, 6)]
    return pb.PlanRequest(**{"preset": pb.PRESET_TRADEOFF, "receivers": receivers, **changes})


def test_it_reports_serving(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "optimizer.v1.PlannerService"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_plan_is_that_of_the_library(stub: planner_pb2_grpc.PlannerServiceStub) -> None:
    answer = stub.Plan(_request(scales=[2, 4, 8, 16]))
    receivers = [{"name": f"rx{index}", "gain": 1e-10 * 2**index} for index in range(1, 6)]
    problem, _ = parse({"preset": "tradeoff", "receivers": receivers, "scales": [2, 4, 8, 16]})
    plan = solve(problem)
    assert answer.utility == plan.utility
    assert [allocation.scale for allocation in answer.allocations] == plan.scales.tolist()  # type: ignore[union-attr]
    assert answer.status == pb.PLAN_STATUS_OPTIMAL


@pytest.mark.parametrize(
    ("request_", "code", "sentence"),
    [
        (pb.PlanRequest(), grpc.StatusCode.INVALID_ARGUMENT, "receivers: at least one receiver required"),
        (
            _request(power_w=-1.0),
            grpc.StatusCode.INVALID_ARGUMENT,
            "power_w: must be a positive finite number (W), got -1",
        ),
        (
            _request(receivers=[pb.Receiver(name="x", gain=float("nan"))]),
            grpc.StatusCode.INVALID_ARGUMENT,
            "receivers[0] (x): gain must be finite and > 0, got nan; give the linear channel power gain",
        ),
        (_request(solver=pb.SOLVER_CONVEX), grpc.StatusCode.INVALID_ARGUMENT, "solver: convex needs a compute time"),
        (
            _request(deadline_s=0.5),
            grpc.StatusCode.FAILED_PRECONDITION,
            "deadline_s: infeasible: smallest achievable delay is",
        ),
    ],
)
def test_refusals_carry_the_sentence(
    stub: planner_pb2_grpc.PlannerServiceStub, request_: pb.PlanRequest, code: grpc.StatusCode, sentence: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Plan(request_)
    assert caught.value.code() is code
    assert caught.value.details().startswith(sentence)


def test_replan_follows_joins_leaves_and_gains(stub: planner_pb2_grpc.PlannerServiceStub) -> None:
    changes = [
        pb.ReplanRequest(problem=_request()),
        pb.ReplanRequest(change=pb.ProblemChange(upsert=[pb.Receiver(name="rx2", gain=5e-8)])),
        pb.ReplanRequest(change=pb.ProblemChange(upsert=[pb.Receiver(name="late", gain=1e-9)], remove=["rx1"])),
    ]
    plans = [answer.plan for answer in stub.Replan(iter(changes))]
    expected = [
        {"rx1": 2e-10, "rx2": 4e-10, "rx3": 8e-10, "rx4": 1.6e-9, "rx5": 3.2e-9},
        {"rx1": 2e-10, "rx2": 5e-8, "rx3": 8e-10, "rx4": 1.6e-9, "rx5": 3.2e-9},
        {"rx2": 5e-8, "rx3": 8e-10, "rx4": 1.6e-9, "rx5": 3.2e-9, "late": 1e-9},
    ]
    for plan, gains in zip(plans, expected, strict=True):
        assert {allocation.name: allocation.gain for allocation in plan.allocations} == pytest.approx(gains)
        receivers = [{"name": name, "gain": gain} for name, gain in gains.items()]
        fresh = solve(parse({"preset": "tradeoff", "receivers": receivers})[0])
        assert plan.utility == pytest.approx(fresh.utility, rel=1e-9)
        assert plan.status == pb.PLAN_STATUS_OPTIMAL


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (pb.ReplanRequest(change=pb.ProblemChange(remove=["nobody"])), "change.remove: there is no receiver nobody"),
        (pb.ReplanRequest(change=pb.ProblemChange(upsert=[pb.Receiver(gain=1e-9)])), "change.upsert: every receiver"),
        (pb.ReplanRequest(), "content: must be set"),
    ],
)
def test_a_bad_change_ends_the_stream(
    stub: planner_pb2_grpc.PlannerServiceStub, change: pb.ReplanRequest, sentence: str
) -> None:
    answers = stub.Replan(iter([pb.ReplanRequest(problem=_request()), change]))
    assert next(answers).index == 0
    with pytest.raises(grpc.RpcError) as caught:
        next(answers)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details().startswith(sentence)


def test_a_change_before_any_problem_is_refused(stub: planner_pb2_grpc.PlannerServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.Replan(iter([pb.ReplanRequest(change=pb.ProblemChange(remove=["rx1"]))])))
    assert caught.value.details().startswith("change: there is no problem yet")


@pytest.mark.parametrize(
    ("listen", "sentence"),
    [("0.0.0.0:0", "is not a loopback address"), ("somewhere", "must be HOST:PORT")],
)
def test_a_bad_address_is_refused_with_status_2(listen: str, sentence: str) -> None:
    done = subprocess.run([*SERVE, listen], capture_output=True, text=True, timeout=30, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_refused_with_status_2(address: str) -> None:
    done = subprocess.run([*SERVE, address], capture_output=True, text=True, timeout=30, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert "cannot bind" in done.stderr
