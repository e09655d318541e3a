"""Makes the packaged sample (edge/sample) from the original data sets. Run from the top folder:

python -m tools.build_sample --kodak KODAK --mnist MNIST.npz --fashion-mnist FASHION.npz
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from PIL import Image

from edge import images
from edge.images import ImageError, Named

KODAK = ("kodim03", "kodim05", "kodim07", "kodim08", "kodim09", "kodim14", "kodim15", "kodim16")
SIDE = 256
CLASSES = 10


def write_photographs(source: Path, folder: Path) -> None:
    """The chosen photographs' middles, as lossless WebP (a third smaller than PNG)."""
    found = {Path(picture.name).stem: picture for picture in images.read(source)}
    missing = sorted(set(KODAK) - set(found))
    if missing:
        raise ImageError(f"{source.name}: lacks {', '.join(missing)}; give the Kodak set")
    folder.mkdir(parents=True, exist_ok=True)
    for name in KODAK:
        crop = images.centre_crop(found[name].pixels, SIDE, SIDE, name)
        Image.fromarray(crop).save(folder / f"{name}.webp", lossless=True, quality=100, method=6)


def write_digits(source: Path, out: Path, each: int, split: str = "test") -> None:
    """The first `each` pictures of every class of a split, in their original order, as one grey stack with labels."""
    taken = dict.fromkeys(range(CLASSES), 0)
    chosen: list[Named] = []
    for picture in images.read(source, split=split):
        if picture.label is None or picture.label not in taken:
            raise ImageError(f"{source.name}: {picture.name} has no label in [0, {CLASSES}); give a labelled .npz")
        if taken[picture.label] < each:
            taken[picture.label] += 1
            chosen.append(picture)
    short = [label for label, count in taken.items() if count < each]
    if short:
        raise ImageError(f"{source.name}: fewer than {each} pictures of class {short[0]}; lower --each")
    stack = np.stack([picture.pixels[:, :, 0] for picture in chosen])
    np.savez_compressed(out, x=stack, y=np.array([picture.label for picture in chosen], np.uint8))


@click.command(help=__doc__)
@click.option("--kodak", type=click.Path(path_type=Path), required=True, help="Folder or .tar with the Kodak set.")
@click.option(
    "--mnist", type=click.Path(path_type=Path), required=True, help=".npz with train_x, train_y, test_x, test_y."
)
@click.option("--fashion-mnist", type=click.Path(path_type=Path), required=True, help=".npz with test_x and test_y.")
@click.option("--each", type=click.IntRange(1), default=40, show_default=True, help="Digits of each class.")
@click.option("--each-train", type=click.IntRange(1), default=400, show_default=True, help="Of mnist_train.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("edge/sample"), show_default=True)
def main(kodak: Path, mnist: Path, fashion_mnist: Path, each: int, each_train: int, out: Path) -> None:
    try:
        write_photographs(kodak, out / "kodak")
        write_digits(mnist, out / "mnist.npz", each)
        write_digits(mnist, out / "mnist_train.npz", each_train, "train")
        write_digits(fashion_mnist, out / "fashion_mnist.npz", each)
    except ImageError as error:
        raise click.ClickException(str(error)) from error
    for file in sorted(p for p in out.rglob("*") if p.suffix in (".webp", ".npz")):
        click.echo(f"{file.stat().st_size:>9,} bytes  {file.relative_to(out)}")


if __name__ == "__main__":
    main()
