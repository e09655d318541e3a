"""What every figure's command of SMRC is told, the options that tell it, and what trained models score."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from edge import images
from tools.figures.setting import FOLDER, FigureSetting, as_command

SNRS_DB = (0.0, 3.0, 6.0, 9.0, 12.0)
TITLES = {"mnist": "MNIST", "cifar": "CIFAR-10"}
QUICK_PICTURES = 40

Score = Mapping[str, Any]  # HeadScore.as_json of one head
EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False)


class Test(NamedTuple):
    """Labelled pictures that no training saw: pixels uint8 [N, s, s, 3], labels [N]."""

    name: str
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()[:16]

    def few(self, most: int) -> Test:
        """At most so many of them, evenly spaced: the set may be sorted."""
        step = max(1, len(self.pixels) // most)
        return Test(self.name, np.ascontiguousarray(self.pixels[::step][:most]), self.labels[::step][:most])


@dataclass(frozen=True)
class Setting(FigureSetting):
    """sets: .npz files by name, of TITLES. weights: folder with smrc-, bound- and beta*-SET-sSEED. labelled: pictures
    to score, at most; pictures: of these, that the digital baselines send too. seeds: of the models."""

    sets: Mapping[str, Path]
    weights: Path
    labelled: int = 10_000
    pictures: int = 150

    def tests(self) -> list[Test]:
        return [self.test(name) for name in self.sets]

    def test(self, name: str) -> Test:
        every = list(images.read(self.sets[name], split="test"))
        labels = [one.label for one in every if one.label is not None]
        if len(labels) != len(every):
            raise click.ClickException(f"--{name}: its test pictures have no labels; give a .npz with test_y")
        return Test(name, np.stack([one.pixels for one in every]), np.array(labels)).few(self.labelled)

    def models(self, kind: str, name: str) -> dict[int, Path]:
        """Weight files KIND-SET-sSEED by seed; those that are missing are noted."""
        wanted = {seed: self.weights / f"{kind}-{name}-s{seed}.safetensors" for seed in range(self.seeds)}
        return {seed: path for seed, path in wanted.items() if self.found(path)}

    def scores(self, file: Path, test: Test, seed: int, snrs_db: Sequence[float]) -> list[Score]:
        """What each head of a model is worth, kept. snrs_db: Es/N0 that each sub-block meets; one for all: repeated."""
        key = {
            "what": "scores",
            "model": file.stem,
            "weights": hashlib.sha256(file.read_bytes()).hexdigest()[:16],
            "pictures": test.digest,
            "seed": seed,
            "snrs_db": list(snrs_db),
        }
        scored: list[Score] = self.cells.get(key, partial(_scores, file, test, seed, snrs_db))
        return scored


def _scores(file: Path, test: Test, seed: int, snrs_db: Sequence[float]) -> list[dict[str, Any]]:
    from edge.codecs.contract import Half
    from edge.codecs.smrc import Smrc
    from edge.train.smrc_score import score

    codec = Smrc.open({"weights": str(file)}, Half.BOTH)
    assert codec.transmitter is not None  # Half.BOTH
    assert codec.receiver is not None
    each = list(snrs_db) * len(codec.shape.heads) if len(snrs_db) == 1 else snrs_db
    heads = score(codec.transmitter, codec.receiver, test.pixels, test.labels, each, seed)
    symbols = [sum(codec.shape.heads[block].symbols for block in codec.shape.needed(one.block)) for one in heads]
    return [one.as_json() | {"symbols": taken} for one, taken in zip(heads, symbols, strict=True)]


def options(command: Callable[[Setting], None]) -> click.Command:
    """Makes a command of a function that takes a Setting."""

    def run(
        mnist: Path | None,
        cifar: Path | None,
        weights: Path,
        labelled: int,
        pictures: int,
        out: Path,
        seeds: int,
        threads: int,
        quick: bool,
    ) -> None:
        import torch

        torch.set_num_threads(threads)
        sets = {name: path for name, path in (("mnist", mnist), ("cifar", cifar)) if path is not None}
        if not sets:
            raise click.UsageError("neither --mnist nor --cifar is given; give a set to score")
        if quick:
            labelled, pictures, seeds = min(labelled, QUICK_PICTURES), min(pictures, QUICK_PICTURES // 5), 1
        out.mkdir(parents=True, exist_ok=True)
        command(Setting(sets, weights, labelled, pictures, out=out, seeds=seeds, quick=quick))

    own = (
        click.option("--mnist", type=EXISTING, help="MNIST (mnist.npz)."),
        click.option("--cifar", type=EXISTING, help="CIFAR-10 (cifar10_25k.npz)."),
        click.option("--weights", type=FOLDER, required=True, help="Folder with smrc-mnist-s0.safetensors and others."),
        click.option("--labelled", type=click.IntRange(10), default=10_000, show_default=True, help="To score, a set."),
        click.option("--pictures", type=click.IntRange(2), default=150, show_default=True, help="Sent digitally too."),
    )
    return as_command(command, run, own)
