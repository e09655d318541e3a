from __future__ import annotations

import re

import pytest
from factory import Run, Shape, adaptation, make

from emulator.report import build, write
from emulator.report.files import read_report
from emulator.report.html import page
from emulator.report.schema import AdaptationReport, StepReport, parse
from emulator.report.scoring import score
from emulator.report.terminal import summary


def _run(*rows: AdaptationReport) -> Run:
    """Two pictures sent before and, closer to the original, after the adaptation in step 1."""
    run = make(Shape(receivers=1, images=2, plan=False))
    report = run.report
    before = report.messages
    after = [m.model_copy(update={"message_id": m.message_id + 10, "step": 2}) for m in before]
    for old, new in zip(before, after, strict=True):
        old.step = 0
        original, decoded = run.originals[old.image], run.received[old.session, old.message_id, "rx1"]
        closer = (original.astype(float) * 3 + decoded) / 4
        run.received[new.session, new.message_id, "rx1"] = closer.round().astype(decoded.dtype)
    report.messages = [*before, *after]
    report.steps = [StepReport(index=i, kind=kind) for i, kind in enumerate(("transmit", "adapt", "transmit"))]
    report.adaptations = list(rows)
    return run


def _page(*rows: AdaptationReport) -> str:
    run = _run(*rows)
    score(run.report, run.originals, run.received)
    return page(run.report, run.originals, run.received)


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))


def test_the_section_tells_cost_course_and_verdict() -> None:
    page = _page(adaptation())
    text = _text(page)
    assert "Adaptation" in text
    assert "DFT at rx1, taught by bs in step 1" in text
    assert "3 of 400" in text
    assert "The new decoder was better and was put in force. Both ends hold codebooks abababababababab." in text
    assert "Meanwhile 4 pictures were sent; 3 were answered before the verdict." in text
    assert "20.00 → 23.50 dB" in text
    assert "model time leaves it out" in text
    assert 'class="curve"' in page
    assert "f-1, f-2, f-3" in text  # what was learnt from
    for digest in ("01" * 8, "02" * 8):
        assert digest in text


def test_pictures_before_and_after_stand_side_by_side_with_the_gain() -> None:
    page = _page(adaptation())
    section = page[page.index("<h2>Adaptation</h2>") : page.index("<h2>Network</h2>")]
    assert section.count("<figure>") == 2 * 3
    assert [">before<" in section, ">after<" in section] == [True, True]
    gains = re.findall(r"([\d.]+) dB", _text(section))
    assert len(gains) >= 4
    row = re.search(r"PSNR before.*?rx1 2 ([\d.]+) ([\d.]+) ([\d.]+)", _text(section))
    assert row is not None
    before, after, gain = map(float, row.groups())
    assert gain == pytest.approx(after - before, abs=0.011)
    assert gain > 10  # a quarter of the error is left: 12 dB, less what rounding costs


def test_a_decoder_that_was_not_better_is_said() -> None:
    row = adaptation(verdict="kept", reason="19.5 dB is not above 20 dB", rounds=[], curve=[], resumed_at_steps=[50])
    text = _text(_page(row))
    assert "Not adopted: 19.5 dB is not above 20 dB." in text
    assert "died and went on from its checkpoint at step 50" in text


def test_an_adaptation_without_pictures_or_verdict_says_so() -> None:
    run = make(Shape(receivers=1, images=1))
    run.report.adaptations = [
        AdaptationReport(step=3, session="s", source="bs", receiver="rx1", method="lsdft", images=["a"], set_size=9)
    ]
    score(run.report, run.originals, run.received)
    text = _text(page(run.report, run.originals, run.received))
    assert "It did not come to a verdict." in text
    assert "No picture was sent both before and after an adaptation" in text


def test_only_so_many_adaptations_are_drawn_out() -> None:
    text = _text(_page(*(adaptation() for _ in range(14))))
    assert "The first 12 of 14 adaptations; report.json has them all." in text
    assert text.count("taught by bs") == 12


def test_what_others_named_is_escaped() -> None:
    evil = "<script>x</script>"
    rows = adaptation(images=[evil], reason=evil, method=evil, source=evil, unit=evil, verdict="kept", session=evil)
    assert "<script" not in _page(rows)


def test_reports_without_adaptations_have_no_section() -> None:
    assert "<h2>Adaptation</h2>" not in _page()


def test_the_section_is_made_again_from_the_folder(tmp_path) -> None:  # type: ignore[no-untyped-def]
    run = _run(adaptation())
    write(run.report, run.originals, run.received, tmp_path)
    first = (tmp_path / "report.html").read_text()
    assert read_report(tmp_path) == run.report
    assert build(tmp_path).read_text() == first


def test_progress_and_wall_time_depend_on_the_machine_and_the_rest_does_not() -> None:
    one, other = _run(adaptation()).report, _run(adaptation(curve=[], train_wall_s=9.0, served_meanwhile=0)).report
    assert one.deterministic() == other.deterministic()
    worse = _run(adaptation(validation_after=21.0)).report
    assert one.deterministic() != worse.deterministic()
    assert parse(one.to_json(), "r.json").adaptations == one.adaptations


def test_the_terminal_tells_each_verdict() -> None:
    run = _run(adaptation(), adaptation(verdict="kept", unit="loss", validation_before=0.5, validation_after=0.625))
    score(run.report, run.originals, run.received)
    lines = summary(run.report).splitlines()
    assert lines[-2].startswith("rx1: dft adopted, validation 20.00 -> 23.50 dB; 2 pictures sent again: PSNR +")
    assert lines[-1].startswith("rx1: dft kept, validation 0.5 -> 0.625 loss")
