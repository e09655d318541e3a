"""What the paper's M = 10 000 would cost beside ours: parameters and time of f, g, h and q; prints JSON.

    python -m tools.split.cost [--threads 1] [--symbols 128]

M must be a multiple of 640 here (10 levels, 64 positions), so 10 240 stands for 10 000. Time: CPU-ms a picture of
32x32, a training step of f and g by straight-through at batch 16, and forward passes of all four at batch 64.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import click

BITS = (20, 40, 80, 160)  # of a position: M = 1280, 2560, 5120, 10240
BATCH, TOGETHER = 16, 64


def cpu_ms(run: Callable[[], object], repeats: int, pictures: int) -> float:
    """CPU time a picture, after one call that warms up."""
    run()
    began = time.process_time()
    for _ in range(repeats):
        run()
    return round(1e3 * (time.process_time() - began) / repeats / pictures, 3)


def measured(bits: int, symbols: int) -> dict[str, Any]:
    """One M."""
    import torch

    from edge.codecs.split_network import SplitShape, to_vectors
    from edge.train.split import SplitLearner
    from emulator.bearers.mapper_network import MapperPair, MapperShape

    learner = SplitLearner(SplitShape(bits=bits), 0)
    pair = MapperPair(MapperShape(bits=bits, symbols=symbols)).eval()
    images = torch.rand(TOGETHER, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam([p for half in learner.halves for p in half.parameters()])
    generator = torch.Generator().manual_seed(0)

    def step() -> None:
        optimizer.zero_grad()
        learner.losses(images[:BATCH], generator).total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    with torch.inference_mode():
        maps = (learner.tx(images) > 0).float()
        vectors = to_vectors(maps, 10)
        given = pair.symbols(vectors, 8, 8)
        forward = {
            "f_ms": cpu_ms(lambda: learner.tx(images), 5, TOGETHER),
            "g_ms": cpu_ms(lambda: learner.rx(maps), 5, TOGETHER),
            "h_ms": cpu_ms(lambda: pair.symbols(vectors, 8, 8), 5, TOGETHER),
            "q_ms": cpu_ms(lambda: pair.log_odds(given, 8, 8), 5, TOGETHER),
        }
    return {
        "message_bits": 64 * bits,
        "parameters": {
            "f": _count(learner.tx),
            "g": _count(learner.rx),
            "h": _count(pair.mapper),
            "q": _count(pair.demapper),
        },
        "training_step_ms": cpu_ms(step, 5, BATCH),
        **forward,
    }


def _count(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@click.command(help=(__doc__ or "").split("\n")[0])
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--symbols", type=click.IntRange(16), default=128, show_default=True, help="K.")
def main(threads: int, symbols: int) -> None:
    import torch

    torch.set_num_threads(threads)
    click.echo(json.dumps([measured(bits, symbols) for bits in BITS], indent=2))


if __name__ == "__main__":
    main()
