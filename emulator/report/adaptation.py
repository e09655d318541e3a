"""The page's section on adaptations: what they cost, how the training went, and pictures before and after."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.report import curve
from emulator.report.decoder_words import distillation_sentences
from emulator.report.figures import figure
from emulator.report.markup import Child, Markup, element
from emulator.report.numbers import count, fixed, significant, with_unit
from emulator.report.pairs import Pair, compare, pairs
from emulator.report.schema import AdaptationReport, Report
from emulator.report.scoring import Picture, ReceivedKey
from emulator.report.selection import quality_label
from emulator.report.tables import Column, counts, figures, quantity, table, words

MAX_PAIRS = 4
MAX_DRAWN = 12


def draw(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]) -> list[Child]:
    """Two tables over all adaptations, then each one's rounds, curve and pictures. The report must have one."""
    rows = report.adaptations
    parts: list[Child] = [_overview(rows), _note(_cost_note(rows)), _gains(report)]
    for row in rows[:MAX_DRAWN]:
        parts += _one(report, row, originals, received)
    if len(rows) > MAX_DRAWN:
        parts.append(_note(f"The first {MAX_DRAWN} of {len(rows)} adaptations; report.json has them all."))
    return parts


def _note(text: Child) -> Markup:
    return element("p", {"class": "note"}, text)


# --- over all adaptations ---------------------------------------------------------------------------------------------


def _overview(rows: list[AdaptationReport]) -> Markup:
    return table(
        [
            Column("step", [str(row.step) for row in rows]),
            words("receiver", (row.receiver for row in rows)),
            words("method", (row.method.upper() for row in rows)),
            Column("pictures", [f"{len(row.images)} of {count(row.set_size)}" for row in rows]),
            quantity("originals", (row.original_bits / 8 or None for row in rows), "B"),
            quantity("latents", (row.latent_bits / 8 or None for row in rows), "B"),
            counts("latents' symbols", (row.latent_channel_uses for row in rows)),
            counts("packets lost", (row.packets_lost for row in rows)),
            counts("lessons lost", (row.lessons_lost for row in rows)),
            quantity("model time", (row.model_s for row in rows), "s"),
            counts("rounds", (len(row.rounds) for row in rows)),
            counts("steps", (row.steps for row in rows)),
            quantity("training took", (row.train_wall_s for row in rows), "s"),
            words("validation", (_judgement(row) for row in rows)),
            words("verdict", (row.verdict for row in rows)),
        ]
    )


def _judgement(row: AdaptationReport) -> str:
    """The old and the new decoder on the validation slice."""
    if row.validation_before is None or row.validation_after is None:
        return ""
    if row.unit == "dB":
        return f"{fixed(row.validation_before, 2)} → {fixed(row.validation_after, 2)} dB"
    return f"{significant(row.validation_before, 4)} → {significant(row.validation_after, 4)} ({row.unit})"


def _cost_note(rows: list[AdaptationReport]) -> str:
    parts = [
        "Bytes are those on the first link. Validation compares the old decoder with the new one on pictures of the "
        "fine-tuning set that were not trained on."
    ]
    if any(row.compute == "none" for row in rows):
        parts.append("Training took wall time only: model time leaves it out (compute: none).")
    if any(row.compute == "measured" for row in rows):
        parts.append("Training is in model time with the wall time that it took (compute: measured).")
    return " ".join(parts)


def _gains(report: Report) -> Markup:
    """What it brought on pictures that were sent before and after, none of which was learnt from."""
    rows = [(row, compare(pairs(report, row))) for row in report.adaptations]
    rows = [(row, found) for row, found in rows if found.pictures]
    if not rows:
        return _note("No picture was sent both before and after an adaptation, so there is nothing to compare.")
    found = [comparison for _, comparison in rows]
    compared = table(
        [
            Column("step", [str(row.step) for row, _ in rows]),
            words("receiver", (row.receiver for row, _ in rows)),
            Column("pictures", [count(each.pictures) for each in found]),
            figures("PSNR before", (each.psnr_before_db for each in found), 2, "dB"),
            figures("after", (each.psnr_after_db for each in found), 2, "dB"),
            figures("gain", (each.gain_db for each in found), 2, "dB"),
            figures("SSIM before", (each.ssim_before for each in found), 4),
            figures("after", (each.ssim_after for each in found), 4),
        ]
    )
    return element(
        "div",
        None,
        element("h3", None, "Pictures sent before and after"),
        compared,
        _note("None of these pictures was learnt from."),
    )


# --- one adaptation ---------------------------------------------------------------------------------------------------


def _one(
    report: Report,
    row: AdaptationReport,
    originals: Mapping[str, Picture],
    received: Mapping[ReceivedKey, Picture],
) -> list[Child]:
    title = f"{row.method.upper()} at {row.receiver}, taught by {row.source} in step {row.step}"
    if row.distillation is not None:
        title = f"Distillation for {row.receiver}, at {row.source} in step {row.step}"
    parts: list[Child] = [element("h3", None, title), element("p", None, _story(row))]
    if row.rounds:
        parts.append(_rounds(row))
    drawing = curve.draw(row)
    if drawing is not None:
        parts.append(element("div", {"class": "scroll"}, drawing))
    found = pairs(report, row)
    shown = [pair for pair in found if pair.image in originals][:MAX_PAIRS]
    if shown:
        parts.append(element("div", {"class": "strips"}, *(_strip(pair, originals, received) for pair in shown)))
    if len(shown) < len(found):
        parts.append(_note(f"Shown are {len(shown)} of {len(found)} pictures."))
    names = element("summary", None, f"The {len(row.images)} pictures that were learnt from")
    return [*parts, element("details", {"class": "note"}, names, ", ".join(row.images))]


def _story(row: AdaptationReport) -> str:
    """The verdict and what else is worth knowing, in sentences."""
    verdict = {
        "adopted": "The new decoder was better and was put in force.",
        "kept": f"Not adopted: {row.reason or 'the new decoder was not better'}.",
        "pending": "It did not come to a verdict.",
    }[row.verdict]
    parts = [verdict]
    if row.knowledge_source and row.knowledge_source == row.knowledge_receiver:
        parts.append(f"Both ends hold codebooks {row.knowledge_source[:16]}.")
    if row.resumed_at_steps:
        steps = ", ".join(str(step) for step in row.resumed_at_steps)
        parts.append(f"The receiver died and went on from its checkpoint at step {steps}.")
    if row.distillation is not None:
        parts += distillation_sentences(row.distillation)
    elif row.served:
        parts.append(
            f"Meanwhile {row.served} pictures were sent; {row.served_meanwhile} were answered before the verdict."
        )
    if row.other_bits:
        parts.append(f"Settings and digests took {with_unit(row.other_bits / 8, 'B')}.")
    return " ".join(parts)


def _rounds(row: AdaptationReport) -> Markup:
    return table(
        [
            Column("round", [str(each.round) for each in row.rounds]),
            Column("L_q", [significant(each.quantization_loss, 4) for each in row.rounds]),
            words("codebooks' digest, at both ends", (each.digest[:16] for each in row.rounds)),
        ]
    )


def _strip(pair: Pair, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]) -> Markup:
    """One picture: as it was sent, as it was decoded before, and as it was decoded after."""
    cells = [figure(originals[pair.image], pair.before.original, [(pair.image, ""), ("original", "")])]
    for when, message in (("before", pair.before), ("after", pair.after)):
        picture = received.get((message.session, message.message_id, message.destination))
        cells.append(figure(picture, message.picture, [(when, message.destination), (quality_label(message), "")]))
    return element("div", {"class": "strip few", "style": f"--cells:{len(cells)}"}, *cells)
