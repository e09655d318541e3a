"""The table of what crossed the links, from reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tools.slf.wire import wire

UPLOADS = {0: 114648, 1: 78348, 2: 20556, 3: 1024}


def transfer(size: int, ratio: float) -> dict[str, Any]:
    bits = 8 * (size + 700)
    return {"tensor_bytes": size, "file_bytes": size + 500, "size_bits": bits, "transfer_s": ratio * bits / 2e6}


def write(folder: Path, freeze: int, ratio: float = 1.001) -> Path:
    upload = transfer(UPLOADS[freeze], ratio) if freeze in UPLOADS else None
    alignment = {
        "freeze": freeze,
        "download": transfer(114648, ratio),
        "upload": upload,
        "tuning": {"operations": (9 - freeze) * 1e12},
        "recovery_stated": {"total_s": 2.0 - 0.1 * freeze},
        "crossover": {"estimate": 1e-5},
        "after": {"mean_mse": 0.02, "accuracy": 0.95},
        "verdict": "adopted",
        "reason": "",
    }
    folder = folder / f"l{freeze}"
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps({"alignments": [alignment]}))
    return folder


def test_five_reports_become_a_table_whatever_their_order(tmp_path: Path) -> None:
    folders = [str(write(tmp_path, freeze)) for freeze in (4, 2, 0, 1, 3)]
    done = CliRunner().invoke(wire, ["--out", str(tmp_path / "out"), *folders])
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "out" / "wire.json").read_text())
    assert [row["upload_kb"] for row in document["rows"]] == [114.648, 78.348, 20.556, 1.024, 0.0]
    assert document["rows"][0]["download_over_theory"] == pytest.approx(1.001)
    assert document["rows"][4]["upload_over_theory"] is None
    assert set(document["verdicts"].values()) == {"holds"}
    assert "78.3 (76.0)" in done.output


def test_a_slow_transfer_shows(tmp_path: Path) -> None:
    done = CliRunner().invoke(wire, [str(write(tmp_path, 2, ratio=1.02))])
    assert "within 1 %: does not hold" in done.output


def test_a_report_without_alignment_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps({"alignments": []}))
    done = CliRunner().invoke(wire, [str(tmp_path)])
    assert done.exit_code == 1
    assert "must hold one alignment" in done.output


def test_an_alignment_that_broke_off_is_not_taken_for_one_without_upload(tmp_path: Path) -> None:
    folder = write(tmp_path, 2)
    report = json.loads((folder / "report.json").read_text())
    report["alignments"][0] |= {"upload": None, "reason": "the receiver went away"}
    (folder / "report.json").write_text(json.dumps(report))
    done = CliRunner().invoke(wire, [str(folder)])
    assert done.exit_code == 1
    assert "before the upload; run it again (the receiver went away)" in done.output
