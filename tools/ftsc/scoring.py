"""Pictures through a codec and a channel, scored: the same `encode`, bearers and `decode` as over the sockets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from edge import metrics
from edge.codecs.contract import Codec
from edge.images import Named, Picture
from edge.segment import Segment
from tools.figures.over_bearers import Bearers, transmit
from tools.ftsc.semantic_noise import noisy_picture

BEST_DB = 99.0  # a perfect copy, whose PSNR is infinite, counts as this


@dataclass(frozen=True)
class Sent:
    """One picture, encoded. original: what the receiver's picture is compared with, clean."""

    original: Picture
    segments: list[Segment]


def encode(codec: Codec, pictures: Sequence[Named], image_snr_db: float | None = None, seed: int = 0) -> list[Sent]:
    """Encodes each picture, after semantic noise where asked for."""
    sent = []
    for index, picture in enumerate(pictures):
        given = picture.pixels
        if image_snr_db is not None:
            given = noisy_picture(given, image_snr_db, seed, index)
        sent.append(Sent(picture.pixels, codec.encode(given)))
    return sent


def decode(codec: Codec, sent: Sequence[Sent], bearers: Bearers, seed: int = 0) -> list[Picture]:
    """What the receiver makes of it."""
    return [codec.decode(transmit(one.segments, bearers, seed, message)) for message, one in enumerate(sent)]


def psnr(originals: Sequence[Picture], received: Sequence[Picture]) -> list[float]:
    """PSNR in dB of each picture."""
    return [round(min(metrics.psnr(a, b), BEST_DB), 4) for a, b in zip(originals, received, strict=True)]


def score(originals: Sequence[Picture], received: Sequence[Picture]) -> dict[str, list[float]]:
    """psnr_db and ssim of each picture."""
    ssim = [round(metrics.ssim(a, b), 5) for a, b in zip(originals, received, strict=True)]
    return {"psnr_db": psnr(originals, received), "ssim": ssim}


def cost(sent: Sequence[Sent]) -> dict[str, float]:
    """Means over the pictures, of everything that must be received: bits, complex symbols, rho in bits (FTSC, eq. (10))
    and k/n, complex symbols over values of the picture."""
    bits = fmean(metrics.size_bits(one.segments) for one in sent)
    uses = fmean(sum(segment.channel_uses for segment in one.segments) for one in sent)
    return as_cost(bits, uses, fmean(one.original.size for one in sent))


def as_cost(bits: float, channel_uses: float, values: float) -> dict[str, float]:
    """values: numbers in a picture, 3 H W."""
    rho = {"rho_bits": bits / (8 * values), "rho_symbols": channel_uses / values}
    return {"bits": bits, "channel_uses": channel_uses, **rho}


def run(codec: Codec, sent: Sequence[Sent], bearers: Bearers, seed: int = 0) -> dict[str, Any]:
    """One cell: every picture's psnr_db and ssim, and the mean cost."""
    received = decode(codec, sent, bearers, seed)
    return {**score([one.original for one in sent], received), "cost": cost(sent)}


def run_psnr(codec: Codec, sent: Sequence[Sent], bearers: Bearers, seed: int = 0) -> list[float]:
    """PSNR alone of each picture: SSIM takes as long as decoding."""
    return psnr([one.original for one in sent], decode(codec, sent, bearers, seed))
