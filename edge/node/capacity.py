"""What a node says of its computing power: declared, or measured when it is started.

Measured is what a decoder reaches here, on one thread as nodes have it: narrow networks do a tenth of the operations a
second that large matrix products do, and a figure that promises those would promise latencies that nobody gets. Torch
is imported only to measure.
"""

from __future__ import annotations

import math
import os
import resource
import statistics
import time

from edge.codecs.variants import Capacity

SIDE = 128  # pixels of the picture that is decoded to measure
MEASURE_S = 0.2  # at most, after one that is not counted


def declared(flops_per_s: float, memory_bytes: int | None = None) -> Capacity:
    """memory_bytes: None for what this process may have. Raises ValueError for a speed that is not above 0."""
    if not 0 < flops_per_s < math.inf:
        raise ValueError(f"capacity: must be floating-point operations a second above 0, got {flops_per_s:g}")
    return Capacity(flops_per_s, memory_bytes or available_bytes())


def measured(memory_bytes: int | None = None) -> Capacity:
    """Takes some 0.3 s once torch is there. memory_bytes: as for `declared`."""
    return Capacity(_measured_flops_per_s(), memory_bytes or available_bytes(), measured=True)


def available_bytes() -> int:
    """This process's limit, else the machine's memory."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return machine if soft == resource.RLIM_INFINITY else min(soft, machine)


def _measured_flops_per_s() -> float:
    """Of a small decoder: its operations over the median of as many runs as there is time for."""
    import torch

    from edge.codecs.swin_cost import decoder_cost
    from edge.codecs.swin_network import VARIANTS, SwinReceiver, SwinShape

    torch.set_num_threads(1)
    shape = SwinShape()
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        network = SwinReceiver(shape, "lowest").eval()
        code = torch.zeros(1, shape.numbers, SIDE // shape.shrink, SIDE // shape.shrink)
        network(code)
        took: list[float] = []
        while not took or sum(took) < MEASURE_S:
            begun = time.perf_counter()
            network(code)
            took.append(time.perf_counter() - begun)
    return decoder_cost(shape, VARIANTS["lowest"], SIDE, SIDE).flops / statistics.median(took)
