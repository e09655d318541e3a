"""Parsing of --vary, sweeps over a file's keys, and the files that they leave."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from optimizer.errors import ProblemError
from optimizer.experiment_files import write
from optimizer.figures import fig12, fig13, fig14
from optimizer.problem_file import parse
from optimizer.solve import solve
from optimizer.vary import parse_vary, vary

CONTENT = {"preset": "tradeoff", "receivers": {"count": 2}}


def test_ranges_include_both_ends() -> None:
    assert parse_vary("bandwidth_hz=1000:8000:1000") == ("bandwidth_hz", tuple(1000.0 * k for k in range(1, 9)))
    assert parse_vary("weights.quality=0.1:0.3:0.1")[1] == pytest.approx((0.1, 0.2, 0.3))
    assert parse_vary("power_w=5:1:-2") == ("power_w", (5.0, 3.0, 1.0))
    assert parse_vary("power_w=1,10,50") == ("power_w", (1.0, 10.0, 50.0))


@pytest.mark.parametrize("text", ["bandwidth_hz", "=1:2:1", "x=1:2", "x=1:2:0", "x=1:2:-1", "x=a,b", "x=nan", "x="])
def test_bad_ranges_are_refused_with_the_form_to_use(text: str) -> None:
    with pytest.raises(ProblemError, match=r"--vary .*(KEY=START:STOP:STEP|from start to stop)"):
        parse_vary(text)


def test_too_many_values_are_refused() -> None:
    with pytest.raises(ProblemError, match="at most 10000"):
        parse_vary("power_w=0:1e9:1")


def test_each_row_is_the_plan_of_the_changed_problem() -> None:
    experiment = vary(CONTENT, "weights.quality=0.2,0.4", seeds=(0, 1))
    assert [(row.seed, row.x) for row in experiment.rows] == [(0, 0.2), (0, 0.4), (1, 0.2), (1, 0.4)]
    problem, _ = parse({**CONTENT, "weights": {"quality": 0.4}, "seed": 1})
    assert experiment.rows[3].utility == solve(problem).utility
    assert "weights" not in CONTENT


def test_an_integral_key_stays_integral_and_unknown_keys_are_refused() -> None:
    assert len(vary(CONTENT, "receivers.count=1:3:1", seeds=(0,)).rows) == 3
    with pytest.raises(ProblemError, match="speed: unknown key"):
        vary(CONTENT, "speed=1,2", seeds=(0,))
    with pytest.raises(ProblemError, match="preset is not a group of keys"):
        vary(CONTENT, "preset.x=1", seeds=(0,))


def test_files_hold_every_row(tmp_path: Path) -> None:
    experiment = vary(CONTENT, "bandwidth_hz=1000:3000:1000", seeds=(0, 1))
    table, content, picture = write(experiment, tmp_path / "new" / "folder")
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert [float(row["utility"]) for row in rows] == [row.utility for row in experiment.rows]
    assert len(json.loads(content.read_text())["rows"]) == 6
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_figures_have_the_papers_axes_and_are_certified() -> None:
    experiments = (fig12((0,)), fig13((0,)), fig14((0,)))
    for experiment in experiments:
        assert all(row.status == "optimal" for row in experiment.rows)
    assert {row.system for row in experiments[0].rows} == {"LSDFT", "JPEG+LDPC", "JSCC"}
    assert {row.x for row in experiments[0].rows} >= {1000.0, 8000.0}
    utilities = [row.utility for row in experiments[1].rows]
    assert utilities == sorted(utilities, reverse=True)
    tradeoff = [row.rho_mean for row in experiments[2].rows if row.preset == "tradeoff"]
    assert tradeoff == sorted(tradeoff)
    assert tradeoff[0] < tradeoff[-1]
