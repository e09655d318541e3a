"""What every figure's command is told, and the options that tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click

from edge import images
from edge.images import Named, Picture
from tools.figures.setting import FOLDER, FigureSetting, as_command

SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)
SYMBOLS = (128, 64)  # K at 32x32: rho = 1/24 and 1/48
TRAINED_DB = (20, 10, 0)
QUICK_PICTURES = 8


@dataclass(frozen=True)
class Setting(FigureSetting):
    """data: test pictures (.npz, .tar or folder). edge, mappers: folders with split-*, deepjscc-* and mapper-*.
    pictures: how many are sent. seeds: of the noise."""

    data: Path
    edge: Path
    mappers: Path
    pictures: int = 200

    def scored(self) -> list[Picture]:
        """Pictures that no training saw, [32, 32, 3] each: evenly spaced over the test part, which may be sorted."""
        every = list(images.read(self.data, split="test"))
        return [named.pixels for named in every[:: max(1, len(every) // self.pictures)]][: self.pictures]

    def mapper(self, symbols: int, trained_db: int) -> Path | None:
        """A weight file of h and q; None, noted, where there is none."""
        return self.found(self.mappers / f"mapper-k{symbols}-snr{trained_db}.safetensors")

    def deepjscc(self, symbols: int, trained_db: int) -> Path | None:
        """A weight file of DeepJSCC with the architecture of f and g; None, noted, where there is none."""
        return self.found(self.edge / f"deepjscc-c{symbols // 32}-{trained_db}.safetensors")


def kodak(setting: Setting, side: int = 256) -> list[Picture]:
    """The packaged photographs, their middle squares at this side."""
    from edge import sample

    photographs: Iterator[Named] = iter(sample.kodak())
    return [images.resized(one.pixels, side) for one in islice(photographs, 2 if setting.quick else None)]


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
        found = mappers or shipped_mappers.folder()
        command(Setting(data, edge, found, pictures, out=out, seeds=seeds, quick=quick))

    own = (
        click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="CIFAR-10."),
        click.option("--weights", type=FOLDER, help="Folder with split-* and deepjscc-*; else the package's."),
        click.option("--mappers", type=FOLDER, help="Folder with mapper-*; else the package's."),
        click.option("--pictures", type=click.IntRange(2), default=200, show_default=True),
    )
    return as_command(command, run, own)
