"""`edge-codec train split`, `split-estimators` and `channel-mapper`: the command lines of edge.train.split and
edge.train.channel_mapper. Torch is imported when they run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.codec_cli_shared import EXISTING, BadInput, bad_input
from edge.images import Named
from edge.train.cli import Run, pictures_to_score, run, run_options

if TYPE_CHECKING:
    from torch import Tensor

    from edge.train.channel_mapper import ChannelMapperLearner
    from edge.train.split import GradientSettings

ESTIMATORS = ("straight-through", "vimco")
SCORED_AT_DB = (0.0, 5.0, 10.0, 15.0, 20.0)

estimator = click.option("--estimator", type=click.Choice(ESTIMATORS), default=ESTIMATORS[0], show_default=True)
samples = click.option("--samples", type=click.IntRange(2, 1000), default=8, show_default=True, help="J of VIMCO.")
likelihood = click.option(
    "--likelihood-scale", type=click.FloatRange(0, min_open=True), default=0.1, show_default=True, help="Of VIMCO."
)

level_order = click.option(
    "--level-order",
    "order",
    help="Which levels of --from become levels 0, 1, ...: `1,0,2`, say.",
)


def shape_options(verb: Callable[..., None]) -> Callable[..., None]:
    """The size of f and g."""
    width = click.IntRange(4, 1024)
    for option in (
        click.option("--blocks", type=click.IntRange(1, 16), default=2, show_default=True, help="Residual blocks."),
        click.option("--fine-channels", type=width, default=32, show_default=True, help="Filters above the map."),
        click.option("--channels", type=width, default=64, show_default=True, help="Filters at the map."),
        click.option("--shrink", type=click.Choice(["4", "8"]), default="4", show_default=True),
        click.option("--levels", type=click.IntRange(2, 255), default=10, show_default=True, help="N."),
        click.option("--bits", type=click.IntRange(2, 4096), default=40, show_default=True, help="Of a position."),
    ):
        verb = option(verb)
    return verb


def medium_options(verb: Callable[..., None]) -> Callable[..., None]:
    """The levels' bit error rates, eq. (17)."""
    rate = click.FloatRange(0, 0.5, min_open=True)
    for option in (
        click.option("--best-ber", type=rate, default=0.001, show_default=True, help="Of the last level."),
        click.option("--worst-ber", type=rate, default=0.4, show_default=True, help="Of the first level."),
    ):
        verb = option(verb)
    return verb


@click.command("split")
@run_options
@shape_options
@medium_options
@click.option(
    "--lost", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True, help="Level losses."
)
@level_order
@estimator
@samples
@likelihood
def train_split(
    context: click.Context,
    common: Run,
    bits: int,
    levels: int,
    shrink: str,
    channels: int,
    fine_channels: int,
    blocks: int,
    worst_ber: float,
    best_ber: float,
    lost: float,
    order: str | None,
    estimator: str,
    samples: int,
    likelihood_scale: float,
) -> None:
    """Train Split DeepJSCC's f and g over a multi-level medium. A checkpoint at the last step is only exported.

    The file's `metrics` are over a perfect link, its `medium_metrics` over the medium trained for.
    """
    from edge.codecs.split_network import SplitShape
    from edge.train.split import SplitLearner

    _refuse_image_noise(common)
    order_of_levels = _levels(common, order)
    with bad_input(ValueError):
        shape = SplitShape(bits, levels, int(shrink), channels, fine_channels, blocks)
        gradient = _gradient(estimator, samples, likelihood_scale)
    run(
        context,
        common,
        shape.multiple,
        lambda: SplitLearner(shape, common.seed, gradient, worst_ber, best_ber, lost, order_of_levels),
    )
    if common.test_source is not None:
        click.echo(f"{_score_over_medium(common):.2f} dB over its medium", err=common.as_json)


@click.command("channel-mapper")
@run_options
@click.option("--codec", "source", type=EXISTING, help="Weights of `split`, frozen (default: the shipped ones).")
@click.option("--symbols", type=click.IntRange(1, 4096), default=128, show_default=True, help="K, for 32x32.")
@click.option("--snr-db", type=float, default=20.0, show_default=True, help="Es/N0 of the AWGN channel to train for.")
@click.option("--channels", type=click.IntRange(4, 1024), default=128, show_default=True, help="Filters.")
@click.option("--blocks", type=click.IntRange(1, 16), default=2, show_default=True, help="Dense blocks.")
@click.option(
    "--harden",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="Share of the training in which the bits harden from probabilities (straight-through only).",
)
@level_order
@estimator
@samples
@likelihood
def train_channel_mapper(
    context: click.Context,
    common: Run,
    source: Path | None,
    symbols: int,
    snr_db: float,
    channels: int,
    blocks: int,
    harden: float,
    order: str | None,
    estimator: str,
    samples: int,
    likelihood_scale: float,
) -> None:
    """Train Split DeepJSCC's h and q over AWGN behind a frozen f and g. A checkpoint at the last step is only exported.

    --evaluate scores over AWGN at --snr-db, and then at 0, 5, 10, 15 and 20 dB.
    """
    from edge.codecs import network_codec, weights
    from edge.codecs.split import ARCHITECTURE, DEFAULT
    from edge.codecs.split_network import SIDE, SplitShape
    from edge.train.channel_mapper import ChannelMapperLearner
    from emulator.bearers.mapper_network import CELL, MapperShape

    _refuse_image_noise(common)
    order_of_levels = _levels(common, order)
    codec = source or weights.shipped_folder() / f"{DEFAULT}.safetensors"
    with bad_input(ValueError):
        taken = network_codec.read_shape(codec, ARCHITECTURE, SplitShape)
        shape = MapperShape(taken.levels, taken.bits, SIDE // taken.shrink, symbols, channels, blocks)
        gradient = _gradient(estimator, samples, likelihood_scale)
    learner: ChannelMapperLearner | None = None

    def build() -> ChannelMapperLearner:
        nonlocal learner
        learner = ChannelMapperLearner(codec, shape, snr_db, common.seed, gradient, harden, order_of_levels)
        return learner

    run(context, replace(common, test_source=None), CELL * taken.multiple, build)
    if common.test_source is not None and learner is not None:
        click.echo(_score_over_awgn(common, learner), err=common.as_json)


@click.command("split-estimators")
@click.option(
    "--data", "source", type=EXISTING, required=True, help="Pictures: its train part to learn, test to score."
)
@click.option("--seconds", type=click.IntRange(1), default=120, show_default=True, help="CPU time of each estimator.")
@click.option("--every", type=click.IntRange(1), default=15, show_default=True, help="CPU time between two scores.")
@click.option("--limit", type=click.IntRange(1), default=500, show_default=True, help="Pictures to score.")
@click.option("--crop", type=click.IntRange(16), default=32, show_default=True, help="Side of a picture.")
@click.option("--batch", type=click.IntRange(1), default=16, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@shape_options
@medium_options
@samples
@likelihood
@click.option("--out", type=EXISTING, required=True, help="The .json file to write.")
def compare_estimators(
    source: Path,
    seconds: int,
    every: int,
    limit: int,
    crop: int,
    batch: int,
    learning_rate: float,
    seed: int,
    threads: int,
    bits: int,
    levels: int,
    shrink: str,
    channels: int,
    fine_channels: int,
    blocks: int,
    worst_ber: float,
    best_ber: float,
    samples: int,
    likelihood_scale: float,
    out: Path,
) -> None:
    """Train f and g by each estimator for equal CPU time, from the same start; PSNR over the medium as it rises."""
    import torch

    from edge import images
    from edge.codecs import evaluation
    from edge.codecs.split_network import SplitShape
    from edge.train.crops import RandomCrops
    from edge.train.loop import Schedule, Trainer
    from edge.train.split import SplitLearner, rise

    torch.set_num_threads(threads)
    curves: dict[str, list[dict[str, float]]] = {}
    with bad_input(ValueError, FloatingPointError):
        shape = SplitShape(bits, levels, int(shrink), channels, fine_channels, blocks)
        learned_from = list(images.read(source, "train"))
        test = _spread(list(evaluation.cropped(images.read(source), crop)), limit)
        for name in ESTIMATORS:
            learner = SplitLearner(shape, seed, _gradient(name, samples, likelihood_scale), worst_ber, best_ber)
            schedule = Schedule(steps=10**9, batch=batch, crop=crop, learning_rate=learning_rate, seed=seed)
            crops = RandomCrops([learned_from], crop, seed)
            curves[name] = []
            for point in rise(Trainer(learner, schedule, crops), learner, _stacked(test), seconds, every):
                curves[name].append(point._asdict())
                click.echo(f"{name:<16} {point.cpu_s:6.1f} s  step {point.step:>6}  {point.psnr_db:.2f} dB", err=True)
    settings = {
        "samples": samples,
        "likelihood_scale": likelihood_scale,
        "batch": batch,
        "learning_rate": learning_rate,
    }
    out.write_text(json.dumps({"data": source.name, "settings": settings, "curves": curves}, indent=2) + "\n")


def _refuse_image_noise(common: Run) -> None:
    if common.image_snr_db is not None:
        raise BadInput("--image-snr-db: this training has no noise on the picture; leave it out")


def _levels(common: Run, order: str | None) -> tuple[int, ...]:
    if order is None:
        return ()
    if common.start is None:
        raise BadInput("--level-order: orders the levels of weights to begin from; give --from, or leave it out")
    try:
        return tuple(int(level) for level in order.split(","))
    except ValueError:
        raise BadInput(f"--level-order: must be levels with commas between them, got {order!r}; `1,0,2`, say") from None


def _gradient(estimator: str, samples: int, likelihood_scale: float) -> GradientSettings:
    from edge.train.split import ESTIMATORS, GradientSettings

    chosen = ESTIMATORS[0] if estimator == ESTIMATORS[0] else ESTIMATORS[1]
    return GradientSettings(chosen, samples, likelihood_scale)


def _spread(pictures: Sequence[Named], limit: int) -> list[Named]:
    """At most so many, evenly spaced: neighbours in a data set may be of one class."""
    return list(pictures[:: max(1, len(pictures) // limit)])[:limit]


def _stacked(pictures: Sequence[Named]) -> Tensor:
    """[n, 3, H, W] in [0, 1]. Raises BadInput when they differ in size."""
    import numpy as np
    import torch

    sizes = {picture.pixels.shape for picture in pictures}
    if len(sizes) != 1:
        raise BadInput("--evaluate: the pictures differ in size; give --evaluate-crop or --evaluate-resize")
    return torch.from_numpy(np.stack([picture.pixels for picture in pictures])).permute(0, 3, 1, 2).float().div_(255)


def _test_pictures(common: Run) -> list[Named]:
    with bad_input():
        return pictures_to_score(common.test_source, common.evaluate_resize, common.evaluate_crop)


def _score_over_medium(common: Run) -> float:
    """Sends the test pictures over the file's own medium; notes the PSNR in dB in the file."""
    from edge.codecs import weights
    from edge.codecs.contract import Half
    from edge.codecs.split import Split
    from edge.train.split import psnr_over_medium
    from emulator.channels.torch_faces import TorchMultiLevelBSC

    codec = Split.open({"weights": str(common.out)}, Half.BOTH)
    assert codec.transmitter is not None  # Half.BOTH
    assert codec.receiver is not None
    medium = TorchMultiLevelBSC(codec.level_bers)
    pictures = _stacked(_test_pictures(common))
    psnr_db = psnr_over_medium(codec.transmitter, codec.receiver, medium, pictures, common.seed)
    noted = {"medium_metrics": json.dumps({"psnr_db": round(psnr_db, 3), "pictures": len(pictures)})}
    weights.write(common.out, weights.read_tensors(common.out, ("",)), weights.read_metadata(common.out) | noted)
    return psnr_db


def _score_over_awgn(common: Run, learner: ChannelMapperLearner) -> str:
    """Sends the test pictures over AWGN with the file's weights; notes the curve in the file, and tells it."""
    from edge.codecs import weights
    from edge.codecs.split_network import SIDE
    from edge.train import channel_mapper
    from edge.train.export import data_set

    tensors = weights.read_tensors(common.out, ("",))
    learner.pair.load_state_dict({name: value.float() for name, value in tensors.items()})
    test = _test_pictures(common)
    pictures = _stacked(test)
    snrs = (learner.snr_db, *(snr for snr in SCORED_AT_DB if snr != learner.snr_db))
    carriages = [channel_mapper.score(learner, pictures, snr, common.seed) for snr in snrs]
    assert common.test_source is not None  # asked only then
    on = data_set(common.test_source, "test", test) | {"resize": common.evaluate_resize, "crop": common.evaluate_crop}
    noted = {"metrics": channel_mapper.metrics(carriages, on, learner.shape.symbols / (3 * SIDE * SIDE))}
    weights.write(common.out, tensors, weights.read_metadata(common.out) | noted)
    return "\n".join(f"{one.snr_db:g} dB: {one.psnr_db:.2f} dB" for one in carriages)
