"""edge-optimizer from the shell: output, exit statuses, and what it does not import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from optimizer.cli import main

ROOT = Path(__file__).parents[2]
HEAVY = ("cvxpy", "scipy", "torch", "matplotlib", "grpc", "rich")


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    path = tmp_path / "problem.yaml"
    path.write_text("preset: tradeoff\nreceivers: {count: 5}\nseed: 3\n")
    return path


def _run(*arguments: object):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_plan_as_json(problem: Path) -> None:
    done = _run("plan", problem, "--json")
    assert done.exit_code == 0
    plan = json.loads(done.stdout)
    assert plan["status"] == "optimal"
    assert plan["relative_gap"] <= 1e-6
    assert [entry["name"] for entry in plan["allocations"]] == ["rx1", "rx2", "rx3", "rx4", "rx5"]
    assert sum(entry["bandwidth_hz"] for entry in plan["allocations"]) == pytest.approx(1500.0)
    assert {"gain", "power_w", "rho", "scale", "rate_bps", "snr_db", "transmit_s", "compute_s", "energy_j"} <= set(
        plan["allocations"][0]
    )
    assert plan["active"]["bandwidth"] is True
    assert len(plan["prices"]["mu_per_s"]) == 5


def test_plan_as_a_table_has_units_certificate_and_warnings(problem: Path) -> None:
    done = _run("plan", problem)
    assert done.exit_code == 0
    for text in ("band Hz", "power W", "SNR dB", "upper bound", "optimal, by price", "warning: the power budget"):
        assert text in done.stdout


def test_the_seed_draws_other_receivers(problem: Path) -> None:
    def gains(*options: object) -> list[float]:
        plan = json.loads(_run("plan", problem, "--json", *options).stdout)
        return [entry["gain"] for entry in plan["allocations"]]

    assert gains() == gains("--seed", 3)
    assert gains() != gains("--seed", 4)


def test_the_papers_solver_can_be_asked_for(problem: Path) -> None:
    plan = json.loads(_run("plan", problem, "--solver", "algorithm1", "--json").stdout)
    assert plan["solver"] == "algorithm1"
    assert plan["status"] == "feasible"
    assert plan["gap"] > 1.0
    assert plan["trace"][0]["residual"] is None


@pytest.mark.parametrize("verb", [("plan",), ("explain",), ("sweep", "--vary", "power_w=1,2")])
def test_bad_input_is_one_sentence_and_status_2(tmp_path: Path, verb: tuple[str, ...]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("receivers: [{gain: -1}]\n")
    done = _run(verb[0], path, *verb[1:])
    assert done.exit_code == 2
    assert "receivers[0] (rx1): gain must be finite and > 0, got -1" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("plan", "absent.yaml"), "absent.yaml: cannot be read"),
        (("plan", "PROBLEM", "--solver", "magic"), "solver: must be one of price, algorithm1"),
        (("plan", "PROBLEM", "--solver", "convex"), "solver: convex needs a compute time"),
        (("sweep", "PROBLEM"), "needs --vary"),
        (("sweep", "fig12", "--vary", "power_w=1,2"), "varies its own quantity"),
        (("sweep", "PROBLEM", "--vary", "power_w=1:2"), "must lead from start to stop"),
        (("sweep", "PROBLEM", "--vary", "power_w=1,2", "--seeds", "1", "--out", "PROBLEM/x"), "cannot write"),
    ],
)
def test_refusals(problem: Path, arguments: tuple[str, ...], sentence: str) -> None:
    done = _run(*(argument.replace("PROBLEM", str(problem)) for argument in arguments))
    assert done.exit_code == 2
    assert sentence in done.stderr


def test_an_infeasible_deadline_is_refused_with_the_limit(problem: Path) -> None:
    problem.write_text(problem.read_text() + "deadline_s: 1\n")
    done = _run("plan", problem)
    assert done.exit_code == 2
    assert "infeasible: smallest achievable delay is 1." in done.stderr


def test_explain_speaks(problem: Path) -> None:
    assert "these balance, so its rho stays" in _run("explain", problem).stdout
    assert len(json.loads(_run("explain", problem, "--json").stdout)["explanation"]) >= 9


def test_sweep_writes_its_files(problem: Path, tmp_path: Path) -> None:
    done = _run("sweep", problem, "--vary", "bandwidth_hz=1000,2000", "--seeds", 2, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["rows"]) == 4
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".csv", ".json", ".png"]


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "PROBLEM"]])
def test_start_up_imports_nothing_heavy(problem: Path, arguments: list[str]) -> None:
    code = (
        "import sys\nfrom optimizer.cli import main\n"
        f"try:\n    main({[a.replace('PROBLEM', str(problem)) for a in arguments]!r})\n"
        "except SystemExit as stop:\n    assert not stop.code\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT, check=True
    )
    assert done.stdout.splitlines()[-1] == "HEAVY []"
