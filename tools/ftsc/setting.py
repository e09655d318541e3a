"""What every figure's command is told beside what all papers' are, and the options that tell it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tools.figures.setting import FOLDER, FigureSetting, as_command

QUICK_STEPS, QUICK_PICTURES = 20, 4


@dataclass(frozen=True)
class Setting(FigureSetting):
    """data, weights: folders. pictures: how many of a set's evaluation part are scored.

    steps, batch: of a fine-tuning, on whole pictures. basic_steps: of training from scratch (Table II).
    """

    data: Path
    weights: Path
    pictures: int = 24
    steps: int = 120
    batch: int = 1
    basic_steps: int = 400

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
        pictures: int,
        steps: int,
        batch: int,
        basic_steps: int,
        out: Path,
        seeds: int,
        threads: int,
        quick: bool,
    ) -> None:
        import torch

        torch.set_num_threads(threads)
        if quick:
            seeds, pictures = 1, min(pictures, QUICK_PICTURES)
            steps, basic_steps = min(steps, QUICK_STEPS), min(basic_steps, QUICK_STEPS)
        out.mkdir(parents=True, exist_ok=True)
        command(Setting(data, weights, pictures, steps, batch, basic_steps, out=out, seeds=seeds, quick=quick))

    own = (
        click.option("--data", type=FOLDER, required=True, help="Folder with the image sets."),
        click.option("--weights", type=FOLDER, required=True, help="Folder with the pretrained .safetensors files."),
        click.option("--pictures", type=click.IntRange(1, 48), default=24, show_default=True, help="Scored in a set."),
        click.option("--steps", type=click.IntRange(1), default=120, show_default=True, help="Of a fine-tuning."),
        click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Of a fine-tuning."),
        click.option("--basic-steps", type=click.IntRange(1), default=400, show_default=True, help="Of 'Basic'."),
    )
    return as_command(command, run, own)
