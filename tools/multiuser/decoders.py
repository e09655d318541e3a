"""What the encoder and each decoder cost: parameters, FLOPs, and ms a picture here, at 32x32 and at 256x256.

The networks have the size of `swin.safetensors` or of `f-high-s0.safetensors`, or the default one; how long they take
does not depend on their weights.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from edge.codecs import swin_cost
from edge.codecs.swin_network import ENCODER, VARIANTS, SwinReceiver, SwinShape, SwinTransmitter
from edge.codecs.variants import Cost
from tools.figures import plots
from tools.figures.results import Row
from tools.figures.setting import write
from tools.multiuser.scoring import Trained
from tools.multiuser.setting import Setting, options

SIDES = (32, 256)
REPEATS = 9


def decoders(setting: Setting) -> None:
    files = [setting.training(name) for name in ("swin.safetensors", "f-high-s0.safetensors")]
    there = [file for file in files if file is not None]
    shape = Trained(there[0]).shape if there else SwinShape()
    rows = [one for side in SIDES for one in _rows(shape, side, 2 if setting.quick else REPEATS)]
    write(setting, "decoders", rows, {"shape": vars(shape)}, ["wall time, median; CPU time, least; one picture"])
    drawn = plots.figure(5.0, 3.4)
    axes = drawn.add_subplot()
    large = [row for row in rows if row["side"] == SIDES[-1]]
    axes.bar([str(row["half"]) for row in large], [float(row["cpu_ms"]) for row in large], color=plots.COLOURS[0])
    axes.set(ylabel=f"CPU-ms a picture of {SIDES[-1]}x{SIDES[-1]}")
    plots.save(drawn, setting.out / "decoders.png")


def _rows(shape: SwinShape, side: int, repeats: int) -> list[Row]:
    import torch

    images = torch.zeros(1, 3, side, side)
    code = torch.zeros(1, shape.numbers, side // shape.shrink, side // shape.shrink)
    tx = SwinTransmitter(shape).eval()
    found = [_row("encoder", ENCODER, swin_cost.encoder_cost(shape, side, side), side, lambda: tx(images), repeats)]
    for decoder, blocks in VARIANTS.items():
        rx = SwinReceiver(shape, decoder).eval()
        cost = swin_cost.decoder_cost(shape, blocks, side, side)
        found.append(_row(decoder, blocks, cost, side, lambda rx=rx: rx(code), repeats))  # type: ignore[misc]
    return found


def _row(half: str, blocks: tuple[int, ...], cost: Cost, side: int, run: Callable[[], object], repeats: int) -> Row:
    wall_ms, cpu_ms = taken_ms(run, repeats)
    return {
        "half": half,
        "blocks": " ".join(str(count) for count in blocks),
        "side": side,
        "parameters": cost.parameters,
        "mflop": round(cost.flops / 1e6, 1),
        "wall_ms": round(wall_ms, 2),
        "cpu_ms": round(cpu_ms, 2),
    }


def taken_ms(run: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median wall time and least CPU time, after one that warms up."""
    import torch

    wall, busy = [], []
    with torch.inference_mode():
        run()
        for _ in range(repeats):
            began, began_busy = time.perf_counter(), time.process_time()
            run()
            wall.append(1e3 * (time.perf_counter() - began))
            busy.append(1e3 * (time.process_time() - began_busy))
    return statistics.median(wall), min(busy)


if __name__ == "__main__":
    options(decoders)()
