"""When each message was on its way, as an inline SVG: one row a receiver, model time to the right."""

from __future__ import annotations

import math

from emulator.report.markup import Markup, element
from emulator.report.numbers import prefix_for, significant
from emulator.report.schema import MessageReport, Report

MAX_BARS = 600
WIDTH, LEFT, RIGHT = 1000.0, 120.0, 14.0
ROW, BAR, AXIS = 26.0, 14.0, 40.0


def draw(report: Report) -> Markup | None:
    """The drawing, or None when no message crossed the network."""
    crossed = [m for m in report.messages if m.sent_s is not None and m.received_s is not None][:MAX_BARS]
    if not crossed:
        return None
    start = min(min(_offered(m), m.sent_s or 0.0) for m in crossed)
    end = max(m.received_s or 0.0 for m in crossed)
    span = (end - start) or 1.0
    names = [receiver.name for receiver in report.receivers if receiver.messages]
    height = ROW * len(names) + AXIS

    def x(time_s: float) -> float:
        return LEFT + (time_s - start) / span * (WIDTH - LEFT - RIGHT)

    drawn = _axis(start, end, x(start), x(end), ROW * len(names))
    for row, name in enumerate(names):
        middle = ROW * (row + 0.5)
        label = name if len(name) <= 16 else name[:15] + "…"
        drawn.append(element("text", {"class": "row", "x": LEFT - 10, "y": middle + 4, "text-anchor": "end"}, label))
        for message in crossed:
            if message.destination == name:
                drawn += _bar(message, x(_offered(message)), x(message.sent_s or 0.0), x(message.received_s or 0.0), middle)
    shape = {"viewBox": f"0 0 {WIDTH:.0f} {height:.0f}", "role": "img", "class": "timeline"}
    return element("svg", {**shape, "aria-label": "Timeline of the messages"}, *drawn)


def _offered(message: MessageReport) -> float:
    return message.sent_s or 0.0 if message.offered_s is None else message.offered_s


def _bar(message: MessageReport, offered: float, sent: float, received: float, middle: float) -> list[Markup]:
    """A hairline while the message waits, a bar while it is on its way; the figures as a tooltip."""
    title = f"{message.image} → {message.destination}: {message.status}, sent {message.sent_s:.6g} s, "
    title += f"received {message.received_s:.6g} s"
    box = {"x": sent, "y": middle - BAR / 2, "width": max(received - sent - 0.8, 1.0), "height": BAR, "rx": 1.5}
    bar = element("rect", {"class": f"bar {message.status}", **box}, element("title", None, title))
    if sent - offered < 1:
        return [bar]
    return [element("line", {"class": "wait", "x1": offered, "x2": sent, "y1": middle, "y2": middle}), bar]


def _axis(start: float, end: float, left: float, right: float, bottom: float) -> list[Markup]:
    """Round ticks, gridlines and the axis with its unit."""
    span = (end - start) or 1.0
    factor, prefix = prefix_for([start, end])
    step = _step(span / 8)
    drawn = []
    for number in range(math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9) + 1):
        x = left + (number * step - start) / span * (right - left)
        text = significant(number * step / factor, 4)
        text = text.rstrip("0").rstrip(".") if "." in text else text
        drawn.append(element("line", {"class": "grid", "x1": x, "x2": x, "y1": 0.0, "y2": bottom}))
        drawn.append(element("text", {"class": "tick", "x": x, "y": bottom + 15, "text-anchor": "middle"}, text))
    drawn.append(element("line", {"class": "axis", "x1": left, "x2": right, "y1": bottom, "y2": bottom}))
    middle = {"x": (left + right) / 2, "y": bottom + 33, "text-anchor": "middle"}
    drawn.append(element("text", {"class": "tick", **middle}, f"model time ({prefix}s)"))
    return drawn


def _step(rough: float) -> float:
    """The next round step: 1, 2 or 5 times a power of ten."""
    power = float(10 ** math.floor(math.log10(rough)))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
