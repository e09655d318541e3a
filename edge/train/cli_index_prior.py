"""`edge-codec train index-prior`: the prior that VQ-VAE-2's option `entropy=prior` codes with.

Only the command line is here; torch is imported when the verb runs.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.codec_cli_shared import EXISTING, BadInput, bad_input, json_flag
from edge.train.cli import command_line, kept, pictures_to_score

if TYPE_CHECKING:
    from edge.images import Named
    from edge.train.index_prior import PriorTrainer

SCALES = click.Choice(["2", "4", "8", "16"])
LOG_EVERY = 100  # steps


@click.command("index-prior")
@click.option("--data", "sources", type=EXISTING, multiple=True, required=True, help="Pictures to learn from.")
@click.option("--hold-out", type=click.IntRange(2), help="Leave every N-th picture of each source out of training.")
@click.option("--resize", type=click.IntRange(16, 4096), help="Scale each picture's middle square to this side.")
@click.option("--crop", type=click.IntRange(32), default=256, show_default=True, help="Side of a training crop.")
@click.option("--pictures", type=click.IntRange(1), default=1200, show_default=True, help="Crops to encode first.")
@click.option("--weights", "codec_weights", type=EXISTING, help="The codec's (default: the shipped ones).")
@click.option("--scale", type=SCALES, default="4", show_default=True, help="The codec's.")
@click.option("--top-scale", type=SCALES, default="2", show_default=True, help="The codec's.")
@click.option("--steps", type=click.IntRange(1), default=2000, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=1536, show_default=True, help="Bottom positions a step.")
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=2e-3, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: as torch decides).")
@click.option("--evaluate", "test_source", type=EXISTING, help="Pictures to measure the rate on, by real coding.")
@click.option("--evaluate-resize", type=click.IntRange(16, 4096), help="Scale their middle squares to this side.")
@click.option("--evaluate-crop", type=click.IntRange(0), default=256, show_default=True, help="0: whole pictures.")
@click.option("--out", type=EXISTING, required=True, help="The .safetensors file to write.")
@json_flag
@click.pass_context
def train_index_prior(
    context: click.Context,
    sources: tuple[Path, ...],
    hold_out: int | None,
    resize: int | None,
    crop: int,
    pictures: int,
    codec_weights: Path | None,
    scale: str,
    top_scale: str,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    threads: int | None,
    test_source: Path | None,
    evaluate_resize: int | None,
    evaluate_crop: int,
    out: Path,
    as_json: bool,
) -> None:
    """Train the prior over VQ-VAE-2's indices that `--set entropy=prior` codes with."""
    import torch

    from edge import images
    from edge.codecs import index_prior as prior_network
    from edge.codecs.contract import Half
    from edge.codecs.vqvae2 import VQVAE2
    from edge.train import crops as crops_module
    from edge.train import index_prior
    from edge.train.crops import RandomCrops
    from edge.train.export import code_version, data_set
    from edge.train.index_prior import PriorSchedule, PriorTrainer, export_prior, index_maps

    if out.suffix != ".safetensors":
        raise BadInput(f"--out: must end in .safetensors, got '{out.name}'; rename it")
    if threads is not None:
        torch.set_num_threads(threads)
    options = {"scale": scale, "top_scale": top_scale} | ({"weights": str(codec_weights)} if codec_weights else {})
    with bad_input(ValueError):
        codec = VQVAE2.open(options, Half.ENCODER)
        if crop % codec.shape.multiple:
            raise BadInput(
                f"--crop: must be a multiple of {codec.shape.multiple} for this codec, got {crop}; change it"
            )
        learned_from = [(source, kept(images.read(source, split="train"), hold_out)) for source in sources]
        test = pictures_to_score(test_source, evaluate_resize, evaluate_crop)
        crops = RandomCrops([found for _, found in learned_from], crop, seed, resize)
        schedule = PriorSchedule(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
        click.echo(f"encoding {pictures} crops", err=True)
        trainer = PriorTrainer(codec, index_maps(codec, crops, pictures, seed), schedule)
    with bad_input(FloatingPointError):
        _run(trainer)
    held = {"hold_out": hold_out}
    metadata = {
        "codec": json.dumps({"options": dict(codec.describe().options), "knowledge": codec.describe().knowledge}),
        "schedule": json.dumps(asdict(schedule) | {"pictures": pictures, "crop": crop, "resize": resize}),
        "seed": str(seed),
        "data_sets": json.dumps([data_set(source, "train", found) | held for source, found in learned_from]),
        "command": command_line(context),
        "code_version": json.dumps(code_version(crops_module, index_prior, prior_network)),
    }
    export_prior(trainer, out, metadata)
    if test:
        assert test_source is not None
        sizes = {"resize": evaluate_resize, "crop": evaluate_crop}
        with bad_input():
            measured = {"on": data_set(test_source, "test", test) | sizes} | _measured(options, out, test)
        metadata = export_prior(trainer, out, metadata | {"metrics": json.dumps(measured)})
    _tell(out, metadata, as_json)


def _run(trainer: PriorTrainer) -> None:
    recent: list[float] = []

    def on_progress(step: int, bits: float) -> None:
        recent.append(bits)
        if step % LOG_EVERY == 0 or step == trainer.schedule.steps:
            mean = sum(recent) / len(recent)
            click.echo(f"step {step}/{trainer.schedule.steps} {mean:.3f} bits an index", err=True)
            recent.clear()

    trainer.run(on_progress)


def _measured(options: dict[str, str], prior: Path, pictures: list[Named]) -> dict[str, Any]:
    """Rate and quality through both halves, every byte counted."""
    from edge import metrics
    from edge.codecs import evaluation
    from edge.codecs.contract import Half
    from edge.codecs.vqvae2 import VQVAE2

    coded = options | {"entropy": "prior", "prior": str(prior)}
    sender, receiver = VQVAE2.open(coded, Half.ENCODER), VQVAE2.open(coded, Half.DECODER)
    mean = evaluation.mean(list(evaluation.evaluate(sender, receiver, pictures)))
    plain = VQVAE2.open(options, Half.ENCODER)
    indices = sum(segment.values.size for picture in pictures for segment in plain.encode(picture.pixels))
    return {
        "psnr_db": metrics.json_number(round(mean.psnr_db, 3)),
        "ssim": round(mean.ssim, 4),
        "rho": mean.rho,
        "size_bits": mean.size_bits,
        "bits_per_index": round(mean.size_bits * len(pictures) / indices, 3),
    }


def _tell(out: Path, metadata: dict[str, str], as_json: bool) -> None:
    from edge.codecs import weights

    told: dict[str, Any] = {"out": str(out), "size_bytes": out.stat().st_size} | weights.described(metadata)
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    scored = told.get("metrics")
    rate = f"{scored['bits_per_index']} bits an index on {scored['on']['name']}" if scored else "no metrics"
    click.echo(f"{out}: {rate}")
