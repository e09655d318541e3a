"""What `swin`'s networks cost: parameters and floating-point operations, counted from the size without building them,
and the time that a network took here. The choice of a receiver's decoder by these is in variants.py.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from edge.codecs.swin_channel import LAYERS
from edge.codecs.swin_network import COLOURS, ENCODER, SwinReceiver, SwinShape
from edge.codecs.swin_windows import Axis
from edge.codecs.variants import Cost


def encoder_cost(shape: SwinShape, height: int, width: int) -> Cost:
    """height, width: of the picture; sides that are no multiple of shrink count as padded."""
    rows, columns = _padded(shape, height), _padded(shape, width)
    total, before = Cost(0, 0), COLOURS
    for after, factor, blocks in zip(shape.widths, shape.factors, ENCODER, strict=True):
        rows, columns = rows // factor, columns // factor
        gathered = before * factor**2
        if before > COLOURS:
            total += _norm(gathered)
        total += _linear(gathered, after, rows * columns)
        total += _blocks(shape, after, blocks, rows, columns)
        before = after
    positions = rows * columns
    return total + _channel(before, positions) + _linear(before, shape.numbers, positions)


def decoder_cost(shape: SwinShape, blocks: Sequence[int], height: int, width: int) -> Cost:
    """blocks: one of VARIANTS, or others. height, width: as `encoder_cost`."""
    rows, columns = _padded(shape, height) // shape.shrink, _padded(shape, width) // shape.shrink
    widths = shape.widths[::-1]
    total = _linear(shape.numbers, widths[0], rows * columns) + _channel(widths[0], rows * columns)
    sizes = zip(widths, (*widths[1:], COLOURS), shape.factors[::-1], blocks, strict=True)
    for before, after, factor, count in sizes:
        total += _blocks(shape, before, count, rows, columns)
        total += _norm(before) + _linear(before, after * factor**2, rows * columns)
        rows, columns = rows * factor, columns * factor
    return total


@torch.inference_mode()
def measured_latency_s(receiver: SwinReceiver, shape: SwinShape, height: int, width: int, repeats: int = 5) -> float:
    """Median wall time of decoding one picture here, after one that is not counted, with torch's present threads."""
    rows, columns = _padded(shape, height) // shape.shrink, _padded(shape, width) // shape.shrink
    code = torch.zeros(1, shape.numbers, rows, columns)
    times = [_timed(receiver, code) for _ in range(repeats + 1)]
    return statistics.median(times[1:])


def _timed(receiver: SwinReceiver, code: Tensor) -> float:
    begun = time.perf_counter()
    receiver(code)
    return time.perf_counter() - begun


def _padded(shape: SwinShape, side: int) -> int:
    return -(-side // shape.shrink) * shape.shrink


def _linear(before: int, after: int, positions: int) -> Cost:
    return Cost((before + 1) * after, 2 * before * after * positions)


def _norm(dimension: int) -> Cost:
    return Cost(2 * dimension, 0)


def _blocks(shape: SwinShape, dimension: int, count: int, rows: int, columns: int) -> Cost:
    """Attention over what whole windows cover, MLPs over the map itself."""
    down, across = Axis.of(rows, shape.window, False), Axis.of(columns, shape.window, False)
    covered, inside = down.extended * across.extended, down.window * across.window
    products = Cost((2 * shape.window - 1) ** 2 * (dimension // shape.head), 4 * covered * inside * dimension)
    attention = products + _linear(dimension, 3 * dimension, covered) + _linear(dimension, dimension, covered)
    wide = shape.widening * dimension
    mlp = _linear(dimension, wide, rows * columns) + _linear(wide, dimension, rows * columns)
    one = _norm(dimension) + attention + _norm(dimension) + mlp
    return Cost(count * one.parameters, count * one.flops)


def _channel(dimension: int, positions: int) -> Cost:
    hidden = dimension * 3 // 2
    layers = _linear(dimension, hidden, positions) + _linear(hidden, dimension, positions)
    for _ in range(LAYERS - 2):
        layers += _linear(hidden, hidden, positions)
    return layers + _linear(1, hidden, 1) + _linear(hidden, (LAYERS - 1) * hidden, 1)
