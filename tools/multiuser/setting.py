"""What every figure's command is told beside what all papers' are, and the options that tell it.

The trainings are read, not run: WEIGHTS holds `f-SCHEME-sSEED.safetensors` and the curve `f-SCHEME-sSEED.json` beside
each, as `edge-codec train swin --curve` writes them, and more (docs/multiuser.md). A file that is missing is a gap in a
figure, and noted there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from edge import images
from edge.images import Picture
from tools.figures.setting import FOLDER, FigureSetting, as_command

SNRS_DB = (1.0, 3.0, 5.0, 7.0)
AT_DB = 3.0  # of figures 2, 3 and 5
LARGE = 256  # sides of photographs: their middle
SCHEMES = ("alone", "iterative", "proposed", "transfer", "transfer-frozen", "distill")
CONTINUED, BY_CONTINUED = "continued", "distill-continued"  # the high decoder, for as long again; who was taught by it
ANEW = "anew"  # a high decoder from the start, for the frozen encoder, as proposed's low one
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
class Setting(FigureSetting):
    """data: sets of pictures, the first with small ones for all figures. weights: folder of the trainings. pictures:
    how many of the first set are scored, photographs: how many of each other one. seeds: of the trainings."""

    data: Sequence[Path]
    weights: Path
    pictures: int = 500
    photographs: int = 8

    def training(self, name: str) -> Path | None:
        """A file of the trainings; None, noted, where there is none."""
        return self.found(self.weights / name)

    def sets(self) -> Iterator[Seen]:
        """Evenly spaced pictures of each set: neighbours in one may be of a class."""
        for number, path in enumerate(self.data):
            every = [one.pixels for one in images.read(path, split="test")]
            wanted = self.photographs if number else self.pictures
            some = every[:: max(1, len(every) // wanted)][:wanted]
            yield Seen(path.stem, np.stack([middle(pixels) for pixels in some]))

    def as_json(self) -> dict[str, Any]:
        return {"sets": [path.stem for path in self.data]} | super().as_json()


def middle(pixels: Picture) -> Picture:
    """Small pictures as they are; of others the middle [256, 256, 3], not scaled."""
    height, width = pixels.shape[:2]
    return images.centre_crop(pixels, min(height, LARGE), min(width, LARGE), "picture")


def options(command: Callable[[Setting], None]) -> click.Command:
    """Makes a command of a function that takes a Setting."""

    def run(
        data: tuple[Path, ...],
        weights: Path,
        pictures: int,
        photographs: int,
        out: Path,
        seeds: int,
        threads: int,
        quick: bool,
    ) -> None:
        import torch

        torch.set_num_threads(threads)
        if quick:
            pictures, photographs, seeds = min(pictures, QUICK_PICTURES), min(photographs, QUICK_PHOTOGRAPHS), 1
        out.mkdir(parents=True, exist_ok=True)
        command(Setting(data, weights, pictures, photographs, out=out, seeds=seeds, quick=quick))

    sets = click.Path(path_type=Path, exists=True)
    own = (
        click.option("--data", type=sets, multiple=True, required=True, help="CIFAR-10; then sets of photographs."),
        click.option("--weights", type=FOLDER, required=True, help="Folder of the trainings and their curves."),
        click.option("--pictures", type=click.IntRange(2), default=500, show_default=True, help="Of the first set."),
        click.option("--photographs", type=click.IntRange(1), default=8, show_default=True, help="Of each other set."),
    )
    return as_command(command, run, own)
