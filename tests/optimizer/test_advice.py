"""Each warning of the notes, where it belongs and not elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from optimizer.problem import Problem
from optimizer.solve import solve

Draw = Callable[..., Problem]


def _warnings(problem: Problem) -> str:
    return "\n".join(solve(problem).warnings)


def test_the_papers_energy_coefficient_is_pointed_out(drawn: Draw) -> None:
    assert "energy_coefficient 1e-38 has no effect" in _warnings(drawn(0, preset="paper"))
    assert "energy_coefficient" not in _warnings(drawn(0, preset="tradeoff"))


def test_saturation_is_pointed_out(drawn: Draw) -> None:
    assert "every receiver is at rho_max" in _warnings(drawn(0, preset="paper"))
    assert "every receiver is at rho_m" not in _warnings(drawn(0, preset="tradeoff"))
    assert "every receiver is at rho_min" in _warnings(dataclasses.replace(drawn(0), bandwidth_hz=20.0))
    assert "every receiver is at rho_m" not in _warnings(dataclasses.replace(drawn(0), scales=(4,)))


def test_slack_power_is_pointed_out(drawn: Draw) -> None:
    assert "the power budget does not bind" in _warnings(drawn(0))
    assert "the power budget does not bind" not in _warnings(dataclasses.replace(drawn(0), power_w=1e-3))


def test_impossible_modems_are_pointed_out(drawn: Draw) -> None:
    assert "5 of 5 receivers exceed 12 bit/s/Hz" in _warnings(drawn(0))
    assert "bit/s/Hz" not in _warnings(dataclasses.replace(drawn(0), spectral_efficiency_cap=11.0))


def test_a_hopeless_receiver_is_named(drawn: Draw) -> None:
    problem = dataclasses.replace(drawn(0), power_w=1e-2)
    gain = problem.gain.copy()
    gain[3] = 1e-19
    assert "receiver rx4 is so weak that it sets the delay for everybody" in _warnings(
        dataclasses.replace(problem, gain=gain)
    )
    assert "so weak" not in _warnings(problem)
