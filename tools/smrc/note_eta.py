"""Writes the eta of an accounting.json into a weight file, for the reports of runs that use it."""

from __future__ import annotations

import json
from pathlib import Path

import click

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(help=(__doc__ or "").strip())
@click.argument("results", type=FILE)
@click.argument("weights_file", type=FILE)
def note(results: Path, weights_file: Path) -> None:
    from edge.codecs import weights

    eta = json.loads(results.read_text()).get("eta")
    if eta is None:
        raise click.ClickException(f"{results.name}: has no eta; make it where all single-head models are")
    noted = weights.read_metadata(weights_file) | {"eta": json.dumps(eta)}
    weights.write(weights_file, weights.read_tensors(weights_file, ("",)), noted)


if __name__ == "__main__":
    note()
