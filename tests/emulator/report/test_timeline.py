from __future__ import annotations

import re

import pytest
from factory import Shape, make

from emulator.report import timeline
from emulator.report.schema import Report
from emulator.report.scoring import score


def _report(shape: Shape) -> Report:
    run = make(shape)
    score(run.report, run.originals, run.received)
    return run.report


def _bars(drawing: str) -> list[tuple[float, float]]:
    """left and width of each bar, as drawn"""
    return [
        (float(x), float(width))
        for x, width in re.findall(r'class="bar \w+" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawing)
    ]


def test_bars_stand_where_and_as_long_as_model_time_says() -> None:
    report = _report(Shape(receivers=1, images=2))
    first, second = report.messages
    first.offered_s, first.sent_s, first.received_s = 0.0, 0.0, 1.0
    second.offered_s, second.sent_s, second.received_s = 0.0, 3.0, 5.0
    drawing = timeline.draw(report)
    assert drawing is not None
    (x1, width1), (x2, width2) = _bars(drawing)
    per_second = (timeline.WIDTH - timeline.LEFT - timeline.RIGHT) / 5
    assert x1 == pytest.approx(timeline.LEFT, abs=0.01)
    assert x2 == pytest.approx(timeline.LEFT + 3 * per_second, abs=0.01)
    assert (width1, width2) == pytest.approx((per_second - 0.8, 2 * per_second - 0.8), abs=0.02)
    waits = re.findall(r'class="wait" x1="([\d.]+)" x2="([\d.]+)"', drawing)
    assert [tuple(map(float, ends)) for ends in waits] == [
        (pytest.approx(x1 + per_second, abs=0.01), pytest.approx(x2, abs=0.01))
    ]


def test_a_message_that_did_not_arrive_has_no_bar_and_a_failed_one_has_its_colour() -> None:
    report = _report(Shape(receivers=2, images=2, interrupted="Ctrl-C", statuses={("s0-rx1", 0, "rx1"): "failed"}))
    drawing = timeline.draw(report)
    assert drawing is not None
    assert len(_bars(drawing)) == 2
    assert drawing.count('class="bar failed"') == 1


def test_ticks_are_round_and_say_their_unit() -> None:
    report = _report(Shape(receivers=1, images=1))
    message = report.messages[0]
    message.offered_s, message.sent_s, message.received_s = 0.0, 0.0, 0.05
    drawing = timeline.draw(report)
    assert drawing is not None
    texts = re.findall(r'class="tick"[^>]*>([^<]+)<', drawing)
    assert texts == ["0", "10", "20", "30", "40", "50", "model time (ms)"]


def test_nothing_is_drawn_when_nothing_crossed() -> None:
    report = _report(Shape(receivers=1, images=1, interrupted="Ctrl-C"))
    assert timeline.draw(report) is None
    report.messages = []
    assert timeline.draw(report) is None
