"""Roots of decreasing functions, near and far, steep and flat, and where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from optimizer.monotone_root import decreasing_root


@pytest.mark.parametrize(
    ("f", "root"),
    [
        (lambda x: 3.0 - x, 3.0),
        (lambda x: -math.expm1(x - 40.0) if x < 700 else -math.inf, 40.0),
        (lambda x: -math.atan(1e-3 * (x + 90.0)), -90.0),
        (lambda x: -((x - 1.0) ** 3), 1.0),
    ],
)
def test_finds_the_root_from_afar(f: Callable[[float], float], root: float) -> None:
    x = decreasing_root(f, 0.0, -200.0, 200.0, 1e-13)
    assert x == pytest.approx(root, abs=2e-4)
    assert abs(f(x)) <= 1e-12


def test_without_a_root_it_returns_the_end_where_the_function_is_smallest() -> None:
    assert decreasing_root(lambda x: 1.0 + math.exp(-x), 0.0, -10.0, 10.0, 1e-12) == 10.0
    assert decreasing_root(lambda x: -1.0 - math.exp(x), 0.0, -10.0, 10.0, 1e-12) == -10.0


def test_a_jump_over_zero_is_found() -> None:
    assert decreasing_root(lambda x: 1.0 if x < 2.5 else -1.0, 0.0, -10.0, 10.0, 1e-12) == pytest.approx(2.5, abs=1e-9)
