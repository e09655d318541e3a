"""An experiment on disk: NAME.csv, NAME.json and NAME.png (mean over seeds, band from smallest to largest)."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.figures import Experiment, Row

Curve = tuple[str, str, Callable[[Row], float]]

_PANELS: dict[str, tuple[Curve, ...]] = {
    "fig12": (("utility", "utility", lambda row: row.utility),),
    "fig13": (
        ("delay", "delay T (s)", lambda row: row.delay_s),
        ("energy", "energy E (J)", lambda row: row.energy_j),
        ("utility", "utility", lambda row: row.utility),
    ),
    "fig14": (
        ("energy", "energy E (J)", lambda row: row.energy_j),
        ("rho", "mean compression rate rho", lambda row: row.rho_mean),
        ("1/rho", "mean data reduction 1/rho", lambda row: 1.0 / row.rho_mean),
    ),
    "stall": (
        ("utility", "utility at the end", lambda row: row.utility),
        ("rho", "mean rho at the end", lambda row: row.rho_mean),
        (
            "gap",
            "gap to the upper bound (1e-4: less)",
            lambda row: max(1e-4, row.relative_gap * max(1.0, abs(row.utility))),
        ),
    ),
}
_LOGARITHMIC = {("stall", "gap")}
_ANY: tuple[Curve, ...] = (
    ("utility", "utility", lambda row: row.utility),
    ("delay", "delay T (s)", lambda row: row.delay_s),
    ("energy", "energy E (J)", lambda row: row.energy_j),
    ("rho", "mean compression rate rho", lambda row: row.rho_mean),
)


def write(experiment: Experiment, folder: Path) -> tuple[Path, Path, Path]:
    """Writes the three files into folder (made when missing) and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / f"{experiment.name}.{suffix}" for suffix in ("csv", "json", "png"))
    _write_csv(experiment, paths[0])
    rows = [dataclasses.asdict(row) for row in experiment.rows]
    content: dict[str, Any] = {"name": experiment.name, "x": experiment.x_label, "rows": rows}
    paths[1].write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    _draw(experiment, paths[2])
    return paths[0], paths[1], paths[2]


def _write_csv(experiment: Experiment, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(Row)])
        writer.writeheader()
        writer.writerows(dataclasses.asdict(row) for row in experiment.rows)


def _draw(experiment: Experiment, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _PANELS.get(experiment.name, _ANY)
    figure = Figure(figsize=(4.6 * len(panels), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    presets = sorted({row.preset for row in experiment.rows})
    groups = sorted({(row.system, row.preset) for row in experiment.rows})
    for axes, (key, label, value) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for system, preset in groups:
            rows = [row for row in experiment.rows if (row.system, row.preset) == (system, preset)]
            x, y = _curves(rows, value)
            name = f"{system}, {preset}" if len(presets) > 1 else system
            (line,) = axes.plot(x, y.mean(axis=0), marker="o", markersize=3, label=name)
            axes.fill_between(x, y.min(axis=0), y.max(axis=0), color=line.get_color(), alpha=0.15, linewidth=0)
        axes.set_xlabel(experiment.x_label)
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
        if experiment.name == "stall":
            axes.set_xscale("log")
        if (experiment.name, key) in _LOGARITHMIC:
            axes.set_yscale("log")
        if len(groups) > 1:
            axes.legend()
    seeds = len({row.seed for row in experiment.rows})
    figure.suptitle(f"{experiment.name}: mean and range over {seeds} draws ({', '.join(presets)})", fontsize=10)
    figure.savefig(path, dpi=130)


def _curves(rows: Sequence[Row], value: Callable[[Row], float]) -> tuple[np.ndarray, np.ndarray]:
    """x: [X] ascending; y: [seeds, X]."""
    x = sorted({row.x for row in rows})
    table = {(row.seed, row.x): value(row) for row in rows}
    seeds = sorted({row.seed for row in rows})
    return np.array(x), np.array([[table[seed, position] for position in x] for seed in seeds])
