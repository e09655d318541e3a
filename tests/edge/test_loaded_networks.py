from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("imported", "expected"),
    [
        ("edge.codecs.jpeg", []),
        ("edge.codecs.split", ["edge.codecs.conv_stages", "edge.codecs.split_network"]),
        ("emulator.bearers.mapper_network", ["emulator.bearers.mapper_network"]),
    ],
)
def test_it_names_the_modules_that_define_networks(imported: str, expected: list[str]) -> None:
    code = f"import {imported}; from edge.loaded_networks import network_modules; print(*network_modules())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.split() == expected


def test_a_node_that_has_no_network_has_not_even_torch() -> None:
    code = "import sys, edge.loaded_networks as l; l.network_modules(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
