from __future__ import annotations

import re

import pytest
from factory import Shape, make

from emulator.report.schema import LinkReport, Report
from emulator.report.scoring import score
from emulator.report.topology import draw

RECT = re.compile(r'<title>(\S+) \((\w+)\)</title><rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"')


def _report(shape: Shape) -> Report:
    run = make(shape)
    score(run.report, run.originals, run.received)
    return run.report


def _boxes(drawing: str) -> dict[str, tuple[float, float, float, float]]:
    """name -> left, top, right, bottom"""
    found = {}
    for name, _, *numbers in RECT.findall(drawing):
        x, y, width, height = map(float, numbers)
        found[name] = (x, y, x + width, y + height)
    return found


def _size(drawing: str) -> tuple[float, float]:
    match = re.search(r'viewBox="0 0 (\d+) (\d+)"', drawing)
    assert match
    return float(match[1]), float(match[2])


def _link(name: str, source: str, destination: str) -> LinkReport:
    return LinkReport(name=name, source=source, destination=destination, rate_bps=None)


SHAPES = {
    "star": Shape(receivers=5),
    "one": Shape(receivers=1),
    "twenty": Shape(receivers=20, images=1),
    "chain": Shape(receivers=3, chain=("server", "router", "bs2")),
    "multicast": Shape(receivers=4, chain=("router",), multicast=True),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_nodes_lie_inside_the_drawing_and_apart(shape: Shape) -> None:
    report = _report(shape)
    drawing = draw(report)
    boxes, (width, height) = _boxes(drawing), _size(drawing)
    assert set(boxes) == {node.name for node in report.nodes}
    for name, (left, top, right, bottom) in boxes.items():
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= height
        for other, (left2, top2, right2, bottom2) in boxes.items():
            assert other == name or right < left2 or right2 < left or bottom < top2 or bottom2 < top


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_each_link_has_one_arrow_and_one_label(shape: Shape) -> None:
    report = _report(shape)
    drawing = draw(report)
    assert drawing.count('class="arrow"') == len(report.links)
    assert drawing.count('class="figures"') == len(report.links)


def test_messages_flow_from_left_to_right() -> None:
    boxes = _boxes(draw(_report(SHAPES["chain"])))
    lefts = [boxes[name][0] for name in ("bs", "server", "router", "bs2", "rx1")]
    assert lefts == sorted(set(lefts))
    assert boxes["rx1"][0] == boxes["rx2"][0] == boxes["rx3"][0]


def test_a_multicast_link_branches_from_a_joint() -> None:
    assert draw(_report(SHAPES["multicast"])).count('class="joint"') == 4
    assert 'class="joint"' not in draw(_report(SHAPES["star"]))


def test_figures_stand_at_the_link() -> None:
    report = _report(Shape(receivers=1))
    link = report.links[0]
    link.rate_bps, link.delay_s, link.snr_db = 200e3, 0.02, -3.04
    drawing = draw(report)
    assert ">200 kbit/s</text>" in drawing
    assert ">20 ms · −3.0 dB</text>" in drawing
    link.rate_bps, link.delay_s, link.snr_db, link.symbol_rate_hz = None, 0.0, None, 5e3
    assert ">5 ksymbol/s</text>" in draw(report)
    link.symbol_rate_hz = None
    assert ">no rate limit</text>" in draw(report)


def test_feedback_shortcuts_and_links_within_a_column_are_drawn_too() -> None:
    report = _report(Shape(receivers=3, chain=("router",)))
    report.links += [_link("back", "rx1", "router"), _link("direct", "bs", "rx2"), _link("d2d", "rx1", "rx3")]
    drawing = draw(report)
    assert drawing.count('class="arrow"') == len(report.links)
    assert drawing.count('class="link back"') == 1
    assert set(_boxes(drawing)) == {"bs", "router", "rx1", "rx2", "rx3"}


def test_cycles_and_unreachable_nodes_do_not_stop_the_drawing() -> None:
    report = _report(Shape(receivers=2))
    report.links = [_link("a", "x", "y"), _link("b", "y", "x")]
    assert set(_boxes(draw(report))) == {"bs", "rx1", "rx2", "x", "y"}
