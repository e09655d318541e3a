"""The network as an inline SVG drawing: sources left, relays between, receivers right, each link with its figures.

A layered drawing: a node's column is its distance in links from a source; links that skip columns pass through a slot
of their own, so that no line runs behind a node. Knows the report, and nothing of the emulator.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from emulator.report.markup import Attributes, Markup, element
from emulator.report.numbers import with_unit
from emulator.report.schema import LinkReport, Report

NODE_WIDTH, NODE_HEIGHT = 116.0, 40.0
ROW, MARGIN = 50.0, 8.0
LABEL = 128.0
WIDTH, MIN_GAP, MAX_GAP = 1048.0, 192.0, 300.0
PORT = 36.0


@dataclass
class _Slot:
    """A place in a column: a node, or the passage of a link that goes on to a later column (name is None then)."""

    column: int
    name: str | None
    before: list[_Slot] = field(default_factory=list)
    ports: int = 1
    x: float = 0.0
    y: float = 0.0

    @property
    def height(self) -> float:
        return max(NODE_HEIGHT if self.name is not None else 20.0, PORT * self.ports + 4)


@dataclass(frozen=True)
class _Line:
    """A link drawn from slot to slot, left to right; `backward` when it carries messages to the left."""

    link: LinkReport
    slots: tuple[_Slot, ...]
    backward: bool


def draw(report: Report) -> Markup:
    """The drawing, as wide as its columns need and as high as its rows need."""
    columns = _columns(report)
    slots = {name: _Slot(column, name) for name, column in columns.items()}
    lines = [_line(link, slots) for link in report.links]
    grid = _place([*slots.values(), *(slot for line in lines for slot in line.slots[1:-1])])
    width = MARGIN + max(slot.x for slot in slots.values()) + NODE_WIDTH
    beside = any(len(line.slots) == 1 or line.slots[0].column == line.slots[-1].column for line in lines)
    width += LABEL if beside else 0
    height = 2 * MARGIN + max((slot.y + slot.height / 2 for column in grid.values() for slot in column), default=0.0)
    drawn = [*_links(lines), *(_node(report, slot) for slot in slots.values())]
    shape = {"viewBox": f"0 0 {width:.0f} {height:.0f}", "role": "img", "class": "topology"}
    size = f"width:{width:.0f}px;min-width:{min(width, 640):.0f}px"
    return element("svg", {**shape, "style": size, "aria-label": "Topology of the network"}, *drawn)


def _columns(report: Report) -> dict[str, int]:
    """The column of every node: hops from the nearest source; receivers all stand in the last one."""
    names = dict.fromkeys([node.name for node in report.nodes])
    for link in report.links:
        names |= dict.fromkeys([link.source, link.destination])
    roles = {node.name: node.role for node in report.nodes}
    reached = dict.fromkeys([name for name in names if roles.get(name) == "tx"], 0)
    frontier = list(reached)
    while frontier:
        found = [link for link in report.links if link.source in frontier and link.destination not in reached]
        frontier = list(dict.fromkeys(link.destination for link in found))
        reached |= {name: reached[link.source] + 1 for link in found for name in [link.destination]}
    columns = {name: reached.get(name, 0 if roles.get(name) == "tx" else 1) for name in names}
    last = max(columns.values(), default=0)
    carries_on = {link.source for link in report.links if columns[link.destination] > columns[link.source]}
    ends = {name for name in names if roles.get(name) == "rx" and name not in carries_on}
    return {name: last if name in ends else column for name, column in columns.items()}


def _line(link: LinkReport, slots: dict[str, _Slot]) -> _Line:
    """The link's way through the columns, with new passage slots; counts its ports at the right end of each part."""
    first, second = slots[link.source], slots[link.destination]
    backward = second.column < first.column
    left, right = (second, first) if backward else (first, second)
    passages = [_Slot(column, None) for column in range(left.column + 1, right.column)]
    way = (left, *passages, right)
    for before, after in pairwise(way):
        after.before.append(before)
    if left.column != right.column:
        right.ports = len(right.before)
    return _Line(link, way, backward)


def _place(slots: Sequence[_Slot]) -> dict[int, list[_Slot]]:
    """Gives each slot its place: columns ordered by where their links come from, each column centred."""
    grid: dict[int, list[_Slot]] = defaultdict(list)
    for slot in slots:
        grid[slot.column].append(slot)
    heights = {
        column: sum(s.height for s in own) + (ROW - NODE_HEIGHT) * (len(own) - 1) for column, own in grid.items()
    }
    count = max(grid, default=0) + 1
    gap = min(max((WIDTH - count * NODE_WIDTH) / max(count - 1, 1), MIN_GAP), MAX_GAP)
    tallest = max(heights.values(), default=0.0)
    for column in sorted(grid):
        own = grid[column]
        own.sort(key=lambda slot: sum(b.y for b in slot.before) / len(slot.before) if slot.before else 0.0)
        y = MARGIN + (tallest - heights[column]) / 2
        for slot in own:
            slot.x = MARGIN + column * (NODE_WIDTH + gap)
            slot.y = y + slot.height / 2
            y += slot.height + ROW - NODE_HEIGHT
    return dict(grid)


def _links(lines: Sequence[_Line]) -> list[Markup]:
    """Every link's line and label; the lines of one multicast link share their beginning and a dot."""
    taken: dict[int, int] = defaultdict(int)
    members: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        members[(line.link.name, line.link.source)] += 1
    drawn: list[Markup] = []
    for line in sorted(lines, key=lambda line: [slot.y for slot in line.slots]):
        multicast = members[(line.link.name, line.link.source)] > 1
        if line.slots[0].column == line.slots[-1].column:
            drawn.append(_beside(line))
        else:
            drawn.extend(_parts(line, multicast, taken))
    return drawn


def _parts(line: _Line, multicast: bool, taken: dict[int, int]) -> list[Markup]:
    """A link part by part: out of the left slot, a curve, then straight to its own port at the right slot."""
    drawn: list[Markup] = []
    last = len(line.slots) - 2
    for number, (left, right) in enumerate(pairwise(line.slots)):
        port = taken[id(right)]
        taken[id(right)] += 1
        y1, y2 = left.y, right.y + (port - (right.ports - 1) / 2) * PORT
        x1, x2 = left.x + NODE_WIDTH, right.x
        x1 += 22 if multicast and number == 0 and not line.backward else 0
        bend = right.x - LABEL
        middle = (x1 + bend) / 2
        path = f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {bend:.1f} {y2:.1f}H{x2:.1f}"
        if right.name is None:
            path += f"H{x2 + NODE_WIDTH:.1f}"
        drawn.append(element("path", {"class": "link back" if line.backward else "link", "d": path}))
        if x1 > left.x + NODE_WIDTH:
            drawn.append(element("path", {"class": "link", "d": f"M{x1 - 22:.1f} {y1:.1f}H{x1:.1f}"}))
            drawn.append(element("circle", {"class": "joint", "cx": x1, "cy": y1, "r": 3.2}))
        if number == last:
            drawn.append(_label(line.link, bend + (x2 - bend) / 2 - 2, y2))
            tip, way = (x2, -1) if not line.backward else (line.slots[0].x + NODE_WIDTH, 1)
            drawn.append(_arrow(tip, y2 if not line.backward else line.slots[0].y, way))
    return drawn


def _beside(line: _Line) -> Markup:
    """A link between two nodes of one column: a bow at their right side."""
    x, y1, y2 = line.slots[0].x + NODE_WIDTH, line.slots[0].y + 6, line.slots[-1].y - 6
    path = f"M{x:.1f} {y1:.1f}C{x + 46:.1f} {y1:.1f} {x + 46:.1f} {y2:.1f} {x:.1f} {y2:.1f}"
    label = _label(line.link, x + 40 + LABEL / 2, (y1 + y2) / 2)
    return element("g", None, element("path", {"class": "link", "d": path}), _arrow(x, y2, 1), label)


def _arrow(x: float, y: float, way: int) -> Markup:
    return element("path", {"class": "arrow", "d": f"M{x:.1f} {y:.1f}l{7 * way} -3.6v7.2z"})


def _label(link: LinkReport, x: float, y: float) -> Markup:
    """Rate above the line, delay and SNR below it; the link's name as a tooltip."""
    rate = "no rate limit" if link.rate_bps is None else with_unit(link.rate_bps, "bit/s")
    if link.rate_bps is None and link.symbol_rate_hz is not None:
        rate = with_unit(link.symbol_rate_hz, "symbol/s")
    facts = [with_unit(link.delay_s, "s")] if link.delay_s else []
    facts += [f"{link.snr_db:.1f} dB".replace("-", "−")] if link.snr_db is not None else []
    centre: Attributes = {"x": x, "text-anchor": "middle"}
    return element(
        "g",
        {"class": "figures"},
        element("title", None, f"{link.name}: {link.source} → {link.destination}"),
        element("text", {**centre, "y": y - 5}, rate),
        element("text", {**centre, "y": y + 13}, " · ".join(facts)),
    )


def _node(report: Report, slot: _Slot) -> Markup:
    name = slot.name or ""
    role = next((node.role for node in report.nodes if node.name == name), "relay")
    x, top = slot.x, slot.y - slot.height / 2 + 2
    box = {"x": x, "y": top, "width": NODE_WIDTH, "height": slot.height - 4, "rx": 5}
    middle: Attributes = {"x": x + NODE_WIDTH / 2, "text-anchor": "middle"}
    note = _note(report, name, role)
    return element(
        "g",
        {"class": f"node {role}"},
        element("title", None, f"{name} ({role})"),
        element("rect", box),
        element("text", {**middle, "y": slot.y - 2 if note else slot.y + 4, "class": "name"}, _short(name, 15)),
        element("text", {**middle, "y": slot.y + 12, "class": "note"}, _short(note, 19)),
    )


def _note(report: Report, name: str, role: str) -> str:
    """What is worth knowing of a node at a glance."""
    if role == "rx":
        own = next((receiver for receiver in report.receivers if receiver.name == name), None)
        if own is None or not own.messages:
            return "receives"
        if own.mean_psnr_db is not None:
            return f"{own.mean_psnr_db:.1f} dB PSNR"
        return "perfect copies" if own.identical else "no picture"
    return {"tx": "transmits", "relay": "relays"}[role]


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
