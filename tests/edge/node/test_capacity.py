"""What a node says it can compute, and how it is told to."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.node import capacity, cli
from edge.node.daemon import NodeSettings

ROOT = Path(__file__).parents[3]
NODE = ("--role", "rx", "--name", "rx", "--emulator", "127.0.0.1:1")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[NodeSettings]:
    """The settings that the command would have started a node with."""
    found: list[NodeSettings] = []

    def live(node: NodeSettings, *rest: object) -> int:
        del rest
        found.append(node)
        return 0

    monkeypatch.setattr(cli, "_live", live)
    monkeypatch.setattr(cli, "_run", lambda status: status)
    return found


def test_measured_is_what_a_decoder_reaches_here() -> None:
    found = capacity.measured(memory_bytes=5)
    assert found.measured
    assert found.memory_bytes == 5
    assert 1e6 < found.flops_per_s < 1e13


def test_memory_is_the_limit_of_the_process_where_it_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = capacity.available_bytes()
    assert whole > 2**20
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1000, 2000))
    assert capacity.available_bytes() == 1000
    assert capacity.declared(1e9).memory_bytes == 1000
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert capacity.available_bytes() >= whole


@pytest.mark.parametrize("flops_per_s", [0.0, -1.0, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused(flops_per_s: float) -> None:
    with pytest.raises(ValueError, match="capacity: must be floating-point operations a second above 0"):
        capacity.declared(flops_per_s)


def test_a_node_is_told_on_the_command_line(told: list[NodeSettings]) -> None:
    for words in ((), ("--capacity", "2e9", "--memory-bytes", "7"), ("--capacity", "measure")):
        assert CliRunner().invoke(cli.main, [*NODE, *words]).exit_code == 0
    nothing, declared, measured = (node.capacity for node in told)
    assert nothing is None
    assert declared == capacity.Capacity(2e9, 7)
    assert measured is not None
    assert measured.measured


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--capacity", "much"),
            "--capacity: must be measure or floating-point operations a second above 0, got 'much'",
        ),
        (("--capacity", "-3"), "--capacity: must be measure or floating-point operations a second above 0, got '-3'"),
        (("--memory-bytes", "3"), "--memory-bytes: is for --capacity; add --capacity measure or a number"),
    ],
)
def test_a_bad_capacity_is_refused(words: tuple[str, ...], sentence: str) -> None:
    result = CliRunner().invoke(cli.main, [*NODE, *words])
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_receiver_that_declares_its_capacity_loads_no_torch() -> None:
    code = (
        "import sys; import edge.node.cli, edge.node.daemon, edge.node.decoder_service; from edge.node.capacity import "
        "declared; declared(1e9); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)
