"""The scenarios that ship, with the networks that ship: the same numbers under any clock, others with another seed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from processes import Outcome, Yard, raw_nodes

from emulator.decision import scale_rho
from emulator.report.schema import Report


def finished(outcome: Outcome) -> Report:
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.report.complete
    return outcome.report


def together(receivers: int) -> tuple[str, str]:
    """All in one process, which loads torch once."""
    return "--set", f"processes.receivers={receivers}"


def test_quickstart_gives_the_same_numbers_under_any_clock(yard: Yard) -> None:
    virtual = finished(yard.run("quickstart", "--limit", 2, "--clock", "virtual", "--seed", 5, out="virtual"))
    real = finished(yard.run("quickstart", "--limit", 2, "--clock", "real", "--seed", 5, out="real"))
    assert (virtual.clock, real.clock) == ("virtual", "real")
    assert virtual.deterministic() == real.deterministic()
    for message in virtual.messages:
        assert message.size_bits == 9 * (32**2 + 64**2)  # 256x256 at scale 4: two maps of 9-bit indices
        assert message.rho == pytest.approx(scale_rho(4), rel=1e-12)
        assert message.transfer_s == pytest.approx(message.theoretical_transfer_s, abs=2e-9)
        assert message.psnr_db is not None
        assert message.psnr_db > 20


def test_ftsc_downlink_sends_by_the_plan(yard: Yard) -> None:
    report = finished(yard.run("ftsc-downlink", "--limit", 1, "--set", "plan.scale=16", *together(5)))
    plan = report.plan
    assert plan is not None
    assert sum(r.bandwidth_hz for r in plan.receivers) == pytest.approx(5000, rel=1e-6)
    assert sum(r.power_w for r in plan.receivers) <= 50 * (1 + 1e-6)
    receivers = {r.name: r for r in plan.receivers}
    assert sorted(receivers) == [f"rx{i}" for i in range(1, 6)]
    for link in report.links:
        planned = receivers[link.destination]
        assert link.rate_bps == pytest.approx(planned.rate_bps, rel=1e-9)
        assert link.rate_bps == pytest.approx(
            planned.bandwidth_hz * math.log2(1 + 10 ** (planned.snr_db / 10)), rel=1e-9
        )
        assert link.measured_rate_bps == pytest.approx(link.rate_bps, rel=1e-6)
    for message in report.messages:
        assert receivers[message.destination].scale == 16
        assert message.rho == pytest.approx(scale_rho(16), rel=1e-12)
        assert message.psnr_db is not None
        assert math.isfinite(message.psnr_db)
        rate = receivers[message.destination].rate_bps
        assert message.transfer_s == pytest.approx(message.size_bits / rate, abs=2e-9)


def test_a_plan_is_made_from_the_seed_and_from_nothing_else(yard: Yard) -> None:
    links = [{"name": f"radio{i}", "from": "tx", "to": f"rx{i}", "radio": "from_plan"} for i in (1, 2)]
    noise = {"levels": [{"ber": 1e-3, "on_failure": "drop", "erasure": 0.2}]}
    scenario = yard.scenario(
        nodes=raw_nodes(2), links=[link | noise for link in links], resources={"preset": "paper"}, plan={}
    )
    pictures = yard.pictures(3)

    def run(seed: int, out: str) -> dict[str, Any]:
        return finished(yard.run(scenario, "--images", pictures, "--seed", seed, out=out)).deterministic()

    first, again, other = run(7, "first"), run(7, "again"), run(8, "other")
    assert first == again
    for section in ("plan", "links", "messages"):
        assert first[section] != other[section]
    assert {m["status"] for m in first["messages"]} == {"partial"}
    lost = [[m["packets_lost"] for m in each["messages"]] for each in (first, other)]
    assert lost[0] != lost[1]  # noise is another's too


def test_links_and_codecs_follow_receivers_that_move_leave_and_come_back(yard: Yard) -> None:
    report = finished(yard.run("ftsc-moving", *together(3)))
    replans = [step.summary for step in report.steps if step.kind == "replan"]
    assert len(replans) == 3
    assert all(
        "now s =" in summary for summary in replans
    )  # the scenario is laid out so that a scale changes each time
    last = {r.name: r for r in report.plan.receivers} if report.plan is not None else {}
    assert {name: r.distance_m for name, r in last.items()} == {"rx1": 900, "rx2": 500, "rx3": 60}
    assert len({r.scale for r in last.values()}) > 1
    of_last_step = {m.destination: m for m in report.messages if m.offered_s == report.steps[-1].model_start_s}
    for name, message in of_last_step.items():
        assert message.rho == pytest.approx(scale_rho(last[name].scale or 0), rel=1e-12)
        assert message.transfer_s == pytest.approx(last[name].transmit_s, abs=2e-9)
    assert sorted(m.destination for m in report.messages) == ["rx1"] * 4 + ["rx2"] * 4 + ["rx3"] * 3
