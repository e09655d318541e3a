"""Runs every benchmark, one after the other, each into a JSON file of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent
BENCHMARKS = {  # each with the option that names its JSON file last
    "noise": ["noise.py", "--out"],
    "dataplane": ["dataplane.py", "run", "--out"],
    "transfer": ["transfer.py", "--out"],
    "startup": ["startup.py", "--out"],
    "optimizer": ["optimizer.py", "--json"],
    "codecs": ["codecs.py", "--tune", "--profile", "--out"],
    "split_codecs": ["split_codecs.py", "--out"],
    "smrc": ["smrc.py", "--out"],
}


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("bench-results"))
@click.argument("names", nargs=-1, type=click.Choice(sorted(BENCHMARKS)))
def main(out: Path, names: tuple[str, ...]) -> None:
    """Run the benchmarks NAMES, or all."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names or BENCHMARKS:
        script, *arguments = BENCHMARKS[name]
        click.echo(f"== {name}")
        subprocess.run([sys.executable, HERE / script, *arguments, out / f"{name}.json"], check=True)


if __name__ == "__main__":
    main()
