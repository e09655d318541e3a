"""The page's section on alignments: what crossed the network, the recovery time counted in three ways, and pictures
before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from emulator.report import curve
from emulator.report.figures import figure
from emulator.report.markup import Child, Markup, element
from emulator.report.numbers import NONE, count, deviation, percent, significant, with_unit
from emulator.report.pairs import Pair, pairs
from emulator.report.schema import (
    AlignmentReport,
    CrossoverReport,
    MessageReport,
    ParameterTransferReport,
    RecoveryTime,
    Report,
)
from emulator.report.scoring import Picture, ReceivedKey, key
from emulator.report.selection import quality_label
from emulator.report.tables import Column, errors, figures, quantity, scientific, table, words

MAX_PAIRS = 8
MAX_DRAWN = 12


def draw(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]) -> list[Child]:
    """Tables over all alignments, then each one's story and pictures. The report must have one."""
    rows = report.alignments
    parts: list[Child] = [_overview(rows), _gains(rows), *_recovery(rows), *_transfers(rows), *_channel(rows)]
    for row in rows[:MAX_DRAWN]:
        parts += _one(report, row, originals, received)
    if len(rows) > MAX_DRAWN:
        parts.append(_note(f"The first {MAX_DRAWN} of {len(rows)} alignments; report.json has them all."))
    return parts


def _note(text: Child) -> Markup:
    return element("p", {"class": "note"}, text)


def _names(rows: Sequence[AlignmentReport]) -> list[Column]:
    """The columns that tell alignments apart."""
    return [
        Column("step", [str(row.step) for row in rows]),
        words("from", (row.source for row in rows)),
        words("to", (row.receiver for row in rows)),
        Column("frozen", [str(row.freeze) for row in rows]),
    ]


# --- over all alignments ----------------------------------------------------------------------------------------------


def _overview(rows: Sequence[AlignmentReport]) -> Markup:
    tunings = [row.tuning for row in rows]
    return table(
        [
            *_names(rows),
            words("trained on", (row.data for row in rows)),
            Column("pictures", [NONE if each is None else count(each.pictures) for each in tunings]),
            Column("steps", [NONE if each is None else count(each.steps) for each in tunings]),
            quantity("operations", (None if each is None else each.operations for each in tunings), "FLOP"),
            quantity("training took", (None if each is None else each.wall_s for each in tunings), "s"),
            errors("kept-back MSE before", (None if each is None else each.mse_before for each in tunings)),
            errors("after", (None if each is None else each.mse_after for each in tunings)),
            words("verdict", (row.verdict for row in rows)),
        ]
    )


def _gains(rows: Sequence[AlignmentReport]) -> Markup:
    """What it did to pictures that were sent before and after."""
    compared = [(row, row.before, row.after) for row in rows if row.before is not None and row.after is not None]
    if not compared:
        return _note("No picture was sent both before and after an alignment, so there is nothing to compare.")
    before, after = [each for _, each, _ in compared], [each for _, _, each in compared]
    changes = [_change(b.mean_mse, a.mean_mse) for b, a in zip(before, after, strict=True)]
    columns = [
        *_names([row for row, _, _ in compared]),
        Column("pictures", [count(each.pictures) for each in before]),
        errors("MSE before", (each.mean_mse for each in before)),
        errors("after", (each.mean_mse for each in after)),
        Column("change", changes),
        figures("PSNR before", (each.mean_psnr_db for each in before), 2, "dB"),
        figures("after", (each.mean_psnr_db for each in after), 2, "dB"),
        Column("accuracy before", [percent(each.accuracy, 1) for each in before]),
        Column("after", [percent(each.accuracy, 1) for each in after]),
    ]
    title = element("h3", None, "Pictures sent before and after")
    return element("div", None, title, table(columns), _note("The sender trained with none of these pictures."))


def _change(before: float | None, after: float | None) -> str:
    return percent(after / before - 1, 1) if before and after is not None else NONE


def _recovery(rows: Sequence[AlignmentReport]) -> list[Child]:
    """Download, training and upload, counted in three ways."""
    ways: tuple[tuple[str, Callable[[AlignmentReport], RecoveryTime | None]], ...] = (
        ("link model, stated speed", lambda row: row.recovery_stated),
        ("link model, this machine's speed", lambda row: row.recovery_measured),
        ("wall clock of this machine", lambda row: row.recovery_wall),
    )
    found = [(row, name, time) for row in rows for name, way in ways if (time := way(row)) is not None]
    if not found:
        return []
    times = [time for _, _, time in found]
    shown = table(
        [
            *_names([row for row, _, _ in found]),
            words("counted by", (name for _, name, _ in found)),
            Column("speed", [with_unit(time.speed, "FLOP/s") for time in times]),
            figures("download", (time.download_s for time in times), 3, "s"),
            figures("training", (time.tuning_s for time in times), 3, "s"),
            figures("upload", (time.upload_s for time in times), 3, "s"),
            figures("recovery time", (time.total_s for time in times), 3, "s"),
        ]
    )
    return [element("h3", None, "Recovery time"), shown, _note(_recovery_note(rows))]


def _recovery_note(rows: Sequence[AlignmentReport]) -> str:
    whole = [row.recovery_model_s for row in rows if row.recovery_model_s is not None]
    parts = ["Recovery time is download, training and upload. The wall clock knows no rate of a link."]
    if whole:
        listed = ", ".join(with_unit(value, "s", 4) for value in whole)
        parts.append(f"In the run's own model time, with questions and pilots, it took {listed}.")
    return " ".join(parts)


def _transfers(rows: Sequence[AlignmentReport]) -> list[Child]:
    """What crossed the network, measured beside theory."""
    found = [(row, each) for row in rows for each in (row.download, row.upload) if each is not None]
    if not found:
        return []
    transfers = [each for _, each in found]
    measured = [each.transfer_s for each in transfers]
    theory = [each.theoretical_transfer_s for each in transfers]
    shown = table(
        [
            *_names([row for row, _ in found]),
            words("direction", (each.direction for each in transfers)),
            Column("tensors", [count(len(each.names)) for each in transfers]),
            figures("values", (each.tensor_bytes / 1000 for each in transfers), 2, "kB"),
            figures("file", (each.file_bytes / 1000 for each in transfers), 2, "kB"),
            Column("bits on the link", [count(each.size_bits) for each in transfers]),
            quantity("transfer", measured, "s", theory),
            quantity("in theory", theory, "s", measured),
            Column("difference", [deviation(m, t) for m, t in zip(measured, theory, strict=True)]),
            words("went on at", (_resumed(each) for each in transfers)),
        ]
    )
    note = _note("1 kB is 1000 bytes. In theory: bits over the slowest link's rate, and the links' delays.")
    return [element("h3", None, "Parameters on the network"), shown, note]


def _resumed(transfer: ParameterTransferReport) -> str:
    return ", ".join(f"{count(place)} B" for place in transfer.resumed_at_bytes)


def _channel(rows: Sequence[AlignmentReport]) -> list[Child]:
    """The measured crossover probability beside the true one, which the nodes are not told."""
    found = [(row, row.crossover) for row in rows if row.crossover is not None]
    if not found:
        return []
    measured = [each for _, each in found]
    shown = table(
        [
            *_names([row for row, _ in found]),
            Column("pilots", [count(each.pilots) for each in measured]),
            Column("errors", [count(each.errors) for each in measured]),
            scientific("measured", (each.estimate for each in measured)),
            words("interval", (_interval(each) for each in measured)),
            scientific("true, of pilots", (each.true_down for each in measured)),
            scientific("true, of pictures", (each.true_up for each in measured)),
        ]
    )
    return [
        element("h3", None, "Crossover probability"),
        shown,
        _note("Measured with known pilots on the way from the receiver to the sender; the true values are the links'."),
    ]


def _interval(crossover: CrossoverReport) -> str:
    ends = " to ".join(significant(end, 3, smallest_plain=0.1) for end in (crossover.low, crossover.high))
    return f"{ends} ({percent(crossover.confidence)})"


# --- one alignment ----------------------------------------------------------------------------------------------------


def _one(
    report: Report,
    row: AlignmentReport,
    originals: Mapping[str, Picture],
    received: Mapping[ReceivedKey, Picture],
) -> list[Child]:
    title = f"{row.method.upper()}, {row.freeze} layers frozen: {row.source} and {row.receiver} in step {row.step}"
    parts: list[Child] = [element("h3", None, title), element("p", None, _story(row))]
    drawing = curve.draw_losses(row.curve)
    if drawing is not None:
        parts.append(element("div", {"class": "scroll"}, drawing))
    found = pairs(report, row)
    shown = [pair for pair in found if pair.image in originals][:MAX_PAIRS]
    if shown:
        parts += _pictures(shown, "aligned" if row.verdict == "adopted" else "afterwards", originals, received)
    if len(shown) < len(found):
        parts.append(_note(f"Shown are {len(shown)} of {len(found)} pictures."))
    return parts


def _story(row: AlignmentReport) -> str:
    """The verdict and what else is worth knowing, in sentences."""
    parts = [
        {
            "adopted": "Both ends put in force what was trained.",
            "kept": f"Not adopted: {row.reason or 'it was not better'}.",
            "pending": "It did not come to a verdict.",
        }[row.verdict]
    ]
    if row.digest_after and row.digest_after == row.digest_before:
        parts.append(f"{row.receiver} keeps its decoder {row.digest_before[:16]}.")
    elif row.digest_after:
        parts.append(f"The decoder of {row.receiver} was {row.digest_before[:16]} and is {row.digest_after[:16]}.")
    if row.verdict == "adopted" and (row.upload is None or not row.upload.names):
        parts.append("Nothing was uploaded.")
    if row.shared:
        parts.append(f"It serves all sessions of {row.receiver} with this codec.")
    if row.asked_again:
        parts.append(f"{row.source} died and was asked again ({row.asked_again}).")
    if row.tuning is not None and row.tuning.resumed_at_step is not None:
        parts.append(f"Training went on from its checkpoint at step {row.tuning.resumed_at_step}.")
    return " ".join([*parts, *row.waited])


def _pictures(
    shown: Sequence[Pair], after: str, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]
) -> list[Child]:
    """Three rows: as sent, as they arrived misaligned, and as they arrived after."""
    sent = (
        figure(originals[pair.image], pair.before.original, [(pair.image, ""), (_label(pair.before), "")])
        for pair in shown
    )
    return [
        *_row("Sent", sent),
        *_row("Received misaligned", (_received(pair.before, received) for pair in shown)),
        *_row(f"Received {after}", (_received(pair.after, received) for pair in shown)),
    ]


def _row(title: str, figures: Iterable[Markup]) -> list[Child]:
    cells = list(figures)
    return [_note(title), element("div", {"class": "strip few", "style": f"--cells:{MAX_PAIRS}"}, *cells)]


def _received(message: MessageReport, received: Mapping[ReceivedKey, Picture]) -> Markup:
    seen = "" if message.predicted is None else f"seen as {message.predicted}"
    mse = "" if message.mse is None else f"MSE {significant(message.mse, 2, smallest_plain=1e-4)}"
    lines = [(seen or mse or quality_label(message), ""), (mse if seen else "", ""), (quality_label(message), "")]
    return figure(received.get(key(message)), message.picture, [line for line in lines if line[0]])


def _label(message: MessageReport) -> str:
    return "" if message.label is None else f"class {message.label}"
