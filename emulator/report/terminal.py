"""A run's result in a few lines of text, for the terminal."""

from __future__ import annotations

from emulator.report.pairs import compare, pairs
from emulator.report.schema import AdaptationReport, Report

HEADINGS = ("receiver", "delivered", "PSNR dB", "SSIM", "rho", "transfer s")


def summary(report: Report) -> str:
    """One line a receiver: what arrived, how well, at which cost, columns aligned; then one line an adaptation."""
    rows = [
        (
            receiver.name,
            f"{receiver.delivered_fraction:.0%} of {receiver.messages}",
            "exact" if 0 < receiver.identical == receiver.messages else _shown(receiver.mean_psnr_db, 2),
            _shown(receiver.mean_ssim, 3),
            _shown(receiver.mean_rho, 5),
            _shown(receiver.mean_transfer_s, 3),
        )
        for receiver in report.receivers
    ]
    widths = [max(len(row[i]) for row in [HEADINGS, *rows]) for i in range(len(HEADINGS))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in [HEADINGS, *rows]
    ]
    return "\n".join([*lines, *(_adaptation(report, row) for row in report.adaptations)])


def _adaptation(report: Report, row: AdaptationReport) -> str:
    parts = f"{row.receiver}: {row.method} {row.verdict}"
    if row.validation_before is not None and row.validation_after is not None:
        form = ".2f" if row.unit == "dB" else ".4g"
        parts += f", validation {row.validation_before:{form}} -> {row.validation_after:{form}} {row.unit}"
    found = compare(pairs(report, row))
    if found.gain_db is not None:
        parts += f"; {found.pictures} pictures sent again: PSNR {found.gain_db:+.2f} dB"
    return parts


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
