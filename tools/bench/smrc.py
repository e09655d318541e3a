"""SMRC on digits of 28x28: encode, channel and decode of one and of two layers; an access point with many receivers;
prints JSON.

    python tools/bench/smrc.py --out smrc.json [--threads 2] [--batch 64] [--receivers 50]

Figures as in split_codecs.py: "together" the networks on the whole batch, "one by one" codec and bearer message by
message, as daemons do it; shipped weights. Then a multicast to --receivers logical receivers, --crew of them a process:
the time until all report SERVING, and the resident memory of all processes together. Not a test: nothing here passes or
fails.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

# Run as a script from a checkout, without installation.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import click
import numpy as np

from edge import sample
from edge.codecs.contract import Half
from edge.segment import Kind
from tools.bench.split_codecs import Passage, measure
from tools.bench.startup import run_scenario

SNR_DB = 10.0


def together(layers: int) -> Passage:
    """The networks on a batch [B, 3, 28, 28]."""
    import torch

    from edge.codecs.smrc import Smrc
    from edge.train.smrc import carried

    codec = Smrc.open({}, Half.BOTH)
    assert codec.transmitter is not None  # Half.BOTH
    assert codec.receiver is not None
    receiver, generator = codec.receiver, torch.Generator().manual_seed(0)
    taken = codec.shape.blocks(layers)

    def carry(blocks: dict[int, torch.Tensor]) -> dict[int, torch.Tensor]:
        snr_db = torch.full((len(blocks[0]), 1), SNR_DB)
        return {block: carried(blocks[block], snr_db, None, generator) for block in taken}

    return Passage(_name(layers), codec.transmitter, carry, lambda received: receiver.reconstruct(taken[-1], received))


def one_by_one(layers: int) -> Passage:
    """The codec's halves and the emulator's bearer, picture by picture."""
    from edge.codecs.smrc import Smrc
    from emulator.bearers.analog_symbols import NoisySymbols
    from tools.figures import over_bearers

    options = {"layers": str(layers)}
    sender, receiver = Smrc.open(options, Half.ENCODER), Smrc.open(options, Half.DECODER)
    on_air, passes = {Kind.SYMBOLS: NoisySymbols(SNR_DB)}, iter(range(1 << 30))
    return Passage(
        _name(layers),
        lambda pictures: [sender.encode(picture) for picture in pictures],
        lambda sent: [over_bearers.transmit(segments, on_air, 0, next(passes)) for segments in sent],
        lambda received: [receiver.decode(segments) for segments in received],
    )


def _name(layers: int) -> str:
    return f"smrc, {layers} layer{'s' if layers > 1 else ''}"


def many(receivers: int, crew: int) -> dict[str, Any]:
    """One access point and so many receivers, every second one of the first tier; one digit to all."""
    ends = [f"rx{number}" for number in range(1, receivers + 1)]
    codecs = [{"name": "smrc", "layers": 1 + number % 2} for number in range(receivers)]
    scenario = {
        "version": 1,
        "name": "many",
        "clock": "virtual",
        "processes": {"receivers": crew},
        "nodes": {"ap": {"role": "tx"}}
        | {end: {"role": "rx", "codec": codec} for end, codec in zip(ends, codecs, strict=True)},
        "links": [{"name": "air", "from": "ap", "to": ends, "bearers": {"symbols": {"awgn": SNR_DB}}}],
        "pictures": {"sample": "mnist"},
        "workload": [{"transmit": {"images": 1, "crop": None, "mode": "multicast"}}],
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "many.yaml"
        file.write_text(json.dumps(scenario))
        report = run_scenario(str(file), f"{folder}/out")
    weights = {node["process"]: node["resident_bytes"] for node in report["nodes"]}
    return {
        "receivers": receivers,
        "receivers_a_process": crew,
        "processes": len(weights),
        "up_s": round(report["timing"]["up_s"], 2),
        "run_s": round(report["timing"]["run_s"], 2),
        "resident_gb": round(sum(weights.values()) / 1e9, 2),
        "pictures_encoded": sum(node["pictures_encoded"] for node in report["nodes"]),
        "messages_delivered": sum(message["status"] == "complete" for message in report["messages"]),
    }


@click.command()
@click.option("--batch", type=click.IntRange(1, 400), default=64, show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@click.option("--receivers", type=click.IntRange(1), default=50, show_default=True)
@click.option("--crew", type=click.IntRange(1), default=10, show_default=True, help="Receivers a process.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write JSON here instead of to stdout.")
def main(batch: int, repeats: int, threads: int, receivers: int, crew: int, out: Path | None) -> None:
    """Measure SMRC; prints JSON."""
    import torch

    torch.set_num_threads(threads)
    pictures = [one.pixels for one in sample.mnist()[:batch]]
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(255)
    with torch.inference_mode():
        at_once = [measure(together(layers), stacked, batch, repeats) for layers in (1, 2)]
        torch.set_num_threads(1)  # as the daemons do for single messages
        singly = [measure(one_by_one(layers), pictures, batch, repeats) for layers in (1, 2)]
    report = {
        "machine": {"cpu": platform.processor() or platform.machine(), "torch": str(torch.__version__)},
        "batch": batch,
        "threads": threads,
        "snr_db": SNR_DB,
        "together": at_once,
        "one_by_one": singly,
        "many_receivers": many(receivers, crew),
    }
    text = json.dumps(report, indent=2)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()
