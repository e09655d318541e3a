"""What the report says of decoders in sentences, on the page and in the terminal."""

from __future__ import annotations

from emulator.report.numbers import with_unit
from emulator.report.schema import DecoderChoice, DistillationReport


def choice_words(row: DecoderChoice) -> str:
    """Which decoder a receiver got, and by what."""
    chosen = row.chosen
    speed = f"{with_unit(row.speed, 'FLOP/s', 3)} {'measured' if row.measured else 'declared'}"
    time = f"{with_unit(chosen.latency_s, 's', 3)} of {with_unit(row.limit_s, 's', 3)} a picture"
    had = (
        "had it already"
        if row.before == row.decoder
        else f"{with_unit(row.uploaded_bytes, 'B', 3)} in place of {row.before}"
    )
    return f"step {row.step}, {row.receiver}: decoder {row.decoder}, {time} at {speed}; {had}"


def served_words(own: DistillationReport) -> str:
    """What became of the pictures that were sent meanwhile."""
    return f"meanwhile {own.served_old} decoded by the old decoder, {own.served_new} by the new, {own.served_lost} lost"


def distillation_sentences(own: DistillationReport) -> list[str]:
    """What was taught by what, and what became of the pictures meanwhile."""
    begun = ", which began with its last two stages," if own.transfer else ""
    weight = "" if own.alpha is None else f", alpha {own.alpha:g}"
    taught = f"Decoder {own.decoder}{begun} learnt from {own.teacher} at {own.snr_db:g} dB{weight}"
    if own.teacher_db is not None:
        taught += f"; the teacher itself has {own.teacher_db:.2f} dB there"
    sentences = [f"{taught}."]
    if own.uploaded_bytes:
        sentences.append(f"{with_unit(own.uploaded_bytes, 'B', 3)} were uploaded.")
    if own.served_old or own.served_new or own.served_lost:
        words = served_words(own)
        sentences.append(f"{words[0].upper()}{words[1:]}.")
    return sentences
