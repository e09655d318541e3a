"""What every figure's command is told, the options that tell it, and how its values become files.

The trainings are read, not run: WEIGHTS holds `f-SCHEME-sSEED.safetensors` and the curve `f-SCHEME-sSEED.json` beside
each, as `edge-codec train swin --curve` writes them, and more (docs/multiuser.md). A file that is missing is a gap in a
figure, and noted there.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from edge import images
from edge.images import Picture
from tools.ftsc.cells import Cells
from tools.ftsc.results import BAND, Row, put, table, versions

FOLDER = click.Path(path_type=Path, file_okay=False)
SNRS_DB = (1.0, 3.0, 5.0, 7.0)
AT_DB = 3.0  # of figures 2, 3 and 5
LARGE = 256  # sides of photographs: their middle
SCHEMES = ("alone", "iterative", "proposed", "transfer", "transfer-frozen", "distill")
QUICK_PICTURES, QUICK_PHOTOGRAPHS = 8, 2


@dataclass(frozen=True)
class Seen:
    """Pictures that no training saw, all of one size: uint8 [n, s, s, 3]."""

    name: str
    pixels: NDArray[np.uint8]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Setting:
    """data: sets of pictures, the first with small ones for all figures. weights: folder of the trainings. out:
    results. pictures: how many of the first set are scored, photographs: how many of each other one. seeds: how many
    trainings of each scheme. quick: few of everything, to try the machinery."""

    data: Sequence[Path]
    weights: Path
    out: Path
    pictures: int = 500
    photographs: int = 8
    seeds: int = 3
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

    def found(self, name: str) -> Path | None:
        """A file of the trainings; None, noted, where there is none."""
        path = self.weights / name
        if path.is_file():
            return path
        self.skip(f"{name}: no such file")
        return None

    def sets(self) -> Iterator[Seen]:
        """Evenly spaced pictures of each set: neighbours in one may be of a class."""
        for number, path in enumerate(self.data):
            every = [one.pixels for one in images.read(path, split="test")]
            wanted = self.photographs if number else self.pictures
            some = every[:: max(1, len(every) // wanted)][:wanted]
            yield Seen(path.stem, np.stack([middle(pixels) for pixels in some]))

    def as_json(self) -> dict[str, Any]:
        return {
            "sets": [path.stem for path in self.data],
            "pictures": self.pictures,
            "photographs": self.photographs,
            "seeds": list(range(self.seeds)),
            "quick": self.quick,
        }


def middle(pixels: Picture) -> Picture:
    """Small pictures as they are; of others the middle [256, 256, 3], not scaled."""
    height, width = pixels.shape[:2]
    return images.centre_crop(pixels, min(height, LARGE), min(width, LARGE), "picture")


def write(
    setting: Setting, name: str, rows: Sequence[Row], more: Mapping[str, Any], remarks: Sequence[str] = ()
) -> None:
    """Writes NAME.json and NAME.csv into the output folder. more: what the JSON holds beside the rows."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    document = {
        "figure": name,
        "command": shlex.join(["python", "-m", f"tools.multiuser.{Path(sys.argv[0]).stem}", *words]),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "settings": setting.as_json(),
        "versions": versions(),
        "band": BAND,
        "remarks": list(remarks),
        "skipped": setting.skipped,
        "rows": list(rows),
        **more,
    }
    put(setting.out / f"{name}.json", json.dumps(document, indent=1).encode())
    put(setting.out / f"{name}.csv", table(rows).encode())
    click.echo(f"{name}: {len(rows)} rows, {len(setting.skipped)} skipped -> {setting.out.name}/{name}.json, .csv")


def options(command: Callable[[Setting], None]) -> click.Command:
    """Makes a command of a function that takes a Setting."""

    def run(
        data: tuple[Path, ...],
        weights: Path,
        out: Path,
        pictures: int,
        photographs: int,
        seeds: int,
        threads: int,
        quick: bool,
    ) -> None:
        import torch

        torch.set_num_threads(threads)
        if quick:
            pictures, photographs, seeds = min(pictures, QUICK_PICTURES), min(photographs, QUICK_PHOTOGRAPHS), 1
        out.mkdir(parents=True, exist_ok=True)
        command(Setting(data, weights, out, pictures, photographs, seeds, quick))

    sets = click.Path(path_type=Path, exists=True)
    decorators = [
        click.option("--data", type=sets, multiple=True, required=True, help="CIFAR-10; then sets of photographs."),
        click.option("--weights", type=FOLDER, required=True, help="Folder of the trainings and their curves."),
        click.option("--out", type=FOLDER, required=True, help="Results; also what an interrupted run goes on from."),
        click.option("--pictures", type=click.IntRange(2), default=500, show_default=True, help="Of the first set."),
        click.option("--photographs", type=click.IntRange(1), default=8, show_default=True, help="Of each other set."),
        click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Of the trainings."),
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True),
        click.option("--quick", is_flag=True, help="One seed, few pictures: tries the machinery."),
    ]
    wrapped: Callable[..., Any] = run
    for decorate in reversed(decorators):
        wrapped = decorate(wrapped)
    module = sys.modules[command.__module__]
    return click.command(name=command.__name__, help=(module.__doc__ or "").split("\n")[0])(wrapped)
