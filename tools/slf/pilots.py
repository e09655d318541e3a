"""How far the measured crossover probability can be trusted: coverage of its interval, and alignment with it.

Pilots cross the emulator's own K-ary channel. Runs differ in the seed of its noise alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import numpy as np

from edge.adapt.pilots import Crossover, estimate_crossover, pilot_indices
from edge.adapt.slf_settings import SlfSettings
from emulator.channels.dmc import KaryDMC
from emulator.channels.noise import NoiseKey, SegmentNoise
from tools.figures import plots
from tools.figures.results import Banded, Row, Verdict, columns, curve_of
from tools.figures.setting import write
from tools.slf import alignments
from tools.slf.alignments import CHANNEL, Conditions, Task
from tools.slf.paper import CROSSOVERS
from tools.slf.setting import Setting, options

ENTRIES = 16  # K
RUNS = 100
FREEZE = 2  # l of the alignments
WANTED = (93, 97)  # of 100 intervals hold the truth
AS_GOOD = 0.02  # relative difference of the mean MSE


def measure(crossover: float, seed: int) -> Crossover:
    """One run: pilots of the default number through the channel."""
    sent = pilot_indices(ENTRIES, SlfSettings(freeze=FREEZE).pilots, "tools.slf/0")
    key = NoiseKey(seed=seed, link="down", receiver="tx", session="slf", purpose="payload")
    received = KaryDMC(ENTRIES, crossover)(sent.astype(np.uint16), 0, SegmentNoise(key, 0, 0))
    return estimate_crossover(sent, received.astype(np.uint8), None)


def coverage(crossover: float) -> dict[str, Any]:
    """RUNS runs at one crossover probability."""
    found = [measure(crossover, seed) for seed in range(RUNS)]
    return {
        "crossover": crossover,
        "pilots": found[0].pilots,
        "confidence": found[0].confidence,
        "runs": RUNS,
        "hold_the_truth": sum(one.low <= crossover <= one.high for one in found),
        "expected_percent": round(100 * exact_coverage(crossover, found[0].pilots), 2),
        "mean_estimate": float(f"{fmean(one.estimate for one in found):.4g}"),
        "mean_width": float(f"{fmean(one.high - one.low for one in found):.4g}"),
    }


def exact_coverage(crossover: float, count: int) -> float:
    """Probability that the interval of `count` pilots holds the truth, summed over the binomial numbers of errors."""
    from scipy.stats import binom

    middle, deviation = count * crossover, (count * crossover * (1 - crossover)) ** 0.5
    errors = range(max(0, int(middle - 8 * deviation) - 1), min(count, int(middle + 8 * deviation) + 12) + 1)
    sent, received = np.zeros(count, np.uint8), np.zeros(count, np.uint8)
    total = 0.0
    for number in errors:
        received[:number] = 1
        one = estimate_crossover(sent, received, None)
        if one.low <= crossover <= one.high:
            total += float(binom.pmf(number, count, crossover))
    return total


def tasks(seed: int) -> list[Task]:
    """The alignments that take the measured probability for the true one."""
    return [
        Task(CHANNEL, Conditions(FREEZE, crossover, 0.0, seed, assumed=measure(crossover, seed).estimate))
        for crossover in CROSSOVERS
    ]


def alignment_rows(setting: Setting) -> list[Row]:
    """MSE after alignment with the measured and with the true probability, same seeds."""
    entries = []
    for seed in range(setting.seeds):
        for task in tasks(seed):
            true = replace(task.conditions, assumed=None)
            both = [alignments.scored_alignment(setting, CHANNEL, case) for case in (task.conditions, true)]
            entries.append((true.crossover, task.conditions.assumed, both[0]["mse"], both[1]["mse"]))
    found: list[Row] = []
    for crossover in CROSSOVERS:
        own = [entry for entry in entries if entry[0] == crossover]
        measured, true_one = [e[2] for e in own], [e[3] for e in own]
        relative = fmean(measured) / fmean(true_one) - 1
        found.append(
            {
                "crossover": crossover,
                "estimates": [float(f"{e[1]:.4g}") for e in own],
                **columns("mse_measured", measured, 6),
                **columns("mse_true", true_one, 6),
                "relative_difference": round(relative, 4),
                "as_good": Verdict.HOLDS if relative <= AS_GOOD else Verdict.DOES_NOT_HOLD,
            }
        )
    return found


def draw(setting: Setting, covered: Sequence[Row], aligned: Sequence[Row]) -> None:
    drawn = plots.figure(9.5, 3.6)
    left, right = drawn.add_subplot(1, 2, 1), drawn.add_subplot(1, 2, 2)
    x = [float(row["crossover"]) for row in covered]
    same = [("100 runs", "hold_the_truth"), ("expected", "expected_percent")]
    curves = [
        plots.Curve(label, x, [Banded(float(row[name]), float(row[name]), float(row[name])) for row in covered])
        for label, name in same
    ]
    plots.draw_curves(left, curves, "intervals that hold the truth", "crossover probability", "of 100")
    left.axhspan(*WANTED, color="#888888", alpha=0.2)
    names = (("measured", "mse_measured"), ("true", "mse_true"))
    curves = [plots.Curve(label, *curve_of(aligned, "crossover", name, _all)) for label, name in names]
    plots.draw_curves(right, curves, f"[TX1, RX2], l = {FREEZE}", "crossover probability", "MSE after alignment")
    for axes in (left, right):
        axes.set_xscale("log")
    plots.save(drawn, setting.out / "pilots.png")


def _all(_row: Row) -> bool:
    return True


def pilots(setting: Setting) -> None:
    covered = [coverage(crossover) for crossover in CROSSOVERS]
    aligned = alignment_rows(setting)
    told = {
        f"{row['crossover']:g}": Verdict.HOLDS
        if WANTED[0] <= row["hold_the_truth"] <= WANTED[1]
        else Verdict.DOES_NOT_HOLD
        for row in covered
    }
    more = {"alignments": aligned, "coverage_verdicts": told}
    write(setting, "pilots", covered, more, [f"As good: mean MSE at most {AS_GOOD:.0%} higher."])
    draw(setting, covered, aligned)


if __name__ == "__main__":
    options(pilots)()
