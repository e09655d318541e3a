"""The pictures of the figures. Only drawing: nothing here computes a value."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge.images import Picture
from tools.figures.results import Banded, put

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#1f5fa8", "#d1662a", "#3b8f4a", "#8a4fa3", "#666666", "#b8860b", "#20898f", "#c2335b")
MARKERS = "os^Dvx*P"


@dataclass(frozen=True)
class Curve:
    """Points in the order of x; a missing value is None. line: whether the points are joined."""

    label: str
    x: Sequence[float]
    y: Sequence[Banded]
    line: bool = True


def figure(width: float, height: float) -> Figure:
    """An empty figure that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def save(drawn: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=130)
    put(path, buffer.getvalue())


def draw_curves(
    axes: object,
    curves: Sequence[Curve],
    title: str,
    x_label: str,
    y_label: str = "PSNR, dB",
    legend: bool = True,
) -> None:
    """Lines with bands on matplotlib axes. legend: leave it out where other axes have it for the same curves."""
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    for i, curve in enumerate(curves):
        colour, means = COLOURS[i % len(COLOURS)], [point.mean for point in curve.y]
        solid = "-" if i < len(COLOURS) else "--"  # colours come round again
        style = solid if curve.line else ""
        axes.plot(
            curve.x, means, style, marker=MARKERS[i % len(MARKERS)], markersize=4, color=colour, label=curve.label
        )
        lows, highs = [point.low for point in curve.y], [point.high for point in curve.y]
        if curve.line and any(low != high for low, high in zip(lows, highs, strict=True)):
            axes.fill_between(curve.x, lows, highs, color=colour, alpha=0.2, linewidth=0)
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.grid(alpha=0.3)
    if legend:
        axes.legend(fontsize=7)


def bars(
    path: Path,
    groups: Sequence[str],
    panels: Sequence[tuple[str, Sequence[tuple[str, Sequence[Banded | None]]]]],
    y_label: str = "PSNR, dB",
) -> None:
    """One panel below the other, each with bars of every series at every group; whiskers from low to high."""
    drawn = figure(max(7.0, 1.4 * len(groups)), 2.6 * len(panels) + 0.4)
    for number, (title, series) in enumerate(panels):
        axes = drawn.add_subplot(len(panels), 1, number + 1)
        width = 0.8 / max(len(series), 1)
        floor = [point.low for _, points in series for point in points if point is not None]
        for i, (label, points) in enumerate(series):
            places = [g + (i + 0.5) * width - 0.4 for g, point in enumerate(points) if point is not None]
            there = [point for point in points if point is not None]
            means = [point.mean for point in there]
            whiskers = np.array([[p.mean - p.low for p in there], [p.high - p.mean for p in there]])
            axes.bar(
                places,
                means,
                width,
                label=label,
                color=COLOURS[i % len(COLOURS)],
                yerr=whiskers,
                error_kw={"elinewidth": 0.8},
            )
        shown = [g for g in range(len(groups)) if any(points[g] is not None for _, points in series)]
        axes.set(title=title, ylabel=y_label, xticks=shown, xticklabels=[groups[g] for g in shown])
        axes.set_ylim(bottom=max(0.0, min(floor, default=0.0) - 2.0))
        if y_label == "%":
            axes.set_ylim(top=min(axes.get_ylim()[1], 101.0))  # no share is larger
        axes.grid(axis="y", alpha=0.3)
        if number == 0:  # one legend beside the panels: inside, it would cover bars
            axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    save(drawn, path)


def picture_grid(
    path: Path, rows: Sequence[str], columns: Sequence[str], pictures: Sequence[Sequence[tuple[Picture, str] | None]]
) -> None:
    """pictures[row][column]: a picture and the words below it."""
    drawn = figure(1.9 * len(columns), 2.1 * len(rows) + 0.3)
    for r, line in enumerate(pictures):
        for c, cell in enumerate(line):
            axes = drawn.add_subplot(len(rows), len(columns), r * len(columns) + c + 1)
            axes.set(xticks=[], yticks=[])
            if r == 0:
                axes.set_title(columns[c], fontsize=9)
            if c == 0:
                axes.set_ylabel(rows[r], fontsize=9)
            if cell is None:
                axes.axis("off")
                continue
            axes.imshow(cell[0])
            axes.set_xlabel(cell[1], fontsize=7)
    save(drawn, path)


def heat_map(
    path: Path,
    values: Sequence[Sequence[float | None]],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    row_label: str,
    column_label: str,
) -> None:
    """values[row][column], written into the fields; None stays empty."""
    drawn = figure(5.0, 4.2)
    axes = drawn.add_subplot()
    shown = np.array([[np.nan if value is None else value for value in row] for row in values], np.float64)
    axes.imshow(shown, cmap="viridis")
    for (r, c), value in np.ndenumerate(shown):
        if np.isfinite(value):
            axes.text(c, r, f"{value:.2f}", ha="center", va="center", fontsize=8, color="white")
    axes.set(
        title=title,
        xlabel=column_label,
        ylabel=row_label,
        xticks=range(len(columns)),
        yticks=range(len(rows)),
        xticklabels=columns,
        yticklabels=rows,
    )
    save(drawn, path)
