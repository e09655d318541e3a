"""The report's PNGs: pictures.png (before and after), quality.png (PSNR) and timeline.png (who received what when).

matplotlib, without its global state: figures are made and rendered by Agg directly, so nothing needs a display.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.report.schema import MessageReport, Report
from emulator.report.scoring import Picture, ReceivedKey
from emulator.report.selection import Grid, grid, plan_of, quality_label, rate_label, subtitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, RULE, EMPTY = "#1c2530", "#66707c", "#c9ced6", "#eceef1"
STATUS_COLOURS = {"complete": "#2f6690", "partial": "#c8742b", "failed": "#a8323e", "pending": "#9aa3ad"}
SERIES_COLOURS = ("#2f6690", "#c8742b", "#4b7f52", "#8a4f7d", "#a8323e", "#5c6b7a")
MAX_COLUMNS = 10
DPI = 144


def draw(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture], out: Path) -> None:
    """Writes the three PNGs into `out`."""
    _save(before_and_after(report, originals, received), out / "pictures.png")
    _save(quality(report), out / "quality.png")
    _save(timeline(report), out / "timeline.png")


def _figure(width_in: float, height_in: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="png", metadata={"Software": None})


def _heading(figure: Figure, report: Report, left_in: float) -> None:
    """Title and subtitle in the top 0.62 inches."""
    width, height = figure.get_size_inches()
    figure.text(left_in / width, 1 - 0.16 / height, report.scenario.name, size=13, weight="bold", color=INK, va="top")
    figure.text(left_in / width, 1 - 0.42 / height, subtitle(report), size=8.5, color=FAINT, va="top")


# --- before and after -------------------------------------------------------------------------------------------------


def before_and_after(
    report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]
) -> Figure:
    """Rows are images, the first column is the original, then one column a receiver, with PSNR and scale below."""
    shown = grid(report, originals, MAX_COLUMNS)
    if not shown.images:
        return _nothing(report, "no pictures were sent")
    cell = 256 / DPI if len(shown.receivers) <= 6 else 160 / DPI
    gap, caption, margin, top = 0.07, 0.27, 0.16, 0.92
    shapes = [originals[image].shape for image in shown.images]
    heights = [cell * min(shape[0] / shape[1], 1.5) for shape in shapes]
    columns = 1 + len(shown.receivers)
    width = max(2 * margin + columns * cell + (columns - 1) * gap, 3.6)
    height = top + sum(heights) + len(heights) * caption + margin / 2
    figure = _figure(width, height)
    _heading(figure, report, margin)
    if len(shown.receivers) < sum(1 for receiver in report.receivers if receiver.messages):
        note = f"{len(shown.receivers)} receivers shown"
        figure.text(1 - margin / width, 1 - 0.42 / height, note, size=8.5, color=FAINT, va="top", ha="right")
    _column_titles(figure, report, shown, [margin + i * (cell + gap) for i in range(columns)], cell, top)
    y = top
    for image, cell_height in zip(shown.images, heights, strict=True):
        for column in range(columns):
            x = margin + column * (cell + gap)
            box = (x / width, 1 - (y + cell_height) / height, cell / width, cell_height / height)
            axes = figure.add_axes(box)
            if column == 0:
                _cell(axes, originals[image], _short(image, 22), "")
            else:
                name = shown.receivers[column - 1]
                message = shown.messages.get((image, name))
                picture = shown.picture(image, name, received)
                _cell(axes, picture, quality_label(message), rate_label(message, plan_of(report).get(name)))
        y += cell_height + caption
    return figure


def _column_titles(
    figure: Figure, report: Report, shown: Grid, lefts_in: Sequence[float], cell_in: float, top_in: float
) -> None:
    width, height = figure.get_size_inches()
    plan = plan_of(report)
    y = 1 - (top_in - 0.07) / height
    figure.text(lefts_in[0] / width, y, "original", size=9, weight="bold", color=INK)
    for left, name in zip(lefts_in[1:], shown.receivers, strict=True):
        figure.text(left / width, y, _short(name, 14), size=9, weight="bold", color=INK)
        distance = plan[name].distance_m if name in plan else None
        if distance is not None:
            right = (left + cell_in) / width
            figure.text(right, y, f"{distance:.0f} m", size=8.5, color=FAINT, ha="right")


def _cell(axes: Axes, picture: Picture | None, left: str, right: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if picture is None:
        axes.set_facecolor(EMPTY)
    else:
        axes.imshow(picture, vmin=0, vmax=255)
        axes.set_anchor("N")
    below: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top", "size": 8.5}
    axes.annotate(left, (0, 0), xytext=(0, -3), color=INK if picture is not None else FAINT, ha="left", **below)
    axes.annotate(right, (1, 0), xytext=(0, -3), color=FAINT, ha="right", **below)


def _nothing(report: Report, why: str) -> Figure:
    figure = _figure(5, 1.6)
    _heading(figure, report, 0.16)
    figure.text(0.5, 0.28, why, size=10, color=FAINT, ha="center")
    return figure


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


# --- quality ----------------------------------------------------------------------------------------------------------


def quality(report: Report) -> Figure:
    """PSNR of each message (small) and each receiver's mean (large), over distance, compression rate or receiver."""
    scored = [message for message in report.messages if message.psnr_db is not None]
    if not scored:
        return _nothing(report, "no picture has a finite PSNR")
    places, label, ticks = _abscissa(report)
    turned = len(ticks) > 9
    bottom = 0.24 if turned else 0.13
    figure = _figure(7.0, 4.3)
    _heading(figure, report, 0.2)
    axes = figure.add_axes((0.095, bottom, 0.875, 0.82 - bottom))
    groups = _series(report)
    for number, (group, names) in enumerate(groups.items()):
        _points(axes, report, places, names, group, SERIES_COLOURS[number % len(SERIES_COLOURS)])
    _style(axes, label, "PSNR (dB)")
    if label.endswith("ρ") and max(places.values()) > 4 * min(places.values()) > 0:
        axes.set_xscale("log")
    if ticks:
        axes.set_xticks(range(len(ticks)), ticks, rotation=60 if turned else 0, ha="right" if turned else "center")
    elif len(report.receivers) <= 12:
        _name_points(axes, report, places)
    if any(groups):
        axes.legend(frameon=False, fontsize=8.5, loc="best")
    return figure


def _points(axes: Axes, report: Report, places: Mapping[str, float], names: set[str], group: str, colour: str) -> None:
    """One group of receivers: its messages small and pale, its means large."""
    mine = [
        (places[m.destination], m.psnr_db) for m in report.messages if m.destination in names and m.psnr_db is not None
    ]
    means = [
        (places[r.name], r.mean_psnr_db) for r in report.receivers if r.name in names and r.mean_psnr_db is not None
    ]
    if mine and means:
        axes.plot(*zip(*mine, strict=True), "o", ms=3.5, color=colour, alpha=0.35, mew=0)
        axes.plot(*zip(*means, strict=True), "o", ms=8, color=colour, mec="white", mew=1, label=group or None)


def _abscissa(report: Report) -> tuple[dict[str, float], str, list[str]]:
    """Where each receiver stands on the x axis, the axis label, and names for ticks when it has no scale of its own."""
    names = [receiver.name for receiver in report.receivers]
    distances = {name: entry.distance_m for name, entry in plan_of(report).items()}
    far = {name: distance for name, distance in distances.items() if distance is not None}
    if all(name in far for name in names) and len(set(far.values())) > 1:
        return far, "distance from the source (m)", []
    rhos = {receiver.name: receiver.mean_rho for receiver in report.receivers}
    rates = {name: rho for name, rho in rhos.items() if rho is not None}
    if len(rates) == len(names) and len({f"{rho:.4g}" for rho in rates.values()}) > 1:
        return rates, "compression rate ρ", []
    return {name: float(i) for i, name in enumerate(names)}, "", [_short(name, 14) for name in names]


def _series(report: Report) -> dict[str, set[str]]:
    """Receivers by the scale that the plan gave them; one nameless group without a plan."""
    plan = plan_of(report)
    scales = {r.name: plan[r.name].scale if r.name in plan else None for r in report.receivers}
    groups: dict[str, set[str]] = {}
    for name, scale in sorted(scales.items(), key=lambda item: item[1] or 0):
        groups.setdefault("" if scale is None else f"scale {scale}", set()).add(name)
    return groups


def _name_points(axes: Axes, report: Report, places: Mapping[str, float]) -> None:
    """Writes names beside the means; receivers that nearly coincide share one label."""
    logarithmic = axes.get_xscale() == "log"
    across = {name: math.log10(place) if logarithmic else place for name, place in places.items()}
    low, span = min(across.values()), max(across.values()) - min(across.values())
    shared: dict[tuple[float, float], list[str]] = {}
    for receiver in report.receivers:
        if receiver.mean_psnr_db is not None:
            x, y = across[receiver.name], receiver.mean_psnr_db
            near = (p for p in shared if abs(p[0] - x) <= 0.07 * span and abs(p[1] - y) < 0.3)
            shared.setdefault(next(near, (x, y)), []).append(receiver.name)
    for (x, y), names in shared.items():
        side, align = (-7, "right") if x > low + 0.8 * span else (7, "left")
        text, point = _short(", ".join(names), 30), (places[names[0]], y)
        axes.annotate(text, point, xytext=(side, 4), ha=align, textcoords="offset points", size=8, color=FAINT)


def _style(axes: Axes, x_label: str, y_label: str) -> None:
    axes.set_xlabel(x_label, size=9, color=INK)
    axes.set_ylabel(y_label, size=9, color=INK)
    axes.tick_params(labelsize=8.5, colors=FAINT, length=3, color=RULE)
    axes.grid(True, axis="both", color=EMPTY, lw=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.margins(x=0.06, y=0.12)


# --- timeline ---------------------------------------------------------------------------------------------------------


def timeline(report: Report) -> Figure:
    """One row a receiver: each message from the moment its first link served it until its last packet arrived."""
    drawn = [m for m in report.messages if m.sent_s is not None and m.received_s is not None]
    if not drawn:
        return _nothing(report, "no message crossed the network")
    names = [receiver.name for receiver in report.receivers if receiver.messages]
    height = 1.35 + 0.3 * len(names)
    figure = _figure(8.0, height)
    _heading(figure, report, 0.2)
    left = (0.45 + 0.075 * min(max(map(len, names)), 16)) / 8.0
    axes = figure.add_axes((left, 0.5 / height, 0.97 - left, 0.3 * len(names) / height))
    for row, name in enumerate(names):
        _bars(axes, row, [message for message in drawn if message.destination == name])
    axes.set_yticks(range(len(names)), [_short(name, 16) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    _style(axes, "model time (s)", "")
    axes.margins(x=0.02)
    axes.grid(False, axis="y")
    used = {message.status for message in drawn}
    if used != {"complete"}:
        from matplotlib.patches import Patch

        handles = [Patch(color=colour, label=status) for status, colour in STATUS_COLOURS.items() if status in used]
        figure.legend(handles=handles, loc="upper right", ncols=4, frameon=False, fontsize=8.5)
    return figure


def _bars(axes: Axes, row: int, messages: Sequence[MessageReport]) -> None:
    spans = [(m.sent_s or 0.0, (m.received_s or 0.0) - (m.sent_s or 0.0)) for m in messages]
    colours = [STATUS_COLOURS[message.status] for message in messages]
    axes.broken_barh(spans, (row - 0.3, 0.6), facecolors=colours, edgecolor="white", linewidth=0.6)
