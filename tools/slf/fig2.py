"""Figure 2: pictures before and after SLF, for the channel's and for the source's dissimilarity.

fig2.png shows MNIST alone. fig2-cifar.png shows CIFAR-10 too, whose terms are unclear: for the eye, not for a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.images import Picture
from tools.figures import plots
from tools.figures.results import Row
from tools.figures.setting import write
from tools.slf import alignments, data, paper
from tools.slf.alignments import PAIRS, Conditions, Ends, Pair
from tools.slf.data import Labelled
from tools.slf.setting import Setting, options
from tools.slf.transceivers import delivered, encoder_of

SHOWN = 10  # pictures in a row
GAP = 2  # pixels between pictures
TITLES = {"channel": "[TX1, RX2]: eps 1e-5 meets eps 1e-1", "source": "[TX1, RX3]: MNIST meets CIFAR-10"}
Line = tuple[str, NDArray[np.uint8]]  # words, and pictures [SHOWN, 32, 32, 3]


def one_of_each(pictures: Labelled) -> Labelled:
    """The first picture of each class there is, at most SHOWN."""
    _, first = np.unique(pictures.labels, return_index=True)
    chosen = first[:SHOWN]
    return Labelled(pictures.pixels[chosen], pictures.labels[chosen])


def lines(setting: Setting, pair: Pair, mixture: float) -> list[Line]:
    """What was sent, what a stranger makes of it, and what it makes of it after alignment, l = 0..4."""
    sent = one_of_each(data.scored(setting.data, mixture, setting.scored))
    strangers = Ends.strangers(setting, pair)
    found: list[Line] = [("sent", sent.pixels)]
    found.append(("misaligned", _received(setting, pair, strangers, sent)))
    for freeze in paper.LAYERS:
        made = alignments.aligned(setting, pair, strangers, Conditions(freeze, mixture=mixture))
        found.append((f"SLF, l = {freeze}", _received(setting, pair, made.ends, sent)))
    return found


def _received(setting: Setting, pair: Pair, ends: Ends, sent: Labelled) -> NDArray[np.uint8]:
    codec = encoder_of(alignments.weight_file(setting, pair.transmitter), ends.encoder)
    receiver = alignments.judge(setting, pair).receiver(ends.decoder)
    return delivered(codec, receiver, sent.pixels, paper.TABLE_CROSSOVER, 0)


def mosaic(pictures: NDArray[np.uint8]) -> Picture:
    """[N, H, W, 3] side by side on white."""
    framed = np.pad(pictures, ((0, 0), (GAP, GAP), (GAP, GAP), (0, 0)), constant_values=255)
    return np.ascontiguousarray(np.concatenate(list(framed), axis=1))


def draw(path: Path, panels: Sequence[tuple[str, Sequence[Line]]]) -> None:
    """Panels side by side, a row of pictures each line."""
    drawn = plots.figure(6.5 * len(panels), 0.62 * max(len(own) for _, own in panels) + 0.5)
    for number, (title, own) in enumerate(panels):
        whole = np.concatenate([mosaic(pictures) for _, pictures in own])
        axes = drawn.add_subplot(1, len(panels), number + 1)
        axes.imshow(whole, interpolation="nearest")
        height = whole.shape[0] // len(own)
        axes.set(title=title, xticks=[], yticks=[height * (i + 0.5) for i in range(len(own))])
        axes.set_yticklabels([words for words, _ in own])
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    plots.save(drawn, path)


def fig2(setting: Setting) -> None:
    found = {panel: lines(setting, pair, 0.0) for panel, pair in PAIRS.items()}
    draw(setting.out / "fig2.png", [(TITLES[panel], own) for panel, own in found.items()])
    cifar = lines(setting, PAIRS["source"], 1.0)
    draw(setting.out / "fig2-cifar.png", [("[TX1, RX3], lambda 1: CIFAR-10", cifar)])
    rows: list[Row] = [
        {"panel": panel, "line": words, "mse": round(_mse(own[0][1], pictures), 5)}
        for panel, own in {**found, "source, lambda 1": cifar}.items()
        for words, pictures in own
    ]
    write(setting, "fig2", rows, {}, ["fig2-cifar.png shows pictures that must not be published."])


def _mse(sent: NDArray[np.uint8], received: NDArray[np.uint8]) -> float:
    return float(np.mean((sent.astype(np.float64) - received) ** 2)) / 255**2


if __name__ == "__main__":
    options(fig2)()
