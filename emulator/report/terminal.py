"""A run's result in a few lines of text, for the terminal."""

from __future__ import annotations

from emulator.report.bearer_words import bearer_name, packets, verdicts
from emulator.report.decoder_words import choice_words, served_words
from emulator.report.layer_words import multicast_words, refinement_words
from emulator.report.pairs import compare, pairs
from emulator.report.schema import AdaptationReport, AlignmentReport, BearerReport, Quality, Report

HEADINGS = ("receiver", "delivered", "PSNR dB", "SSIM", "rho", "transfer s")


def summary(report: Report) -> str:
    """One line a receiver: what arrived, how well, at which cost, columns aligned; then one line an adaptation,
    alignment or bearer."""
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
    told = [*map(choice_words, report.choices), *(_adaptation(report, row) for row in report.adaptations)]
    told += [*map(_alignment, report.alignments), *map(_bearer, report.bearers)]
    told += [*map(multicast_words, report.multicasts), *map(refinement_words, report.refinements)]
    if report.separation is not None:
        told.append(" ".join(verdicts(report.separation)))
    return "\n".join([*lines, *told])


def _adaptation(report: Report, row: AdaptationReport) -> str:
    parts = f"{row.receiver}: {row.method} {row.verdict}"
    if row.validation_before is not None and row.validation_after is not None:
        form = ".2f" if row.unit == "dB" else ".4g"
        parts += f", validation {row.validation_before:{form}} -> {row.validation_after:{form}} {row.unit}"
    found = compare(pairs(report, row))
    if found.gain_db is not None:
        parts += f"; {found.pictures} pictures sent again: PSNR {found.gain_db:+.2f} dB"
    if row.distillation is not None and row.served:
        parts += f"; {served_words(row.distillation)}"
    return parts


def _alignment(row: AlignmentReport) -> str:
    parts = [f"{row.receiver}: {row.method} from {row.source}, {row.freeze} layers frozen, {row.verdict}"]
    if row.crossover is not None:
        parts.append(f"crossover {row.crossover.estimate:.3g} ({row.crossover.low:.2g} to {row.crossover.high:.2g})")
    if row.recovery_stated is not None:
        parts.append(f"recovery {row.recovery_stated.total_s:.3f} s at {row.recovery_stated.speed:.3g} FLOP/s")
    if row.before is not None and row.after is not None:
        parts.append(f"{row.before.pictures} pictures sent again: {_gains(row.before, row.after)}")
    return "; ".join(parts)


def _bearer(row: BearerReport) -> str:
    quality = f"PSNR {_shown(row.mean_psnr_db, 2)} dB"
    if row.low_psnr_db is not None and row.high_psnr_db is not None:
        quality += f" ({row.low_psnr_db:.1f} to {row.high_psnr_db:.1f})"
    parts = [] if row.snr_db is None else [f"SNR {row.snr_db:g} dB"]
    parts.append(quality)
    if row.channel_uses is not None:
        parts.append(f"{row.channel_uses:g} symbols a picture")
    parts += [f"{number} packets {fate}" for fate, number in packets(row) if number]
    return f"step {row.step}, {row.link}: {bearer_name(row)}: {', '.join(parts)}"


def _gains(before: Quality, after: Quality) -> str:
    """MSE and accuracy, before and after."""
    parts = []
    if before.mean_mse and after.mean_mse is not None:
        change = after.mean_mse / before.mean_mse - 1
        parts.append(f"MSE {before.mean_mse:.3g} -> {after.mean_mse:.3g} ({change:+.1%})")
    if before.accuracy is not None and after.accuracy is not None:
        parts.append(f"accuracy {before.accuracy:.1%} -> {after.accuracy:.1%}")
    return ", ".join(parts)


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
