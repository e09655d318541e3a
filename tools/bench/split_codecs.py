"""Encode, bearer and decode of 32x32 pictures at K = 128 symbols: split + learned mapper, deepjscc, hevc-ldpc, in one
run; prints JSON.

    python tools/bench/split_codecs.py --out split_codecs.json [--threads 2] [--batch 64]

A figure is the median over --repeats passes through a batch, wall time, as pictures a second. "together": networks take
the batch at once, as a server would; "one by one": through codecs and bearers message by message, as nodes and the
emulator do. The networks have random weights, which take as long as trained ones. HEVC and LDPC know no batches; the
encoder searches the QP that fits its budget. Not a test: nothing here passes or fails.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Run as a script from a checkout, without installation.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import click
import numpy as np

from edge import sample
from edge.codecs.contract import CodecError, Half
from edge.images import Picture, resized
from edge.segment import Kind

if TYPE_CHECKING:
    from edge.codecs.contract import Codec
    from emulator.bearers.learned_mapper import LearnedBits

SIDE, SYMBOLS, SNR_DB = 32, 128, 10.0
BLOCKS = 3  # of the shipped mappers
ORDER, RATE = 16, 0.6  # what arrives at this SNR in blocks as short as a picture's


@dataclass(frozen=True)
class Passage:
    """encode, carry, decode: each takes what the one before gave, for the whole batch."""

    name: str
    encode: Callable[[Any], Any]
    carry: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def squares(count: int) -> list[Picture]:
    """Different pictures [32, 32, 3]: pieces of the sample photographs."""
    large = [resized(one.pixels, 4 * SIDE) for one in sample.kodak()]
    places = [(y, x) for y in range(0, 4 * SIDE, SIDE) for x in range(0, 4 * SIDE, SIDE)]
    pieces = [np.ascontiguousarray(one[y : y + SIDE, x : x + SIDE]) for y, x in places for one in large]
    return (pieces * -(-count // len(pieces)))[:count]


def together(threads: int) -> list[Passage]:
    """The networks on batches."""
    import torch

    from edge.codecs import deepjscc_attention
    from edge.codecs.deepjscc_attention import AttentionShape
    from edge.codecs.network_codec import MEMORY_FORMAT
    from edge.codecs.split_network import SplitReceiver, SplitShape, SplitTransmitter, to_maps, to_vectors
    from emulator.bearers.mapper_network import MapperPair, MapperShape
    from emulator.channels.torch_faces import TorchAWGN

    torch.set_num_threads(threads)
    shape, jscc = SplitShape(), AttentionShape(SYMBOLS // 32)
    pair, channel = MapperPair(MapperShape(symbols=SYMBOLS, blocks=BLOCKS)).eval(), TorchAWGN(SNR_DB)
    halves = [SplitTransmitter(shape), SplitReceiver(shape)]
    ends = [deepjscc_attention.transmitter(jscc), deepjscc_attention.receiver(jscc)]
    for network in (*halves, *ends, pair):
        network.eval().requires_grad_(False).to(memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]
    (f, g), (sender, receiver), generator = halves, ends, torch.Generator().manual_seed(0)
    side = SIDE // shape.shrink

    def mapped(vectors: torch.Tensor) -> torch.Tensor:
        received = channel(pair.symbols(vectors, side, side), generator)
        return (pair.log_odds(received, side, side) > 0).float()

    return [
        Passage(
            "split + learned mapper",
            lambda images: to_vectors((f(images) > 0).float(), shape.levels),
            mapped,
            lambda bits: g(to_maps(bits, shape.levels, side, side).contiguous(memory_format=MEMORY_FORMAT)),
        ),
        Passage("deepjscc", sender, lambda code: channel(code, generator), receiver),
    ]


def one_by_one() -> list[Passage]:
    """Codecs and the emulator's bearers, picture by picture."""
    from emulator.bearers.analog_symbols import NoisySymbols
    from emulator.bearers.ldpc_qam import LdpcBlocks
    from emulator.channels.ldpc import Mcs
    from tools.figures import over_bearers
    from tools.figures.channel_uses import bits_that_fit

    mcs, passes = Mcs(ORDER, RATE), iter(range(1 << 30))
    coded = {Kind.OPAQUE: LdpcBlocks(SNR_DB, [mcs])}
    on_air = {Kind.SYMBOLS: NoisySymbols(SNR_DB)}
    jscc = _random_deepjscc()
    listed = [
        _split_passage(passes),
        _codec_passage("deepjscc", jscc, lambda sent: over_bearers.transmit(sent, on_air, 0, next(passes))),
    ]
    try:
        from edge.codecs.hevc import Hevc

        hevc = Hevc.open({"budget_bits": str(bits_that_fit(SYMBOLS, mcs)), "size": f"{SIDE}x{SIDE}"}, Half.BOTH)
    except CodecError:  # pillow-heif is not installed
        return listed
    listed.append(_codec_passage("hevc-ldpc", hevc, lambda sent: over_bearers.transmit(sent, coded, 0, next(passes))))
    return listed


def _codec_passage(name: str, codec: Codec, carry: Callable[[Any], Any]) -> Passage:
    return Passage(
        name,
        lambda pictures: [codec.encode(picture) for picture in pictures],
        lambda sent: [carry(segments) for segments in sent],
        lambda received: [codec.decode(segments) for segments in received],
    )


def _random_deepjscc() -> Codec:
    from edge.codecs import deepjscc_attention
    from edge.codecs.deepjscc import DeepJSCC
    from edge.codecs.deepjscc_attention import AttentionShape

    shape = AttentionShape(SYMBOLS // 32)
    return DeepJSCC(shape, deepjscc_attention.transmitter(shape), deepjscc_attention.receiver(shape), {}, "random")


def _split_passage(passes: Any) -> Passage:
    from edge.codecs.split import Split
    from edge.codecs.split_network import SplitReceiver, SplitShape, SplitTransmitter
    from emulator.channels.levels import geometric_bers
    from tools.split.links import Link, together

    shape = SplitShape()
    codec = Split(shape, geometric_bers(10, 0.4, 0.001), SplitTransmitter(shape), SplitReceiver(shape), "random")
    link: Link = together(_random_mapper(), {})
    return _codec_passage("split + learned mapper", codec, lambda sent: link(sent, 0, next(passes)))


def _random_mapper() -> LearnedBits:
    from emulator.bearers.learned_mapper import LearnedBits, OpenMapper
    from emulator.bearers.mapper_network import LearnedMapper, MapperPair, MapperShape

    mapper = LearnedMapper(MapperPair(MapperShape(symbols=SYMBOLS, blocks=BLOCKS)), {})
    return LearnedBits(OpenMapper("random", mapper, ""), SNR_DB, 0.1)


def measure(passage: Passage, given: Any, pictures: int, repeats: int) -> dict[str, Any]:
    """Pictures a second of the whole passage, and ms a picture of each part."""
    taken: list[list[float]] = []
    for _ in range(repeats + 1):  # the first warms up
        value, marks = given, [time.perf_counter()]
        for part in (passage.encode, passage.carry, passage.decode):
            value = part(value)
            marks.append(time.perf_counter())
        taken.append([b - a for a, b in pairwise(marks)])
    parts = [statistics.median(column) for column in zip(*taken[1:], strict=True)]
    whole = statistics.median(sum(one) for one in taken[1:])
    names = [f"{part}_ms" for part in ("encode", "bearer", "decode")]
    each = dict(zip(names, (round(1e3 * seconds / pictures, 3) for seconds in parts), strict=True))
    return {"name": passage.name, "pictures_per_s": round(pictures / whole, 1), **each}


@click.command()
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write JSON here instead of to stdout.")
def main(batch: int, repeats: int, threads: int, out: Path | None) -> None:
    """Measure passages of 32x32 pictures; prints JSON."""
    import torch

    pictures = squares(batch)
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(255)
    with torch.inference_mode():
        at_once = [measure(one, stacked, batch, repeats) for one in together(threads)]
        torch.set_num_threads(1)  # as the daemons do for single messages
        singly = [measure(one, pictures, batch, repeats) for one in one_by_one()]
    report = {
        "machine": {"cpu": platform.processor() or platform.machine(), "torch": str(torch.__version__)},
        "batch": batch,
        "threads": threads,
        "symbols": SYMBOLS,
        "snr_db": SNR_DB,
        "together": at_once,
        "one_by_one": singly,
    }
    text = json.dumps(report, indent=2)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()
