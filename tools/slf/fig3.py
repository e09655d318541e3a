"""Figure 3: MSE and accuracy against eps_12 and against lambda_13, for l = 0..4 and without alignment; two verdicts.

The channel's panel is [TX1, RX2] on MNIST; the source's is [TX1, RX3] on a mixture of MNIST and CIFAR-10 at 1e-5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tools.figures import plots
from tools.figures.results import Row, curve_of, rank_correlation, verdict_over
from tools.figures.setting import write
from tools.slf import alignments, paper, results
from tools.slf.alignments import MISALIGNED, PAIRS
from tools.slf.setting import Setting, options

AXES = {"channel": "crossover", "source": "mixture"}
AXIS_TITLES = {"channel": "crossover probability of the link, eps_12", "source": "data mixture, lambda_13"}
TRAINED_CROSSOVER = 1e-1  # of TRX2
VERDICT_REMARKS = (
    "What freezing costs, in one seed at one point of the axis: MSE of l = 4 less that of the other l (accuracy of the "
    "other l less that of l = 4); below 0 where freezing helps. Spread over l: largest less smallest.",
    "A verdict holds when, in every seed, that falls along the axis (rank correlation below -0.5 with nearness to "
    "RX2's training eps, or with lambda) and is smallest, up to a tenth of its range, at the end that the paper names.",
)


def measured(setting: Setting) -> list[dict[str, Any]]:
    """One entry a panel, point, l (or misaligned) and seed, seeds outermost."""
    found = []
    for seed in range(setting.seeds):
        for panel, pair in PAIRS.items():
            for task in alignments.sweep(panel, seed):
                own = task.conditions
                point = getattr(own, AXES[panel])
                scores = alignments.scored_alignment(setting, pair, own)
                found.append({"panel": panel, "point": point, "freeze": own.freeze, "seed": seed, **scores})
                if own.freeze == 0:
                    scores = alignments.misaligned(setting, pair, own)
                    found.append({"panel": panel, "point": point, "freeze": MISALIGNED, "seed": seed, **scores})
    return found


def rows(entries: Sequence[dict[str, Any]]) -> list[Row]:
    """Means over seeds, with what alignment gains against doing nothing at the same point."""
    groups: dict[tuple[str, float, object], list[dict[str, Any]]] = {}
    for entry in entries:
        groups.setdefault((entry["panel"], entry["point"], entry["freeze"]), []).append(entry)
    found: list[Row] = []
    for (panel, point, freeze), own in groups.items():
        without = groups[panel, point, MISALIGNED]
        row: dict[str, Any] = {"panel": panel, AXES[panel]: point, "freeze": freeze, **results.score_columns(own)}
        if freeze != MISALIGNED:
            row |= gains(without, own)
        found.append(row)
    return found


def gains(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean over seeds of how much the MSE was cut, in percent, and of how many points accuracy rose."""
    pairs = list(zip(before, after, strict=True))
    cut = [100 * (1 - new["mse"] / old["mse"]) for old, new in pairs]
    rise = [100 * (new["accuracy"] - old["accuracy"]) for old, new in pairs]
    return {
        "mse_cut_percent": round(math.fsum(cut) / len(cut), 2),
        "accuracy_gain_points": round(math.fsum(rise) / len(rise), 2),
    }


ByPoint = dict[float, float]


def over_layers(
    entries: Sequence[dict[str, Any]], panel: str, value: str, measure: Callable[[dict[int, float]], float]
) -> dict[int, ByPoint]:
    """By seed and point of the axis: a measure of the values that a panel has at each l."""
    values: dict[int, dict[float, dict[int, float]]] = {}
    for entry in entries:
        if entry["panel"] == panel and entry["freeze"] != MISALIGNED:
            values.setdefault(entry["seed"], {}).setdefault(entry["point"], {})[entry["freeze"]] = entry[value]
    return {seed: {point: measure(layers) for point, layers in own.items()} for seed, own in values.items()}


def spread(layers: dict[int, float]) -> float:
    return max(layers.values()) - min(layers.values())


def cost(first: int, last: int, sign: float) -> Callable[[dict[int, float]], float]:
    """What it costs to freeze `last` layers and not `first`. sign: -1 for a value of which more is better."""
    return lambda layers: sign * (layers[last] - layers[first])


def shrinks(along: ByPoint, nearness: Callable[[float], float]) -> bool:
    """Whether a measure falls with nearness, and is smallest (up to a tenth of its range) where that is largest."""
    points = sorted(along, key=nearness)
    values = [along[point] for point in points]
    falls = rank_correlation([nearness(point) for point in points], values) < -0.5
    return falls and values[-1] <= min(values) + 0.1 * (max(values) - min(values))


def near_training(crossover: float) -> float:
    """0 at RX2's own crossover probability, less by one a decade away."""
    return -abs(math.log10(crossover / TRAINED_CROSSOVER))


def verdicts(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Fig. 3's two statements for both values."""
    found: dict[str, Any] = {}
    for value, sign in (("mse", 1.0), ("accuracy", -1.0)):
        near = "freezing costs less near RX2's training eps"
        for first in (0, 1):  # l = 0 trains anew, so that it may lose to l = 1
            measured = over_layers(entries, "channel", value, cost(first, 4, sign))
            found[f"{near}: {value}, l = 4 against {first}"] = _verdict(measured, near_training)
        measured = over_layers(entries, "source", value, spread)
        found[f"the spread over l shrinks as lambda grows: {value}"] = _verdict(measured, float)
    return found


def _verdict(measured: dict[int, ByPoint], nearness: Callable[[float], float]) -> dict[str, Any]:
    return {
        "verdict": verdict_over([shrinks(own, nearness) for own in measured.values()]),
        "by_seed": {str(seed): {f"{p:g}": round(v, 6) for p, v in own.items()} for seed, own in measured.items()},
    }


def gains_of_section_4(found: Sequence[Row]) -> dict[str, Any]:
    """The least and the most that alignment gains in each panel, beside what the paper prints for [TX1, RX2]."""
    told: dict[str, Any] = {"paper, channel": {"mse_cut_percent": paper.MSE_CUT_PERCENT}}
    told["paper, channel"]["accuracy_gain_points"] = paper.ACCURACY_GAIN_POINTS
    for panel in PAIRS:
        own = [row for row in found if row["panel"] == panel and row["freeze"] != MISALIGNED]
        told[panel] = {
            name: [min(row[name] for row in own), max(row[name] for row in own)]
            for name in ("mse_cut_percent", "accuracy_gain_points")
        }
    strangers = [row for row in found if row["panel"] == "source" and row["mixture"] == 0.0 and row["freeze"] == 2]
    told["source at lambda 0, l = 2"] = {
        name: row[name] for row in strangers for name in ("mse_cut_percent", "accuracy_gain_points")
    }
    return told


def draw(setting: Setting, found: Sequence[Row]) -> None:
    drawn = plots.figure(11.0, 8.0)
    for column, panel in enumerate(PAIRS):
        for line, (value, title) in enumerate((("mse", "MSE"), ("accuracy", "top-1 accuracy"))):
            axes = drawn.add_subplot(2, 2, 2 * line + column + 1)
            curves = []
            for freeze in (*paper.LAYERS, MISALIGNED):
                wanted = _in(panel, freeze)
                x, y = curve_of(found, AXES[panel], value, wanted)
                label = MISALIGNED if freeze == MISALIGNED else f"SLF, l = {freeze}"
                curves.append(plots.Curve(label, x, y))
            transmitter, receiver = ("TX1", "RX2") if panel == "channel" else ("TX1", "RX3")
            plots.draw_curves(axes, curves, f"[{transmitter}, {receiver}]", AXIS_TITLES[panel], title)
            if panel == "channel":
                axes.set_xscale("log")
            if value == "mse":
                axes.set_yscale("log")
    plots.save(drawn, setting.out / "fig3.png")


def _in(panel: str, freeze: object) -> Callable[[Row], bool]:
    return lambda row: row["panel"] == panel and row["freeze"] == freeze


def fig3(setting: Setting) -> None:
    entries = measured(setting)
    found = rows(entries)
    told = {"verdicts": verdicts(entries), "gains": gains_of_section_4(found), "by_seed": list(entries)}
    write(setting, "fig3", found, told, VERDICT_REMARKS)
    draw(setting, found)


if __name__ == "__main__":
    options(fig3)()
