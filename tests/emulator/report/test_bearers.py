"""The report's sections on bearers and on who held what."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factory import Run, Shape, make

from emulator.report import build, write
from emulator.report.bearer_words import bearer_name, verdicts
from emulator.report.files import read_report
from emulator.report.html import page
from emulator.report.schema import BearerReport, HoldingReport, LevelUse, SeparationReport, StepReport
from emulator.report.scoring import score
from emulator.report.terminal import summary

ASKED = [0.4 / 400 ** (i / 9) for i in range(10)]
F, G, H = "f1" * 32, "61" * 32, "ab" * 32


def uses(factor: float, **more: object) -> list[LevelUse]:
    return [
        LevelUse.model_validate(
            {"level": i, "ber_asked": ber, "ber_measured": min(0.5, ber * factor), "packets": 3, **more}
        )
        for i, ber in enumerate(ASKED)
    ]


def row(step: int, **fields: object) -> BearerReport:
    known = {"step": step, "link": "radio", "destination": "rx1", "receivers": ["rx1"], "bearer": "levels"}
    return BearerReport.model_validate({**known, "levels": uses(1.0), **fields})


def learned(step: int, snr_db: float) -> BearerReport:
    weights = "mapper-k128-snr10.safetensors"
    fields = {"bearer": "learned", "detail": weights, "symbols": 128, "trained_snr_db": 10.0, "channel_uses": 128.0}
    return row(step, snr_db=snr_db, levels=uses(1.5 - snr_db / 20), **fields)


def holdings(step: int, f: str = F, networks: tuple[str, ...] = ("edge.codecs.split_network",)) -> list[HoldingReport]:
    half = {"step": step, "place": "s", "name": "split", "networks": list(networks)}
    return [
        HoldingReport.model_validate({**half, "holder": "bs", "part": "encoder", "digest": f}),
        HoldingReport.model_validate({**half, "holder": "rx1", "part": "decoder", "digest": G}),
        HoldingReport(
            step=step,
            holder="emulator",
            part="bearer",
            place="radio",
            name="mapper-k128-snr10.safetensors",
            digest=H,
            trained_for=G,
            networks=["emulator.bearers.mapper_network"],
        ),
    ]


def separated(**changes: bool | None) -> SeparationReport:
    fields = {
        "holdings": [each for step in range(3) for each in holdings(step)],
        "codecs_constant": True,
        "nodes_without_bearers": True,
        "emulator_without_codecs": True,
        "bearers_fit": True,
    }
    return SeparationReport.model_validate({**fields, **changes})


def run(*rows: BearerReport, images: int = 12) -> Run:
    """The same pictures in each row's step, some nearer to the originals than others."""
    made = make(Shape(receivers=1, images=images, plan=False))
    run = replace(made, received={})
    report, first, received = made.report, made.report.messages, made.received
    report.messages = []
    for number in range(len(rows)):
        for message in first:
            copy = message.model_copy(update={"message_id": message.message_id + 100 * number, "step": number})
            report.messages.append(copy)
            original, decoded = run.originals[copy.image], received[message.session, message.message_id, "rx1"]
            nearer = (original * float(number) + decoded) / (number + 1)
            run.received[copy.session, copy.message_id, "rx1"] = nearer.round().astype(np.uint8)
    report.steps = [StepReport(index=i, kind="transmit") for i in range(len(rows))]
    report.bearers, report.separation = list(rows), separated()
    score(report, run.originals, run.received)
    return run


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))


def shown(found: Run) -> str:
    return text(page(found.report, found.originals, found.received))


def test_a_row_has_the_psnr_of_its_own_pictures_and_the_band_that_holds_eight_of_ten() -> None:
    found = run(learned(0, 0.0), row(1)).report
    for step, entry in enumerate(found.bearers):
        psnrs = [m.psnr_db for m in found.messages if m.step == step and m.psnr_db is not None]
        assert entry.pictures == len(psnrs) == 12
        assert entry.mean_psnr_db == pytest.approx(np.mean(psnrs))
        assert entry.low_psnr_db is not None
        assert entry.high_psnr_db is not None
        assert sum(entry.low_psnr_db <= psnr <= entry.high_psnr_db for psnr in psnrs) == 8


def test_pictures_of_other_receivers_and_those_that_were_not_decoded_do_not_count() -> None:
    found = run(row(0), images=3)
    found.report.messages[0].status = "failed"
    found.report.bearers[0].receivers = ["rx1"]
    found.report.messages[1].destination = "rx2"
    received = {("s0-rx1", 2, "rx1"): found.received["s0-rx1", 2, "rx1"]}
    score(found.report, found.originals, received)
    assert found.report.bearers[0].pictures == 1
    assert found.report.bearers[0].mean_psnr_db == found.report.messages[2].psnr_db


def test_bearers_are_named_so_that_steps_at_several_snrs_are_one_line() -> None:
    assert bearer_name(learned(0, 0.0)) == bearer_name(learned(1, 20.0)) == "learned mapper, K = 128, trained at 10 dB"
    assert bearer_name(row(0)) == "multi-level BSC"
    assert bearer_name(row(0, bearer="qam", detail="QPSK, uncoded")) == "QPSK, uncoded"
    assert bearer_name(row(0, bearer="unequal", symbols=64)) == "unequal protection, K = 64"
    assert bearer_name(row(0, bearer="ldpc", detail="16-QAM, rate 0.5")) == "LDPC, 16-QAM, rate 0.5"


def test_the_page_compares_bearers_and_tells_who_held_what() -> None:
    unequal = row(3, bearer="unequal", symbols=128, snr_db=10.0, channel_uses=120.0, levels=uses(1.0, scheme="QPSK"))
    found = run(learned(0, 0.0), learned(1, 20.0), row(2), unequal)
    drawn = page(found.report, found.originals, found.received)
    told = text(drawn)
    assert "0 radio learned mapper, K = 128, trained at 10 dB 0.0 12" in told
    assert "asked 0.40 0.21 0.11" in told
    assert "How unequal protection chose" in told
    assert "Every encoder and decoder had one digest after all 3 steps. No node loaded a bearer's network." in (
        told.replace("&#x27;", "'")
    )
    assert f"emulator learned bearer radio mapper-k128-snr10.safetensors {H[:16]} {G[:16]} all 3" in told
    assert drawn.count('class="chart"') == 2
    assert drawn.count('class="series s') == 3 + 3  # learned, levels, unequal; asked, and learned twice
    assert told.count("learned mapper, K = 128, trained at 10 dB, at 20 dB") >= 1


def test_filled_packets_are_told_everywhere() -> None:
    found = run(row(0, bearer="learned", levels=uses(1.0, packets_filled=2)), images=2)
    found.report.messages[1].packets_filled = 3
    assert "Packets that had not come in time were erasures to the mapper" in shown(found)
    assert "3 of 1 packets filled" in shown(found)
    assert "20 packets filled" in summary(found.report)


def test_levels_that_were_not_sent_are_no_losses() -> None:
    left_out = LevelUse(level=0, scheme="not sent", packets=4, packets_lost=4)
    lossy = LevelUse(level=1, scheme="QPSK, uncoded", packets=4, packets_lost=1)
    found = run(row(0, bearer="unequal", symbols=64, levels=[left_out, lossy]), images=1)
    assert summary(found.report).splitlines()[-2].endswith("1 packets lost, 4 packets not sent")
    assert "packets lost packets not sent 0 radio" in shown(found).replace(" dB ", " ")


def test_the_terminal_has_a_line_a_step_and_the_verdicts() -> None:
    lines = summary(run(learned(0, 0.0), row(1)).report).splitlines()
    assert lines[-3].startswith("step 0, radio: learned mapper, K = 128, trained at 10 dB: SNR 0 dB, PSNR ")
    assert lines[-3].endswith("128 symbols a picture")
    assert lines[-2].startswith("step 1, radio: multi-level BSC: PSNR ")
    assert lines[-1] == " ".join(verdicts(separated()))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"codecs_constant": False}, "An encoder or decoder changed during the run."),
        ({"nodes_without_bearers": False}, "A node loaded a bearer's network"),
        ({"emulator_without_codecs": False}, "The emulator loaded a codec"),
        ({"bearers_fit": False}, "A learned bearer was trained for another decoder"),
    ],
)
def test_what_went_wrong_is_said(changes: dict[str, bool], said: str) -> None:
    assert said in " ".join(verdicts(separated(**changes)))
    assert said not in " ".join(verdicts(separated()))


def test_a_run_without_levels_has_neither_section() -> None:
    found = make(Shape(receivers=1, images=1, plan=False))
    told = shown(found)
    assert "Bearers" not in told
    assert "Who held what" not in told


def test_nothing_decoded_and_nothing_counted_is_a_page_too() -> None:
    bare = row(0, bearer="ideal", levels=[])
    found = run(bare, images=1)
    found.report.messages[0].status = "failed"
    found.received.clear()
    score(found.report, found.originals, found.received)
    assert found.report.bearers[0].mean_psnr_db is None
    assert "Bearers" in shown(found)


def test_the_folder_can_be_drawn_again(tmp_path: Path) -> None:
    found = run(learned(0, 5.0), row(1), images=2)
    write(found.report, found.originals, found.received, tmp_path)
    before = (tmp_path / "report.html").read_bytes()
    assert read_report(tmp_path).bearers == found.report.bearers
    build(tmp_path)
    assert (tmp_path / "report.html").read_bytes() == before
