"""The page's section on bearers: what each step's bits were carried by, how well, at what cost; and who held what."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from emulator.report import chart
from emulator.report.bearer_words import bearer_name, packets, verdicts
from emulator.report.figures import figure
from emulator.report.markup import Child, Markup, element
from emulator.report.numbers import NONE, count, significant
from emulator.report.schema import BearerReport, HoldingReport, MessageReport, Report, SeparationReport
from emulator.report.scoring import Picture, ReceivedKey, key
from emulator.report.selection import quality_label
from emulator.report.tables import Column, counts, figures, table, words

MAX_STRIPS = 2
FATES = ("lost", "not sent", "filled")
PARTS = ("encoder", "decoder", "bearer")


def draw(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]) -> list[Child]:
    """Tables, figures and pictures over all rows. The report must have one."""
    rows = report.bearers
    parts: list[Child] = [_overview(rows), _note(_explanation(rows))]
    for title, drawing in (("PSNR over SNR", _quality(rows)), ("Bit error rate by level", _error_rates(rows))):
        if drawing is not None:
            parts += [element("h3", None, title), drawing]
    parts += [
        element("h3", None, "Bit error rates of the levels, as asked and as measured"),
        _levels(rows),
    ]
    if any(use.scheme for row in rows for use in row.levels):
        parts += [element("h3", None, "How unequal protection chose"), _schemes(rows)]
    strips = _strips(report, originals, received)
    if strips:
        parts += [
            element("h3", None, "The same pictures after each step"),
            element("div", {"class": "strips"}, *strips),
        ]
    return parts


def _note(text: Child) -> Markup:
    return element("p", {"class": "note"}, text)


# --- steps side by side -----------------------------------------------------------------------------------------------


def _overview(rows: Sequence[BearerReport]) -> Markup:
    return table(
        [
            Column("step", [str(row.step) for row in rows]),
            words("link", (row.link for row in rows)),
            words("to", (row.destination for row in rows) if _several_ends(rows) else ("" for _ in rows)),
            words("bearer", (bearer_name(row) for row in rows)),
            figures("SNR", (row.snr_db for row in rows), 1, "dB"),
            Column("pictures", [count(row.pictures) for row in rows]),
            figures("mean PSNR", (row.mean_psnr_db for row in rows), 2, "dB"),
            words("band", (_band(row) for row in rows)),
            Column("symbols a picture", [significant(row.channel_uses, 4) for row in rows]),
            *(counts(f"packets {fate}", (dict(packets(row))[fate] for row in rows)) for fate in FATES),
        ]
    )


def _several_ends(rows: Iterable[BearerReport]) -> bool:
    return any(len({row.destination for row in rows if row.link == link}) > 1 for link in {row.link for row in rows})


def _band(row: BearerReport) -> str:
    if row.low_psnr_db is None or row.high_psnr_db is None:
        return NONE
    return f"{row.low_psnr_db:.1f} to {row.high_psnr_db:.1f}"


def _explanation(rows: Sequence[BearerReport]) -> str:
    parts = ["Eight pictures of ten lie within the band."]
    if any(row.channel_uses is None for row in rows):
        parts.append("A bearer without symbols is a model of bits: it has error rates but no radio.")
    if not all(use.sent for row in rows for use in row.levels):
        parts.append("Bits of a level that was not sent are as likely 1 as 0 to the receiver.")
    if any(use.packets_filled for row in rows for use in row.levels):
        parts.append("Packets that had not come in time were erasures to the mapper, which made bits of them.")
    return " ".join(parts)


def _quality(rows: Sequence[BearerReport]) -> Markup | None:
    """PSNR over SNR, a line a bearer; bearers without an SNR are level lines."""
    known = [row for row in rows if row.mean_psnr_db is not None]
    snrs = [row.snr_db for row in known if row.snr_db is not None]
    if not snrs:
        return None
    series = []
    for name in dict.fromkeys(bearer_name(row) for row in known):
        own = sorted((row for row in known if bearer_name(row) == name), key=lambda row: row.snr_db or 0.0)
        points = [(row.snr_db, row.mean_psnr_db) for row in own]
        series.append(
            chart.Series(
                name,
                [(x, y) for x, y in points if x is not None and y is not None]
                or [(x, y) for x in (min(snrs), max(snrs)) for _, y in points[:1] if y is not None],
                [
                    (row.snr_db, row.low_psnr_db, row.high_psnr_db)
                    for row in own
                    if row.snr_db is not None and row.low_psnr_db is not None and row.high_psnr_db is not None
                ],
                dashed=all(x is None for x, _ in points),
            )
        )
    return chart.draw(series, "SNR in dB", "PSNR in dB")


# --- levels -----------------------------------------------------------------------------------------------------------


def _error_rates(rows: Sequence[BearerReport]) -> Markup | None:
    """Learned bearers' bit error rate of each level beside what was asked, which no SNR decides."""
    learned = [row for row in rows if row.bearer == "learned"][: chart.COLOURS - 1]
    if not learned:
        return None
    series = [chart.Series("asked by the source", _points(learned[0], measured=False), dashed=True)]
    series += [
        chart.Series(f"{bearer_name(row)}, at {_db(row.snr_db)} dB", _points(row, measured=True)) for row in learned
    ]
    return chart.draw(series, "level", "bit error rate", logarithmic=True)


def _points(row: BearerReport, measured: bool) -> list[chart.Point]:
    values = [(use.level, use.ber_measured if measured else use.ber_asked) for use in row.levels]
    return [(float(level), ber) for level, ber in values if ber is not None]


def _numbers(rows: Iterable[BearerReport]) -> list[int]:
    return sorted({use.level for row in rows for use in row.levels})


def _levels(rows: Sequence[BearerReport]) -> Markup:
    """A column a level, a row a step; above them what was asked."""
    asked = {use.level: use.ber_asked for row in rows for use in row.levels}
    found = [{use.level: use.ber_measured for use in row.levels} for row in rows]
    columns = [
        Column("step", ["", *(str(row.step) for row in rows)]),
        words("bearer", ["asked", *(bearer_name(row) for row in rows)]),
        Column("SNR", ["", *(_db(row.snr_db) for row in rows)], "dB"),
    ]
    columns += [
        Column(str(number), [_ber(asked.get(number)), *(_ber(each.get(number)) for each in found)])
        for number in _numbers(rows)
    ]
    return table(columns)


def _ber(value: float | None) -> str:
    return significant(value, 2, smallest_plain=1e-4)


def _db(snr_db: float | None) -> str:
    return "" if snr_db is None else f"{snr_db:g}".replace("-", "−")


def _schemes(rows: Sequence[BearerReport]) -> Markup:
    """A row a level, a column a step."""
    chosen = [row for row in rows if any(use.scheme for use in row.levels)]
    numbers = _numbers(chosen)
    columns = [Column("level", [str(number) for number in numbers])]
    for row in chosen:
        by_level = {use.level: use.scheme for use in row.levels}
        title = f"step {row.step}, K = {row.symbols}, {_db(row.snr_db)} dB"
        columns.append(words(title, (by_level.get(number, "") for number in numbers)))
    return table(columns)


# --- pictures ---------------------------------------------------------------------------------------------------------


def _strips(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]) -> list[Markup]:
    """The first pictures, as each step's bearer brought them to the first receiver."""
    rows = _one_a_step(report.bearers)
    if not rows:
        return []
    receiver = rows[0].receivers[0]
    sent = {(m.image, m.step): m for m in report.messages if m.destination == receiver}
    images = [
        name for name in dict.fromkeys(image for image, step in sent if step == rows[0].step) if name in originals
    ]
    strips = []
    for image in images[:MAX_STRIPS]:
        first = sent[image, rows[0].step]
        cells = [figure(originals[image], first.original, [(image, ""), ("original", "")])]
        cells += [_cell(row, sent.get((image, row.step)), received) for row in rows]
        strips.append(element("div", {"class": "strip many", "style": f"--cells:{len(cells)}"}, *cells))
    return strips


def _one_a_step(rows: Iterable[BearerReport]) -> list[BearerReport]:
    """Of each step the last link that does anything to bits."""
    return list({row.step: row for row in rows}.values())


def _cell(row: BearerReport, message: MessageReport | None, received: Mapping[ReceivedKey, Picture]) -> Markup:
    picture = None if message is None else received.get(key(message))
    snr = "" if row.snr_db is None else f"at {_db(row.snr_db)} dB"
    lines = [(f"step {row.step}", snr), (quality_label(message), "")]
    return figure(picture, None if message is None else message.picture, lines)


# --- who held what ----------------------------------------------------------------------------------------------------


def draw_separation(found: SeparationReport) -> list[Child]:
    """The verdicts, and a row for everything that was held without change."""
    holdings = sorted(found.holdings, key=_thing)
    groups = [list(group) for _, group in itertools.groupby(holdings, key=_thing)]
    firsts = [group[0] for group in groups]
    steps = {each.step for each in holdings}
    held = table(
        [
            words("process", (each.holder for each in firsts)),
            words("holds", (_part(each) for each in firsts)),
            words("of", (each.place for each in firsts)),
            words("name", (each.name for each in firsts)),
            words("digest", (each.digest[:16] for each in firsts)),
            words("trained for", (each.trained_for[:16] for each in firsts)),
            words("after steps", (_steps(group, len(steps)) for group in groups)),
            words("networks and codecs loaded", (", ".join(each.networks) for each in firsts), wrap=True),
        ]
    )
    return [element("p", None, " ".join(verdicts(found))), held]


def _thing(each: HoldingReport) -> tuple[int, str, str, str, str]:
    return PARTS.index(each.part), each.holder, each.place, each.digest, ",".join(each.networks)


def _part(each: HoldingReport) -> str:
    if each.part == "bearer":
        return "learned bearer" if each.digest else "no learned bearer"
    return each.part


def _steps(group: Sequence[HoldingReport], total: int) -> str:
    steps = sorted({each.step for each in group})
    return f"all {total}" if len(steps) == total else ", ".join(map(str, steps))
