"""`edge-codec train dncnn`: the command line of edge.train.dncnn. Torch is imported when it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from edge.adapt.errors import AdaptError
from edge.codec_cli_shared import EXISTING, BadInput, bad_input, json_flag
from edge.codecs.contract import CodecError
from edge.train.cli import command_line, kept, pictures_to_score


@click.command("dncnn")
@click.option("--data", "sources", type=EXISTING, multiple=True, required=True, help="Pictures to learn from.")
@click.option("--codec", default="vqvae2", show_default=True, help="Whose latents to denoise.")
@click.option("--set", "options", multiple=True, metavar="NAME=VALUE", help="A codec option, such as scale=4.")
@click.option("--hold-out", type=click.IntRange(2), help="Leave every N-th picture of each source out of training.")
@click.option("--resize", type=click.IntRange(16, 4096), help="Scale each picture's middle square to this side.")
@click.option("--lowest-snr-db", type=float, default=0.0, show_default=True, help="Feature noise: least SNR.")
@click.option("--highest-snr-db", type=float, default=20.0, show_default=True, help="Feature noise: greatest SNR.")
@click.option("--crop", type=click.IntRange(16), default=128, show_default=True, help="Side of a training crop.")
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Crops a step.")
@click.option("--steps", type=click.IntRange(1), default=1500, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: as torch decides).")
@click.option("--evaluate", "test_source", type=EXISTING, help="Pictures to score; figures go into the file.")
@click.option("--evaluate-resize", type=click.IntRange(16, 4096), help="Scale their middle squares to this side.")
@click.option("--evaluate-crop", type=click.IntRange(0), default=256, show_default=True, help="0: whole pictures.")
@click.option("--out", type=EXISTING, required=True, help="The .safetensors file to write.")
@json_flag
@click.pass_context
def train_dncnn(
    context: click.Context,
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
    threads: int | None,
    test_source: Path | None,
    evaluate_resize: int | None,
    evaluate_crop: int,
    out: Path,
    as_json: bool,
) -> None:
    """Train the denoisers of LSDFT on a codec's latent maps."""
    import torch

    from edge import images
    from edge.adapt.lessons import adaptable
    from edge.codecs import registry
    from edge.codecs.contract import Half
    from edge.train.dncnn import DnCNNSchedule, DnCNNTrainer, export_dncnn
    from edge.train.dncnn_score import score
    from edge.train.export import data_set

    if out.suffix != ".safetensors":
        raise BadInput(f"--out: must end in .safetensors, got '{out.name}'; rename it")
    if threads is not None:
        torch.set_num_threads(threads)
    with bad_input(AdaptError, ValueError, FloatingPointError):
        opened = registry.load(codec).open(_pairs(options), Half.BOTH)
        learned_from = [(source, kept(images.read(source, split="train"), hold_out)) for source in sources]
        test = pictures_to_score(test_source, evaluate_resize, evaluate_crop)
        for picture in test:
            opened.check_image(*picture.pixels.shape[:2])
        schedule = DnCNNSchedule(
            steps=steps,
            batch=batch,
            crop=crop,
            learning_rate=learning_rate,
            lowest_snr_db=lowest_snr_db,
            highest_snr_db=highest_snr_db,
            seed=seed,
        )
        trainer = DnCNNTrainer(adaptable(opened), schedule, [found for _, found in learned_from], resize)
        trainer.run(lambda step, error: click.echo(f"step {step}/{steps}  error {error:.5f}", err=True))
    measured: dict[str, Any] | None = None
    if test_source is not None:
        on = data_set(test_source, "test", test) | {"resize": evaluate_resize, "crop": evaluate_crop}
        snrs_db = [lowest_snr_db, (lowest_snr_db + highest_snr_db) / 2, highest_snr_db]
        measured = {"on": on, "at": score(trainer.codec, trainer.denoisers, test, snrs_db, seed)}
    held = {"hold_out": hold_out, "resize": resize}
    sets = [data_set(source, "train", found) | held for source, found in learned_from]
    metadata = export_dncnn(trainer, out, opened.describe(), command_line(context), sets, measured)
    _tell(out, metadata, as_json)


def _pairs(options: tuple[str, ...]) -> dict[str, str]:
    for option in options:
        if "=" not in option:
            raise CodecError(f"--set {option}: must be NAME=VALUE")
    return dict(option.split("=", 1) for option in options)


def _tell(out: Path, metadata: dict[str, str], as_json: bool) -> None:
    from edge.codecs import weights

    told: dict[str, Any] = {"out": str(out), "size_bytes": out.stat().st_size} | weights.described(metadata)
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    scored = told.get("metrics")
    lines = [] if scored is None else [f"on {scored['on']['name']}"]
    for at in scored["at"] if scored is not None else []:
        lines.append(f"{at['snr_db']:g} dB: {at['psnr_db']:.2f} dB (requantised alone {at['psnr_requantized_db']:.2f})")
    click.echo(f"{out}: {'; '.join(lines) or 'no metrics'}")
