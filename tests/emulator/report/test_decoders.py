"""The section on decoders, the sentences about them, and what collected pictures say of them."""

from __future__ import annotations

import re

from factory import Run, Shape, adaptation, make

from emulator.decoder_findings import note_decoding
from emulator.report.decoder_words import choice_words, distillation_sentences
from emulator.report.html import page
from emulator.report.schema import DecoderChoice, DecoderOffer, DistillationReport, StepReport
from emulator.report.scoring import score
from emulator.report.terminal import summary

OFFERS = [
    DecoderOffer(decoder="high", flops=2_500_000_000, memory_bytes=5_400_000, latency_s=0.625, fits=False),
    DecoderOffer(decoder="low", flops=1_900_000_000, memory_bytes=4_200_000, latency_s=0.475, fits=True),
]


def choice(**changes: object) -> DecoderChoice:
    fields: dict[str, object] = {
        "step": 1,
        "session": "s0-rx1",
        "source": "bs",
        "receiver": "rx1",
        "speed": 4e9,
        "measured": False,
        "memory_bytes": 16_000_000,
        "limit_s": 0.5,
        "side": 256,
        "decoder": "low",
        "before": "lowest",
        "uploaded_bytes": 4_210_000,
        "offers": OFFERS,
    }
    return DecoderChoice.model_validate(fields | changes)


def distillation(**changes: object) -> DistillationReport:
    fields: dict[str, object] = {
        "decoder": "low",
        "teacher": "high",
        "teacher_db": 26.5,
        "snr_db": 5,
        "alpha": 0.5,
        "uploaded_bytes": 4_210_000,
        "epoch": 1,
    }
    return DistillationReport.model_validate(fields | changes)


def run() -> Run:
    """Messages of one receiver in steps 0, 2 and 3, the last being those of a distillation."""
    made = make(Shape(receivers=1, images=2, plan=False))
    report = made.report
    session = report.messages[0].session
    template = report.messages
    report.messages = [
        m.model_copy(update={"message_id": m.message_id + 10 * step, "step": step, "decoder": decoder, "epoch": epoch})
        for step, decoder, epoch in ((0, "lowest", 0), (2, "low", 1), (3, "low", 1))
        for m in template
    ]
    report.messages[-1].epoch = 2
    for m in report.messages:
        made.received[m.session, m.message_id, "rx1"] = made.received[m.session, m.message_id % 10, "rx1"]
    kinds = ("transmit", "equip", "transmit", "distill")
    report.steps = [StepReport(index=i, kind=kind) for i, kind in enumerate(kinds)]
    report.choices = [choice(session=session)]
    own = distillation()
    report.adaptations = [adaptation(step=3, session=session, method="distill", rounds=[], served=2, distillation=own)]
    return made


def test_a_choice_in_words() -> None:
    assert choice_words(choice()) == (
        "step 1, rx1: decoder low, 475 ms of 500 ms a picture at 4 GFLOP/s declared; 4.21 MB in place of lowest"
    )
    kept = choice_words(choice(before="low", uploaded_bytes=0, measured=True))
    assert kept.endswith("at 4 GFLOP/s measured; had it already")


def test_a_distillation_in_sentences() -> None:
    assert distillation_sentences(distillation(served_old=3, served_new=1)) == [
        "Decoder low learnt from high at 5 dB, alpha 0.5; the teacher itself has 26.50 dB there.",
        "4.21 MB were uploaded.",
        "Meanwhile 3 decoded by the old decoder, 1 by the new, 0 lost.",
    ]
    plain = distillation(alpha=None, teacher_db=None, transfer=True, uploaded_bytes=0)
    assert distillation_sentences(plain) == [
        "Decoder low, which began with its last two stages, learnt from high at 5 dB."
    ]


def test_what_pictures_say_of_the_decoders_that_made_them() -> None:
    report = run().report
    report.messages[2].decode_wall_s, report.messages[3].decode_wall_s = 0.2, 0.4
    report.messages[4].decode_wall_s = report.messages[5].decode_wall_s = None
    note_decoding(report)
    assert report.choices[0].decode_wall_s is not None
    assert abs(report.choices[0].decode_wall_s - 0.3) < 1e-12
    own = report.adaptations[0].distillation
    assert own is not None
    assert (own.served_old, own.served_new, own.served_lost) == (1, 1, 0)
    report.messages[-1].status = "failed"
    note_decoding(report)
    assert (own.served_old, own.served_new, own.served_lost) == (1, 0, 1)


def test_page_and_terminal_show_the_choice_and_what_became_of_pictures_meanwhile() -> None:
    made = run()
    note_decoding(made.report)
    score(made.report, made.originals, made.received)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page(made.report, made.originals, made.received)))
    assert "What there was to choose from" in text
    assert "For one picture of 256x256" in text
    assert "Distillation for rx1, at bs in step 3" in text
    assert "Meanwhile 1 decoded by the old decoder, 1 by the new, 0 lost." in text
    lines = summary(made.report).splitlines()
    assert choice_words(made.report.choices[0]) in lines
    assert any(line.endswith("meanwhile 1 decoded by the old decoder, 1 by the new, 0 lost") for line in lines)
