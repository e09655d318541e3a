"""JPEG over 5G LDPC and QAM at a given number of channel uses: the classical baseline, run for real.

    python tools/ftsc/baseline_jpeg.py over-ldpc PICTURES --snr-db 10 --k-over-n 0.03125
    python tools/ftsc/baseline_jpeg.py curve PICTURES

PICTURES: a folder, a .tar or a .npz, as `edge.images.read` takes them. `over-ldpc` sends every picture at the best
quality that fits the budget; `curve` gives the source codec alone, bits a pixel against PSNR.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from statistics import fmean

# Run as a script from a checkout, without installation.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import click
import numpy as np

from edge import images
from edge.codecs.jpeg import MIN_BUDGET_BITS, Jpeg
from edge.codecs.jpeg_file import JpegFile
from edge.codecs.jpeg_shrink import FACTOR_BYTES, ShrunkenFile
from edge.images import Picture
from edge.metrics import psnr, ssim
from edge.segment import Kind, Segment
from emulator.bearers.bearer import Freight
from emulator.bearers.ldpc_qam import LdpcBlocks
from emulator.channels.ldpc import CRC_BITS, MAX_BLOCK_BITS, Mcs
from emulator.channels.ldpc_code import max_k
from emulator.channels.mcs import Waterfall, measured_at
from emulator.channels.noise import NoiseKey, SegmentNoise
from tools.figures.channel_uses import bits_that_fit

PACKET_BYTES = 8  # so small that a failed block costs little more than its own bytes
QUALITIES = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 95)


@dataclass(frozen=True)
class JpegResult:
    """One picture. quality: 0 where none fitted. shrink: how many times smaller it was sent. bits: payload before LDPC.
    symbols: complex channel uses taken.

    outage: no quality fitted the budget, or a block failed; the picture is scored as the receiver shows it.
    """

    psnr_db: float
    ssim: float
    quality: int
    bits: int
    symbols: int
    mcs: str
    outage: bool
    shrink: int = 1


def jpeg_over_ldpc(
    pictures: Sequence[Picture],
    budget_symbols: int,
    snr_db: float,
    seed: int = 0,
    mcs: Mcs | None = None,
    shrink: bool = False,
) -> list[JpegResult]:
    """Every picture [H, W, 3] at the best quality whose coded symbols fit budget_symbols at Es/N0 snr_db.

    mcs: the scheme; by default the one that brings the most bits of the budget through in good order. shrink: send it
    2, 4 or 8 times smaller where that comes out better. Raises ValueError where the budget does not even hold a
    picture's mean colour.
    """
    chosen = best_for_budget(snr_db, budget_symbols) if mcs is None else mcs
    budget_bits = bits_that_fit(budget_symbols, chosen)
    if budget_bits < MIN_BUDGET_BITS + (8 * FACTOR_BYTES if shrink else 0):
        raise ValueError(f"budget_symbols: {budget_symbols} hold {budget_bits} bits by {chosen}, too few; give more")
    codec, bearer = Jpeg(None, budget_bits, shrink), LdpcBlocks(snr_db, [chosen])
    key = NoiseKey(seed, "air", "rx", "jpeg", "payload")
    results = []
    for index, picture in enumerate(pictures):
        (sent,) = codec.encode(picture)
        found = codec.file(picture)
        file = found.file if isinstance(found, ShrunkenFile) else found
        received = over_the_air(sent, bearer, SegmentNoise(key, index, 0))
        shown = codec.decode([received])
        if shown.shape != picture.shape:  # not even the head arrived; a receiver that knows the size shows this
            shown = np.full_like(picture, shown[0, 0, 0])
        results.append(
            JpegResult(
                psnr_db=psnr(picture, shown),
                ssim=ssim(picture, shown),
                quality=0 if file is None else file.quality,
                bits=sent.size_bits,
                symbols=bearer.plan(sent.size_bits, 0).symbols,
                mcs=str(chosen),
                outage=file is None or received.present is not None,
                shrink=found.factor if isinstance(found, ShrunkenFile) else 1,
            )
        )
    return results


def over_the_air(sent: Segment, bearer: LdpcBlocks, draw: SegmentNoise) -> Segment:
    """An OPAQUE segment as it arrives: bytes of lost packets are zero and not present."""
    data = np.ascontiguousarray(sent.values.reshape(-1), np.uint8)
    freight = Freight(Kind.OPAQUE, 2, 0, data.size, PACKET_BYTES, data, 0.0, sent.level, data.size)
    carried = bearer.carry(freight, draw)
    if carried.lost is None or not carried.lost.any():
        return sent
    present = np.repeat(~carried.lost, PACKET_BYTES)[: data.size]
    return replace(sent, values=carried.payload * present, present=present)


def best_for_budget(snr_db: float, budget_symbols: int) -> Mcs:
    """The scheme of the most payload bits in good order: bits that fit times the probability that all blocks arrive."""

    def expected(curve: Waterfall) -> tuple[float, float]:
        bits = bits_that_fit(budget_symbols, curve.mcs)
        room = min(MAX_BLOCK_BITS, max_k(curve.mcs.rate)) - CRC_BITS
        blocks = -(-bits // room)
        return bits * (1.0 - curve.block_error_rate(snr_db)) ** blocks, -curve.snr_db[0]

    return max(measured_at(MAX_BLOCK_BITS), key=expected).mcs


def curve(pictures: Sequence[Picture]) -> list[dict[str, float]]:
    """quality, bits a pixel as charged, and mean PSNR of the source codec alone."""
    rows = []
    for quality in QUALITIES:
        codec = Jpeg(quality, None)
        files = [JpegFile.of(picture, quality) for picture in pictures]
        pixels = [picture.shape[0] * picture.shape[1] for picture in pictures]
        shown = [codec.decode(codec.encode(picture)) for picture in pictures]
        rows.append(
            {
                "quality": quality,
                "bits_per_pixel": fmean(8 * f.size_bytes / n for f, n in zip(files, pixels, strict=True)),
                "psnr_db": fmean(psnr(a, b) for a, b in zip(pictures, shown, strict=True)),
            }
        )
    return rows


def _read(source: Path, side: int, limit: int | None) -> list[Picture]:
    named = [each.pixels for each in images.read(source)][:limit]
    return [images.resized(pixels, side) for pixels in named] if side else named


@click.group()
def main() -> None:
    """JPEG as a baseline."""


_source = click.argument("source", type=click.Path(exists=True, path_type=Path))
_side = click.option("--side", default=256, show_default=True, help="Middle square, resized; 0: pictures as they are.")
_limit = click.option("--limit", type=int, default=None, help="Use the first so many pictures.")


@main.command("over-ldpc")
@_source
@_side
@_limit
@click.option("--snr-db", type=float, required=True, help="Es/N0 in dB.")
@click.option("--k-over-n", default="1/32", show_default=True, help="Complex symbols over source values.")
@click.option("--seed", default=0, show_default=True)
@click.option("--shrink", is_flag=True, help="Send pictures 2, 4 or 8 times smaller where that comes out better.")
def over_ldpc(
    source: Path, side: int, limit: int | None, snr_db: float, k_over_n: str, seed: int, shrink: bool
) -> None:
    """Send pictures, and print JSON: one result a picture."""
    pictures = _read(source, side, limit)
    ratio = Fraction(k_over_n)
    results = []
    for index, picture in enumerate(pictures):
        results += jpeg_over_ldpc([picture], int(picture.size * ratio), snr_db, seed + index, shrink=shrink)
    click.echo(json.dumps([asdict(result) for result in results], indent=2))
    finite = [r.psnr_db for r in results]
    click.echo(
        f"{len(results)} pictures, {fmean(finite):.2f} dB, SSIM {fmean(r.ssim for r in results):.3f}, "
        f"{sum(r.outage for r in results)} outages, {fmean(r.symbols for r in results):.0f} symbols",
        err=True,
    )


@main.command("curve")
@_source
@_side
@_limit
def curve_command(source: Path, side: int, limit: int | None) -> None:
    """Print the source codec's rate against its PSNR, without a channel."""
    for row in curve(_read(source, side, limit)):
        click.echo(f"q={row['quality']:<3} {row['bits_per_pixel']:.3f} bit/pixel  {row['psnr_db']:.2f} dB")


if __name__ == "__main__":
    main()
