"""How long things take to start, and how much a receiver that runs no network weighs."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

LINK_ONLY = """
version: 1
name: weight
nodes: {tx: {role: tx}, rx: {role: rx, codec: {name: raw}}}
links: [{name: link, from: tx, to: rx}]
workload: [{transmit: {from: tx, to: rx, images: 2}}]
"""


def wall_s(*command: str) -> float:
    """Median of five."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def run_scenario(scenario: str, folder: str) -> dict[str, Any]:
    """A scenario's report.json."""
    command = [sys.executable, "-m", "emulator", "run", scenario, "--limit", "1", "--out", folder, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@click.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the JSON here too.")
def main(out: Path | None) -> None:
    """Start-up times in seconds and memory in megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weight.yaml"
        file.write_text(LINK_ONLY)
        light = run_scenario(str(file), f"{folder}/light")
        downlink = run_scenario("ftsc-downlink", f"{folder}/downlink")
    figures = {
        "cores": os.cpu_count(),
        "edge_optimizer_help_s": wall_s("optimizer", "--help"),
        "edge_emulator_validate_s": wall_s("emulator", "validate", "ftsc-downlink"),
        "ftsc_downlink_serving_s": downlink["timing"]["up_s"],
        "ftsc_downlink_run_s": downlink["timing"]["run_s"],
        "receiver_without_network_mb": next(
            node["resident_bytes"] / 1e6 for node in light["nodes"] if node["name"] == "rx"
        ),
        "receiver_with_vqvae2_mb": next(
            node["resident_bytes"] / 1e6 for node in downlink["nodes"] if node["name"] == "rx1"
        ),
    }
    text = json.dumps(figures, indent=2)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()
