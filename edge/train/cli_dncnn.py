"""`edge-codec train dncnn`: the command line of edge.train.dncnn. Torch is imported when it runs."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import click

from edge.adapt.errors import AdaptError
from edge.codec_cli_shared import EXISTING, bad_input
from edge.codecs.contract import CodecError
from edge.train.cli import kept


@click.command("dncnn")
@click.option("--data", "sources", type=EXISTING, multiple=True, required=True, help="Pictures.")
@click.option("--codec", default="vqvae2", show_default=True, help="Whose latents to denoise.")
@click.option("--set", "options", multiple=True, metavar="NAME=VALUE", help="A codec option, such as scale=4.")
@click.option("--hold-out", type=click.IntRange(2), help="Leave every N-th picture of each source out of training.")
@click.option("--resize", type=click.IntRange(16, 4096), help="Scale each picture's middle square to this side first.")
@click.option("--lowest-snr-db", type=float, default=0.0, show_default=True, help="Feature noise: least SNR.")
@click.option("--highest-snr-db", type=float, default=20.0, show_default=True, help="Feature noise: greatest SNR.")
@click.option("--crop", type=click.IntRange(16), default=128, show_default=True, help="Side of a crop, pixels.")
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Crops a step.")
@click.option("--steps", type=click.IntRange(1), default=1500, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--out", type=EXISTING, required=True, help="The weight file to write.")
def train_dncnn(
    sources: tuple[Path, ...],
    codec: str,
    options: tuple[str, ...],
    hold_out: int | None,
    resize: int | None,
    lowest_snr_db: float,
    highest_snr_db: float,
    crop: int,
    batch: int,
    steps: int,
    learning_rate: float,
    seed: int,
    out: Path,
) -> None:
    """Train the denoisers of LSDFT on a codec's latent maps."""
    from edge import images
    from edge.adapt.lessons import adaptable
    from edge.codecs import registry
    from edge.codecs.contract import Half
    from edge.train.dncnn import DnCNNSchedule, DnCNNTrainer, export_dncnn
    from edge.train.export import data_set

    with bad_input(AdaptError, ValueError, FloatingPointError):
        opened = registry.load(codec).open(_pairs(options), Half.BOTH)
        groups = [kept(images.read(source, "train"), hold_out) for source in sources]
        schedule = DnCNNSchedule(
            steps=steps,
            batch=batch,
            crop=crop,
            learning_rate=learning_rate,
            lowest_snr_db=lowest_snr_db,
            highest_snr_db=highest_snr_db,
            seed=seed,
        )
        trainer = DnCNNTrainer(adaptable(opened), schedule, groups, resize)
        errors: list[float] = []

        def on_progress(step: int, error: float) -> None:
            errors.append(error)
            click.echo(f"step {step}/{steps}  error {error:.5f}", err=True)

        trainer.run(on_progress)
    split = "train" if hold_out is None else f"train, all but every {hold_out}th"
    learned_from = [data_set(source, split, group) for source, group in zip(sources, groups, strict=True)]
    export_dncnn(trainer, out, opened.describe(), _command(), learned_from, errors[-1])
    click.echo(f"{out.name}: {out.stat().st_size:,} bytes")


def _pairs(options: tuple[str, ...]) -> dict[str, str]:
    for option in options:
        if "=" not in option:
            raise CodecError(f"--set {option}: must be NAME=VALUE")
    return dict(option.split("=", 1) for option in options)


def _command() -> str:
    """How it was called, without machine-specific folders."""
    words = [re.sub(r"(^|=)[^=]*/", r"\1", word) for word in sys.argv[1:]]
    return shlex.join(["edge-codec", *words])
