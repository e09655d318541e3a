"""Federated averaging as a baseline: does it bring [TX1, RX2] together at the bits, or the operations, that SLF took?

TRX1 and TRX2 each train all of their parameters on pictures of their own under eps_12, send them to each other, and go
on from the average. No picture leaves either. [TX1, RX2] is scored after each average. The paper's [16] says that this
gains little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.codecs.tensors import Tensors
from tools.figures import plots
from tools.figures.results import Row, banded, curve_of, verdict_over
from tools.figures.setting import write
from tools.slf import alignments, data, results
from tools.slf.alignments import CHANNEL, Conditions, Ends, Pair
from tools.slf.paper import LEARNING_RATE_ANEW
from tools.slf.setting import Setting, options
from tools.slf.whole_transceiver import WholeTransceiver

FREEZE = 2  # l of the SLF that it is compared with
ROUNDS = 10
SECOND_CLIENT = 1000  # added to the seed of its pictures
PARTNERS = (Pair(CHANNEL.transmitter, CHANNEL.transmitter, ""), Pair(CHANNEL.receiver, CHANNEL.receiver, ""))
REMARKS = (
    f"Both clients train at the learning rate {LEARNING_RATE_ANEW:g}; Adam begins anew in each round.",
    "Bits of a round: each client sends all of its tensors once (no server between them). Equal communication: the "
    "download and upload of SLF; where that is less than a round, one round is granted.",
    "Equal compute: as many operations as SLF, both clients together. The curve goes on to twice as many.",
)


@dataclass(frozen=True)
class Budget:
    """What SLF took, and what a round of averaging takes."""

    slf_bits: int
    slf_flops: float
    round_bits: int
    round_flops: float

    @property
    def rounds_at_equal_bits(self) -> int:
        """At least one."""
        return max(1, int(self.slf_bits // self.round_bits))

    @property
    def rounds_at_equal_flops(self) -> int:
        """At least one."""
        return max(1, round(self.slf_flops / self.round_flops))


def averaged(states: Sequence[Tensors]) -> dict[str, NDArray[Any]]:
    """The mean of each tensor."""
    return {
        name: np.mean([state[name] for state in states], axis=0, dtype=first.dtype) for name, first in states[0].items()
    }


def local_steps(setting: Setting) -> int:
    """Of each client in a round: after ROUNDS both together have made twice the steps of one alignment."""
    return max(1, setting.steps // ROUNDS)


def curve(setting: Setting, seed: int) -> list[dict[str, Any]]:
    """Scores before (round 0: strangers), and after each average. A cell."""
    starts = [Ends.strangers(setting, pair) for pair in PARTNERS]
    conditions = Conditions(FREEZE, seed=seed)
    key: dict[str, object] = {
        "what": "fedavg",
        "model": "-".join(pair.transmitter for pair in PARTNERS),
        "seed": seed,
        "starts": [one.digests for one in starts],
        "settings": setting.as_json() | {"seeds": None},
        "rounds": ROUNDS,
    }

    def compute() -> list[dict[str, Any]]:
        clients = [
            WholeTransceiver(
                alignments.weight_file(setting, pair.transmitter),
                data.own(setting.data, 0.0, setting.pictures, seed + SECOND_CLIENT * number).pixels,
                conditions.crossover,
                seed + SECOND_CLIENT * number,
            )
            for number, pair in enumerate(PARTNERS)
        ]
        found = [alignments.misaligned(setting, CHANNEL, conditions)]
        for _ in range(ROUNDS):
            for client in clients:
                client.train(local_steps(setting), setting.batch, LEARNING_RATE_ANEW)
            mean = averaged([client.tensors() for client in clients])
            for client in clients:
                client.replace(mean)
            found.append(alignments.score(setting, CHANNEL, halves(mean), conditions))
        return found

    return list(setting.cells.get(key, compute))


def halves(whole: Tensors) -> Ends:
    """The two halves of one transceiver; both hold the codebook."""
    return Ends(
        {name: value for name, value in whole.items() if not name.startswith("decoder.")},
        {name: value for name, value in whole.items() if not name.startswith("encoder.")},
    )


def budget(setting: Setting) -> Budget:
    """From the records of l = 2 and of l = 0, which trains everything, as a client does."""
    slf = alignments.scored_alignment(setting, CHANNEL, Conditions(FREEZE))
    everything = alignments.scored_alignment(setting, CHANNEL, Conditions(0))
    ends = Ends.strangers(setting, CHANNEL)
    whole = sum(int(tensor.nbytes) for tensor in {**ends.encoder, **ends.decoder}.values())
    return Budget(
        slf_bits=8 * (slf["download"]["tensor_bytes"] + slf["upload"]["tensor_bytes"]),
        slf_flops=slf["flops"],
        round_bits=2 * 8 * whole,
        round_flops=2 * local_steps(setting) * everything["flops"] / everything["steps"],
    )


def rows(curves: Sequence[Sequence[dict[str, Any]]], cost: Budget) -> list[Row]:
    """One row a round."""
    return [
        {
            "round": number,
            "kbit": round(number * cost.round_bits / 1e3, 1),
            "tflop": round(number * cost.round_flops / 1e12, 4),
            **results.score_columns([one[number] for one in curves]),
        }
        for number in range(len(curves[0]))
    ]


def comparison(
    curves: Sequence[Sequence[dict[str, Any]]], slf: Sequence[dict[str, Any]], cost: Budget
) -> dict[str, dict[str, Any]]:
    """At equal communication, equal compute and the end: both MSEs, and whether averaging stays behind in all seeds."""
    points = {
        "equal communication": cost.rounds_at_equal_bits,
        "equal compute": min(cost.rounds_at_equal_flops, len(curves[0]) - 1),
        "end of the curve": len(curves[0]) - 1,
    }
    return {
        name: {
            "rounds": number,
            "mse_fedavg": round(fmean(one[number]["mse"] for one in curves), 6),
            "mse_slf": round(fmean(one["mse"] for one in slf), 6),
            "mse_misaligned": round(fmean(one[0]["mse"] for one in curves), 6),
            "fedavg_stays_behind_slf": verdict_over(
                [one[number]["mse"] > own["mse"] for one, own in zip(curves, slf, strict=True)]
            ),
        }
        for name, number in points.items()
    }


def draw(setting: Setting, found: Sequence[Row], slf: Sequence[dict[str, Any]]) -> None:
    drawn = plots.figure(9.5, 3.6)
    for number, (value, title) in enumerate((("mse", "MSE"), ("accuracy", "top-1 accuracy"))):
        axes = drawn.add_subplot(1, 2, number + 1)
        x, y = curve_of(found, "round", value, lambda _row: True)
        level = banded([one[value] for one in slf])
        ends = [x[0], x[-1]]
        curves = [plots.Curve("federated averaging", x, y), plots.Curve(f"SLF, l = {FREEZE}", ends, [level, level])]
        plots.draw_curves(axes, curves, "[TX1, RX2], eps_12 = 1e-5", "rounds of averaging", title)
        if value == "mse":
            axes.set_yscale("log")
    plots.save(drawn, setting.out / "fedavg.png")


def fedavg(setting: Setting) -> None:
    cost = budget(setting)
    curves = [curve(setting, seed) for seed in range(setting.seeds)]
    slf = [
        alignments.scored_alignment(setting, CHANNEL, Conditions(FREEZE, seed=seed)) for seed in range(setting.seeds)
    ]
    found = rows(curves, cost)
    more = {"comparison": comparison(curves, slf, cost), "slf_kbit": cost.slf_bits / 1e3}
    write(setting, "fedavg", found, more, REMARKS)
    draw(setting, found, slf)


if __name__ == "__main__":
    options(fedavg)()
