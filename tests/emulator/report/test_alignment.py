from __future__ import annotations

import re

import pytest
from factory import Run, Shape, alignment, make

from emulator.report import build, write
from emulator.report.files import read_report
from emulator.report.html import page
from emulator.report.pairs import compare_alignments
from emulator.report.schema import AlignmentReport, StepReport, parse
from emulator.report.scoring import score
from emulator.report.terminal import summary


def _run(*rows: AlignmentReport) -> Run:
    """Three digits sent before and, nearer to the originals and better seen, after the alignment in step 1."""
    run = make(Shape(receivers=1, images=3, plan=False))
    report = run.report
    before = report.messages
    for number, message in enumerate(before):
        message.step, message.label, message.predicted = 0, number, 7
    after = [
        m.model_copy(update={"message_id": m.message_id + 1200, "step": 2, "predicted": min(m.message_id, 1)})
        for m in before
    ]
    for old, new in zip(before, after, strict=True):
        original, decoded = run.originals[old.image], run.received[old.session, old.message_id, "rx1"]
        nearer = (original.astype(float) * 3 + decoded) / 4
        run.received[new.session, new.message_id, "rx1"] = nearer.round().astype(decoded.dtype)
    report.messages = [*before, *after]
    report.steps = [StepReport(index=i, kind=kind) for i, kind in enumerate(("transmit", "align", "transmit"))]
    report.alignments = list(rows)
    score(report, run.originals, run.received)
    compare_alignments(report)
    return run


def _page(*rows: AlignmentReport) -> str:
    run = _run(*rows)
    return page(run.report, run.originals, run.received)


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))


def test_the_section_tells_cost_channel_and_verdict() -> None:
    page = _page(alignment())
    text = _text(page)
    assert "SLF, 2 layers frozen: bs and rx1 in step 1" in text
    assert "Both ends put in force what was trained." in text
    assert "The decoder of rx1 was abababababababab and is cdcdcdcdcdcdcdcd." in text
    assert "1 bs rx1 2 down 3 114.63 115.03" in text
    assert "1 bs rx1 2 up 2 20.56 20.96" in text
    assert "1.12 × 10⁻³ 5.50 × 10⁻⁴ to 2.10 × 10⁻³ (95 %) 1.00 × 10⁻³ 1.00 × 10⁻³" in text
    assert "with questions and pilots, it took 750.2 ms." in text
    assert 'class="curve"' in page


def test_recovery_time_stands_there_in_three_ways() -> None:
    text = _text(_page(alignment()))
    for way, speed, training, total in (
        ("link model, stated speed", "30 TFLOP/s", "0.200", "0.743"),
        ("link model, this machine&#x27;s speed", "100 GFLOP/s", "60.000", "60.543"),
        ("wall clock of this machine", "–", "61.000", "61.543"),
    ):
        assert f"1 bs rx1 2 {way} {speed} 0.460 {training} 0.083 {total} " in text


def test_misaligned_and_aligned_pictures_stand_below_each_other_with_what_was_seen() -> None:
    page = _page(alignment())
    section = page[page.index("<h2>Alignment</h2>") : page.index("<h2>Network</h2>")]
    assert section.count("<figure>") == 3 * 3
    text = _text(section)
    assert text.index("Sent") < text.index("Received misaligned") < text.index("Received aligned")
    assert [text.count(f"class {label}") for label in range(3)] == [1, 1, 1]
    assert (text.count("seen as 7"), text.count("seen as 0"), text.count("seen as 1")) == (3, 1, 2)


def test_error_and_accuracy_are_compared_over_the_same_pictures() -> None:
    run = _run(alignment())
    (row,) = run.report.alignments
    assert row.before is not None
    assert row.after is not None
    assert (row.before.pictures, row.after.pictures) == (3, 3)
    assert (row.before.accuracy, row.after.accuracy) == (0.0, pytest.approx(2 / 3))
    assert row.before.mean_mse is not None
    assert row.after.mean_mse == pytest.approx(row.before.mean_mse / 16, rel=0.1)  # a quarter of each error is left
    text = _text(page(run.report, run.originals, run.received))
    assert re.search(r"1 bs rx1 2 3 [\d.×⁻⁰-⁹ ]+ −9\d(\.\d+)? % .* 0.0 % 66.7 %", text)
    assert "By step" in text


def test_pictures_from_another_sender_do_not_count() -> None:
    run = _run(alignment(source="other"))
    (row,) = run.report.alignments
    assert (row.before, row.after) == (None, None)
    text = _text(page(run.report, run.originals, run.received))
    assert "No picture was sent both before and after an alignment" in text


def test_what_was_not_adopted_and_what_came_to_nothing_is_said() -> None:
    kept = alignment(verdict="kept", reason="0.2 is not below 0.1", digest_after="ab" * 32, upload=None)
    text = _text(_page(kept))
    assert "Not adopted: 0.2 is not below 0.1. rx1 keeps its decoder abababababababab." in text
    assert "Received aligned" not in text
    bare = AlignmentReport(step=1, session="s", source="bs", receiver="rx1", method="slf", freeze=0)
    text = _text(_page(bare))
    assert "It did not come to a verdict." in text
    assert "Recovery time" not in text


def test_deaths_and_waiting_are_told() -> None:
    row = alignment(asked_again=1, waited=["queued: rx1 aligns with tx9 first"], freeze=4, shared=True)
    row.upload = row.upload and row.upload.model_copy(update={"names": [], "tensor_bytes": 0, "file_bytes": 0})
    row.tuning = row.tuning and row.tuning.model_copy(update={"resumed_at_step": 100})
    text = _text(_page(row))
    assert "Nothing was uploaded. It serves all sessions of rx1 with this codec." in text
    assert "bs died and was asked again (1). Training went on from its checkpoint at step 100." in text
    assert "queued: rx1 aligns with tx9 first" in text


def test_only_so_many_alignments_are_drawn_out() -> None:
    text = _text(_page(*(alignment() for _ in range(14))))
    assert "The first 12 of 14 alignments; report.json has them all." in text
    assert text.count("2 layers frozen") == 12


def test_what_others_named_is_escaped() -> None:
    evil = "<script>x</script>"
    assert "<script" not in _page(alignment(reason=evil, verdict="kept", data=evil, method=evil, waited=[evil]))


def test_reports_without_alignments_have_no_section() -> None:
    assert "<h2>Alignment</h2>" not in _page()


def test_the_section_is_made_again_from_the_folder(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("emulator.report.pictures.draw", lambda *_: None)  # plots take seconds
    run = _run(alignment())
    write(run.report, run.originals, run.received, tmp_path)
    first = (tmp_path / "report.html").read_text()
    assert read_report(tmp_path) == run.report
    assert build(tmp_path).read_text() == first


def test_wall_times_depend_on_the_machine_and_the_rest_does_not() -> None:
    one = _run(alignment()).report
    slower = alignment(wall_s=99.0, curve=[], recovery_wall=None, recovery_measured=None, asked_again=2)
    assert slower.tuning is not None
    slower.tuning.wall_s, slower.tuning.speed = 90.0, 7e10
    assert one.deterministic() == _run(slower).report.deterministic()
    assert one.deterministic() != _run(alignment(digest_after="00" * 32)).report.deterministic()
    assert parse(one.to_json(), "r.json").alignments == one.alignments


def test_the_terminal_tells_each_alignment() -> None:
    last = summary(_run(alignment()).report).splitlines()[-1]
    assert last.startswith(
        "rx1: slf from bs, 2 layers frozen, adopted; crossover 0.00112 (0.00055 to 0.0021); recovery 0.743 s at "
        "3e+13 FLOP/s; 3 pictures sent again: MSE "
    )
    assert last.endswith("accuracy 0.0% -> 66.7%")
