"""`edge-codec train swin`: the command line of edge.train.swin. Torch is imported when it runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.codec_cli_shared import EXISTING, BadInput, bad_input, in_short
from edge.images import Named
from edge.train.cli import Run, command_line, kept, pictures_to_score, run_options, to_the_end

if TYPE_CHECKING:
    from torch import Tensor

    from edge.codecs.swin_network import SwinShape
    from edge.train.curve import CurveTrainer, Score
    from edge.train.multiuser import Procedure
    from edge.train.swin import SwinLearner

PROCEDURES = ("alone", "iterative", "proposed", "transfer", "transfer-frozen", "distill", "continued")
DECODERS = ("high", "low", "lowest")
PAPERS_RATIO = 1 / 16  # k/n


@dataclass(frozen=True)
class Sizes:
    """The network's, as given; None for the default or what the taught weights have."""

    shrink: str | None
    numbers: int | None
    width: int | None
    growth: int | None
    head: int | None
    window: int | None
    widening: int | None

    def given(self) -> dict[str, int]:
        return {name: int(value) for name, value in asdict(self).items() if value is not None}


SIZE_OPTIONS = (
    click.option("--shrink", type=click.Choice(["4", "8", "16"]), help="Side of a picture over side of its code."),
    click.option("--numbers", type=click.IntRange(2, 4096), help="Of a position of the code (default: k/n of 1/16)."),
    click.option("--width", type=click.IntRange(4, 1024), help="Of a token in the first stage."),
    click.option("--growth", type=click.IntRange(1, 1024), help="How much wider in each further stage."),
    click.option("--head", type=click.IntRange(1, 1024), help="Numbers of a token that one head attends by."),
    click.option("--window", type=click.IntRange(2, 64), help="Tokens a side of an attention window."),
    click.option("--widening", type=click.IntRange(1, 16), help="Of a block's MLP."),
)


@dataclass(frozen=True)
class Scoring:
    """What a run is scored on as it goes, and at the end."""

    epoch_steps: int
    curve: Path | None
    curve_snr_db: float
    score_limit: int


SCORING_OPTIONS = (
    click.option("--epoch-steps", type=click.IntRange(1), default=100, show_default=True, help="Steps an epoch."),
    click.option("--curve", type=EXISTING, help="A .json file: PSNR of --decoder after each of its epochs."),
    click.option("--curve-snr-db", type=float, default=3.0, show_default=True, help="At which Es/N0 that is."),
    click.option("--score-limit", type=click.IntRange(1), default=500, show_default=True, help="Pictures, evenly."),
)


def swin_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Adds SIZE_OPTIONS and SCORING_OPTIONS to a verb, which gets a Sizes and a Scoring for them."""

    def command(context: click.Context, common: Run, /, **given: Any) -> None:
        sizes = Sizes(**{field.name: given.pop(field.name) for field in fields(Sizes)})
        scoring = Scoring(**{field.name: given.pop(field.name) for field in fields(Scoring)})
        verb(context, common, sizes, scoring, **given)

    command.__doc__ = verb.__doc__
    for option in reversed((*SIZE_OPTIONS, *SCORING_OPTIONS)):
        command = option(command)
    return command


@click.command("swin")
@run_options
@click.option("--procedure", type=click.Choice(PROCEDURES), default="alone", show_default=True)
@click.option("--decoder", type=click.Choice(DECODERS), default="low", show_default=True, help="The one of interest.")
@click.option("--taught", type=EXISTING, help="Trained encoder and decoder, for all but alone and iterative.")
@click.option("--alpha", type=click.FloatRange(0), help="Of distill: what the teacher counts for (default 1).")
@click.option("--snrs-db", default="1,3,5,7", show_default=True, help="Es/N0s to train at.")
@swin_options
def train_swin(
    context: click.Context,
    common: Run,
    sizes: Sizes,
    scoring: Scoring,
    procedure: str,
    decoder: str,
    taught: Path | None,
    alpha: float | None,
    snrs_db: str,
) -> None:
    """Train multi-user Swin JSCC. A checkpoint at the last step is only exported.

    --steps are those of each decoder. The proposed procedure is two runs: `--procedure alone --decoder high`, and then
    `proposed`, `transfer`, `transfer-frozen` or `distill` with the file of the first as --taught. `continued` goes on
    with a decoder of that file, behind the encoder that stays as it was. The file's `metrics` are over a perfect link,
    its `awgn_metrics` over AWGN.
    """
    import torch
    from rich.console import Console

    from edge.train.export import data_set, export

    _check(common)
    if common.threads is not None:
        torch.set_num_threads(common.threads)
    learner = _learner(common, sizes, procedure, decoder, taught, alpha, snrs_db)
    with bad_input():
        test = _test_pictures(common, scoring, learner.shape.multiple)
        trainer, sets = _trainer(common, scoring, learner, test)
    with bad_input(FloatingPointError):
        finished = to_the_end(trainer, common.checkpoint, Console(stderr=True))
    if not finished:
        click.echo(f"Stopped at step {trainer.step} of {trainer.schedule.steps}.", err=True)
        context.exit(130)
    scored_on = None
    if common.test_source is not None:
        chosen = {"resize": common.evaluate_resize, "crop": common.evaluate_crop, "limit": scoring.score_limit}
        scored_on = data_set(common.test_source, "test", test) | chosen
    with bad_input():
        metadata = export(trainer, common.out, command_line(context), sets, scored_on, test)
    metadata |= _score_over_awgn(common, learner, test)
    _tell(common, metadata)


def _check(common: Run) -> None:
    if common.out.suffix != ".safetensors":
        raise BadInput(f"--out: must end in .safetensors, got '{common.out.name}'; rename it")
    if common.image_snr_db is not None:
        raise BadInput("--image-snr-db: this training has no noise on the picture; leave it out")


def _learner(
    common: Run,
    sizes: Sizes,
    procedure: str,
    decoder: str,
    taught: Path | None,
    alpha: float | None,
    snrs_db: str,
) -> SwinLearner:
    from edge.codecs import weights
    from edge.train.export import trainings_behind
    from edge.train.multiuser import configured
    from edge.train.swin import SwinLearner

    with bad_input(ValueError):
        plan = configured(procedure, decoder, alpha)
        shape = _shape(common, sizes, plan, taught)
        snrs = [_number(text) for text in snrs_db.split(",")]
        tensors = None if taught is None else weights.read_tensors(taught, ("",))
        learner = SwinLearner(shape, common.seed, plan, snrs, tensors)
        if common.start is not None:
            if plan.taught:
                raise BadInput(f"--from: '{procedure}' begins from --taught; leave it out")
            learner.begin_from(weights.read_tensors(common.start, ("",)), common.start.name)
        elif taught is not None:
            others = f"; {', '.join(plan.decoders)} goes on" if plan.continued else ""
            learner.taken = f"{taught.name}: encoder and its decoders, frozen{others}"
            learner.history = trainings_behind(taught)
    return learner


def _shape(common: Run, sizes: Sizes, plan: Procedure, taught: Path | None) -> SwinShape:
    from edge.codecs import network_codec
    from edge.codecs.swin import ARCHITECTURE
    from edge.codecs.swin_network import SwinShape

    given = sizes.given()
    if plan.taught and taught is not None:
        if given:
            raise BadInput(f"--{next(iter(given))}: the taught weights have their size; leave it out")
        shape = network_codec.read_shape(taught, ARCHITECTURE, SwinShape)
    else:
        shape = replace(SwinShape(), **given)
        if "numbers" not in given:
            shape = replace(shape, numbers=round(6 * shape.shrink**2 * PAPERS_RATIO))
    if common.crop % shape.multiple:
        raise BadInput(f"--crop: must be a multiple of {shape.multiple} for this network, got {common.crop}; change it")
    return shape


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadInput(f"--snrs-db: must be numbers of dB with commas between, got '{text}'") from error


def _test_pictures(common: Run, scoring: Scoring, multiple: int) -> list[Named]:
    """At most so many, evenly spaced: neighbours in a data set may be of one class. multiple: of their sides."""
    found = pictures_to_score(common.test_source, common.evaluate_resize, common.evaluate_crop)
    if len({picture.pixels.shape for picture in found}) > 1:
        raise BadInput("--evaluate: the pictures differ in size; give --evaluate-crop or --evaluate-resize")
    if found and any(side % multiple for side in found[0].pixels.shape[:2]):
        raise BadInput(f"--evaluate-crop: must be a multiple of {multiple} for this network; change it")
    if scoring.curve is not None and not found:
        raise BadInput("--curve: there is nothing to score; give --evaluate")
    return found[:: max(1, len(found) // scoring.score_limit)][: scoring.score_limit]


def _trainer(
    common: Run, scoring: Scoring, learner: SwinLearner, test: list[Named]
) -> tuple[CurveTrainer, list[dict[str, object]]]:
    """The run, ready or resumed, and what it learns from, described."""
    from edge import images
    from edge.train.crops import RandomCrops
    from edge.train.curve import CurveTrainer
    from edge.train.export import data_set
    from edge.train.loop import Schedule

    learned_from = [(source, kept(images.read(source, split="train"), common.hold_out)) for source in common.sources]
    steps = common.steps * len(learner.procedure.decoders)
    schedule = Schedule(steps, common.batch, common.crop, common.learning_rate, seed=common.seed)
    crops = RandomCrops([group for _, group in learned_from], common.crop, common.seed, common.resize)
    about: dict[str, object] = {"snr_db": scoring.curve_snr_db, "epoch_steps": scoring.epoch_steps}
    about |= asdict(schedule) | {"pictures": len(test)} | learner.settings
    score = _score(common, scoring, learner, test)
    with bad_input(ValueError):
        trainer = CurveTrainer(
            learner, schedule, crops, scoring.epoch_steps, learner.take_turn, score, scoring.curve, about
        )
        if common.checkpoint is not None and common.checkpoint.exists():
            trainer.load(common.checkpoint)
    described = [data_set(source, "train", group) | {"hold_out": common.hold_out} for source, group in learned_from]
    return trainer, described


def _score(common: Run, scoring: Scoring, learner: SwinLearner, test: list[Named]) -> Score:
    from edge.train.swin import qualities

    decoders = learner.procedure.decoders
    pictures = _stacked(test) if scoring.curve is not None else None

    def score(weights: Any, epoch: int) -> dict[str, float] | None:
        if pictures is None or epoch % len(decoders) != len(decoders) - 1:
            return None
        found = qualities(learner.shape, weights, decoders[-1:], [scoring.curve_snr_db], pictures, common.seed)
        return {"epoch": epoch // len(decoders) + 1, "psnr_db": round(found[0].psnr_db, 4)}

    return score


def _stacked(pictures: list[Named]) -> Tensor:
    """[n, 3, H, W] in [0, 1]."""
    import numpy as np

    from edge.train.whole_pictures import as_tensor

    return as_tensor(np.stack([picture.pixels for picture in pictures]))


def _score_over_awgn(common: Run, learner: SwinLearner, test: list[Named]) -> dict[str, str]:
    """Scores every decoder of the written file at the SNRs trained at, and notes it there."""
    from edge.codecs import weights
    from edge.train.swin import qualities

    if not test:
        return {}
    tensors = weights.read_tensors(common.out, ("",))
    floats = {name: value.float() for name, value in tensors.items()}
    found = qualities(learner.shape, floats, list(learner.receivers), learner.snrs_db, _stacked(test), common.seed)
    points = [one._asdict() | {"psnr_db": round(one.psnr_db, 3)} for one in found]
    noted = {"awgn_metrics": json.dumps({"pictures": len(test), "points": points})}
    weights.write(common.out, tensors, weights.read_metadata(common.out) | noted)
    return noted


def _tell(common: Run, metadata: dict[str, str]) -> None:
    from edge.codecs import weights

    told: dict[str, Any] = {"out": str(common.out), "size_bytes": common.out.stat().st_size}
    told |= weights.described(metadata)
    if common.as_json:
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"{common.out}: {in_short(told)}")
    for point in told.get("awgn_metrics", {}).get("points", []):
        click.echo(f"  {point['decoder']} at {point['snr_db']:g} dB: {point['psnr_db']:.2f} dB")
