"""`edge-codec train smrc`: the command line of edge.train.smrc. Torch is imported when it runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.codec_cli_shared import EXISTING, BadInput, bad_input, json_flag
from edge.images import Named
from edge.train.cli import command_line, to_the_end

if TYPE_CHECKING:
    from edge.train.smrc import LabelledPictures, SmrcLearner
    from edge.train.smrc_heads import Heads

SCORED_AT_DB = (0.0, 3.0, 6.0, 9.0, 12.0)
MOST_SCORED = 1000  # one by one, over a perfect link


@click.command("smrc")
@click.option(
    "--data", "sources", type=EXISTING, multiple=True, required=True, help="Labelled pictures; of a .npz: train_x."
)
@click.option("--side", type=click.IntRange(4, 256), help="Pad pictures to this side (default: the first one's).")
@click.option("--layers", type=click.IntRange(1, 16), default=2, show_default=True, help="L, one head a layer.")
@click.option("--symbols", type=click.IntRange(1, 4096), default=20, show_default=True, help="Complex, a head.")
@click.option("--alpha", type=float, default=0.9, show_default=True, help="1: reconstruction, 0: semantics.")
@click.option(
    "--heads", "heads_file", type=EXISTING, help="YAML, instead of these three: see edge/train/smrc_heads.py."
)
@click.option("--channels", type=click.IntRange(4, 1024), default=24, show_default=True, help="Filters.")
@click.option("--weighing", is_flag=True, help="Decoders of several sub-blocks weigh them by their noise.")
@click.option("--snr-db", type=(float, float), default=(0.0, 15.0), show_default=True, help="Lowest, highest Es/N0.")
@click.option("--k-factor", type=float, help="Rician block fading of every packet; 0: Rayleigh (default: AWGN).")
@click.option("--semantic-scale", type=float, default=0.01, show_default=True, help="Cross-entropy against the MSE.")
@click.option("--from", "start", type=EXISTING, help="Weights to begin from: whatever fits (default: random ones).")
@click.option("--raw-steps", type=click.IntRange(0), default=500, show_default=True, help="Extractors on raw pictures.")
@click.option("--codec-steps", type=click.IntRange(1), default=900, show_default=True, help="Of the codec's turn.")
@click.option("--extractor-steps", type=click.IntRange(1), default=100, show_default=True, help="Of the extractors'.")
@click.option("--alike", is_flag=True, help="All heads' extractors begin as the first one's.")
@click.option("--batch", type=click.IntRange(1), default=32, show_default=True, help="Pictures a step.")
@click.option("--steps", type=click.IntRange(1), default=8000, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=4e-3, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: as torch decides).")
@click.option("--checkpoint", type=EXISTING, help="Saved every minute, at the end and on Ctrl-C; resumed from.")
@click.option("--evaluate", "test_source", type=EXISTING, help="Labelled pictures to score; figures go into the file.")
@click.option("--out", type=EXISTING, required=True, help="The .safetensors file to write.")
@json_flag
@click.pass_context
def train_smrc(
    context: click.Context,
    sources: tuple[Path, ...],
    side: int | None,
    layers: int,
    symbols: int,
    alpha: float,
    heads_file: Path | None,
    channels: int,
    weighing: bool,
    snr_db: tuple[float, float],
    k_factor: float | None,
    semantic_scale: float,
    start: Path | None,
    raw_steps: int,
    codec_steps: int,
    extractor_steps: int,
    alike: bool,
    batch: int,
    steps: int,
    learning_rate: float,
    seed: int,
    threads: int | None,
    checkpoint: Path | None,
    test_source: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Train SMRC's codec and extractors in turns. A checkpoint at the last step is only exported.

    The single-head upper bound is `--layers 1` with the symbols of all layers.
    """
    import torch
    from rich.console import Console

    from edge.codecs import weights
    from edge.codecs.smrc_network import SmrcShape
    from edge.train.export import data_set, export
    from edge.train.loop import Schedule
    from edge.train.smrc import Air, SmrcLearner, SmrcTrainer, Turns

    if out.suffix != ".safetensors":
        raise BadInput(f"--out: must end in .safetensors, got '{out.name}'; rename it")
    if threads is not None:
        torch.set_num_threads(threads)
    with bad_input(ValueError, FloatingPointError):
        groups, test = _pictures(sources, test_source)
        pictures = _batches(groups, side, seed)
        heads, goals = _heads(heads_file, layers, symbols, alpha, pictures.classes)
        shape = SmrcShape(pictures.side, pictures.colours, channels, pictures.classes, heads, weighing)
        learner = SmrcLearner(shape, goals, seed, Air(*snr_db, k_factor), semantic_scale)
        if start is not None:
            learner.begin_from(weights.read_tensors(start, ("",)), start.name)
        if alike:
            learner.make_extractors_alike()
        schedule = Schedule(steps, batch, shape.side, learning_rate, seed=seed)
        trainer = SmrcTrainer(learner, schedule, pictures, Turns(raw_steps, codec_steps, extractor_steps))
        if checkpoint is not None and checkpoint.exists():
            trainer.load(checkpoint)
        finished = to_the_end(trainer, checkpoint, Console(stderr=True))
    if not finished:
        click.echo(f"Stopped at step {trainer.step} of {steps}.", err=True)
        context.exit(130)
    sets = [data_set(source, "train", group) for source, group in zip(sources, groups, strict=True)]
    with bad_input(ValueError):
        scored = _padded(test, shape.side)
        scored_on = None if test_source is None else data_set(test_source, "test", scored[:MOST_SCORED])
        metadata = export(trainer, out, command_line(context), sets, scored_on, scored[:MOST_SCORED])
        if scored:
            metadata |= _score_on_air(out, scored, learner, seed)
    _tell(out, metadata, as_json)


def _pictures(sources: Sequence[Path], test_source: Path | None) -> tuple[list[list[Named]], list[Named]]:
    """What to learn from, by source, and what to score."""
    from edge import images

    groups = [list(images.read(source, split="train")) for source in sources]
    return groups, [] if test_source is None else list(images.read(test_source))


def _batches(groups: Sequence[Sequence[Named]], side: int | None, seed: int) -> LabelledPictures:
    from edge.images import ImageError
    from edge.train.smrc import LabelledPictures

    if not groups[0]:
        raise ImageError("training data: there is no picture in it; give a source that has some")
    return LabelledPictures(groups, side or max(groups[0][0].pixels.shape[:2]), seed)


def _heads(heads_file: Path | None, layers: int, symbols: int, alpha: float, classes: int) -> Heads:
    from edge.codecs.smrc_network import equal_heads
    from edge.train.smrc_heads import read_heads
    from edge.train.smrc_loss import HeadGoal

    if heads_file is not None:
        return read_heads(heads_file, classes)
    return equal_heads(layers, symbols, classes), tuple(HeadGoal(alpha) for _ in range(layers))


def _padded(pictures: Sequence[Named], side: int) -> list[Named]:
    from edge.images import padded

    return [Named(one.name, padded(one.pixels, side, one.name), one.label) for one in pictures]


def _score_on_air(out: Path, test: Sequence[Named], learner: SmrcLearner, seed: int) -> dict[str, str]:
    """Sends the test pictures with the file's weights at the SNRs of Fig. 7; notes the curve in the file."""
    import numpy as np

    from edge.codecs import weights
    from edge.codecs.contract import Half
    from edge.codecs.smrc import Smrc
    from edge.train.slf_classifier import labelled
    from edge.train.smrc_score import score

    codec = Smrc.open({"weights": str(out)}, Half.BOTH)
    assert codec.transmitter is not None  # Half.BOTH
    assert codec.receiver is not None
    (labels,) = labelled([test])
    pictures = np.stack([one.pixels for one in test])
    curve = []
    for snr_db in SCORED_AT_DB:
        snrs = [snr_db] * len(codec.shape.heads)
        scores = score(codec.transmitter, codec.receiver, pictures, labels, snrs, seed, learner.air.k_factor)
        curve.append({"snr_db": snr_db, "heads": [one.as_json() for one in scores]})
    noted = {"air_metrics": json.dumps({"pictures": len(test), "seed": seed, "curve": curve})}
    weights.write(out, weights.read_tensors(out, ("",)), weights.read_metadata(out) | noted)
    return noted


def _tell(out: Path, metadata: dict[str, str], as_json: bool) -> None:
    from edge.codecs import weights

    told: dict[str, Any] = {"out": str(out), "size_bytes": out.stat().st_size} | weights.described(metadata)
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(str(out))
    for point in told.get("air_metrics", {}).get("curve", ()):
        heads = ", ".join(f"{one['psnr_db']:.2f} dB {100 * one['accuracy']:.1f} %" for one in point["heads"])
        click.echo(f"  {point['snr_db']:g} dB: {heads}")
