"""When each message was on its way, as an inline SVG: one row a receiver, model time to the right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.report.markup import Attributes, Markup, element
from emulator.report.numbers import prefix_for
from emulator.report.schema import MessageReport, Report

MAX_BARS = 600
WIDTH, LEFT, RIGHT = 1000.0, 120.0, 14.0
ROW, BAR, AXIS = 26.0, 14.0, 40.0


@dataclass(frozen=True)
class _Scale:
    """Model time to the drawing's x."""

    start_s: float
    end_s: float

    @property
    def span_s(self) -> float:
        return (self.end_s - self.start_s) or 1.0

    def x(self, time_s: float) -> float:
        return LEFT + (time_s - self.start_s) / self.span_s * (WIDTH - LEFT - RIGHT)


def draw(report: Report) -> Markup | None:
    """The drawing, or None when no message crossed the network."""
    crossed = [m for m in report.messages if m.sent_s is not None and m.received_s is not None][:MAX_BARS]
    if not crossed:
        return None
    scale = _Scale(min(min(_offered(m), _sent(m)) for m in crossed), max(_received(m) for m in crossed))
    names = [receiver.name for receiver in report.receivers if receiver.messages]
    drawn = _axis(scale, ROW * len(names))
    for row, name in enumerate(names):
        mine = [message for message in crossed if message.destination == name]
        drawn += _row(name, mine, scale, ROW * (row + 0.5))
    shape = {"viewBox": f"0 0 {WIDTH:.0f} {ROW * len(names) + AXIS:.0f}", "role": "img", "class": "timeline"}
    return element("svg", {**shape, "aria-label": "Timeline of the messages"}, *drawn)


def _sent(message: MessageReport) -> float:
    return message.sent_s or 0.0


def _received(message: MessageReport) -> float:
    return message.received_s or 0.0


def _offered(message: MessageReport) -> float:
    return _sent(message) if message.offered_s is None else message.offered_s


def _row(name: str, messages: Sequence[MessageReport], scale: _Scale, middle: float) -> list[Markup]:
    """The receiver's name, a bar while a message is on its way, a hairline while one waits and none is."""
    label = name if len(name) <= 16 else name[:15] + "…"
    drawn = [element("text", {"class": "row", "x": LEFT - 10, "y": middle + 4, "text-anchor": "end"}, label)]
    busy_until = -math.inf
    for message in sorted(messages, key=_sent):
        left, right = scale.x(max(_offered(message), busy_until)), scale.x(_sent(message))
        if right - left >= 1:
            ends = {"x1": left, "x2": right, "y1": middle, "y2": middle}
            drawn.append(element("line", {"class": "wait", **ends}))
        busy_until = max(busy_until, _received(message))
    return [*drawn, *(_bar(message, scale, middle) for message in messages)]


def _bar(message: MessageReport, scale: _Scale, middle: float) -> Markup:
    title = f"{message.image} → {message.destination}: {message.status}, "
    title += f"sent {_sent(message):.6g} s, received {_received(message):.6g} s"
    left, right = scale.x(_sent(message)), scale.x(_received(message))
    box = {"x": left, "y": middle - BAR / 2, "width": max(right - left - 0.8, 1.0), "height": BAR, "rx": 1.5}
    return element("rect", {"class": f"bar {message.status}", **box}, element("title", None, title))


def _axis(scale: _Scale, bottom: float) -> list[Markup]:
    """Round ticks, gridlines and the axis with its unit."""
    factor, prefix = prefix_for([scale.start_s, scale.end_s])
    step = _step(scale.span_s / 8)
    drawn = []
    for number in range(math.ceil(scale.start_s / step - 1e-9), math.floor(scale.end_s / step + 1e-9) + 1):
        x = scale.x(number * step)
        drawn.append(element("line", {"class": "grid", "x1": x, "x2": x, "y1": 0.0, "y2": bottom}))
        text = f"{number * step / factor:.6g}".replace("-", "−")
        drawn.append(element("text", {"class": "tick", "x": x, "y": bottom + 15, "text-anchor": "middle"}, text))
    left, right = scale.x(scale.start_s), scale.x(scale.end_s)
    drawn.append(element("line", {"class": "axis", "x1": left, "x2": right, "y1": bottom, "y2": bottom}))
    middle: Attributes = {"x": (left + right) / 2, "y": bottom + 33, "text-anchor": "middle"}
    drawn.append(element("text", {"class": "tick", **middle}, f"model time ({prefix}s)"))
    return drawn


def _step(rough: float) -> float:
    """The next round step: 1, 2 or 5 times a power of ten."""
    power = float(10 ** math.floor(math.log10(rough)))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
