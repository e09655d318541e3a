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


@dataclass(frozen=True)
class Setting:
    """data, weights, out: folders. pictures: how many of a set's evaluation part are scored. seeds: how many.

    steps, batch: of a fine-tuning, on whole pictures. basic_steps: of training from scratch (Table II). quick: few of
    everything, to try the machinery; such results say so.
    """

    data: Path
    weights: Path
    out: Path
    seeds: int = 3
    pictures: int = 24
    steps: int = 120
    batch: int = 1
    basic_steps: int = 400
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
            "pictures": self.pictures,
            "fine_tuning_steps": self.steps,
            "fine_tuning_batch": self.batch,
            "basic_steps": self.basic_steps,
            "quick": self.quick,
        }


def options(command: Callable[[Setting], None]) -> click.Command:
    """Makes a command of a function that takes a Setting."""

    def run(
        data: Path,
        weights: Path,
        out: Path,
        seeds: int,
        pictures: int,
        steps: int,
        batch: int,
        basic_steps: int,
        threads: int,
        quick: bool,
    ) -> None:
        import torch

        torch.set_num_threads(threads)
        if quick:
            seeds, pictures, steps, basic_steps = 1, min(pictures, 4), min(steps, 20), min(basic_steps, 20)
        chosen = Setting(data, weights, out, seeds, pictures, steps, batch, basic_steps, threads, quick)
        out.mkdir(parents=True, exist_ok=True)
        command(chosen)

    decorators = [
        click.option("--data", type=FOLDER, required=True, help="Folder with the image sets."),
        click.option("--weights", type=FOLDER, required=True, help="Folder with the pretrained .safetensors files."),
        click.option("--out", type=FOLDER, required=True, help="Results; also what an interrupted run goes on from."),
        click.option("--seeds", type=click.IntRange(1), default=3, show_default=True),
        click.option("--pictures", type=click.IntRange(1, 48), default=24, show_default=True, help="Scored in a set."),
        click.option("--steps", type=click.IntRange(1), default=120, show_default=True, help="Of a fine-tuning."),
        click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Of a fine-tuning."),
        click.option("--basic-steps", type=click.IntRange(1), default=400, show_default=True, help="Of 'Basic'."),
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True),
        click.option("--quick", is_flag=True, help="One seed, four pictures, 20 steps: tries the machinery."),
    ]
    wrapped: Callable[..., Any] = run
    for decorate in reversed(decorators):
        wrapped = decorate(wrapped)
    module = sys.modules[command.__module__]
    return click.command(name=command.__name__, help=(module.__doc__ or "").split("\n")[0])(wrapped)
