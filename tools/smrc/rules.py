"""What a rule of refinement on demand asks for, and at what accuracy, by threshold: how the rules of the scenario
smrc-cctv were chosen, on training pictures; prints JSON.

    python -m tools.smrc.rules --data mnist.npz [--split train] [--count 10000] [--classes 3,5]

In process, over the scenario's channel: block fading per packet. A row says of one head and rule: the share of pictures
it asks for, the accuracy of what a receiver ends up with, how many points that is behind sending the head always, and
the share of channel uses saved.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from edge import images
from edge.codecs.contract import Half

if TYPE_CHECKING:
    from edge.codecs.smrc import Smrc

AT_ONCE = 500
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99)


def probabilities(
    codec: Smrc, pixels: NDArray[np.uint8], snr_db: float, k_factor: float, seed: int
) -> list[NDArray[np.float64]]:
    """pixels [N, s, s, 3] -> of each head, [N, groups]: what its extractor says of what its decoder makes, every
    sub-block sent once."""
    import torch

    from edge.train.smrc import carried
    from edge.train.whole_pictures import as_tensor

    assert codec.transmitter is not None  # opened as Half.BOTH
    assert codec.receiver is not None
    generator, seen = torch.Generator().manual_seed(seed), []
    with torch.inference_mode():
        for at in range(0, len(pixels), AT_ONCE):
            batch = as_tensor(pixels[at : at + AT_ONCE])
            snr = torch.full((len(batch), 1), snr_db)
            sent = codec.transmitter(batch).items()
            received = {block: carried(numbers, snr, k_factor, generator) for block, numbers in sent}
            made = [codec.receiver.reconstruct(block, received).clamp(0, 1) for block in received]
            seen.append([codec.receiver.log_probabilities(block, one).exp() for block, one in enumerate(made)])
    return [torch.cat(of_head).double().numpy() for of_head in zip(*seen, strict=True)]


def row(
    first: NDArray[np.float64],
    refined: NDArray[np.float64],
    labels: NDArray[np.int64],
    rule: tuple[float, Sequence[int]],
    sizes: tuple[int, int],
) -> dict[str, Any]:
    """first, refined: probabilities [N, classes]. rule: threshold and classes of interest. sizes: symbols of layer 1
    and of the head."""
    below, classes = rule
    asked = (first.max(axis=1) < below) | np.isin(first.argmax(axis=1), list(classes))
    right = np.where(asked, refined.argmax(axis=1), first.argmax(axis=1)) == labels
    always = refined.argmax(axis=1) == labels
    return {
        "below_confidence": below,
        "classes": list(classes),
        "asked": round(float(asked.mean()), 4),
        "accuracy": round(float(right.mean()), 4),
        "behind_points": round(100 * float(always.mean() - right.mean()), 2),
        "saved": round(1 - (sizes[0] + float(asked.mean()) * sizes[1]) / sum(sizes), 3),
    }


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Labelled pictures.")
@click.option("--split", type=click.Choice(["train", "test"]), default="train", show_default=True, help="Of a .npz.")
@click.option("--count", type=click.IntRange(1), default=10_000, show_default=True, help="At most so many pictures.")
@click.option("--weights", default="smrc-mnist-cctv", show_default=True, help="A shipped file, or a path.")
@click.option("--classes", default="3,5", show_default=True, help="Of interest.")
@click.option("--snr-db", type=float, default=8.0, show_default=True, help="Mean Es/N0.")
@click.option("--k-factor", type=float, default=10.0, show_default=True, help="Of the fading, linear.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
def main(
    data: Path,
    split: str,
    count: int,
    weights: str,
    classes: str,
    snr_db: float,
    k_factor: float,
    seed: int,
    threads: int,
) -> None:
    """Try rules of refinement on labelled pictures."""
    import torch

    from edge.codecs.smrc import Smrc

    torch.set_num_threads(threads)
    codec = Smrc.open({"weights": weights}, Half.BOTH)
    listed = list(images.read(data, split=split))[:count]
    labels = np.array([one.label for one in listed], np.int64)
    seen = probabilities(codec, np.stack([one.pixels for one in listed]), snr_db, k_factor, seed)
    wanted = [int(one) for one in classes.split(",") if one]
    found: dict[str, Any] = {"pictures": len(listed), "split": split, "snr_db": snr_db, "k_factor": k_factor}
    found["first_accuracy"] = round(float((seen[0].argmax(axis=1) == labels).mean()), 4)
    for block, (name, head) in enumerate(zip(codec.shape.names, codec.shape.heads, strict=True)):
        if head.layer == 2:
            sizes = (codec.shape.heads[0].symbols, head.symbols)
            rules = [(below, of) for of in ([], wanted) for below in THRESHOLDS]
            rows = [row(seen[0], seen[block], labels, rule, sizes) for rule in rules]
            always = float((seen[block].argmax(axis=1) == labels).mean())
            found[name] = {"accuracy_with_all": round(always, 4), "rules": rows}
    click.echo(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
