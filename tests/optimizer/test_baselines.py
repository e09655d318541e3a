"""The two benchmarks: what their curves and compute models are pinned to, and their own optima."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from optimizer import convex, price
from optimizer.baselines import JPEG_CURVE, JSCC_CURVE, jpeg_ldpc, jscc
from optimizer.plan import Status
from optimizer.problem import Problem
from optimizer.quality import FFHQ_IDEAL

Draw = Callable[..., Problem]


def _psnr(curve: object, rho: float) -> float:
    return curve.intercept_db + curve.slope_db * math.log(rho)  # type: ignore[attr-defined]


def test_curves_pass_through_table_1() -> None:
    assert _psnr(JPEG_CURVE, 0.03) == pytest.approx(23.62)
    assert _psnr(JSCC_CURVE, 0.03) == pytest.approx(24.01)
    assert _psnr(JPEG_CURVE, 0.1171875) == pytest.approx(_psnr(FFHQ_IDEAL, 0.1171875))


def test_jpeg_has_no_compute_and_keeps_its_own_limit(drawn: Draw) -> None:
    problem = jpeg_ldpc(drawn(0))
    plan = price.solve(problem)
    assert plan.compute_s.max() == 0.0
    assert plan.compute_energy_j.max() == 0.0
    assert problem.rho_lower == 0.01
    assert plan.utility == pytest.approx(convex.solve(problem).utility, rel=1e-6)


def test_jscc_work_grows_with_rho_through_its_fifth_layer_alone(drawn: Draw) -> None:
    compute = jscc(drawn(0)).compute
    layers = 128 * 128 * 25 * 3 * 16 + 64 * 64 * 25 * (16 * 32 + 32 * 32 + 32 * 32)
    assert compute.base_mac == layers
    one_filter_more = 1.0 / 48.0
    assert -compute.slope_mac * one_filter_more == pytest.approx(64 * 64 * 25 * 32)


@pytest.mark.parametrize("variant", [jpeg_ldpc, jscc])
def test_each_is_solved_to_its_own_optimum(drawn: Draw, variant: Callable[[Problem], Problem]) -> None:
    for seed in range(4):
        assert price.solve(variant(drawn(seed))).status is Status.OPTIMAL
