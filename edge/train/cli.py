"""`edge-codec train`: one verb a codec. What they have in common is in `run_options` and `run`.

Only the command line is here; torch is imported when a verb runs, so that --help and completion stay quick.
"""

from __future__ import annotations

import functools
import math
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from edge.codec_cli_shared import EXISTING, BadInput, bad_input, in_short, json_flag
from edge.images import Named

if TYPE_CHECKING:
    from rich.console import Console

    from edge.train.impairment import Impairment
    from edge.train.loop import Learner, Trainer

LOG_EVERY = 100  # steps


@dataclass(frozen=True)
class Run:
    """The options that every training verb has, as given."""

    sources: tuple[Path, ...]
    hold_out: int | None
    resize: int | None
    crop: int
    start: Path | None
    image_snr_db: float | None
    batch: int
    steps: int
    learning_rate: float
    seed: int
    threads: int | None
    checkpoint: Path | None
    test_source: Path | None
    evaluate_crop: int
    evaluate_resize: int | None
    out: Path
    as_json: bool


OPTIONS = (
    click.option("--data", "sources", type=EXISTING, multiple=True, required=True, help="Pictures to learn from."),
    click.option("--hold-out", type=click.IntRange(2), help="Leave every N-th picture of each source out of training."),
    click.option("--resize", type=click.IntRange(16, 4096), help="Scale each picture's middle square to this side."),
    click.option("--crop", type=click.IntRange(16), default=64, show_default=True, help="Side of a training crop."),
    click.option("--from", "start", type=EXISTING, help="Weights to begin from: whatever fits (default: random ones)."),
    click.option("--image-snr-db", type=float, help="Denoising training: noise on the picture."),
    click.option("--batch", type=click.IntRange(1), default=16, show_default=True, help="Crops a step."),
    click.option("--steps", type=click.IntRange(1), default=4000, show_default=True),
    click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option("--threads", type=click.IntRange(1), help="CPU threads (default: as torch decides)."),
    click.option("--checkpoint", type=EXISTING, help="Saved every minute, at the end and on Ctrl-C; resumed from."),
    click.option("--evaluate", "test_source", type=EXISTING, help="Pictures to score; figures go into the file."),
    click.option("--evaluate-resize", type=click.IntRange(16, 4096), help="Scale their middle squares to this side."),
    click.option("--evaluate-crop", type=click.IntRange(0), default=256, show_default=True, help="0: whole pictures."),
    click.option("--out", type=EXISTING, required=True, help="The .safetensors file to write."),
    json_flag,
)
feature_noise = click.option("--feature-snr-db", type=float, help="Denoising training: noise on the latent maps.")
index_noise = click.option("--index-ber", type=click.FloatRange(0, 0.5), help="Denoising training: index bit errors.")
scale = click.option("--scale", type=click.Choice(["2", "4", "8", "16"]), default="4", show_default=True)
filters = click.IntRange(4, 1024)
channels = click.option("--channels", type=filters, default=64, show_default=True, help="Filters at the map.")
fine_channels = click.option("--fine-channels", type=filters, default=32, show_default=True, help="Filters above it.")
blocks = click.option("--blocks", type=click.IntRange(1, 16), default=2, show_default=True, help="Residual blocks.")
entries = click.option("--entries", type=click.IntRange(2, 4096), default=512, show_default=True, help="Codebook size.")


def run_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Adds OPTIONS to a verb, which gets click's context and a Run before its own options."""

    @functools.wraps(verb)
    @click.pass_context
    def command(context: click.Context, /, **given: Any) -> None:
        common = Run(**{field.name: given.pop(field.name) for field in fields(Run)})
        verb(context, common, **given)

    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.group()
def train() -> None:
    """Train a codec offline and write its weights."""


@train.command("vqvae2")
@run_options
@scale
@click.option("--top-scale", type=click.Choice(["2", "4", "8", "16"]), default="2", show_default=True)
@channels
@fine_channels
@blocks
@entries
@click.option("--dimension", type=click.IntRange(1, 512), default=32, show_default=True, help="Of its vectors.")
@feature_noise
@index_noise
def train_vqvae2(
    context: click.Context,
    common: Run,
    scale: str,
    top_scale: str,
    channels: int,
    fine_channels: int,
    blocks: int,
    entries: int,
    dimension: int,
    feature_snr_db: float | None,
    index_ber: float | None,
) -> None:
    """Train VQ-VAE-2 (FTSC, section III). A checkpoint at the last step is only exported."""
    from edge.codecs.vqvae2_network import VQVAE2Shape
    from edge.train.vqvae2 import VQVAE2Learner

    shape = VQVAE2Shape(int(scale), channels, fine_channels, blocks, dimension, entries, int(top_scale))
    noise = _impairment(common, feature_snr_db, index_ber)
    run(context, common, shape.multiple, lambda: VQVAE2Learner(shape, common.seed, noise))


@train.command("vqvae")
@run_options
@scale
@channels
@fine_channels
@blocks
@entries
@click.option("--dimension", type=click.IntRange(1, 512), default=32, show_default=True, help="Of its vectors.")
@feature_noise
@index_noise
def train_vqvae(
    context: click.Context,
    common: Run,
    scale: str,
    channels: int,
    fine_channels: int,
    blocks: int,
    entries: int,
    dimension: int,
    feature_snr_db: float | None,
    index_ber: float | None,
) -> None:
    """Train the single-level VQ-VAE. A checkpoint at the last step is only exported."""
    from edge.codecs.vqvae_network import VQVAEShape
    from edge.train.vqvae import VQVAELearner

    shape = VQVAEShape(int(scale), channels, fine_channels, blocks, dimension, entries)
    noise = _impairment(common, feature_snr_db, index_ber)
    run(context, common, shape.multiple, lambda: VQVAELearner(shape, common.seed, noise))


@train.command("deepjscc")
@run_options
@click.option("--channels", type=click.IntRange(1, 96), default=3, show_default=True, help="c: k/n is c/96.")
@click.option(
    "--network",
    type=click.Choice(["convolutions", "attention"]),
    default="convolutions",
    show_default=True,
    help="Five convolutions a side, or the blocks of Split DeepJSCC's f and g.",
)
@click.option("--filters", type=click.IntRange(4, 512), help="Of the hidden layers (default: 48; attention: 64).")
@click.option("--snr-db", type=float, help="Es/N0 of the AWGN channel to train for (default: no noise).")
def train_deepjscc(
    context: click.Context, common: Run, channels: int, network: str, filters: int | None, snr_db: float | None
) -> None:
    """Train DeepJSCC (Bourtsoulatze et al. 2019). A checkpoint at the last step is only exported."""
    from edge.codecs.deepjscc_attention import AttentionShape
    from edge.codecs.deepjscc_network import DeepJSCCShape
    from edge.train.deepjscc import DeepJSCCLearner

    attention = network == "attention"
    shape = AttentionShape(channels, filters or 64) if attention else DeepJSCCShape(channels, filters or 48)
    noise = _impairment(common)
    run(context, common, shape.multiple, lambda: DeepJSCCLearner(shape, common.seed, snr_db, noise))


@train.command("autoencoder")
@run_options
@scale
@channels
@fine_channels
@blocks
@click.option("--dimension", type=click.IntRange(1, 512), default=6, show_default=True, help="Numbers a position.")
@click.option("--snr-db", type=float, help="Es/N0 of the AWGN channel to train for (default: no noise).")
def train_autoencoder(
    context: click.Context,
    common: Run,
    scale: str,
    channels: int,
    fine_channels: int,
    blocks: int,
    dimension: int,
    snr_db: float | None,
) -> None:
    """Train the continuous-latent autoencoder. A checkpoint at the last step is only exported."""
    from edge.codecs.autoencoder_network import AutoencoderShape
    from edge.train.autoencoder import AutoencoderLearner

    shape = AutoencoderShape(int(scale), channels, fine_channels, blocks, dimension)
    noise = _impairment(common)
    run(context, common, shape.multiple, lambda: AutoencoderLearner(shape, common.seed, snr_db, noise))


def _impairment(common: Run, feature_snr_db: float | None = None, index_ber: float | None = None) -> Impairment:
    from edge.train.impairment import Impairment

    return Impairment(common.image_snr_db, feature_snr_db, index_ber)


def run(context: click.Context, common: Run, multiple: int, build: Callable[[], Learner]) -> None:
    """Trains, exports and scores. multiple: of the crop's side; build: makes the learner, once the input is good."""
    import torch
    from rich.console import Console

    from edge.train.export import data_set, export

    if common.out.suffix != ".safetensors":
        raise BadInput(f"--out: must end in .safetensors, got '{common.out.name}'; rename it")
    if common.crop % multiple:
        raise BadInput(f"--crop: must be a multiple of {multiple} for this network, got {common.crop}; change it")
    if common.threads is not None:
        torch.set_num_threads(common.threads)
    learned_from, test = _pictures(common)
    trainer = _trainer(common, [pictures for _, pictures in learned_from], build)
    with bad_input(FloatingPointError):
        finished = to_the_end(trainer, common.checkpoint, Console(stderr=True))
    if not finished:
        fate = "no --checkpoint, all is lost"
        if common.checkpoint is not None:
            fate = f"{common.checkpoint.name} is saved, the same command goes on"
        click.echo(f"Stopped at step {trainer.step} of {common.steps}; {fate}.", err=True)
        context.exit(130)
    scored_on = None
    if common.test_source is not None:
        sizes = {"resize": common.evaluate_resize, "crop": common.evaluate_crop}
        scored_on = data_set(common.test_source, "test", test) | sizes
    held = {"hold_out": common.hold_out}
    sets = [data_set(source, "train", pictures) | held for source, pictures in learned_from]
    with bad_input():
        metadata = export(trainer, common.out, command_line(context), sets, scored_on, test)
    _tell(common, metadata)


def _pictures(common: Run) -> tuple[list[tuple[Path, list[Named]]], list[Named]]:
    """What to learn from, by source, and what to score."""
    from edge import images

    with bad_input():
        learned_from = [(s, kept(images.read(s, split="train"), common.hold_out)) for s in common.sources]
        return learned_from, pictures_to_score(common.test_source, common.evaluate_resize, common.evaluate_crop)


def pictures_to_score(source: Path | None, resize: int | None, crop: int) -> list[Named]:
    """Those that --evaluate names, as --evaluate-resize and --evaluate-crop ask for them; none without a source."""
    from edge import images
    from edge.codecs import evaluation

    return [] if source is None else list(evaluation.cropped(scaled(images.read(source), resize), crop))


def scaled(pictures: Iterator[Named], side: int | None) -> Iterator[Named]:
    """Each picture's middle square at this side; the pictures as they are when there is none."""
    from edge import images

    for picture in pictures:
        yield picture if side is None else Named(picture.name, images.resized(picture.pixels, side), picture.label)


def kept(pictures: Iterator[Named], hold_out: int | None) -> list[Named]:
    """All but every `hold_out`-th picture (index % hold_out == hold_out - 1): those are for evaluation."""
    return [p for i, p in enumerate(pictures) if hold_out is None or i % hold_out != hold_out - 1]


def _trainer(common: Run, groups: list[list[Named]], build: Callable[[], Learner]) -> Trainer:
    from edge.codecs import weights
    from edge.train.crops import RandomCrops
    from edge.train.loop import Schedule, Trainer

    with bad_input(ValueError):
        learner = build()
        if common.start is not None:
            learner.begin_from(weights.read_tensors(common.start, ("",)), common.start.name)
        schedule = Schedule(
            steps=common.steps,
            batch=common.batch,
            crop=common.crop,
            learning_rate=common.learning_rate,
            seed=common.seed,
        )
        trainer = Trainer(learner, schedule, RandomCrops(groups, common.crop, common.seed, common.resize))
        if common.checkpoint is not None and common.checkpoint.exists():
            trainer.load(common.checkpoint)
    return trainer


def _tell(common: Run, metadata: dict[str, str]) -> None:
    import json

    from edge.codecs import weights

    told = {"out": str(common.out), "size_bytes": common.out.stat().st_size} | weights.described(metadata)
    click.echo(json.dumps(told, indent=2) if common.as_json else f"{common.out}: {in_short(told)}")


class _Stopped(Exception):  # noqa: N818 - a request, not an error
    """Ctrl-C, delivered between two steps, where a checkpoint is whole."""


def to_the_end(trainer: Trainer, checkpoint: Path | None, console: Console) -> bool:
    """Trains to the last step with a progress bar and log lines on stderr. False when Ctrl-C ended it; the checkpoint
    is then exactly that of a run that had paused."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    asked_to_stop = False
    window: list[float] = []

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True

    columns = (TextColumn("step"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    before = signal.signal(signal.SIGINT, stop)
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("train", total=trainer.schedule.steps, completed=trainer.step)

            def on_progress(step: int, mse: float) -> None:
                window.append(mse)
                progress.update(task, completed=step)
                if step % LOG_EVERY == 0 or step == trainer.schedule.steps:
                    quality_db = -10 * math.log10(sum(window) / len(window))
                    stamp = time.strftime("%H:%M:%S")
                    progress.console.print(f"{stamp} step {step}/{trainer.schedule.steps} {quality_db:.2f} dB")
                    window.clear()
                if asked_to_stop:
                    raise _Stopped

            trainer.run(checkpoint, on_progress, every=1)
    except _Stopped:
        if checkpoint is not None:
            trainer.save(checkpoint)
        return False
    finally:
        signal.signal(signal.SIGINT, before)
    return True


def command_line(context: click.Context) -> str:
    """The command line with every option, paths by their base names."""
    words = ["edge-codec", "train", str(context.command.name)]
    for parameter in context.command.params:
        assert parameter.name is not None  # click names every option
        value = context.params[parameter.name]
        if parameter.name == "as_json" or value is None:
            continue
        for one in value if isinstance(value, tuple) else (value,):
            words += [parameter.opts[0], _without_folder(one)]
    return shlex.join(words)


def _without_folder(value: object) -> str:
    """A path by its base name, alone or in a NAME=PATH of --set; anything else as it is."""
    if isinstance(value, Path):
        return value.name
    name, equals, path = str(value).partition("=")
    return f"{name}={Path(path).name}" if equals and "/" in path else str(value)
