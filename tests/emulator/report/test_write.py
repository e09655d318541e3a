from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from factory import Shape, make
from PIL import Image

import emulator.report.pictures
from emulator.report import ReportError, build, write
from emulator.report.files import read_report


def _refuse(constant: str) -> None:
    raise AssertionError(f"report.json holds {constant}, which is not JSON")


@pytest.fixture
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares a test that is not about plots the seconds that drawing them takes."""
    monkeypatch.setattr(emulator.report.pictures, "draw", lambda *_: None)


def test_the_folder_holds_all_that_the_documentation_lists(tmp_path: Path) -> None:
    run = make(Shape(receivers=2, images=1))
    path = write(run.report, run.originals, run.received, tmp_path / "new" / "out")
    out = path.parent
    assert path == tmp_path / "new" / "out" / "report.json"
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()) == [
        "originals/kodim01.png",
        "pictures.png",
        "quality.png",
        "received/rx1/0000-kodim01.png",
        "received/rx2/0000-kodim01.png",
        "report.html",
        "report.json",
        "timeline.png",
    ]


@pytest.mark.usefixtures("without_plots")
def test_report_json_is_strict_json_and_reads_back_equal(tmp_path: Path) -> None:
    run = make()
    run.received["s0-rx1", 0, "rx1"] = run.originals["kodim01.png"]
    path = write(run.report, run.originals, run.received, tmp_path)
    data = json.loads(path.read_text("utf-8"), parse_constant=_refuse)
    assert (data["messages"][0]["psnr_db"], data["messages"][0]["identical"]) == (None, True)
    assert read_report(tmp_path) == run.report


@pytest.mark.usefixtures("without_plots")
def test_pictures_are_saved_without_loss_where_the_report_says(tmp_path: Path) -> None:
    run = make(Shape(receivers=2, statuses={("s0-rx1", 1, "rx1"): "failed"}))
    write(run.report, run.originals, run.received, tmp_path)
    for message in run.report.messages:
        assert message.original is not None
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / message.original)), run.originals[message.image])
        if message.status == "failed":
            assert message.picture is None
        else:
            assert message.picture is not None
            key = (message.session, message.message_id, message.destination)
            np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / message.picture)), run.received[key])


@pytest.mark.usefixtures("without_plots")
def test_strange_names_become_distinct_files_inside_the_folder(tmp_path: Path) -> None:
    names = ("../../rx", "RX", "rx", "r/x", "..", 'größe "<1>"')
    pictures = dict(
        zip(["../a.png", "b/A.png", "a.jpg", "C:\\a"], make(Shape(images=4)).originals.values(), strict=True)
    )
    run = make(Shape(receiver_names=names, pictures=pictures, images=4, plan=False))
    write(run.report, run.originals, run.received, tmp_path / "out")
    places = [m.picture for m in run.report.messages] + list({m.original for m in run.report.messages})
    assert len({str(place).casefold() for place in places}) == len(names) * 4 + 4
    assert {p.parent for p in tmp_path.iterdir()} == {tmp_path}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    for place in places:
        assert place is not None
        assert (tmp_path / "out" / place).is_file()


@pytest.mark.usefixtures("without_plots")
def test_two_sessions_with_the_same_numbers_do_not_overwrite_each_other(tmp_path: Path) -> None:
    run, other = make(Shape(receivers=1, images=1)), make(Shape(receivers=1, images=1, seed=8))
    second = run.report.messages[0].model_copy(update={"session": "s1-rx1"})
    run.report.messages.append(second)
    run.received["s1-rx1", 0, "rx1"] = other.received["s0-rx1", 0, "rx1"]
    write(run.report, run.originals, run.received, tmp_path)
    assert [m.picture for m in run.report.messages] == [
        "received/rx1/0000-kodim01.png",
        "received/rx1/0000-kodim01-2.png",
    ]


def test_report_json_is_absent_unless_everything_else_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(Shape(receivers=1, images=1))
    write(run.report, run.originals, run.received, tmp_path)
    monkeypatch.setattr(
        emulator.report.pictures, "draw", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(ReportError, match=r"cannot be written \(No space left\); choose another folder with --out"):
        write(run.report, run.originals, run.received, tmp_path)
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize("shape", [Shape(receivers=2, images=1), Shape(receivers=1, plan=False, interrupted="Ctrl-C")])
def test_build_makes_the_same_page_and_plots_again(tmp_path: Path, shape: Shape) -> None:
    run = make(shape)
    write(run.report, run.originals, run.received, tmp_path)
    made = ["report.html", "pictures.png", "quality.png", "timeline.png"]
    before = {name: (tmp_path / name).read_bytes() for name in made}
    kept = (tmp_path / "report.json").read_bytes()
    for name in made:
        (tmp_path / name).unlink()
    assert build(tmp_path) == tmp_path / "report.html"
    assert {name: (tmp_path / name).read_bytes() for name in made} == before
    assert (tmp_path / "report.json").read_bytes() == kept


@pytest.mark.usefixtures("without_plots")
def test_two_runs_with_one_seed_make_the_same_deterministic_part_and_another_seed_does_not(tmp_path: Path) -> None:
    parts = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        run = make(Shape(receivers=1, images=1, seed=seed))
        parts.append(
            read_report(write(run.report, run.originals, run.received, tmp_path / name).parent).deterministic()
        )
    assert parts[0] == parts[1] != parts[2]


def test_a_run_in_which_nothing_happened_still_makes_a_whole_report(tmp_path: Path) -> None:
    report = make(Shape(receivers=1, images=1, interrupted="the emulator did not start")).report
    report.messages, report.links, report.nodes, report.steps, report.plan = [], [], [], [], None
    write(report, {}, {}, tmp_path)
    assert "the emulator did not start" in (tmp_path / "report.html").read_text("utf-8")
    assert build(tmp_path).is_file()


def test_build_refuses_what_is_not_a_report(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"report\.json: no such file; give a folder that `edge-emulator run` wrote"):
        build(tmp_path / "nowhere")
    (tmp_path / "report.json").write_text('{"name": "package"}')
    with pytest.raises(ReportError, match="not a semedge report"):
        build(tmp_path)


@pytest.mark.usefixtures("without_plots")
def test_build_names_a_missing_and_a_damaged_picture(tmp_path: Path) -> None:
    run = make(Shape(receivers=1, images=1))
    write(run.report, run.originals, run.received, tmp_path)
    picture = tmp_path / "received" / "rx1" / "0000-kodim01.png"
    picture.write_bytes(b"not a PNG")
    with pytest.raises(ReportError, match=r"0000-kodim01\.png: cannot be read"):
        build(tmp_path)
    picture.unlink()
    with pytest.raises(ReportError, match=r"0000-kodim01\.png: no such picture, but report\.json names it"):
        build(tmp_path)


def test_importing_the_package_loads_neither_torch_nor_matplotlib() -> None:
    code = "import sys, emulator.report; print([m for m in ('torch', 'matplotlib', 'grpc') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"
