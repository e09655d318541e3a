"""How a fine-tuning went, as an inline SVG: the judgement on the validation slice over the training steps, or, where
nothing was judged more than once, the training loss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.report.markup import Attributes, Markup, element
from emulator.report.schema import AdaptationReport, CurvePoint

WIDTH, HEIGHT = 720.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 14.0, 12.0, 40.0

Point = tuple[float, float]


@dataclass(frozen=True)
class _Axes:
    """Steps and figures to the drawing's x and y."""

    last_step: float
    low: float
    high: float

    def x(self, step: float) -> float:
        return LEFT + step / (self.last_step or 1.0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / ((self.high - self.low) or 1.0) * (HEIGHT - TOP - BOTTOM)


def draw(row: AdaptationReport) -> Markup | None:
    """The drawing, or None when fewer than two points are known."""
    judged = [(float(point.step), point.validation) for point in row.curve]
    points, label = _judgements(_known(judged)), f"validation ({row.unit})"
    if len(points) < 2:
        return draw_losses(row.curve)
    return _drawing(points, label, row.validation_before)


def draw_losses(curve: Sequence[CurvePoint]) -> Markup | None:
    """The training loss alone, or None when fewer than two points are known."""
    points = _known([(float(point.step), point.loss) for point in curve])
    return _drawing(points, "training loss", None) if len(points) >= 2 else None


def _drawing(points: Sequence[Point], label: str, level: float | None) -> Markup:
    values = [value for _, value in points] + ([] if level is None else [level])
    margin = 0.08 * ((max(values) - min(values)) or abs(values[0]) or 1.0)
    axes = _Axes(max(step for step, _ in points), min(values) - margin, max(values) + margin)
    drawn = [*_vertical(axes, label), *_horizontal(axes)]
    if level is not None:
        drawn += _level(axes, level)
    drawn += _line(axes, points)
    shape = {"viewBox": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", "role": "img", "class": "curve"}
    return element("svg", {**shape, "aria-label": f"{label} over training steps"}, *drawn)


def _known(points: Sequence[tuple[float, float | None]]) -> list[Point]:
    return [(step, value) for step, value in points if value is not None]


def _judgements(points: Sequence[Point]) -> list[Point]:
    """Without repetitions: between two judgements a receiver tells the last one again."""
    return [point for i, point in enumerate(points) if i == 0 or point[1] != points[i - 1][1]]


def _line(axes: _Axes, points: Sequence[Point]) -> list[Markup]:
    path = "M" + "L".join(f"{axes.x(step):.1f} {axes.y(value):.1f}" for step, value in points)
    dots = [
        element(
            "circle",
            {"class": "dot", "cx": axes.x(step), "cy": axes.y(value), "r": 2.6},
            element("title", None, f"step {step:.0f}: {value:.5g}"),
        )
        for step, value in points[:: math.ceil(len(points) / 60)]
    ]
    return [element("path", {"class": "course", "d": path}), *dots]


def _level(axes: _Axes, level: float) -> list[Markup]:
    """The old decoder, to be beaten."""
    y = axes.y(level)
    return [
        element("line", {"class": "before", "x1": LEFT, "x2": WIDTH - RIGHT, "y1": y, "y2": y}),
        element("text", {"class": "tick", "x": WIDTH - RIGHT - 4, "y": y - 4, "text-anchor": "end"}, "before"),
    ]


def _vertical(axes: _Axes, label: str) -> list[Markup]:
    drawn = []
    for value in ticks(axes.low, axes.high, 4):
        y = axes.y(value)
        drawn.append(element("line", {"class": "grid", "x1": LEFT, "x2": WIDTH - RIGHT, "y1": y, "y2": y}))
        text = f"{value:.5g}".replace("-", "−")
        drawn.append(element("text", {"class": "tick", "x": LEFT - 8, "y": y + 4, "text-anchor": "end"}, text))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned: Attributes = {
        "transform": f"rotate(-90 12 {middle:.0f})",
        "x": 12.0,
        "y": middle + 4,
        "text-anchor": "middle",
    }
    return [*drawn, element("text", {"class": "tick", **turned}, label)]


def _horizontal(axes: _Axes) -> list[Markup]:
    bottom = HEIGHT - BOTTOM
    drawn = [element("line", {"class": "axis", "x1": LEFT, "x2": WIDTH - RIGHT, "y1": bottom, "y2": bottom})]
    for step in ticks(0.0, axes.last_step, 8):
        place: Attributes = {"x": axes.x(step), "y": bottom + 15, "text-anchor": "middle"}
        drawn.append(element("text", {"class": "tick", **place}, f"{step:.0f}"))
    below: Attributes = {"x": (LEFT + WIDTH - RIGHT) / 2, "y": bottom + 33, "text-anchor": "middle"}
    return [*drawn, element("text", {"class": "tick", **below}, "training step")]


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers in [low, high]: multiples of 1, 2 or 5 times a power of ten, at most about + 1 of them."""
    rough = (high - low) / about or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]
