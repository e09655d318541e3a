"""Codecs whose receivers run one of several decoders for the same symbols, and the choice of one by what a device can.

Nothing here runs a network, and nothing imports torch: whoever counts costs or compares them need not load one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from edge.codecs.tensors import TensorHolder, Tensors

BYTES = 4  # of a parameter while it runs


class Cost(NamedTuple):
    """Of one half, for one picture."""

    parameters: int
    flops: int
    """A multiplication and an addition count as two; only matrix products are counted, which are nearly all."""

    def __add__(self, other: object) -> Cost:
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(self.parameters + other.parameters, self.flops + other.flops)

    @property
    def memory_bytes(self) -> int:
        """Of its parameters while it runs."""
        return self.parameters * BYTES


@dataclass(frozen=True)
class Capacity:
    """flops_per_s: what the device does of matrix products a second; memory_bytes: what it has for parameters.
    measured: whether flops_per_s was, by the device; else it was declared."""

    flops_per_s: float
    memory_bytes: int
    measured: bool = False


class TooWeakError(ValueError):
    """A device cannot run a decoder; one sentence with both figures."""


@runtime_checkable
class HasVariants(TensorHolder, Protocol):
    """A codec with several decoders, of which a receiver has one open. `replace` takes a whole other one."""

    @property
    def decoders(self) -> Sequence[str]:
        """Those that its weights hold, strongest first."""
        ...

    @property
    def variant(self) -> str:
        """The decoder that is open; empty when only the encoder is."""
        ...

    def cost(self, decoder: str, height: int, width: int) -> Cost:
        """Of that decoder for a picture of this size, which need not be one that the encoder takes as it is."""
        ...

    def variant_of(self, tensors: Tensors) -> str | None:
        """The decoder that all of these tensors belong to; None when there is not one."""
        ...


def latency_s(cost: Cost, capacity: Capacity) -> float:
    """How long the device takes for one picture, predicted."""
    return cost.flops / capacity.flops_per_s


def fits(cost: Cost, capacity: Capacity, limit_s: float) -> bool:
    """Whether a device can hold the network and run it once in that time."""
    return cost.flops <= capacity.flops_per_s * limit_s and cost.memory_bytes <= capacity.memory_bytes


def refusal(decoder: str, cost: Cost, capacity: Capacity, limit_s: float | None) -> str:
    """Why a device cannot run it, with both figures. limit_s: None when only memory counts."""
    time = "" if limit_s is None else f"{cost.flops:.3g} FLOP in {limit_s:g} s and "
    speed = "" if limit_s is None else f"{capacity.flops_per_s:.3g} FLOP/s and "
    return (
        f"decoder '{decoder}': needs {time}{cost.memory_bytes} bytes, the device has {speed}"
        f"{capacity.memory_bytes} bytes; choose a weaker decoder{'' if limit_s is None else ' or allow more time'}"
    )


def choose(costs: Mapping[str, Cost], capacity: Capacity, limit_s: float) -> str:
    """The strongest decoder whose parameters fit the device's memory and that decodes a picture in time.

    Raises TooWeakError, naming both figures, when even the weakest does not.
    """
    by_strength = sorted(costs, key=lambda name: costs[name].flops, reverse=True)
    for name in by_strength:
        if fits(costs[name], capacity, limit_s):
            return name
    raise TooWeakError(refusal(by_strength[-1], costs[by_strength[-1]], capacity, limit_s))
