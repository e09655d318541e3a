"""A run's result in a few lines of text, for the terminal."""

from __future__ import annotations

from emulator.report.schema import Report

HEADINGS = ("receiver", "delivered", "PSNR dB", "SSIM", "rho", "transfer s")


def summary(report: Report) -> str:
    """One line a receiver: what arrived, how well, at which cost. Columns are aligned."""
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
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in [HEADINGS, *rows]
    )


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
