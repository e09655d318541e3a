from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from click.testing import CliRunner

from tools.figures import setting as module
from tools.figures.setting import FigureSetting, command_line, run_all, write


@dataclass(frozen=True)
class Remarked(FigureSetting):
    remarks: ClassVar[tuple[str, ...]] = ("of every figure",)


def test_files_say_how_they_were_made_and_what_is_missing(tmp_path: Path) -> None:
    setting = FigureSetting(out=tmp_path, seeds=2)
    setting.skip("vqvae-s4: no such weight file")
    setting.skip("vqvae-s4: no such weight file")
    assert setting.found(tmp_path / "fig9.json") is None
    write(setting, "fig0", [{"psnr_db": 30.0}], {"laws": {}}, ["a remark"])
    document = json.loads((tmp_path / "fig0.json").read_text())
    assert document["skipped"] == ["vqvae-s4: no such weight file", "fig9.json: no such file"]
    assert document["settings"] == {"seeds": [0, 1], "quick": False}
    assert document["rows"] == [{"psnr_db": 30.0}]
    assert (document["laws"], document["remarks"]) == ({}, ["a remark"])
    assert str(tmp_path) not in json.dumps(document)
    assert (tmp_path / "fig0.csv").read_text() == "psnr_db\n30.0\n"


def test_remarks_of_a_paper_come_before_a_figures_own(tmp_path: Path) -> None:
    write(Remarked(out=tmp_path), "fig0", [], {}, ["of this one"])
    assert json.loads((tmp_path / "fig0.json").read_text())["remarks"] == ["of every figure", "of this one"]


def test_a_command_line_names_the_module_and_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/tools/slf/fig3.py", "--out", "/home/results", "--seeds", "2"])
    assert command_line() == "python -m tools.slf.fig3 --out results --seeds 2"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What run_all starts, instead of starting it; p.bad fails."""
    started: list[list[str]] = []

    def run(words: list[str], check: bool) -> SimpleNamespace:
        started.append(words[2:])
        return SimpleNamespace(returncode=int(words[2] == "p.bad"))

    monkeypatch.setattr(module, "subprocess", SimpleNamespace(run=run))
    return started


def test_all_are_run_with_the_arguments_and_those_that_failed_are_named(ran: list[list[str]]) -> None:
    done = CliRunner().invoke(run_all("p", ("bad", "a", "b")), ["--only", "bad", "--only", "b", "--out", "x"])
    assert ran == [["p.bad", "--out", "x"], ["p.b", "--out", "x"]]
    assert done.exit_code == 1
    assert "failed: bad;" in done.output


def test_lines_keep_their_order_side_by_side_and_the_first_is_told_jobs(ran: list[list[str]]) -> None:
    main = run_all("p", ("a", "b"), ("c", "d"), first="z")
    assert CliRunner().invoke(main, ["--jobs", "2", "--out", "x"]).exit_code == 0
    assert ran[0] == ["p.z", "--out", "x", "--jobs", "2"]
    names = [words[0] for words in ran[1:]]
    assert sorted(names) == ["p.a", "p.b", "p.c", "p.d"]
    assert names.index("p.a") < names.index("p.b")
    assert names.index("p.c") < names.index("p.d")


def test_only_as_many_lines_as_there_are_run_side_by_side(ran: list[list[str]]) -> None:
    assert CliRunner().invoke(run_all("p", ("a",), ("b",)), ["--jobs", "3"]).exit_code == 2
    assert "jobs" not in {option.name for option in run_all("p", ("a",)).params}
    assert ran == []
