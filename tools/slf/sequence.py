"""Beyond two: transmitters that align with one receiver in turn, and what that does to those aligned before.

One decoder for all: each alignment changes what the others rely on, unless l = 4, which leaves it alone. One decoder
a transmitter: nobody is hurt, and the receiver keeps a decoder (its bytes are told) for each. RX2 starts with its TX2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.figures import plots
from tools.figures.results import Row, curve_of
from tools.figures.setting import write
from tools.slf import alignments, results
from tools.slf.alignments import Aligned, Conditions, Ends, Pair
from tools.slf.setting import Setting, options

LAYERS = (0, 2, 4)
RECEIVER, CLASSIFIER = "slf-trx2", "slf-classifier-both"
REMEDY = 4  # l with which the first one aligns again, last of all
REMARKS = (
    "TX2 is RX2's own partner and never aligns. TX3 has and sends CIFAR-10 pictures, the others MNIST; the classifier "
    "knows both (20 classes), so accuracies are below those of the MNIST classifier.",
    "The last stage: TX1 aligns once more with l = 4, which uploads nothing and so hurts nobody.",
    "No other transmitter's encoder changes while one aligns: they are not told.",
)


@dataclass(frozen=True)
class Transmitter:
    """mixture: 0 for one that has and sends MNIST, 1 for CIFAR-10."""

    title: str
    weights: str
    mixture: float

    @property
    def pair(self) -> Pair:
        return Pair(self.weights, RECEIVER, CLASSIFIER)


PARTNER = Transmitter("TX2", RECEIVER, 0.0)
STRANGERS = (
    Transmitter("TX1", "slf-trx1", 0.0),
    Transmitter("TX4", "slf-trx4", 0.0),  # MNIST from another seed, where somebody trained it
    Transmitter("TX3", "slf-trx3", 1.0),
)


def strangers(setting: Setting) -> list[Transmitter]:
    """Those whose weights are there."""
    found = []
    for one in STRANGERS:
        if alignments.weight_file(setting, one.weights).exists():
            found.append(one)
        else:
            setting.skip(f"{one.weights}: no such weight file; {one.title} takes no part")
    return found


def run(setting: Setting, freeze: int, seed: int) -> list[dict[str, Any]]:
    """Scores of every transmitter at every stage, with one decoder for all and with one for each."""
    turns = strangers(setting)
    everybody = [PARTNER, *turns]
    encoders = {one.title: Ends.strangers(setting, one.pair).encoder for one in everybody}
    start = Ends.strangers(setting, PARTNER.pair).decoder
    shared, own = start, {one.title: Ends(encoders[one.title], start) for one in everybody}
    found: list[dict[str, Any]] = []

    def tell(stage: int, after: str) -> None:
        for one in everybody:
            for kind, ends in (("one for all", Ends(encoders[one.title], shared)), ("one each", own[one.title])):
                scores = alignments.score(setting, one.pair, ends, Conditions(freeze, mixture=one.mixture, seed=seed))
                entry = {"freeze": freeze, "decoder": kind, "stage": stage, "after": after, "transmitter": one.title}
                found.append({**entry, "seed": seed, **scores})

    tell(0, "nobody")
    stages = [(one, freeze, one.title) for one in turns]
    stages += [(turns[0], REMEDY, f"{turns[0].title} again, l = {REMEDY}")] if freeze != REMEDY and turns else []
    for stage, (one, layers, after) in enumerate(stages, start=1):
        case = Conditions(layers, mixture=one.mixture, seed=seed)
        made = alignments.aligned(setting, one.pair, Ends(encoders[one.title], shared), case)
        encoders, shared = {**encoders, one.title: made.ends.encoder}, made.ends.decoder
        if after == one.title:
            own = {**own, one.title: _alone(setting, one, case).ends}
        tell(stage, after)
    return found


def _alone(setting: Setting, one: Transmitter, case: Conditions) -> Aligned:
    """Aligned with a copy of the decoder that nobody else changed."""
    return alignments.aligned(setting, one.pair, Ends.strangers(setting, one.pair), case)


def rows(entries: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Means over seeds."""
    groups: dict[tuple[object, ...], list[Mapping[str, Any]]] = {}
    for entry in entries:
        named = tuple(entry[name] for name in ("freeze", "decoder", "stage", "after", "transmitter"))
        groups.setdefault(named, []).append(entry)
    titles = ("freeze", "decoder", "stage", "after", "transmitter")
    return [{**dict(zip(titles, named, strict=True)), **results.score_columns(own)} for named, own in groups.items()]


def harm(found: Sequence[Row]) -> list[Row]:
    """With one decoder for all: each transmitter's MSE when it had just aligned (TX2: at first), and the worst after
    others had."""
    told: list[Row] = []
    for freeze in LAYERS:
        own = [row for row in found if row["freeze"] == freeze and row["decoder"] == "one for all"]
        for title in dict.fromkeys(str(row["transmitter"]) for row in own):
            mine = sorted((row for row in own if row["transmitter"] == title), key=lambda row: int(row["stage"]))
            begin = next((i for i, row in enumerate(mine) if row["after"] == title), 0)
            others = [row for row in mine[begin + 1 :] if not str(row["after"]).startswith(title)]
            if begin == 0 and title != PARTNER.title:
                continue
            worst = max((float(row["mse"]) for row in others), default=float(mine[begin]["mse"]))
            told.append(
                {
                    "freeze": freeze,
                    "transmitter": title,
                    "mse_aligned": mine[begin]["mse"],
                    "mse_worst_after": worst,
                    "times": round(worst / float(mine[begin]["mse"]), 2),
                }
            )
    return told


def draw(setting: Setting, found: Sequence[Row]) -> None:
    drawn = plots.figure(4.2 * len(LAYERS), 3.8)
    for number, freeze in enumerate(LAYERS):
        axes = drawn.add_subplot(1, len(LAYERS), number + 1)
        own = [row for row in found if row["freeze"] == freeze and row["decoder"] == "one for all"]
        curves = []
        for title in dict.fromkeys(str(row["transmitter"]) for row in own):
            x, y = curve_of(own, "stage", "mse", lambda row, title=title: row["transmitter"] == title)  # type: ignore[misc]
            curves.append(plots.Curve(title, x, y))
        plots.draw_curves(axes, curves, f"one decoder for all, l = {freeze}", "after the alignment of", "MSE")
        stages = dict.fromkeys((int(row["stage"]), str(row["after"])) for row in own)
        axes.set_xticks([stage for stage, _ in stages])
        axes.set_xticklabels([after.replace(" again, ", "\nagain, ") for _, after in stages], fontsize=7)
        axes.set_yscale("log")
    plots.save(drawn, setting.out / "sequence.png")


def sequence(setting: Setting) -> None:
    entries = [entry for seed in range(setting.seeds) for freeze in LAYERS for entry in run(setting, freeze, seed)]
    found = rows(entries)
    decoder = Ends.strangers(setting, PARTNER.pair).decoder
    size = sum(int(tensor.nbytes) for tensor in decoder.values())
    write(setting, "sequence", found, {"harm": harm(found), "bytes_of_a_decoder": size}, REMARKS)
    draw(setting, found)


if __name__ == "__main__":
    options(sequence)()
