"""The report page's tables: what each column says and in which unit. One SI prefix a column, a dash for nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from emulator.report.markup import Child, Markup, element
from emulator.report.numbers import NONE, count, deviation, fixed, percent, prefix_for, significant
from emulator.report.schema import LinkReport, MessageReport, PlanReport, Quality, Report
from emulator.report.scoring import mean

MAX_MESSAGES = 200
MAX_LEVELS = 200


@dataclass(frozen=True)
class Column:
    """A title, a unit, and one cell a row. kind: "" (figures, right), "text" (left) or "text wrap"."""

    title: str
    cells: Sequence[Child]
    unit: str = ""
    kind: str = ""

    @property
    def empty(self) -> bool:
        """Whether no row has anything to say here."""
        return all(cell in (NONE, "") for cell in self.cells)


def table(columns: Iterable[Column], tall: bool = False) -> Markup:
    """The columns that say anything, side by side, in a box that scrolls when the page is narrow."""
    kept = [column for column in columns if not column.empty]
    units = any(column.unit for column in kept)
    head = [element("th", _kind(c), c.title, element("small", None, c.unit) if units else "") for c in kept]
    kinds = [_kind(column) for column in kept]
    rows = zip(*(column.cells for column in kept), strict=True)
    body = [element("tr", None, *(element("td", k, c) for k, c in zip(kinds, row, strict=True))) for row in rows]
    whole = element("table", None, element("thead", None, element("tr", None, *head)), element("tbody", None, *body))
    return element("div", {"class": "scroll tall" if tall else "scroll"}, whole)


def _kind(column: Column) -> dict[str, str | float]:
    return {"class": column.kind} if column.kind else {}


def words(title: str, cells: Iterable[str], wrap: bool = False) -> Column:
    """A column of text."""
    return Column(title, list(cells), kind="text wrap" if wrap else "text")


def figures(title: str, values: Iterable[float | None], decimals: int, unit: str = "") -> Column:
    """A column of numbers with so many decimals."""
    return Column(title, [fixed(value, decimals) for value in values], unit)


def counts(title: str, values: Iterable[int]) -> Column:
    """A column of counts; it vanishes when nothing was counted."""
    numbers = list(values)
    return Column(title, [count(value) for value in numbers] if any(numbers) else [NONE] * len(numbers))


def quantity(
    title: str, values: Iterable[float | None], unit: str, beside: Iterable[float | None] = (), digits: int = 4
) -> Column:
    """A column of quantities under one SI prefix: aligned decimals while they keep two digits, else significant.

    beside: values of a column to compare with, which shall get the same prefix.
    """
    numbers = list(values)
    factor, prefix = prefix_for([*numbers, *beside])
    sizes = [abs(value) / factor for value in numbers if value]
    shown = [None if value is None else value / factor for value in numbers]
    if not sizes:
        return Column(title, [fixed(value, 0) for value in shown], unit)
    decimals = max(digits - 1 - math.floor(math.log10(max(sizes))), 0)
    if min(sizes) >= 10.0 ** (1 - decimals):
        return Column(title, [fixed(value, decimals) for value in shown], prefix + unit)
    return Column(title, [significant(value, digits) for value in shown], prefix + unit)


def instants(title: str, values: Iterable[float | None], beside: Iterable[float | None] = ()) -> Column:
    """A column of moments of model time: to a thousandth, under one SI prefix with the column `beside`."""
    numbers = list(values)
    factor, prefix = prefix_for([*numbers, *beside])
    return Column(title, [fixed(None if value is None else value / factor, 3) for value in numbers], f"{prefix}s")


def ratios(title: str, values: Iterable[float | None]) -> Column:
    """A column of compression rates: five decimals while that keeps two digits, else powers of ten."""
    numbers = list(values)
    small = any(value is not None and 0 < value < 1e-4 for value in numbers)
    return Column(title, [significant(value, 3) if small else fixed(value, 5) for value in numbers])


def scientific(title: str, values: Iterable[float | None]) -> Column:
    """A column of dimensionless numbers of any size, such as bit error rates, with three digits."""
    return Column(title, [significant(value, 3, smallest_plain=0.1) for value in values])


def errors(title: str, values: Iterable[float | None]) -> Column:
    """A column of mean squared errors, with three digits."""
    return Column(title, [significant(value, 3, smallest_plain=1e-4) for value in values])


def receivers(report: Report) -> Markup:
    """Each receiver's averages, its transfer time beside what the links' rates and delays ask for."""
    rows = report.receivers
    of = {row.name: [m for m in report.messages if m.destination == row.name and m.delivered] for row in rows}
    measured = [row.mean_transfer_s for row in rows]
    theory = [mean(message.theoretical_transfer_s for message in of[row.name]) for row in rows]
    return table(
        [
            words("receiver", (row.name for row in rows)),
            Column("messages", [count(row.messages) for row in rows]),
            Column("delivered", [percent(row.delivered_fraction) for row in rows]),
            counts("identical", (row.identical for row in rows)),
            figures("mean PSNR", (row.mean_psnr_db for row in rows), 2, "dB"),
            figures("mean SSIM", (row.mean_ssim for row in rows), 4),
            errors("mean MSE", (row.mean_mse for row in rows)),
            Column("accuracy", [percent(row.accuracy, 1) for row in rows]),
            ratios("mean ρ", (row.mean_rho for row in rows)),
            quantity("mean transfer", measured, "s", theory),
            quantity("in theory", theory, "s", measured),
            Column("difference", [deviation(m, t) for m, t in zip(measured, theory, strict=True)]),
        ]
    )


def plan(allocation: PlanReport) -> Markup:
    """What the optimizer gives each receiver."""
    rows = allocation.receivers
    return table(
        [
            words("receiver", (row.name for row in rows)),
            figures("distance", (row.distance_m for row in rows), 0, "m"),
            scientific("gain", (row.gain for row in rows)),
            quantity("bandwidth", (row.bandwidth_hz for row in rows), "Hz"),
            quantity("power", (row.power_w for row in rows), "W"),
            figures("SNR", (row.snr_db for row in rows), 1, "dB"),
            quantity("rate", (row.rate_bps for row in rows), "bit/s"),
            ratios("ρ", (row.rho for row in rows)),
            Column("scale", [count(row.scale) for row in rows]),
            quantity("on the air", (row.transmit_s for row in rows), "s"),
            quantity("compute", (row.compute_s for row in rows), "s"),
            figures("expected PSNR", (row.quality_db for row in rows), 1, "dB"),
        ]
    )


def links(rows: Sequence[LinkReport]) -> Markup:
    """Measured against theoretical rate and delay of each link and destination."""
    return table(
        [
            words("link", (row.name for row in rows)),
            words("from", (row.source for row in rows)),
            words("to", (row.destination for row in rows)),
            quantity("bandwidth", (row.bandwidth_hz for row in rows), "Hz"),
            quantity("power", (row.power_w for row in rows), "W"),
            figures("SNR", (row.snr_db for row in rows), 1, "dB"),
            *_comparison(
                "rate", "bit/s", [row.theoretical_rate_bps for row in rows], [row.measured_rate_bps for row in rows]
            ),
            *_comparison(
                "delay", "s", [row.theoretical_delay_s for row in rows], [row.measured_delay_s for row in rows]
            ),
            quantity("busy", (row.busy_s for row in rows), "s"),
        ]
    )


def _comparison(what: str, unit: str, theory: list[float | None], measured: list[float | None]) -> list[Column]:
    return [
        quantity(f"{what} in theory", theory, unit, measured),
        quantity("measured", measured, unit, theory),
        Column("difference", [deviation(m, t) for m, t in zip(measured, theory, strict=True)]),
    ]


def levels(rows: Sequence[LinkReport]) -> Markup:
    """What each reliability level carried and what noise did to it."""
    pairs = [(link, level) for link in rows for level in link.levels][:MAX_LEVELS]
    return table(
        [
            words("link", (link.name for link, _ in pairs)),
            words("to", (link.destination for link, _ in pairs)),
            Column("level", [str(level.level) for _, level in pairs]),
            scientific("BER given", (level.ber_configured for _, level in pairs)),
            scientific("BER measured", (level.ber_measured for _, level in pairs)),
            scientific("index error rate", (level.index_error_rate_measured for _, level in pairs)),
            counts("bits", (level.size_bits for _, level in pairs)),
            counts("bit errors", (level.bit_errors for _, level in pairs)),
            counts("index errors", (level.index_errors for _, level in pairs)),
            counts("symbols", (level.channel_uses for _, level in pairs)),
            Column("packets", [count(level.packets) for _, level in pairs]),
            counts("lost", (level.packets_lost for _, level in pairs)),
            counts("filled", (level.packets_filled for _, level in pairs)),
            counts("sent again", (level.retransmissions for _, level in pairs)),
        ],
        tall=len(pairs) > 16,
    )


def messages(rows: Sequence[MessageReport]) -> Markup:
    """The first messages, one row each; the caller says when there are more."""
    shown = rows[:MAX_MESSAGES]
    quality: Callable[[MessageReport], str] = lambda m: "∞" if m.identical else fixed(m.psnr_db, 2)  # noqa: E731
    arrivals = [message.received_s for message in shown]
    transfers = [message.transfer_s for message in shown]
    theory = [message.theoretical_transfer_s for message in shown]
    status = [element("span", {"class": f"status {m.status}"}, m.status) for m in shown]
    return table(
        [
            words("session", (m.session for m in shown)),
            Column("no.", [str(m.message_id) for m in shown]),
            words("image", (m.image for m in shown)),
            words("from", (m.source for m in shown)),
            words("to", (m.destination for m in shown)),
            Column("status", status, kind="text"),
            counts("bits", (m.size_bits for m in shown)),
            counts("symbols", (m.channel_uses for m in shown)),
            ratios("ρ", (m.rho for m in shown)),
            instants("sent", (m.sent_s for m in shown), arrivals),
            instants("received", arrivals),
            quantity("transfer", transfers, "s", theory),
            quantity("in theory", theory, "s", transfers),
            Column("packets", [count(m.packets) for m in shown]),
            counts("lost", (m.packets_lost for m in shown)),
            counts("filled", (m.packets_filled for m in shown)),
            counts("sent again", (m.retransmissions for m in shown)),
            counts("errors", (m.element_errors for m in shown)),
            words("decoder", (m.decoder for m in shown)),
            Column("PSNR", [quality(m) for m in shown], "dB"),
            figures("SSIM", (m.ssim for m in shown), 4),
            errors("MSE", (m.mse for m in shown)),
            Column("class", ["" if m.label is None else str(m.label) for m in shown]),
            Column("seen as", ["" if m.predicted is None else str(m.predicted) for m in shown]),
            words("reason", (m.reason for m in shown), wrap=True),
        ],
        tall=len(shown) > 16,
    )


def quality_of_steps(report: Report) -> Markup:
    """How well the pictures of each step arrived."""
    pairs = [(step, row) for step in report.steps for row in step.quality]
    rows = [row for _, row in pairs]
    return table(
        [
            Column("step", [str(step.index) for step, _ in pairs]),
            words("receiver", (row.receiver for row in rows)),
            Column("pictures", [count(row.pictures) for row in rows]),
            *quality_columns(rows),
        ]
    )


def quality_columns(rows: Sequence[Quality], when: str = "") -> list[Column]:
    """Averages side by side. when: put behind each title."""
    return [
        errors(f"mean MSE{when}", (row.mean_mse for row in rows)),
        figures(f"mean PSNR{when}", (row.mean_psnr_db for row in rows), 2, "dB"),
        figures(f"mean SSIM{when}", (row.mean_ssim for row in rows), 4),
        Column(f"accuracy{when}", [percent(row.accuracy, 1) for row in rows]),
    ]


def steps(report: Report) -> Markup:
    """The workload's steps in model and wall time."""
    rows = report.steps
    ends = [row.model_end_s for row in rows]
    return table(
        [
            Column("step", [str(row.index) for row in rows]),
            words("kind", (row.kind for row in rows)),
            words("what", (row.summary for row in rows), wrap=True),
            instants("model start", (row.model_start_s for row in rows), ends),
            instants("model end", ends),
            figures("wall start", (row.started_wall_s for row in rows), 2, "s"),
            figures("wall time", (row.wall_s for row in rows), 2, "s"),
        ]
    )


def nodes(report: Report) -> Markup:
    """Who took part, with which codec and how much memory."""
    rows = report.nodes
    return table(
        [
            words("node", (row.name for row in rows)),
            words("role", (row.role for row in rows)),
            words("codec", (row.codec for row in rows), wrap=True),
            counts("pictures encoded", (row.pictures_encoded for row in rows)),
            counts("messages decoded", (row.messages_decoded for row in rows)),
            quantity("resident memory", (row.resident_bytes for row in rows), "B"),
            counts("restarts", (row.restarts for row in rows)),
        ]
    )
