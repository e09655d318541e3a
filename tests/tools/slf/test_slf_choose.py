"""The l that is chosen, from a made-up table in which each l is better for something."""

from __future__ import annotations

from typing import Any

import pytest

from tools.slf import choose

TABLE: list[dict[str, Any]] = [
    {"freeze": freeze, "download_kb": 114.648, "upload_kb": upload, "tuning_tflop": tflop, "tuning_here_s": 20.0}
    | {"mse": mse, "accuracy": accuracy}
    for freeze, upload, tflop, mse, accuracy in (
        (0, 114.648, 0.6, 0.010, 0.980),
        (2, 20.556, 0.5, 0.0105, 0.975),
        (4, 0.0, 0.4, 0.012, 0.940),
    )
]


def chosen(rate_bps: float, target: str) -> dict[str, Any]:
    found = [row for row in choose.choices(TABLE) if row["rate_bps"] == rate_bps and row["flops_per_s"] == 3e13]
    return next(row for row in found if row["target"] == target)


def test_recovery_time_is_bits_over_rate_and_operations_over_speed() -> None:
    (first, _, last) = choose.points(TABLE, 2e6, 3e13)
    assert first.recovery_s == pytest.approx(2 * 0.458592 + 0.02)
    assert last.recovery_s == pytest.approx(0.458592 + 0.4 / 30)


def test_a_slow_link_buys_less() -> None:
    assert chosen(2e7, "recovery <= 0.5 s")["freeze"] == 0
    assert chosen(2e6, "recovery <= 0.5 s")["freeze"] == 4
    slow = chosen(2e5, "recovery <= 0.5 s")
    assert (slow["freeze"], slow["met"]) == (4, False)


def test_quality_is_bought_with_the_least_time() -> None:
    assert chosen(2e6, "MSE <= 0.0102")["freeze"] == 0
    assert chosen(2e6, "MSE <= 0.011")["freeze"] == 2
    assert chosen(2e6, "accuracy >= 0.97")["freeze"] == 2
    assert chosen(2e6, "accuracy >= 0.978")["freeze"] == 0


def test_speed_of_this_machine_is_operations_over_seconds() -> None:
    assert choose.measured_flops_per_s(TABLE) == pytest.approx(1.5e12 / 60)
