"""Which packets are lost: independently, or in bursts. Decides, and leaves what follows from a loss to the link."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from emulator.channels.noise import Lane, SegmentNoise
from emulator.channels.validation import require_probability

_PACKETS_BACK = 1024
"""How far to look back at first for the packet that last fixed the Gilbert-Elliott chain's state."""


class IndependentErasure:
    """Every packet is lost with the same probability, independently."""

    def __init__(self, probability: float) -> None:
        """probability: in [0, 1]."""
        self.probability = require_probability("probability", probability)

    @property
    def mean_loss(self) -> float:
        """Fraction of packets lost."""
        return self.probability

    @property
    def mean_burst_packets(self) -> float:
        """Mean length of a run of losses, in packets."""
        return 1.0 / (1.0 - self.probability) if self.probability < 1.0 else math.inf

    def __call__(self, first_packet: int, count: int, draw: SegmentNoise) -> NDArray[np.bool_]:
        """Whether packets first_packet, first_packet + 1, ... of a segment are lost, bool [count]."""
        return draw.uniforms(Lane.PACKET_LOSS, first_packet, count) < self.probability


class GilbertElliott:
    """Two-state Markov chain over a segment's packets: losses come in bursts (Gilbert 1960; Elliott 1963).

    The chain starts stationary at packet 0 of each segment and attempt. One uniform u a packet moves it: u < p_gb makes
    it bad, u >= 1 - p_bg makes it good, whatever it was; between the two it stays. That gives the right transitions
    when p_gb + p_bg <= 1, and lets any packet's state be found from the last packet that fixed it.
    """

    def __init__(self, p_good_to_bad: float, p_bad_to_good: float, loss_good: float, loss_bad: float) -> None:
        """Transition probabilities per packet, and the loss probability in each state; all in [0, 1]."""
        self.p_good_to_bad = require_probability("p_good_to_bad", p_good_to_bad)
        self.p_bad_to_good = require_probability("p_bad_to_good", p_bad_to_good)
        self.loss_good = require_probability("loss_good", loss_good)
        self.loss_bad = require_probability("loss_bad", loss_bad)
        moves = self.p_good_to_bad + self.p_bad_to_good
        if not 0.0 < moves <= 1.0:
            raise ValueError(
                f"p_good_to_bad: the sum with p_bad_to_good must be above 0 and at most 1, got {moves:g}; "
                "above 1 the states would alternate rather than last"
            )

    @property
    def bad_fraction(self) -> float:
        """Stationary probability of the bad state."""
        return self.p_good_to_bad / (self.p_good_to_bad + self.p_bad_to_good)

    @property
    def mean_loss(self) -> float:
        """Fraction of packets lost."""
        return (1.0 - self.bad_fraction) * self.loss_good + self.bad_fraction * self.loss_bad

    @property
    def mean_burst_packets(self) -> float:
        """Mean length of a run of losses, in packets: P(lost) / P(lost, and the one before was not). NaN if none is."""
        after_good = (1.0 - self.p_good_to_bad) * self.loss_good + self.p_good_to_bad * self.loss_bad
        after_bad = self.p_bad_to_good * self.loss_good + (1.0 - self.p_bad_to_good) * self.loss_bad
        arrived_good = (1.0 - self.bad_fraction) * (1.0 - self.loss_good)
        arrived_bad = self.bad_fraction * (1.0 - self.loss_bad)
        bursts = arrived_good * after_good + arrived_bad * after_bad
        if bursts == 0.0:
            return math.inf if self.mean_loss else math.nan
        return self.mean_loss / bursts

    def __call__(self, first_packet: int, count: int, draw: SegmentNoise) -> NDArray[np.bool_]:
        """Whether packets first_packet, first_packet + 1, ... of a segment are lost, bool [count]."""
        loss = np.where(self.states(first_packet, count, draw), self.loss_bad, self.loss_good)
        return draw.uniforms(Lane.PACKET_LOSS, first_packet, count) < loss

    def states(self, first_packet: int, count: int, draw: SegmentNoise) -> NDArray[np.bool_]:
        """Whether the chain is bad at each of the packets, bool [count]."""
        start, step = first_packet, _PACKETS_BACK
        while True:
            fixed, bad = self._fixes(start, first_packet + count - start, draw)
            if start == 0 or fixed[: first_packet - start + 1].any():
                break
            start, step = max(0, start - step), 2 * step
        last_fix = np.maximum.accumulate(np.where(fixed, np.arange(fixed.size), 0))
        return bad[last_fix][first_packet - start :]

    def _fixes(self, start: int, count: int, draw: SegmentNoise) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Of packets from start on: whether each fixes the state, and whether to bad; packet 0 always does."""
        uniforms = draw.uniforms(Lane.PACKET_STATE, start, count)
        bad = uniforms < self.p_good_to_bad
        fixed = bad | (uniforms >= 1.0 - self.p_bad_to_good)
        if start == 0 and count:
            fixed[0], bad[0] = True, uniforms[0] < self.bad_fraction
        return fixed, bad
