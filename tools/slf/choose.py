"""Which l for a target: `edge.adapt.freeze_choice` on the measured table, for links and senders of several speeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge.adapt.freeze_choice import Point, Target, choose_freeze, recovery
from tools.figures.results import Row
from tools.figures.setting import write
from tools.slf import paper, table1
from tools.slf.setting import Setting, options

RATES_BPS = (2e5, 2e6, 2e7)  # both ways
RECOVERIES_S = (0.5, 1.0, 5.0, 30.0)
BEST_TIMES = (1.02, 1.1, 1.3)  # MSE of the best l, at most so many times
POINTS_BELOW = (0.002, 0.01, 0.03)  # accuracy below that of the best l, at most
REMARKS = (
    "Targets of MSE and accuracy are relative to the best l of the table; recovery times are absolute.",
    "MSE and accuracy are measured; recovery time is predicted for each link and speed from payloads and operations.",
)


def points(rows: Sequence[Row], rate_bps: float, flops_per_s: float) -> list[Point]:
    """What each l takes over such links, at such a transmitter."""
    found = []
    for row in rows:
        bits = (round(8e3 * row["download_kb"]), round(8e3 * row["upload_kb"]))
        predicted = recovery(*bits, rate_bps, rate_bps, 1e12 * row["tuning_tflop"], flops_per_s)
        found.append(Point(row["freeze"], predicted.total_s, row["mse"], row["accuracy"], "predicted time"))
    return found


def targets(rows: Sequence[Row]) -> list[Target]:
    best_mse, best_accuracy = min(row["mse"] for row in rows), max(row["accuracy"] for row in rows)
    return [
        *(Target(recovery_s_at_most=limit) for limit in RECOVERIES_S),
        *(Target(mse_at_most=round(best_mse * times, 6)) for times in BEST_TIMES),
        *(Target(accuracy_at_least=round(best_accuracy - below, 4)) for below in POINTS_BELOW),
    ]


def measured_flops_per_s(rows: Sequence[Row]) -> float:
    """Speed that this machine reached in the table's alignments."""
    return 1e12 * float(sum(row["tuning_tflop"] for row in rows)) / float(sum(row["tuning_here_s"] for row in rows))


def choices(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """One row a speed, link and target."""
    found = []
    for speed in (paper.FLOPS_PER_S, measured_flops_per_s(rows)):
        for rate in RATES_BPS:
            table = points(rows, rate, speed)
            for target in targets(rows):
                choice = choose_freeze(table, target)
                found.append(
                    {
                        "flops_per_s": float(f"{speed:.3g}"),
                        "rate_bps": rate,
                        "target": str(target),
                        "freeze": choice.point.freeze,
                        "met": choice.met,
                        "recovery_s": round(choice.point.recovery_s, 4),
                        "mse": choice.point.mse,
                        "accuracy": choice.point.accuracy,
                        "reason": choice.reason,
                    }
                )
    return found


def choose(setting: Setting) -> None:
    rows = table1.rows(table1.measured(setting))
    write(setting, "choose", choices(rows), {}, REMARKS)


if __name__ == "__main__":
    options(choose)()
