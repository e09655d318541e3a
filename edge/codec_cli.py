"""`edge-codec`: which codecs there are, training them offline, and measuring them without a network.

Only the command line is here; torch is imported when a verb needs it, so that --help and completion stay quick.
"""

from __future__ import annotations

import json
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from edge.codecs import registry
from edge.codecs.contract import CodecError, Half
from edge.images import ImageError, Named

if TYPE_CHECKING:
    from rich.console import Console

    from edge.codecs.evaluation import Score
    from edge.train.vqvae2 import Trainer

EXISTING = click.Path(path_type=Path)
LOG_EVERY = 100  # steps


class BadInput(click.ClickException):
    """One sentence on stderr, exit status 2."""

    exit_code = 2


@contextmanager
def _bad_input(*kinds: type[Exception]) -> Iterator[None]:
    caught: tuple[type[Exception], ...] = (CodecError, ImageError, *kinds)
    try:
        yield
    except caught as error:
        raise BadInput(str(error)) from error


json_flag = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")


@click.group()
def main() -> None:
    """Codecs: list, train and evaluate."""


@main.command("list")
@json_flag
def list_codecs(as_json: bool) -> None:
    """Show every codec with its options and the weights that come with it."""
    with _bad_input():
        listing = [_listed(name) for name in registry.names()]
    if as_json:
        click.echo(json.dumps({"codecs": listing}, indent=2))
        return
    for codec in listing:
        click.echo(codec["name"] if "error" not in codec else f"{codec['name']}  (unusable: {codec['error']})")
        for option, meaning in codec["options"].items():
            click.echo(f"  --set {option}=...  {meaning}")
        for weights in codec["weights"]:
            click.echo(f"  {weights['file']}  {weights['size_bytes']:,} bytes  {_in_short(weights)}")


def _listed(name: str) -> dict[str, Any]:
    from edge.codecs import weights

    try:
        codec = registry.load(name)
    except CodecError as error:  # somebody's broken package must not hide the others
        return {"name": name, "options": {}, "weights": [], "error": str(error)}
    files = [(path, weights.read_metadata(path)) for path in weights.shipped()]
    own = [
        {"file": path.name, "size_bytes": path.stat().st_size} | weights.described(metadata)
        for path, metadata in files
        if metadata["architecture"] == name
    ]
    return {"name": name, "options": dict(codec.options), "weights": own}


def _in_short(weights: dict[str, Any]) -> str:
    scored = weights.get("metrics")
    if not scored:
        return "no metrics"
    return f"{scored['psnr_db']:.2f} dB at rho {scored['rho']:.5f} on {scored['on']['name']}"


@main.group()
def train() -> None:
    """Train a codec offline and write its weights."""


@train.command("vqvae2")
@click.option("--data", "sources", type=EXISTING, multiple=True, required=True, help="Pictures to learn from.")
@click.option("--scale", type=click.Choice(["2", "4", "8", "16"]), default="4", show_default=True)
@click.option(
    "--channels", type=click.IntRange(4, 1024), default=64, show_default=True, help="Filters at the bottom map."
)
@click.option("--fine-channels", type=click.IntRange(4, 1024), default=32, show_default=True, help="Filters above it.")
@click.option("--crop", type=click.IntRange(16), default=64, show_default=True, help="Side of a training crop, pixels.")
@click.option("--hold-out", type=click.IntRange(2), help="Leave every N-th picture of each source out of training.")
@click.option("--resize", type=click.IntRange(16, 4096), help="Scale each picture's middle square to this side first.")
@click.option("--from", "start", type=EXISTING, help="Weights to begin from (default: random ones).")
@click.option("--image-snr-db", type=float, help="Denoising training: noise on the picture.")
@click.option("--feature-snr-db", type=float, help="Denoising training: noise on the latent feature maps.")
@click.option("--index-ber", type=click.FloatRange(0, 0.5), help="Denoising training: bit errors in the indices.")
@click.option("--batch", type=click.IntRange(1), default=16, show_default=True, help="Crops a step.")
@click.option("--steps", type=click.IntRange(1), default=4000, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: as torch decides).")
@click.option("--checkpoint", type=EXISTING, help="Saved every minute, at the end and on Ctrl-C; resumed from.")
@click.option("--evaluate", "test_source", type=EXISTING, help="Pictures to score; figures go into the weight file.")
@click.option("--evaluate-crop", type=click.IntRange(0), default=256, show_default=True, help="Centre crop; 0: whole.")
@click.option("--out", type=EXISTING, required=True, help="The .safetensors file to write.")
@json_flag
@click.pass_context
def train_vqvae2(
    context: click.Context,
    sources: tuple[Path, ...],
    scale: str,
    channels: int,
    fine_channels: int,
    crop: int,
    hold_out: int | None,
    resize: int | None,
    start: Path | None,
    image_snr_db: float | None,
    feature_snr_db: float | None,
    index_ber: float | None,
    batch: int,
    steps: int,
    learning_rate: float,
    seed: int,
    threads: int | None,
    checkpoint: Path | None,
    test_source: Path | None,
    evaluate_crop: int,
    out: Path,
    as_json: bool,
) -> None:
    """Train VQ-VAE-2 (FTSC, section III). A checkpoint at the last step is only exported."""
    import torch
    from rich.console import Console

    from edge import images
    from edge.codecs import evaluation, weights
    from edge.codecs.vqvae2_network import VQVAE2Shape
    from edge.train.export import data_set, export_vqvae2
    from edge.train.impairment import Impairment
    from edge.train.vqvae2 import Schedule, Trainer

    if out.suffix != ".safetensors":
        raise BadInput(f"--out: must end in .safetensors, got '{out.name}'; rename it")
    if crop % (2 * int(scale)):
        raise BadInput(f"--crop: must be a multiple of {2 * int(scale)} at scale {scale}, got {crop}; change it")
    if threads is not None:
        torch.set_num_threads(threads)
    with _bad_input(ValueError):
        learned_from = [(source, _kept(images.read(source, split="train"), hold_out)) for source in sources]
        test = list(evaluation.cropped(images.read(test_source), evaluate_crop)) if test_source else []
        shape = VQVAE2Shape(scale=int(scale), channels=channels, fine_channels=fine_channels)
        schedule = Schedule(steps=steps, batch=batch, crop=crop, learning_rate=learning_rate, seed=seed)
        trainer = Trainer(
            shape,
            schedule,
            [found for _, found in learned_from],
            resize,
            Impairment(image_snr_db, feature_snr_db, index_ber),
            weights.read_tensors(start, ("",)) if start is not None else None,
        )
        if checkpoint is not None and checkpoint.exists():
            trainer.load(checkpoint)
    with _bad_input(FloatingPointError):
        finished = _run(trainer, checkpoint, Console(stderr=True))
    if not finished:
        kept = f"{checkpoint.name} is saved, the same command goes on" if checkpoint else "no --checkpoint, all is lost"
        click.echo(f"Stopped at step {trainer.step} of {steps}; {kept}.", err=True)
        context.exit(130)
    with _bad_input():
        metadata = export_vqvae2(
            trainer,
            out,
            _command(context),
            [data_set(source, "train", found) for source, found in learned_from],
            data_set(test_source, "test", test) | {"crop": evaluate_crop} if test_source else None,
            test,
        )
    told = {"out": str(out), "size_bytes": out.stat().st_size} | weights.described(metadata)
    click.echo(json.dumps(told, indent=2) if as_json else f"{out}: {_in_short(told)}")


def _kept(pictures: Iterator[Named], hold_out: int | None) -> list[Named]:
    """All but every `hold_out`-th picture: those are for evaluation."""
    return [p for i, p in enumerate(pictures) if hold_out is None or i % hold_out != hold_out - 1]


class _Stopped(Exception):  # noqa: N818 - a request, not an error
    """Ctrl-C, delivered between two steps, where a checkpoint is whole."""


def _run(trainer: Trainer, checkpoint: Path | None, console: Console) -> bool:
    """Trains to the last step with a progress bar and log lines on stderr. False when Ctrl-C ended it; the checkpoint
    is then exactly that of a run that had paused."""
    import math

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


def _command(context: click.Context) -> str:
    """The command line with every option, paths by their base names."""
    words = ["edge-codec", "train", "vqvae2"]
    for parameter in context.command.params:
        assert parameter.name is not None  # click names every option
        value = context.params[parameter.name]
        if parameter.name == "as_json" or value is None:
            continue
        for one in value if isinstance(value, tuple) else (value,):
            words += [parameter.opts[0], one.name if isinstance(one, Path) else str(one)]
    return shlex.join(words)


@main.command()
@click.argument("codec")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A codec option; may be repeated.")
@click.option("--images", "source", type=EXISTING, help="Pictures to score (default: the packaged photographs).")
@click.option("--crop", type=click.IntRange(0), default=256, show_default=True, help="Centre crop; 0: whole pictures.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N pictures.")
@click.option("--all-scales", is_flag=True, help="Once for each scale 2, 4, 8 and 16.")
@json_flag
def evaluate(
    codec: str,
    settings: tuple[str, ...],
    source: Path | None,
    crop: int,
    limit: int | None,
    all_scales: bool,
    as_json: bool,
) -> None:
    """Send pictures through both halves of CODEC, without a network: rate rho, PSNR and SSIM."""
    from edge.codecs import evaluation

    given = _settings(settings)
    if all_scales and "scale" in given:
        raise BadInput("--all-scales: cannot be combined with --set scale=...; leave one out")
    variants = [given | {"scale": str(scale)} for scale in (2, 4, 8, 16)] if all_scales else [given]
    runs = []
    with _bad_input(ValueError):
        pictures = list(evaluation.cropped(islice(_pictures(source), limit), crop))
        kind = registry.load(codec)
        for options in variants:
            sender, receiver = kind.open(options, Half.ENCODER), kind.open(options, Half.DECODER)
            scores = list(evaluation.evaluate(sender, receiver, pictures))
            described = sender.describe()
            identity = {"name": codec, "options": dict(described.options), "knowledge": described.knowledge}
            runs.append((str(described), identity, scores, evaluation.mean(scores)))
    if as_json:
        click.echo(json.dumps(_evaluation_json(crop, runs), indent=2))
    else:
        for title, _, scores, mean in runs:
            _print_scores(title, scores, mean)


def _settings(settings: tuple[str, ...]) -> dict[str, str]:
    options: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not (key and equals) or key in options:
            raise BadInput(f"--set {setting}: must be KEY=VALUE with each KEY once, for example --set scale=8")
        options[key] = value
    return options


def _pictures(source: Path | None) -> Iterator[Named]:
    from edge import images, sample

    return iter(sample.kodak()) if source is None else images.read(source)


def _evaluation_json(crop: int, runs: list[tuple[str, dict[str, Any], list[Score], Score]]) -> dict[str, Any]:
    """`quality` is the rate-quality curve, ascending in rho: what an optimizer's problem file wants."""
    means = sorted((mean.rho, mean.as_json()["psnr_db"]) for *_, mean in runs)
    return {
        "crop": crop,
        "quality": [{"rho": rho, "psnr_db": quality_db} for rho, quality_db in means],
        "runs": [
            {"codec": identity, "images": [score.as_json() for score in scores], "mean": mean.as_json()}
            for _, identity, scores, mean in runs
        ],
    }


def _print_scores(title: str, scores: list[Score], mean: Score) -> None:
    click.echo(title)
    click.echo(f"  {'picture':<28} {'bits':>9} {'rho':>9} {'PSNR dB':>8} {'SSIM':>7}")
    for score in [*scores, mean]:
        figures = f"{score.size_bits:>9} {score.rho:>9.6f} {score.psnr_db:>8.2f} {score.ssim:>7.4f}"
        click.echo(f"  {score.name:<28} {figures}")


if __name__ == "__main__":
    main()
