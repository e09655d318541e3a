"""What denoisers are worth on whole pictures that did not train them, beside requantisation alone, at several SNRs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import torch
from torch import Tensor

from edge import metrics
from edge.adapt import denoise
from edge.adapt.dncnn import Denoisers
from edge.codecs import network_codec, requantize
from edge.codecs.adaptable import Adaptable
from edge.images import Named
from edge.train.impairment import noisy


@torch.no_grad()
def score(
    codec: Adaptable, denoisers: Denoisers, pictures: Sequence[Named], snrs_db: Sequence[float], seed: int
) -> list[dict[str, float | None]]:
    """For each SNR, means over the pictures: psnr_db of what the decoder shows of denoised maps and noise_left, the
    power of what still differs from the maps that were sent over that of the channel's noise; both also of maps that
    were requantised alone. codec: both halves. The noise is a function of the seed and the SNR's place."""
    return [
        _at(codec, denoisers, pictures, snr_db, torch.Generator().manual_seed(seed + place))
        for place, snr_db in enumerate(snrs_db)
    ]


def _at(
    codec: Adaptable, denoisers: Denoisers, pictures: Sequence[Named], snr_db: float, generator: torch.Generator
) -> dict[str, float | None]:
    books = list(codec.codebook_tensors().values())
    psnr: list[tuple[float, float]] = []
    left: list[tuple[float, float]] = []
    for picture in pictures:
        sent = codec.quantize(codec.features(network_codec.as_batch(picture.pixels)))
        received = [noisy(one, snr_db, generator) for one in sent]
        likely = [requantize.cleaned(one, book) for one, book in zip(received, books, strict=True)]
        ways = (denoise.denoised(denoisers, likely), likely)
        shown = [network_codec.as_picture(codec.reconstruct(maps)) for maps in ways]
        psnr.append((metrics.psnr(picture.pixels, shown[0]), metrics.psnr(picture.pixels, shown[1])))
        noise = power(received, sent)
        left.append((power(ways[0], sent) / noise, power(ways[1], sent) / noise))
    return {
        "snr_db": snr_db,
        "psnr_db": metrics.json_number(round(fmean(own for own, _ in psnr), 3)),
        "psnr_requantized_db": metrics.json_number(round(fmean(alone for _, alone in psnr), 3)),
        "noise_left": round(fmean(own for own, _ in left), 5),
        "noise_left_requantized": round(fmean(alone for _, alone in left), 5),
    }


def power(maps: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """Sum over all maps of the squares of what differs."""
    return sum(float((a - b).pow(2).sum()) for a, b in zip(maps, others, strict=True))
