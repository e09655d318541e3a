"""Does it help to re-initialise, when nothing is frozen? theta and phi each kept or drawn anew, then trained alike.

[TX1, RX2] at eps_12 = 1e-5, everything trainable, the paper's learning rate for l = 0. The paper says that
re-initialising helps; it does not say of which parameters.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge.codecs.slf_network import SlfReceiver, SlfShape, SlfTransmitter
from edge.codecs.tensors import Tensors
from tools.figures.results import Row
from tools.figures.setting import write
from tools.slf import alignments, data, results
from tools.slf.alignments import CHANNEL, Conditions, Ends
from tools.slf.fedavg import halves
from tools.slf.paper import LEARNING_RATE_ANEW
from tools.slf.setting import Setting, options
from tools.slf.whole_transceiver import WholeTransceiver

REMARKS = ("The codebook belongs to phi. kept, anew is what edge.adapt.slf does for l = 0.",)


def trained(setting: Setting, theta: str, phi: str, seed: int) -> dict[str, Any]:
    """Scores after training from this start. A cell."""
    strangers = Ends.strangers(setting, CHANNEL)
    conditions = Conditions(0, seed=seed)
    key: dict[str, object] = {
        "what": "anew",
        "method": f"theta-{theta}-phi-{phi}",
        "seed": seed,
        **strangers.digests,
        "settings": setting.as_json() | {"seeds": None},
    }

    def compute() -> dict[str, Any]:
        path = alignments.weight_file(setting, CHANNEL.transmitter)
        pictures = data.own(setting.data, 0.0, setting.pictures, seed).pixels
        whole = WholeTransceiver(path, pictures, conditions.crossover, seed)
        whole.replace(start(strangers, theta, phi, seed))
        whole.train(setting.steps, setting.batch, LEARNING_RATE_ANEW)
        return alignments.score(setting, CHANNEL, halves(whole.tensors()), conditions)

    return dict(setting.cells.get(key, compute))


def start(strangers: Ends, theta: str, phi: str, seed: int) -> Tensors:
    """theta, phi: "kept" or "anew"."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = SlfTransmitter(SlfShape()), SlfReceiver(SlfShape())
    encoder = strangers.encoder if theta == "kept" else _arrays(drawn[0])
    decoder = strangers.decoder if phi == "kept" else _arrays(drawn[1])
    return {**encoder, **decoder}  # of two codebooks phi's


def _arrays(half: torch.nn.Module) -> dict[str, NDArray[np.float32]]:
    return {name: tensor.detach().contiguous().numpy() for name, tensor in half.state_dict().items()}


def anew(setting: Setting) -> None:
    rows: list[Row] = []
    for theta, phi in product(("kept", "anew"), repeat=2):
        scores = [trained(setting, theta, phi, seed) for seed in range(setting.seeds)]
        rows.append({"theta": theta, "phi": phi, **results.score_columns(scores)})
    write(setting, "anew", rows, {}, REMARKS)


if __name__ == "__main__":
    options(anew)()
