"""What every figure's command is told, and the options that tell it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from tools.ftsc.cells import Cells

FOLDER = click.Path(path_type=Path, file_okay=False)
QUICK_STEPS, QUICK_PICTURES, QUICK_SCORED = 4, 128, 64


@dataclass(frozen=True)
class Setting:
    """data, weights, out: folders. pictures: of the tx's own, to train with. scored: pictures to send and score.

    seeds: how many. steps, batch, learning_rate (None: the paper's): of an alignment. jobs: processes side by side.
    quick: few of everything, to try the machinery; such results say so.
    """

    data: Path
    weights: Path
    out: Path
    seeds: int = 3
    pictures: int = 4000
    scored: int = 1000
    steps: int = 400
    batch: int = 16
    learning_rate: float | None = None
    jobs: int = 1
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

    def as_json(self) -> dict[str, Any]:
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
        out: Path,
        seeds: int,
        pictures: int,
        scored: int,
        steps: int,
        batch: int,
        learning_rate: float | None,
        jobs: int,
        threads: int,
        quick: bool,
    ) -> None:
        import torch

        from edge.codecs.weights import shipped_folder

        torch.set_num_threads(threads)
        if quick:
            seeds, pictures, scored = 1, min(pictures, QUICK_PICTURES), min(scored, QUICK_SCORED)
            steps = min(steps, QUICK_STEPS)
        folder = shipped_folder() if weights is None else weights
        out.mkdir(parents=True, exist_ok=True)
        chosen = Setting(data, folder, out, seeds, pictures, scored, steps, batch, learning_rate, jobs, threads, quick)
        command(chosen)

    decorators = [
        click.option("--data", type=FOLDER, required=True, help="Folder with mnist.npz and cifar10_25k.npz."),
        click.option("--weights", type=FOLDER, help="Folder with slf-*.safetensors; else those of the package."),
        click.option("--out", type=FOLDER, required=True, help="Results; also what an interrupted run goes on from."),
        click.option("--seeds", type=click.IntRange(1), default=3, show_default=True),
        click.option("--pictures", type=click.IntRange(32), default=4000, show_default=True, help="To train with."),
        click.option("--scored", type=click.IntRange(10, 5000), default=1000, show_default=True, help="To score."),
        click.option("--steps", type=click.IntRange(1), default=400, show_default=True, help="Of an alignment."),
        click.option("--batch", type=click.IntRange(1), default=16, show_default=True, help="Of an alignment."),
        click.option("--learning-rate", type=float, help="Of an alignment; else the paper's."),
        click.option("--jobs", type=click.IntRange(1, 8), default=1, show_default=True, help="Processes at once."),
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of each process."),
        click.option("--quick", is_flag=True, help="One seed, few steps and pictures: tries the machinery."),
    ]
    wrapped: Callable[..., Any] = run
    for decorate in reversed(decorators):
        wrapped = decorate(wrapped)
    module = sys.modules[command.__module__]
    return click.command(name=command.__name__, help=(module.__doc__ or "").split("\n")[0])(wrapped)
