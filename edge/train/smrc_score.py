"""What SMRC's heads are worth on labelled pictures, each sent once over AWGN or block fading: PSNR, accuracy, recall
and precision (section IV)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge import metrics
from edge.codecs.network_codec import MEMORY_FORMAT
from edge.codecs.smrc_network import SmrcReceiver, SmrcTransmitter
from edge.train.smrc import carried
from edge.train.smrc_loss import group_of
from edge.train.whole_pictures import as_tensor

AT_ONCE = 500


@dataclass(frozen=True)
class HeadScore:
    """Of the head of one sub-block. psnr_db: mean over the pictures, pixels rounded to 8 bits as a receiver would.
    accuracy: share of pictures whose group of classes the extractor names; recall, precision: of each group."""

    block: int
    layer: int
    psnr_db: float
    accuracy: float
    recall: tuple[float, ...]
    precision: tuple[float, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "block": self.block,
            "layer": self.layer,
            "psnr_db": round(self.psnr_db, 3),
            "accuracy": round(self.accuracy, 4),
            "recall": [metrics.json_number(round(one, 4)) for one in self.recall],
            "precision": [metrics.json_number(round(one, 4)) for one in self.precision],
        }


@torch.inference_mode()
def score(
    tx: SmrcTransmitter,
    rx: SmrcReceiver,
    pictures: NDArray[np.uint8],
    labels: NDArray[np.integer],
    snrs_db: Sequence[float],
    seed: int,
    k_factor: float | None = None,
) -> list[HeadScore]:
    """pictures uint8 [N, s, s, 3], labels [N]. snrs_db: Es/N0 that each sub-block meets. k_factor: block fading per
    packet with this mean SNR, Rician (linear; 0 is Rayleigh); None: AWGN. The noise is a function of the seed."""
    if len(snrs_db) != len(rx.shape.heads):
        raise ValueError(f"snrs_db: {len(rx.shape.heads)} sub-blocks need as many, got {len(snrs_db)}")
    if not all(math.isfinite(one) for one in snrs_db):
        raise ValueError(f"snrs_db: must be finite, got {list(snrs_db)}; give a high SNR for next to no noise")
    generator = torch.Generator().manual_seed(seed)
    quality: list[list[Tensor]] = [[] for _ in snrs_db]
    named: list[list[Tensor]] = [[] for _ in snrs_db]
    for at in range(0, len(pictures), AT_ONCE):
        images = as_tensor(pictures[at : at + AT_ONCE]).contiguous(memory_format=MEMORY_FORMAT)
        received = {
            block: carried(sent, torch.full((len(images), 1), float(snrs_db[block])), k_factor, generator)
            for block, sent in tx(images).items()
        }
        for block in range(len(snrs_db)):
            pixels = rx.reconstruct(block, received).clamp(0, 1).mul(255).round().div(255)
            error = (pixels - images).square().flatten(1).mean(dim=1)
            quality[block].append(-10 * error.clamp_min(1e-10).log10())
            named[block].append(rx.log_probabilities(block, pixels).argmax(dim=1))
    truth = torch.from_numpy(labels.astype(np.int64))
    return [_of(rx, block, torch.cat(quality[block]), torch.cat(named[block]), truth) for block in range(len(snrs_db))]


def _of(rx: SmrcReceiver, block: int, quality_db: Tensor, named: Tensor, labels: Tensor) -> HeadScore:
    head = rx.shape.heads[block]
    seen, truth = named.numpy(), group_of(head.groups, labels).numpy()
    return HeadScore(
        block,
        head.layer,
        float(quality_db.mean()),
        float((seen == truth).mean()),
        tuple(metrics.recall(seen, truth, len(head.groups)).tolist()),
        tuple(metrics.precision(seen, truth, len(head.groups)).tolist()),
    )
