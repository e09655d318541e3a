"""What a plan shows of the curve that it rests on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from optimizer.presets import PRESETS
from optimizer.price import solve
from optimizer.quality import QualityCurve
from optimizer.render import plan_dict, plan_table

POINTS = [(0.002, 21.0), (0.007, 24.5), (0.03, 28.0), (0.12, 33.5)]


def test_a_measured_curve_is_reported_with_its_fit() -> None:
    curve = QualityCurve.fit(POINTS)
    problem = dataclasses.replace(PRESETS["paper"].problem(("a", "b"), np.array([1e-8, 1e-9])), quality=curve)
    plan = solve(problem)
    shown = plan_dict(plan)["quality_curve"]
    assert shown["slope_db"] == curve.slope_db
    log_rho, psnr = np.log([rho for rho, _ in POINTS]), np.array([db for _, db in POINTS])
    assert shown["r_squared"] == pytest.approx(np.corrcoef(log_rho, psnr)[0, 1] ** 2)
    assert f"R^2 {curve.r_squared:.4f}" in plan_table(plan)


def test_a_curve_that_was_given_outright_has_no_fit_to_report() -> None:
    curve = QualityCurve(40.0, 3.0)
    problem = dataclasses.replace(PRESETS["paper"].problem(("a",), np.array([1e-8])), quality=curve)
    plan = solve(problem)
    assert plan_dict(plan)["quality_curve"]["r_squared"] is None
    assert "quality curve 40.000 + 3.000 ln(rho) dB" in plan_table(plan)
    assert "fitted" not in plan_table(plan)
