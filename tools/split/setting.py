"""What every figure's command is told, the options that tell it, and how its values become files."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import click

from edge import images
from edge.images import Named, Picture
from tools.ftsc.cells import Cells
from tools.ftsc.results import BAND, Row, put, table, versions

FOLDER = click.Path(path_type=Path, file_okay=False)
SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)
SYMBOLS = (128, 64)  # K at 32x32: rho = 1/24 and 1/48
TRAINED_DB = (20, 10, 0)
QUICK_PICTURES = 8


@dataclass(frozen=True)
class Setting:
    """data: test pictures (.npz, .tar or folder). edge, mappers: folders with split-*, deepjscc-* and mapper-*. out:
    results. pictures: how many are sent. seeds: how many noises. quick: few of everything, to try the machinery."""

    data: Path
    edge: Path
    mappers: Path
    out: Path
    pictures: int = 200
    seeds: int = 3
    threads: int = 1
    quick: bool = False
    skipped: list[str] = field(default_factory=list)

    @property
    def cells(self) -> Cells:
        return Cells(self.out / "cells")

    def skip(self, why: str) -> None:
        """Notes, once, and tells on stderr, what this run leaves out."""
        if why not in self.skipped:
            self.skipped.append(why)
            click.echo(f"  skipped: {why}", err=True)

    def scored(self) -> list[Picture]:
        """Pictures that no training saw, [32, 32, 3] each: evenly spaced over the test part, which may be sorted."""
        every = list(images.read(self.data, split="test"))
        return [named.pixels for named in every[:: max(1, len(every) // self.pictures)]][: self.pictures]

    def mapper(self, symbols: int, trained_db: int) -> Path | None:
        """A weight file of h and q; None, noted, where there is none."""
        return self._found(self.mappers / f"mapper-k{symbols}-snr{trained_db}.safetensors")

    def deepjscc(self, symbols: int, trained_db: int) -> Path | None:
        """A weight file of DeepJSCC with the architecture of f and g; None, noted, where there is none."""
        return self._found(self.edge / f"deepjscc-c{symbols // 32}-{trained_db}.safetensors")

    def _found(self, path: Path) -> Path | None:
        if not path.is_file():
            self.skip(f"{path.stem}: no such weight file")
            return None
        return path


def kodak(setting: Setting, side: int = 256) -> list[Picture]:
    """The packaged photographs, their middle squares at this side."""
    from edge import sample

    photographs: Iterator[Named] = iter(sample.kodak())
    return [images.resized(one.pixels, side) for one in islice(photographs, 2 if setting.quick else None)]


def write(
    setting: Setting, name: str, rows: Sequence[Row], more: Mapping[str, Any], remarks: Sequence[str] = ()
) -> None:
    """Writes NAME.json and NAME.csv into the output folder. more: what the JSON holds beside the rows."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    document = {
        "figure": name,
        "command": shlex.join(["python", "-m", f"tools.split.{Path(sys.argv[0]).stem}", *words]),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "settings": {"pictures": setting.pictures, "seeds": list(range(setting.seeds)), "quick": setting.quick},
        "versions": versions(),
        "band": BAND,
        "remarks": list(remarks),
        "skipped": setting.skipped,
        "rows": list(rows),
        **more,
    }
    put(setting.out / f"{name}.json", json.dumps(document, indent=1).encode())
    put(setting.out / f"{name}.csv", table(rows).encode())
    click.echo(
        f"{name}: {len(rows)} rows, {len(setting.skipped)} skipped -> {setting.out.name}/{name}.json, .csv, .png"
    )


def options(command: Callable[[Setting], None]) -> click.Command:
    """Makes a command of a function that takes a Setting."""

    def run(
        data: Path,
        weights: Path | None,
        mappers: Path | None,
        out: Path,
        pictures: int,
        seeds: int,
        threads: int,
        quick: bool,
    ) -> None:
        import torch

        from edge.codecs.weights import shipped_folder
        from emulator.bearers import shipped_mappers

        torch.set_num_threads(threads)
        if quick:
            pictures, seeds = min(pictures, QUICK_PICTURES), 1
        out.mkdir(parents=True, exist_ok=True)
        edge = weights or shipped_folder()
        command(Setting(data, edge, mappers or shipped_mappers.folder(), out, pictures, seeds, threads, quick))

    decorators = [
        click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="CIFAR-10."),
        click.option("--weights", type=FOLDER, help="Folder with split-* and deepjscc-*; else the package's."),
        click.option("--mappers", type=FOLDER, help="Folder with mapper-*; else the package's."),
        click.option("--out", type=FOLDER, required=True, help="Results; also what an interrupted run goes on from."),
        click.option("--pictures", type=click.IntRange(2), default=200, show_default=True),
        click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Of the noise."),
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True),
        click.option("--quick", is_flag=True, help="One seed, eight pictures: tries the machinery."),
    ]
    wrapped: Callable[..., Any] = run
    for decorate in reversed(decorators):
        wrapped = decorate(wrapped)
    module = sys.modules[command.__module__]
    return click.command(name=command.__name__, help=(module.__doc__ or "").split("\n")[0])(wrapped)
