"""Belief propagation: from what a channel says about each bit of a codeword to the bits.

Sum-product, layered (a layer is a row of the base graph, whose z checks share no bit), float32. Blocks are decoded
side by side, each by the same operations as if alone: what becomes of one does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from emulator.channels.ldpc_code import LdpcCode

ITERATIONS = 20
KNOWN = np.float32(100.0)  # log-likelihood ratio of a bit that both ends know
SMALLEST, LARGEST = np.float32(1e-6), np.float32(16.0)  # where phi stays finite in float32

Bits = NDArray[np.bool_]
Ratios = NDArray[np.float32]


def decode(code: LdpcCode, llr: Ratios, done: Callable[[Bits], Bits], iterations: int = ITERATIONS) -> Bits:
    """Information bits [k, blocks] from llr [n, blocks]: log P(0) / P(1) of each sent bit, in the order of sending.

    done: is given information bits as decided [k, some blocks] after each iteration and says which blocks [some] need
    no more (a CRC that matches).
    """
    blocks = llr.shape[1]
    total = np.zeros((code.length, blocks), np.float32)
    total[code.filler] = KNOWN
    total[code.sent] = llr
    messages = [np.zeros((*check.shape, blocks), np.float32) for check in code.checks]
    decided: Bits = total[: code.k] < 0
    active = np.arange(blocks)
    for _ in range(iterations):
        for check, message in zip(code.checks, messages, strict=True):
            heard = total[check]
            heard -= message
            _extrinsic(heard, message)
            heard += message
            total[check] = heard
        now: Bits = total[: code.k] < 0
        decided[:, active] = now
        keep = ~done(now)
        if not keep.any():
            break
        if not keep.all():
            active, total = active[keep], total[:, keep]
            messages = [message[:, :, keep] for message in messages]
    return decided


def _extrinsic(heard: Ratios, message: Ratios) -> None:
    """What each check tells each of its bits from what the others told it: heard [d, z, b] -> message [d, z, b]."""
    negative = np.signbit(heard)
    certainty = np.abs(heard)
    _phi(certainty)
    np.subtract(certainty.sum(axis=0), certainty, out=message)
    _phi(message)
    negative ^= np.bitwise_xor.reduce(negative, axis=0)
    np.negative(message, out=message, where=negative)


def _phi(x: Ratios) -> None:
    """Replaces x >= 0 by -log tanh(x / 2), which is its own inverse."""
    np.clip(x, SMALLEST, LARGEST, out=x)
    np.exp(x, out=x)
    below = x - np.float32(1)
    np.maximum(below, SMALLEST, out=below)
    x += np.float32(1)
    x /= below
    np.log(x, out=x)
