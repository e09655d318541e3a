"""Measures codecs on 256x256 pictures: encode and decode, beside JPEG + LDPC and JSCC in the same run; prints JSON.

    python tools/bench/codecs.py --out codecs.json [--weights FOLDER] [--tune] [--profile]

A figure is the median over the sample photographs after a warm-up, wall time in ms; --threads sets the cores.
--tune also fine-tunes (DFT and LSDFT, scale 4) on crops of the photographs and says when PSNR on others comes within
0.1 dB of its plateau. --profile lists the operators that take the time. Not a test: nothing here passes or fails.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Run as a script from a checkout, without installation.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import click

from edge import sample
from edge.codecs import registry
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import Codec, CodecError, Half
from edge.images import Named, Picture, resized
from edge.segment import Segment
from tools.ftsc import models

SIDE = 256
SCALES = (2, 4, 8, 16)
SWIN_DECODERS = ("high", "low", "lowest")
SNR_DB = 10.0
JPEG_BITS = 46080  # as VQ-VAE-2 at scale 4
CLOSE_DB = 0.1
TUNE_STEPS, TUNE_EVERY = 400, 20


@dataclass(frozen=True)
class Contender:
    name: str
    codec: str
    options: dict[str, str]
    ldpc: bool = False  # its bits also go through LDPC, QAM and belief propagation; that is timed with decode


def contenders(folder: Path | None) -> list[Contender]:
    """Those that can be opened here. folder: of other weights than the shipped ones."""

    def options(name: str, shipped: dict[str, str]) -> dict[str, str]:
        model = models.find(folder, name) if folder is not None else None
        return dict(model.options) if model is not None else shipped

    listed = [Contender(f"vqvae2 s={s}", "vqvae2", options(f"vqvae2-s{s}", {"scale": str(s)})) for s in SCALES]
    listed.append(Contender("vqvae s=4", "vqvae", options("vqvae-s4", {"scale": "4"})))
    listed.append(Contender("deepjscc k/n=1/32", "deepjscc", options("deepjscc-c3-10", {"snr_db": "10"})))
    shared = options("swin", {})
    listed += [Contender(f"swin k/n=1/16, {v} decoder", "swin", {**shared, "decoder": v}) for v in SWIN_DECODERS]
    listed.append(Contender("jpeg", "jpeg", {"budget_bits": str(JPEG_BITS)}))
    listed.append(Contender(f"jpeg + LDPC, {SNR_DB:g} dB", "jpeg", {"budget_bits": str(JPEG_BITS)}, ldpc=True))
    return listed


def median_ms(run: Callable[[Any], object], given: Sequence[Any], repeats: int) -> float:
    """Median wall time over `repeats` passes through what is given, after one that warms up."""
    run(given[0])
    taken = []
    for _ in range(repeats):
        for one in given:
            began = time.perf_counter()
            run(one)
            taken.append(time.perf_counter() - began)
    return round(1e3 * statistics.median(taken), 2)


def measure(contender: Contender, pictures: Sequence[Picture], repeats: int) -> dict[str, Any]:
    """encode_ms and decode_ms, or why not."""
    try:
        codec = registry.load(contender.codec).open(contender.options, Half.BOTH)
    except CodecError as error:
        return {"name": contender.name, "left_out": str(error)}
    sent = [codec.encode(picture) for picture in pictures]
    result: dict[str, Any] = {
        "name": contender.name,
        "size_bits": round(statistics.fmean(sum(segment.size_bits for segment in one) for one in sent)),
        "channel_uses": round(statistics.fmean(sum(segment.channel_uses for segment in one) for one in sent)),
        "encode_ms": median_ms(codec.encode, pictures, repeats),
    }
    if not contender.ldpc:
        return result | {"decode_ms": median_ms(codec.decode, sent, repeats)}
    return result | {"decode_ms": _through_ldpc_ms(codec, sent, repeats)}


def _through_ldpc_ms(codec: Codec, sent: Sequence[list[Segment]], repeats: int) -> float:
    """Noise, soft demapping, belief propagation and decode. Every pass draws other noise: blocks are remembered."""
    from emulator.bearers.ldpc_qam import CARRIED, LdpcBlocks
    from tools.figures import over_bearers

    bearer = LdpcBlocks(SNR_DB)
    passes = iter(range(1 << 30))

    def receive(segments: list[Segment]) -> object:
        return codec.decode(over_bearers.transmit(segments, dict.fromkeys(CARRIED, bearer), 0, next(passes)))

    return median_ms(receive, sent, repeats)


def tune(method: str, threads: int, weights: Path | None) -> dict[str, Any]:
    """Wall time until PSNR on pictures that were not learned from stays within CLOSE_DB of its last value."""
    from edge.adapt.lessons import Lesson
    from edge.adapt.settings import AdaptSettings
    from edge.adapt.tuner import tuner_for
    from tools.ftsc import scoring
    from tools.ftsc.tuning import codebooks_after_rounds

    options = next(one.options for one in contenders(weights) if one.name == "vqvae2 s=4")
    pictures = _tuning_pictures()
    learned, scored = pictures[:32], pictures[32:40]
    codec, viewer = (registry.load("vqvae2").open(options, Half.BOTH) for _ in range(2))
    assert isinstance(codec, Adaptable)
    assert isinstance(viewer, Adaptable)
    settings = AdaptSettings(method="dft" if method == "dft" else "lsdft", steps=TUNE_STEPS)
    began = time.perf_counter()
    originals = [picture.pixels for picture in learned]
    lessons = [Lesson(codec.encode(one), one if method == "dft" else None) for one in originals]
    codebooks = codebooks_after_rounds(codec, originals, settings)
    rounds_s = time.perf_counter() - began
    tuner = tuner_for(codec, lessons, settings, codec.parameters(), codebooks)
    curve, spent_s = [], rounds_s
    while not tuner.finished:
        began = time.perf_counter()
        tuner.advance(TUNE_EVERY)
        spent_s += time.perf_counter() - began
        viewer.replace(codec.parameters())
        psnr_db = statistics.fmean(scoring.run_psnr(viewer, scoring.encode(viewer, scored), {}))
        curve.append({"step": tuner.step, "wall_s": round(spent_s, 2), "psnr_db": round(psnr_db, 3)})
    far = [i for i, point in enumerate(curve) if abs(point["psnr_db"] - curve[-1]["psnr_db"]) > CLOSE_DB]
    reached = curve[far[-1] + 1] if far else curve[0]
    return {
        "method": method,
        "threads": threads,
        "codebook_rounds_s": round(rounds_s, 2),
        "plateau": reached,
        "all_steps": curve[-1],
        "curve": curve,
    }


def _tuning_pictures() -> list[Named]:
    """Greyscale pictures of clothing, which the shipped weights have not seen, at 256x256."""
    return [Named(one.name, resized(one.pixels, SIDE)) for one in list(sample.fashion_mnist())[:40]]


def profile(weights: Path | None) -> list[dict[str, Any]]:
    """The operators that take most of an encode and decode at scale 4, by their own CPU time."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record

    options = next(one.options for one in contenders(weights) if one.name == "vqvae2 s=4")
    codec = registry.load("vqvae2").open(options, Half.BOTH)
    picture = resized(next(iter(sample.kodak())).pixels, SIDE)
    codec.decode(codec.encode(picture))
    with record(activities=[ProfilerActivity.CPU]) as found:
        codec.decode(codec.encode(picture))
    events = sorted(found.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return [
        {"operator": e.key, "share": round(e.self_cpu_time_total / total, 3), "calls": e.count} for e in events[:10]
    ]


@click.command()
@click.option(
    "--weights", type=click.Path(path_type=Path, file_okay=False), help="Folder of weights (default: shipped)."
)
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("--tune", "tuned", is_flag=True, help="Also time fine-tuning.")
@click.option("--profile", "profiled", is_flag=True, help="Also say where the time of a picture goes.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write JSON here instead of to stdout.")
def main(weights: Path | None, repeats: int, threads: int, tuned: bool, profiled: bool, out: Path | None) -> None:
    """Measure codecs on 256x256 pictures; prints JSON."""
    import torch

    torch.set_num_threads(threads)
    pictures = [resized(picture.pixels, SIDE) for picture in sample.kodak()]
    report: dict[str, Any] = {
        "machine": {"cpu": platform.processor() or platform.machine(), "torch": str(torch.__version__)},
        "threads": threads,
        "pictures": len(pictures),
        "codecs": [measure(contender, pictures, repeats) for contender in contenders(weights)],
    }
    if tuned:
        report["fine_tuning"] = [tune(method, threads, weights) for method in ("dft", "lsdft")]
    if profiled:
        report["profile"] = profile(weights)
    text = json.dumps(report, indent=2)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()
