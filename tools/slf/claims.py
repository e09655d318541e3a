"""What the results say of each claim, in a line: for docs/slf.md. Reads the JSON files of a folder, runs nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Document = dict[str, Any]


def table1(found: Document) -> list[str]:
    rows, told = found["rows"], found["verdicts"]
    kept = {
        "tensors up, kB": ("upload_kb", "upload within 10 % of the paper's"),
        "operations, TFLOP": ("tuning_tflop", "operations do not grow with l"),
        "recovery, s": ("recovery_s", "recovery time does not grow with l"),
        "recovery here, s": ("recovery_here_s", "recovery time does not grow with l"),
        "MSE": ("mse", "MSE does not fall with l"),
        "accuracy": ("accuracy", "accuracy does not grow with l"),
    }
    return [f"{title}: {_joined(rows, name)}; {claim}: {told[claim]}" for title, (name, claim) in kept.items()]


def wire(found: Document) -> list[str]:
    rows = found["rows"]
    names = [f"{way}_{what}" for way in ("download", "upload") for what in ("wire_kb", "s", "over_theory")]
    lines = [f"on the wire, {name}: {_joined(rows, name)}" for name in names]
    return [*lines, *(f"{claim}: {verdict}" for claim, verdict in found["verdicts"].items())]


def fig3(found: Document) -> list[str]:
    told = found["verdicts"]
    lines = [f"{claim}: {one['verdict']}; by seed {one['by_seed']}" for claim, one in told.items()]
    return lines + [f"gains, {panel}: {values}" for panel, values in found["gains"].items()]


def pilots(found: Document) -> list[str]:
    held = ", ".join(
        f"{row['crossover']:g}: {row['hold_the_truth']} (expected {row['expected_percent']})" for row in found["rows"]
    )
    lines = [f"of 100 intervals hold the truth: {held}; {found['coverage_verdicts']}"]
    for row in found["alignments"]:
        values = f"MSE {row['mse_measured']:.5f} measured, {row['mse_true']:.5f} true"
        lines.append(f"eps {row['crossover']:g}: {values}, {row['relative_difference']:+.2%}: as good {row['as_good']}")
    return lines


def sequence(found: Document) -> list[str]:
    told = (
        f"l = {row['freeze']}, {row['transmitter']}: MSE {row['mse_aligned']:.5f}, worst after others "
        f"{row['mse_worst_after']:.5f} ({row['times']:g} times)"
        for row in found["harm"]
    )
    return [*told, f"bytes of a decoder: {found['bytes_of_a_decoder']}"]


def fedavg(found: Document) -> list[str]:
    return [
        f"{name} ({one['rounds']} rounds): MSE {one['mse_fedavg']:.5f}, SLF {one['mse_slf']:.5f}, misaligned "
        f"{one['mse_misaligned']:.5f}; stays behind SLF: {one['fedavg_stays_behind_slf']}"
        for name, one in found["comparison"].items()
    ]


def anew(found: Document) -> list[str]:
    lines = []
    for row in found["rows"]:
        band = f"{row['mse']:.5f} ({row['mse_low']:.5f} to {row['mse_high']:.5f})"
        lines.append(f"theta {row['theta']}, phi {row['phi']}: MSE {band}, accuracy {row['accuracy']:.3f}")
    return lines


def choose(found: Document) -> list[str]:
    return [
        f"{row['rate_bps']:g} bit/s, {row['flops_per_s']:g} FLOP/s, {row['target']}: l = {row['freeze']}"
        + ("" if row["met"] else " (not met)")
        for row in found["rows"]
    ]


READERS: dict[str, Callable[[Document], list[str]]] = {
    "table1": table1,
    "wire": wire,
    "fig3": fig3,
    "pilots": pilots,
    "sequence": sequence,
    "fedavg": fedavg,
    "anew": anew,
    "choose": choose,
}


def _joined(rows: list[Document], name: str) -> str:
    """One value an l, as the paper's table has them."""
    return " / ".join("-" if row[name] is None else f"{row[name]:.4g}" for row in rows)


@click.command(help=(__doc__ or "").split("\n")[0])
@click.argument("results", type=click.Path(path_type=Path, exists=True, file_okay=False))
def claims(results: Path) -> None:
    for name, reader in READERS.items():
        path = results / f"{name}.json"
        if not path.exists():
            click.echo(f"{name}: not there yet")
            continue
        document = json.loads(path.read_text())
        seeds = document.get("settings", {}).get("seeds")
        click.echo(f"{name}" + (f" (seeds {seeds})" if seeds else ""))
        for line in reader(document):
            click.echo(f"  {line}")


if __name__ == "__main__":
    claims()
