from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from factory import Run, Shape, make

from emulator.report.html import page
from emulator.report.markup import VOID, Markup, element, join
from emulator.report.scoring import score

SHAPES = {
    "plan": Shape(receivers=5, images=4),
    "one receiver": Shape(receivers=1, images=1, plan=False),
    "twenty": Shape(receivers=20, images=3),
    "chain": Shape(receivers=3, plan=False, chain=("router", "edge"), multicast=True),
    "interrupted": Shape(interrupted="Ctrl-C in step 0", statuses={("s0-rx2", 0, "rx2"): "partial"}),
}


def _page(shape: Shape) -> str:
    return _render(make(shape))


def _render(run: Run) -> str:
    score(run.report, run.originals, run.received)
    return page(run.report, run.originals, run.received)


class _Checker(HTMLParser):
    """Fails on unbalanced tags; collects attributes and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID and (not self.open or self.open[-1] != tag):
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _parsed(text: str) -> _Checker:
    checker = _Checker()
    # <rect> and <line> hold a <title> when they have a tooltip, so both forms of them occur
    checker.feed(re.sub(r"<(rect|line)([^>]*[^/])>(<title>)", r"<g\2>\3", text).replace("</rect>", "</g>"))
    checker.close()
    assert checker.open == []
    return checker


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_page_is_well_formed_and_loads_nothing(shape: Shape) -> None:
    text = _page(shape)
    parsed = _parsed(text)
    tags = {tag for tag, _, _ in parsed.attributes}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base"}
    for _, name, value in parsed.attributes:
        assert not name.startswith("on")
        if name in ("src", "srcset", "data", "xlink:href", "poster"):
            assert value.startswith("data:image/webp;base64,")
        if name == "href":
            assert re.fullmatch(r"(received|originals)/[\w./-]+\.png", value)
    without_pictures = re.sub(r"base64,[^\"]*", "", text)
    assert not re.search(r"https?:|//\w|url\(|@import", without_pictures)


def test_the_page_forbids_loading_in_its_own_policy() -> None:
    assert "default-src &#x27;none&#x27;; img-src data:" in _page(Shape(receivers=1, images=1))


def test_names_from_outside_are_escaped_everywhere() -> None:
    evil = '<script>alert("x")</script>&\'<img src=x onerror=y>'
    run = make(Shape(receiver_names=(evil, "rx2"), name=evil, description=evil, interrupted=evil, chain=(evil + "r",)))
    for message in run.report.messages:
        message.image, message.session, message.reason, message.status = (
            evil,
            evil + message.destination,
            evil,
            "failed",
        )
    report = run.report
    assert report.plan is not None
    report.plan.warnings, report.plan.solver, report.plan.status = [evil], evil, evil
    report.clock, report.command, report.semedge_version, report.scenario.digest = evil, [evil], evil, evil
    report.steps[0].kind = report.steps[0].summary = evil
    report.nodes[0].codec = evil
    for link in report.links:
        link.name = evil
    picture = next(iter(run.originals.values()))
    score(report, {evil: picture}, {})
    text = page(report, {evil: picture}, {})
    assert "<script" not in text
    assert "<img src=x" not in text
    assert evil in "".join(_parsed(text).text)


def test_what_happened_is_said() -> None:
    text = " ".join(_parsed(_page(SHAPES["interrupted"])).text)
    assert "Interrupted:  Ctrl-C in step 0" in text
    assert "1 of 1 packets lost" in text
    assert "no receipt" in text
    assert "Interrupted" not in _page(SHAPES["plan"])


def test_the_plan_is_there_with_units_and_only_when_there_is_one() -> None:
    text = _page(SHAPES["plan"])
    assert "<h2>Plan</h2>" in text
    assert "delay bound is loose" in text
    assert "bandwidth<small>kHz</small>" in text
    assert "<h2>Plan</h2>" not in _page(SHAPES["chain"])


def test_long_message_tables_are_cut_and_say_so() -> None:
    run = make(Shape(receivers=3, images=70, side=16))
    text = _render(run)
    assert "The first 200 of 210 messages; report.json has them all." in text
    assert text.count("s0-rx") == 200
    assert "The first" not in _render(make(Shape(receivers=1, images=3)))


def test_many_receivers_show_fewer_images_and_say_so() -> None:
    text = _page(SHAPES["twenty"])
    assert "Shown are 2 of 3 images at 20 of 20 receivers." in text
    assert text.count("<figure>") == 2 * 21


def test_a_perfect_copy_reads_as_identical() -> None:
    run = make(Shape(receivers=1, images=1))
    run.received["s0-rx1", 0, "rx1"] = run.originals["kodim01.png"]
    text = _render(run)
    assert "identical" in text
    assert ">∞<" in text
    assert "perfect copies" in text


def test_markup_escapes_text_and_attributes_but_not_elements() -> None:
    assert element("b", {"title": 'a"<'}, "1 < 2", Markup("<i>x</i>")) == (
        '<b title="a&quot;&lt;">1 &lt; 2<i>x</i></b>'
    )
    assert element("circle", {"r": 3.0, "cx": 1.256}) == '<circle r="3" cx="1.26"/>'
    assert join(["&", element("br")]) == "&amp;<br/>"
