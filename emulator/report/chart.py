"""Several lines over one axis, as an inline SVG with a legend: what a run found for one setting after another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.report.curve import ticks
from emulator.report.markup import Attributes, Markup, element

WIDTH, HEIGHT = 720.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 66.0, 14.0, 12.0, 40.0
COLOURS = 8  # as many as page.css has

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """One line. points: x and y, in the order of x; bands: x, lowest and highest y; dashed: something to compare with,
    which is no measurement."""

    label: str
    points: Sequence[Point]
    bands: Sequence[tuple[float, float, float]] = ()
    dashed: bool = False


@dataclass(frozen=True)
class _Axes:
    """x and y to the drawing's. On a logarithmic axis y, low and high are decades."""

    first: float
    last: float
    low: float
    high: float
    logarithmic: bool

    def x(self, value: float) -> float:
        return LEFT + 16 + (value - self.first) / ((self.last - self.first) or 1.0) * (WIDTH - LEFT - RIGHT - 32)

    def y(self, value: float) -> float:
        place = math.log10(value) if self.logarithmic else value
        return TOP + (self.high - place) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)


def draw(series: Sequence[Series], x_label: str, y_label: str, logarithmic: bool = False) -> Markup | None:
    """The drawing, or None without a point. On a logarithmic axis what is not above 0 is left out."""
    drawn = [_above_zero(one) for one in series] if logarithmic else list(series)
    drawn = [one for one in drawn if one.points]
    if not drawn:
        return None
    axes = _axes(drawn, logarithmic)
    content = [*_vertical(axes, y_label), *_horizontal(axes, x_label)]
    for number, one in enumerate(drawn):
        content += _line(axes, one, f"s{number % COLOURS}")
    shape: Attributes = {"viewBox": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", "role": "img", "class": "curve"}
    svg = element("svg", {**shape, "aria-label": f"{y_label} over {x_label}"}, *content)
    keys = [
        element("span", {"class": f"key s{number % COLOURS}{' dashed' if one.dashed else ''}"}, one.label)
        for number, one in enumerate(drawn)
    ]
    legend = element("div", {"class": "legend"}, *keys)
    return element("div", {"class": "chart"}, element("div", {"class": "scroll"}, svg), legend)


def _above_zero(series: Series) -> Series:
    return Series(
        series.label,
        [(x, y) for x, y in series.points if y > 0],
        [(x, low, high) for x, low, high in series.bands if low > 0],
        series.dashed,
    )


def _axes(series: Sequence[Series], logarithmic: bool) -> _Axes:
    xs = [x for one in series for x, _ in one.points]
    ys = [y for one in series for _, y in one.points]
    ys += [y for one in series for _, low, high in one.bands for y in (low, high)]
    if logarithmic:
        return _Axes(min(xs), max(xs), math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys))) or 0.0, True)
    margin = 0.06 * ((max(ys) - min(ys)) or abs(ys[0]) or 1.0)
    return _Axes(min(xs), max(xs), min(ys) - margin, max(ys) + margin, False)


def _line(axes: _Axes, one: Series, colour: str) -> list[Markup]:
    path = "M" + "L".join(f"{axes.x(x):.1f} {axes.y(y):.1f}" for x, y in one.points)
    line = element("path", {"class": f"series {colour}{' dashed' if one.dashed else ''}", "d": path})
    if one.dashed:
        return [line]
    bars = [
        element(
            "line",
            {"class": f"band {colour}", "x1": axes.x(x), "x2": axes.x(x), "y1": axes.y(low), "y2": axes.y(high)},
        )
        for x, low, high in one.bands
    ]
    dots = [
        element(
            "circle",
            {"class": f"point {colour}", "cx": axes.x(x), "cy": axes.y(y), "r": 3.2},
            element("title", None, f"{one.label}, {x:g}: {y:.4g}"),
        )
        for x, y in one.points
    ]
    return [line, *bars, *dots]


def _vertical(axes: _Axes, label: str) -> list[Markup]:
    if axes.logarithmic:
        values = [10.0**decade for decade in range(int(axes.low), int(axes.high) + 1)]
    else:
        values = ticks(axes.low, axes.high, 5)
    drawn = []
    for value in values:
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


def _horizontal(axes: _Axes, label: str) -> list[Markup]:
    bottom = HEIGHT - BOTTOM
    drawn = [element("line", {"class": "axis", "x1": LEFT, "x2": WIDTH - RIGHT, "y1": bottom, "y2": bottom})]
    for value in ticks(axes.first, axes.last, 10) if axes.last > axes.first else [axes.first]:
        place: Attributes = {"x": axes.x(value), "y": bottom + 15, "text-anchor": "middle"}
        drawn.append(element("text", {"class": "tick", **place}, f"{value:g}".replace("-", "−")))
    below: Attributes = {"x": (LEFT + WIDTH - RIGHT) / 2, "y": bottom + 33, "text-anchor": "middle"}
    return [*drawn, element("text", {"class": "tick", **below}, label)]
