"""`edge-codec`: which codecs there are, training them offline, and measuring them without a network.

Only the command line is here; torch is imported when a verb needs it, so that --help and completion stay quick.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.codec_cli_shared import EXISTING, BadInput, bad_input, in_short, json_flag
from edge.codecs import registry
from edge.codecs.contract import CodecError, Half
from edge.images import Named
from edge.train.cli import scaled, train
from edge.train.cli_dncnn import train_dncnn
from edge.train.cli_index_prior import train_index_prior
from edge.train.cli_slf import train_classifier, train_slf
from edge.train.cli_smrc import train_smrc
from edge.train.cli_split import compare_estimators, train_channel_mapper, train_split
from edge.train.cli_swin import train_swin

if TYPE_CHECKING:
    from edge.codecs.evaluation import Score


@click.group()
def main() -> None:
    """Codecs: list, train and evaluate."""


@main.command("list")
@json_flag
def list_codecs(as_json: bool) -> None:
    """Show every codec with its options and the weights that come with it."""
    with bad_input():
        listing = [_listed(name) for name in registry.names()]
    if as_json:
        click.echo(json.dumps({"codecs": listing}, indent=2))
        return
    for codec in listing:
        click.echo(codec["name"] if "error" not in codec else f"{codec['name']}  (unusable: {codec['error']})")
        for option, meaning in codec["options"].items():
            click.echo(f"  --set {option}=...  {meaning}")
        for weights in codec["weights"]:
            click.echo(f"  {weights['file']}  {weights['size_bytes']:,} bytes  {in_short(weights)}")


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


main.add_command(train)
train.add_command(train_dncnn)
train.add_command(train_index_prior)
train.add_command(train_slf)
train.add_command(train_classifier)
train.add_command(train_smrc)
train.add_command(train_split)
train.add_command(compare_estimators)
train.add_command(train_channel_mapper)
train.add_command(train_swin)


@main.command()
@click.argument("codec")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A codec option; may be repeated.")
@click.option("--images", "source", type=EXISTING, help="Pictures to score (default: the packaged photographs).")
@click.option("--crop", type=click.IntRange(0), default=256, show_default=True, help="Centre crop; 0: whole pictures.")
@click.option("--resize", type=click.IntRange(16, 4096), help="First scale each picture's middle square to this side.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N pictures.")
@click.option("--all-scales", is_flag=True, help="Once for each scale 2, 4, 8 and 16.")
@json_flag
def evaluate(
    codec: str,
    settings: tuple[str, ...],
    source: Path | None,
    crop: int,
    resize: int | None,
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
    with bad_input(ValueError):
        pictures = list(evaluation.cropped(scaled(islice(_pictures(source), limit), resize), crop))
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
