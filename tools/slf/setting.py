"""What every figure's command is told beside what all papers' are, and the options that tell it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import click

from tools.figures.setting import FOLDER, FigureSetting, as_command

QUICK_STEPS, QUICK_PICTURES, QUICK_SCORED = 4, 128, 64


@dataclass(frozen=True)
class Setting(FigureSetting):
    """data, weights: folders. pictures: of the tx's own, to train with. scored: pictures to send and score.

    steps, batch, learning_rate (None: the paper's): of an alignment. jobs: processes side by side, of as many threads.
    """

    remarks: ClassVar[Sequence[str]] = (
        "MSE: mean over pixels and channels in [0, 1] of pictures rounded to 8 bits, as a receiver delivers them.",
        "1 kB = 1000 bytes. Operations: two a multiply-add.",
    )
    data: Path
    weights: Path
    pictures: int = 4000
    scored: int = 1000
    steps: int = 400
    batch: int = 16
    learning_rate: float | None = None
    jobs: int = 1
    threads: int = 1

    def as_json(self) -> dict[str, Any]:
        """It is part of the keys of kept results, too."""
        return {
            "seeds": list(range(self.seeds)),
            "own_pictures": self.pictures,
            "scored_pictures": self.scored,
            "steps": self.steps,
            "batch": self.batch,
            "learning_rate": self.learning_rate or "the paper's: 1e-3 for l = 0, else 1e-4",
            "quick": self.quick,
        }


def options(command: Callable[[Setting], None]) -> click.Command:
    """Makes a command of a function that takes a Setting."""

    def run(
        data: Path,
        weights: Path | None,
        pictures: int,
        scored: int,
        steps: int,
        batch: int,
        learning_rate: float | None,
        jobs: int,
        out: Path,
        seeds: int,
        threads: int,
        quick: bool,
    ) -> None:
        import torch

        from edge.codecs.weights import shipped_folder

        torch.set_num_threads(threads)
        if quick:
            seeds, pictures, scored = 1, min(pictures, QUICK_PICTURES), min(scored, QUICK_SCORED)
            steps = min(steps, QUICK_STEPS)
        out.mkdir(parents=True, exist_ok=True)
        folder = weights or shipped_folder()
        own = (data, folder, pictures, scored, steps, batch, learning_rate, jobs, threads)
        command(Setting(*own, out=out, seeds=seeds, quick=quick))

    own = (
        click.option("--data", type=FOLDER, required=True, help="Folder with mnist.npz and cifar10_25k.npz."),
        click.option("--weights", type=FOLDER, help="Folder with slf-*.safetensors; else those of the package."),
        click.option("--pictures", type=click.IntRange(32), default=4000, show_default=True, help="To train with."),
        click.option("--scored", type=click.IntRange(10, 5000), default=1000, show_default=True, help="To score."),
        click.option("--steps", type=click.IntRange(1), default=400, show_default=True, help="Of an alignment."),
        click.option("--batch", type=click.IntRange(1), default=16, show_default=True, help="Of an alignment."),
        click.option("--learning-rate", type=float, help="Of an alignment; else the paper's."),
        click.option("--jobs", type=click.IntRange(1, 8), default=1, show_default=True, help="Processes at once."),
    )
    return as_command(command, run, own)
