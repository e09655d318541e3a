"""Splits a trained `swin` file into one for the encoder and one for each decoder, as they are shipped.

python tools/split_swin.py swin.safetensors edge/weights
"""

from __future__ import annotations

from pathlib import Path

import click

from edge.codecs import swin_files


@click.command()
@click.argument("weights", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def main(weights: Path, folder: Path) -> None:
    """WEIGHTS: as `edge-codec train swin` wrote it. FOLDER: where the parts go."""
    for part in swin_files.split(weights, folder):
        click.echo(f"{part.name}: {part.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
