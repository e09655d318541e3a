"""The command edge-emulator: what it prints where, exit statuses, and what it does not import."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from emulator.cli import main


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_list_names_every_scenario() -> None:
    plain, structured = call("list"), call("list", "--json")
    entries = json.loads(structured.stdout)
    assert {"ftsc-downlink", "quickstart"} <= {entry["name"] for entry in entries}
    assert [line.split()[0] for line in plain.stdout.splitlines()] == [entry["name"] for entry in entries]
    assert all(entry["description"] for entry in entries)


def test_validate_says_what_is_in_a_scenario() -> None:
    assert call("validate", "quickstart").stdout == "quickstart: valid: 2 nodes, 1 link, 1 workload step\n"
    answer = call("validate", "ftsc-downlink", "--set", "plan.scale=2", "--seed", "3", "--clock", "scaled:2", "--json")
    found = json.loads(answer.stdout)
    assert (found["nodes"], found["links"], found["planned"]) == (6, 5, True)
    assert (found["seed"], found["clock"], found["workload"]) == (3, "scaled:2", ["transmit"])
    assert answer.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["validate", "quickstrat"], "quickstrat: is neither a scenario nor a file; did you mean quickstart?"),
        (
            ["validate", "quickstart", "--clock", "fast", "--json"],
            "--clock fast: clock: must be virtual, real or scaled:F with F > 0, got 'fast'; scaled:0.1 runs ten times "
            "faster",
        ),
        (
            ["run", "quickstart", "--seed", "-1"],
            "--seed -1: seed: must be in [0, 9223372036854775807], got -1; give a seed",
        ),
        (["run", "missing.yaml"], "missing.yaml: cannot be read (No such file or directory); give a topology file"),
        (
            ["serve", "--seed", "4"],
            "--set, --seed, --clock: change a topology, and none is given; add --topology SCENARIO",
        ),
        (
            ["serve", "--topology", "quickstart", "--set", "links.0.rate_bps=-5"],
            "--set links.0.rate_bps=-5: links[0].rate_bps: must be > 0, got -5; give the link's rate in bit/s",
        ),
        (
            ["serve", "--listen", "nowhere"],
            "address 'nowhere': must be HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:0",
        ),
        (
            ["serve", "--listen", "0.0.0.0:0"],
            "--listen 0.0.0.0:0: is not a loopback address; add --tls DIR (make one with: edge-emulator certs DIR) or "
            "accept plain text from anybody with --insecure",
        ),
        (
            ["certs", "somewhere", "--name", "a/b"],
            "--name a/b: must be letters, digits, '-', '_' and '.', 63 at most; choose a node's name",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(arguments: list[str], sentence: str) -> None:
    result = call(*arguments)
    assert result.stderr == f"{sentence}\n"
    assert result.stdout == ""
    assert result.exit_code == 2


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "emulator", "serve", "--listen", address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    sentence = (
        "cannot bind (port in use, or not an address of this machine); choose another port, or 0 for any free one"
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"--listen {address}: {sentence}\n")


def test_every_fault_has_its_own_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("version: 1\nname: bad\nnodes: {}\nlinks: 5\nsede: 1\n", encoding="utf-8")
    result = call("validate", str(file))
    assert [line.removeprefix(f"{file}:").split(":")[0] for line in result.stderr.splitlines()] == ["4", "5"]
    assert result.exit_code == 2


def test_report_of_a_folder_without_one(tmp_path: Path) -> None:
    result = call("report", str(tmp_path))
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "report.json" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("verb", ["list", "validate", "certs", "run", "serve", "report"])
def test_every_verb_has_help(verb: str) -> None:
    result = call(verb, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_validate_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from emulator.cli import main\n"
        "main(['validate', 'ftsc-downlink'], standalone_mode=False)\n"
        "heavy = {'grpc', 'google.protobuf', 'numpy', 'torch', 'scipy', 'cvxpy', 'matplotlib', 'rich', 'PIL'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
