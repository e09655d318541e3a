"""`edge-codec train slf` and `train classifier`: the transceivers and classifiers of SLF (section IV).

Torch is imported when a verb runs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.codec_cli_shared import EXISTING, BadInput, bad_input, in_short, json_flag
from edge.train.cli import command_line, to_the_end

if TYPE_CHECKING:
    from edge.train.whole_pictures import Split

MOST_SCORED = 1000  # test pictures: one by one, as they would be sent


@dataclass(frozen=True)
class Common:
    """The options that both verbs have, as given."""

    sources: tuple[Path, ...]
    split_seed: int
    side: int
    batch: int
    steps: int
    learning_rate: float
    seed: int
    threads: int | None
    out: Path
    as_json: bool


OPTIONS = (
    click.option(
        "--data", "sources", type=EXISTING, multiple=True, required=True, help="Pictures; of a .npz: train_x."
    ),
    click.option("--split-seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the 8:2 split."),
    click.option(
        "--side", type=click.IntRange(4, 256), default=32, show_default=True, help="Pad pictures to this side."
    ),
    click.option("--batch", type=click.IntRange(1), default=128, show_default=True, help="Pictures a step."),
    click.option("--steps", type=click.IntRange(1), default=2000, show_default=True),
    click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
    click.option("--threads", type=click.IntRange(1), help="CPU threads (default: as torch decides)."),
    click.option("--out", type=EXISTING, required=True, help="The .safetensors file to write."),
    json_flag,
)


def common_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Adds OPTIONS to a verb, which gets click's context and a Common before its own options."""

    @functools.wraps(verb)
    @click.pass_context
    def command(context: click.Context, /, **given: Any) -> None:
        common = Common(**{field.name: given.pop(field.name) for field in fields(Common)})
        if common.out.suffix != ".safetensors":
            raise BadInput(f"--out: must end in .safetensors, got '{common.out.name}'; rename it")
        verb(context, common, **given)

    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command("slf")
@common_options
@click.option("--crossover", type=click.FloatRange(0, 1), required=True, help="Of the K-ary channel to train for.")
@click.option("--entries", type=click.IntRange(2, 4096), default=16, show_default=True, help="Codewords K.")
@click.option("--dimension", type=click.IntRange(1, 512), default=16, show_default=True, help="Of a codeword.")
@click.option("--checkpoint", type=EXISTING, help="Saved every minute, at the end and on Ctrl-C; resumed from.")
def train_slf(
    context: click.Context, common: Common, crossover: float, entries: int, dimension: int, checkpoint: Path | None
) -> None:
    """Train a transceiver of SLF."""
    from rich.console import Console

    from edge.codecs.slf_network import SlfShape
    from edge.images import Named, padded
    from edge.train.export import data_set, export
    from edge.train.loop import Schedule, Trainer
    from edge.train.slf import SlfLearner
    from edge.train.whole_pictures import WholePictures

    with bad_input(ValueError, FloatingPointError):
        splits = _splits(common)
        learner = SlfLearner(SlfShape(common.side, entries, dimension), common.seed, crossover)
        schedule = Schedule(common.steps, common.batch, common.side, common.learning_rate, seed=common.seed)
        groups = [split.train for split in splits]
        trainer = Trainer(learner, schedule, WholePictures(groups, common.side, common.seed))
        finished = to_the_end(trainer, checkpoint, Console(stderr=True))
    if not finished:
        click.echo(f"Stopped at step {trainer.step} of {common.steps}.", err=True)
        context.exit(130)
    share = MOST_SCORED // len(splits)
    test = [
        Named(one.name, padded(one.pixels, common.side), one.label) for split in splits for one in split.test[:share]
    ]
    tested = data_set(common.sources[0], f"test part of 8:2, at most {share} a source, padded", test)
    metadata = export(trainer, common.out, command_line(context), _described(common, splits), tested, test)
    _tell(common, metadata)


@click.command("classifier")
@common_options
def train_classifier(context: click.Context, common: Common) -> None:
    """Train a classifier of SLF. Classes of a second source come after those of the first."""
    from edge.train.slf_classifier import ClassifierSchedule, ClassifierTrainer, export_classifier

    with bad_input(ValueError, FloatingPointError):
        splits = _splits(common)
        schedule = ClassifierSchedule(common.steps, common.batch, common.learning_rate, common.seed)
        trainer = ClassifierTrainer(schedule, [split.train for split in splits], common.side)
        trainer.run(lambda step, loss: click.echo(f"step {step}/{common.steps}  cross-entropy {loss:.4f}", err=True))
        described, test = _described(common, splits), [split.test for split in splits]
        metadata = export_classifier(trainer, common.out, command_line(context), described, test)
    _tell(common, metadata)


def _splits(common: Common) -> list[Split]:
    """Each source's pictures, cut 8:2."""
    import torch

    from edge import images
    from edge.train.whole_pictures import split

    if common.threads is not None:
        torch.set_num_threads(common.threads)
    return [split(list(images.read(source, split="train")), common.split_seed) for source in common.sources]


def _described(common: Common, splits: Sequence[Split]) -> list[dict[str, object]]:
    """What was learned from, for the weight file."""
    from edge.train.export import data_set

    how = {"split": "train part of 8:2", "split_seed": common.split_seed}
    return [
        data_set(source, "train", split.train) | how | {"kept_out": len(split.test)}
        for source, split in zip(common.sources, splits, strict=True)
    ]


def _tell(common: Common, metadata: dict[str, str]) -> None:
    from edge.codecs import weights

    told: dict[str, Any] = {"out": str(common.out), "size_bytes": common.out.stat().st_size}
    told |= weights.described(metadata)
    if common.as_json:
        click.echo(json.dumps(told, indent=2))
    elif "accuracy" in told["metrics"]:
        click.echo(f"{common.out}: accuracy {', '.join(f'{one:.4f}' for one in told['metrics']['accuracy'])}")
    else:
        click.echo(f"{common.out}: {in_short(told)}")
