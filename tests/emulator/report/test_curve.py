from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from factory import adaptation

from emulator.report.curve import draw
from emulator.report.schema import CurvePoint


def _svg(*points: tuple[int, float | None, float | None], before: float | None = 20.0) -> ET.Element | None:
    """(step, loss, validation) a point."""
    curve = [CurvePoint(step=step, loss=loss, validation=validation) for step, loss, validation in points]
    drawing = draw(adaptation(curve=curve, validation_before=before))
    return None if drawing is None else ET.fromstring(drawing)


def _dots(svg: ET.Element) -> list[tuple[float, float]]:
    return [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in svg.iter("circle")]


def test_more_steps_are_further_right_and_better_decoders_higher() -> None:
    svg = _svg((0, None, 20.0), (50, 0.1, 22.0), (100, 0.1, 23.0))
    assert svg is not None
    dots = _dots(svg)
    assert [x for x, _ in dots] == sorted(x for x, _ in dots)
    assert [y for _, y in dots] == sorted((y for _, y in dots), reverse=True)
    (level,) = (line for line in svg.iter("line") if line.attrib["class"] == "before")
    assert float(level.attrib["y1"]) == pytest.approx(dots[0][1], abs=0.01)  # the old decoder is where it began
    assert "validation (dB)" in "".join(svg.itertext())
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    assert all(0 <= x <= width and 0 <= y <= height for x, y in dots)


def test_where_nothing_was_judged_twice_the_loss_is_drawn() -> None:
    svg = _svg((10, 0.5, None), (20, 0.25, 21.0))
    assert svg is not None
    assert "training loss" in "".join(svg.itertext())
    assert not [line for line in svg.iter("line") if line.attrib["class"] == "before"]


def test_a_judgement_told_again_is_drawn_once_where_it_was_made() -> None:
    svg = _svg((0, 0.1, 20.0), (5, 0.1, 20.0), (10, 0.1, 22.0), (15, 0.1, 22.0), (20, 0.1, 23.0))
    assert svg is not None
    assert [title.text for title in svg.iter("title")] == ["step 0: 20", "step 10: 22", "step 20: 23"]


def test_nothing_is_drawn_from_one_point() -> None:
    assert _svg() is None
    assert _svg((10, 0.5, 20.0)) is None


def test_a_flat_course_at_one_step_is_drawn_too() -> None:
    svg = _svg((0, 0.0, 0.0), (0, 0.0, 0.0), before=None)
    assert svg is not None
    assert not re.search("nan|inf", ET.tostring(svg, encoding="unicode"))


def test_a_long_course_has_few_dots_and_one_line() -> None:
    svg = _svg(*((step, 0.1, float(step)) for step in range(400)))
    assert svg is not None
    assert len(_dots(svg)) <= 60
    assert len(list(svg.iter("path"))) == 1
