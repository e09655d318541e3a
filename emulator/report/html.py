"""report.html: one self-contained page, for a browser or beside a paper: inline style, drawings and thumbnails.

No script. A content security policy in the page itself forbids loading anything; all text goes through `markup`, which
escapes it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources

from emulator.report import adaptation, alignment, bearers, decoders, layers, tables, timeline, topology
from emulator.report.figures import figure
from emulator.report.markup import Child, Markup, element, join
from emulator.report.numbers import fixed, significant, with_unit
from emulator.report.schema import MessageReport, PlanReceiver, PlanReport, Report
from emulator.report.scoring import Picture, ReceivedKey, mean
from emulator.report.selection import Grid, grid, plan_of, quality_label, rate_label

MAX_RECEIVERS = 26
MANY_RECEIVERS = 8
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]) -> str:
    """The whole page. `report` must have been scored; pictures are [H, W, 3] uint8."""
    head = element(
        "head",
        None,
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("title", None, f"{report.scenario.name} · semedge report"),
        element("style", None, Markup(resources.files("emulator.report").joinpath("page.css").read_text("utf-8"))),
    )
    sections = [
        _header(report),
        _tiles(report),
        _pictures(report, originals, received),
        _decoders(report),
        _adaptations(report, originals, received),
        _alignments(report, originals, received),
        _bearers(report, originals, received),
        _separation(report),
        _layers(report),
        _network(report),
        _receivers(report),
        _plan(report.plan),
        _links(report),
        _timeline(report),
        _messages(report),
        _run(report),
        _footer(report),
    ]
    return "<!doctype html>\n" + element("html", {"lang": "en"}, head, element("body", None, *sections)) + "\n"


def _section(title: str, *content: Child) -> Markup:
    return element("section", None, element("h2", None, title), *content)


def _note(text: Child) -> Markup:
    return element("p", {"class": "note"}, text)


# --- top of the page --------------------------------------------------------------------------------------------------


def _header(report: Report) -> Markup:
    started = f"{report.started_at:%Y-%m-%d %H:%M:%S} UTC"
    facts: list[tuple[str, Child]] = [
        ("seed", str(report.seed)),
        ("clock", report.clock),
        ("started", f"{started}, took {fixed(report.wall_s, 1)} s"),
        ("command", element("code", None, shlex.join(report.command)) if report.command else ""),
        ("scenario file", element("code", None, report.scenario.digest[:16]) if report.scenario.digest else ""),
    ]
    listed = [element("dt", None, name) + element("dd", None, value) for name, value in facts if value]
    parts: list[Child] = [
        element("div", {"class": "eyebrow"}, "semedge run report"),
        element("h1", None, report.scenario.name),
        element("p", {"class": "lede"}, report.scenario.description) if report.scenario.description else "",
    ]
    if not report.complete:
        why = report.interrupted or "no reason was recorded"
        text = join([element("b", None, "Interrupted: "), why, ". What follows is what had happened until then."])
        parts.append(element("p", {"class": "banner"}, text))
    parts.append(element("dl", {"class": "facts"}, *(Markup(item) for item in listed)))
    return element("header", None, *parts)


def _tiles(report: Report) -> Markup:
    delivered = [message for message in report.messages if message.delivered]
    ends = [message.received_s for message in report.messages if message.received_s is not None]
    psnr, ssim = mean(message.psnr_db for message in delivered), mean(message.ssim for message in delivered)
    tiles = [
        (f"{len(delivered)} / {len(report.messages)}", "messages delivered"),
        ("" if psnr is None else f"{psnr:.2f} dB", "mean PSNR"),
        ("" if ssim is None else f"{ssim:.3f}", "mean SSIM"),
        ("" if not delivered else with_unit(sum(m.size_bits for m in delivered), "bit"), "sent, on the first links"),
        ("" if not ends else with_unit(max(ends), "s"), "model time"),
        (f"{report.wall_s:.1f} s", "wall time"),
    ]
    if delivered and not any(message.size_bits for message in delivered):
        tiles[3] = (with_unit(sum(m.channel_uses for m in delivered), "symbol"), "sent, on the first links")
    drawn = [
        element("div", {"class": "tile"}, element("b", None, figure), element("span", None, what))
        for figure, what in tiles
        if figure
    ]
    return element("div", {"class": "tiles"}, *drawn)


# --- pictures ---------------------------------------------------------------------------------------------------------


def _pictures(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]) -> Markup:
    shown = grid(report, originals, MAX_RECEIVERS)
    if len(shown.receivers) > MANY_RECEIVERS:
        shown = replace(shown, images=shown.images[:2])
    if not shown.images:
        return _section("Pictures", _note("No pictures were sent."))
    return _section(
        "Pictures",
        element("div", {"class": "strips"}, *(_strip(report, shown, i, originals, received) for i in shown.images)),
        _note(_picture_note(report, shown)),
    )


def _picture_note(report: Report, shown: Grid) -> str:
    images = len({message.image for message in report.messages})
    receivers = sum(1 for receiver in report.receivers if receiver.messages)
    parts = []
    if len(shown.images) < images or len(shown.receivers) < receivers:
        parts.append(
            f"Shown are {len(shown.images)} of {images} images at {len(shown.receivers)} of {receivers} receivers."
        )
    parts.append("Thumbnails are compressed for this page; the exact pictures are in the folders beside it.")
    return " ".join(parts)


def _strip(
    report: Report,
    shown: Grid,
    image: str,
    originals: Mapping[str, Picture],
    received: Mapping[ReceivedKey, Picture],
) -> Markup:
    """One image: as it was sent, then as each receiver got it."""
    plan = plan_of(report)
    first = next((shown.messages[image, name] for name in shown.receivers if (image, name) in shown.messages), None)
    path = None if first is None else first.original
    figures = [figure(originals[image], path, [(image, ""), ("original", "")])]
    for name in shown.receivers:
        message = shown.messages.get((image, name))
        path = None if message is None else message.picture
        figures.append(figure(shown.picture(image, name, received), path, _caption(name, message, plan.get(name))))
    cells = len(figures)
    return element("div", {"class": "strip few" if cells <= 6 else "strip many", "style": f"--cells:{cells}"}, *figures)


def _caption(name: str, message: MessageReport | None, plan: PlanReceiver | None) -> list[tuple[str, str]]:
    """Lines of (left, right): receiver and distance, PSNR and compression, what was lost."""
    distance = "" if plan is None or plan.distance_m is None else f"{plan.distance_m:.0f} m"
    lines = [(name, distance), (quality_label(message), rate_label(message, plan))]
    if message is not None and message.status == "partial":
        lines.append((f"{message.packets_lost} of {message.packets} packets lost", ""))
    if message is not None and message.packets_filled:
        lines.append((f"{message.packets_filled} of {message.packets} packets filled", ""))
    return lines


def _decoders(report: Report) -> Markup:
    if not report.choices:
        return Markup("")
    return _section("Decoders", *decoders.draw(report.choices))


def _adaptations(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]) -> Markup:
    if not report.adaptations:
        return Markup("")
    return _section("Adaptation", *adaptation.draw(report, originals, received))


def _alignments(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]) -> Markup:
    if not report.alignments:
        return Markup("")
    return _section("Alignment", *alignment.draw(report, originals, received))


def _bearers(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]) -> Markup:
    if not report.bearers:
        return Markup("")
    return _section("Bearers", *bearers.draw(report, originals, received))


def _separation(report: Report) -> Markup:
    if report.separation is None:
        return Markup("")
    return _section("Who held what", *bearers.draw_separation(report.separation))


def _layers(report: Report) -> Markup:
    parts = []
    if report.multicasts:
        parts.append(_section("Multicast in layers", *layers.draw_multicasts(report)))
    if report.refinements:
        parts.append(_section("Refinement on demand", *layers.draw_refinements(report.refinements)))
    return join(parts)


# --- network, plan, links ---------------------------------------------------------------------------------------------


def _network(report: Report) -> Markup:
    if not report.links:
        return _section("Network", _note("No link was configured."))
    return _section(
        "Network",
        _note("Rate above each link, delay and SNR below it, as they were when the run ended."),
        element("div", {"class": "scroll"}, topology.draw(report)),
    )


def _receivers(report: Report) -> Markup:
    if not report.receivers:
        return _section("Receivers", _note("No message was sent."))
    parts: list[Child] = [
        tables.receivers(report),
        _note("Transfer times are model times, from sent to received. MSE is of pixels in [0, 1]."),
    ]
    if sum(1 for step in report.steps if step.quality) > 1:
        parts += [element("h3", None, "By step"), tables.quality_of_steps(report)]
    return _section("Receivers", *parts)


def _plan(plan: PlanReport | None) -> Markup:
    if plan is None:
        return Markup("")
    facts = [f"Solver {plan.solver}, {plan.status}: utility {significant(plan.utility, 5)}"]
    if plan.upper_bound is not None:
        facts.append(f"upper bound {significant(plan.upper_bound, 5)}")
    if plan.gap is not None:
        facts.append(f"gap {significant(plan.gap, 3)}")
    facts += [f"largest delay {with_unit(plan.delay_s, 's', 4)}", f"energy {with_unit(plan.energy_j, 'J', 4)}"]
    warnings = [element("p", {"class": "warning"}, text) for text in plan.warnings]
    return _section("Plan", element("p", None, ", ".join(facts) + "."), *warnings, tables.plan(plan))


def _links(report: Report) -> Markup:
    if not report.links:
        return Markup("")
    parts: list[Child] = [tables.links(report.links)]
    used = sum(len(link.levels) for link in report.links)
    if used:
        parts += [element("h3", None, "Reliability levels"), tables.levels(report.links)]
    if used > tables.MAX_LEVELS:
        parts.append(_note(f"The first {tables.MAX_LEVELS} of {used} levels; report.json has them all."))
    return _section("Links, measured against theory", *parts)


# --- messages and the run itself --------------------------------------------------------------------------------------


def _timeline(report: Report) -> Markup:
    drawing = timeline.draw(report)
    if drawing is None:
        return _section("Timeline", _note("No message crossed the network."))
    seen = dict.fromkeys(message.status for message in report.messages if message.received_s is not None)
    legend = [element("span", {"class": f"status {status}"}, status) for status in seen]
    if 'class="wait"' in drawing:
        legend.append(element("span", {"class": "wait"}, "waiting for its link"))
    return _section(
        "Timeline", element("div", {"class": "scroll"}, drawing), element("div", {"class": "legend"}, *legend)
    )


def _messages(report: Report) -> Markup:
    if not report.messages:
        return _section("Messages", _note("No message was sent."))
    total = len(report.messages)
    cut = f"The first {tables.MAX_MESSAGES} of {total} messages; report.json has them all."
    return _section("Messages", tables.messages(report.messages), _note(cut) if total > tables.MAX_MESSAGES else "")


def _run(report: Report) -> Markup:
    timing = report.timing
    phases = [("processes up", timing.up_s), ("workload", timing.run_s)]
    known = [f"{name} {fixed(wall_s, 2)} s" for name, wall_s in phases if wall_s is not None]
    parts: list[Child] = []
    if report.steps:
        parts.append(tables.steps(report))
    if report.nodes:
        parts += [element("h3", None, "Nodes"), tables.nodes(report)]
    if known:
        parts.append(_note("Wall time: " + ", ".join(known) + "."))
    return _section("Run", *parts) if parts else Markup("")


def _footer(report: Report) -> Markup:
    text = f"Made by semedge {report.semedge_version} from report.json (schema {report.schema_version})."
    return element("footer", None, text)
