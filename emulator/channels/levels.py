"""Reliability levels: what happens to the bits and packets of one class of importance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from emulator.channels.validation import require_integer, require_probability

OnError = Literal["deliver", "drop", "retransmit"]

_MAX_RETRIES = 100
_MAX_LEVELS = 1000


@dataclass(frozen=True)
class Level:
    """One reliability level of a link.

    ber: probability that a bit flips, in [0, 0.5]. erasure: probability that a packet is lost, in [0, 1].
    on_error: what happens to a packet hit by noise: "deliver" it as it is, "drop" it, or "retransmit" it at most
    max_retries times (0 .. 100; needs "retransmit").
    """

    ber: float = 0.0
    erasure: float = 0.0
    on_error: OnError = "deliver"
    max_retries: int = 0

    def __post_init__(self) -> None:
        require_probability("ber", self.ber, upper=0.5)
        require_probability("erasure", self.erasure)
        if self.on_error not in ("deliver", "drop", "retransmit"):
            raise ValueError(f'on_error: must be "deliver", "drop" or "retransmit", got {self.on_error!r}')
        require_integer("max_retries", self.max_retries, 0, _MAX_RETRIES)
        if self.max_retries and self.on_error != "retransmit":
            raise ValueError(f'max_retries: needs on_error "retransmit", got {self.on_error!r}; leave it at 0')


def geometric_bers(count: int, worst: float, best: float) -> tuple[float, ...]:
    """Bit error rates of ``count`` levels from worst to best with a fixed ratio between neighbours.

    Split DeepJSCC (Tung et al.), eq. (17): eps_i = eps_1 / (eps_1 / eps_N) ** ((i - 1) / (N - 1)); the paper takes
    N = 10, eps_1 = 0.4, eps_N = 0.001. Needs count >= 2 and 0 < best <= worst <= 0.5. The first level is the worst.
    """
    require_integer("count", count, 2, _MAX_LEVELS)
    require_probability("worst", worst, upper=0.5)
    if not 0.0 < best <= worst:
        raise ValueError(
            f"best: must be above 0 and at most worst = {worst!r}, got {best!r}; a ratio needs rates above 0"
        )
    between = (worst / (worst / best) ** (i / (count - 1)) for i in range(1, count - 1))
    return (float(worst), *between, float(best))


def geometric_levels(
    count: int, worst: float, best: float, erasure: float = 0.0, on_error: OnError = "deliver", max_retries: int = 0
) -> tuple[Level, ...]:
    """Levels whose bit error rates are ``geometric_bers(count, worst, best)`` and which are alike in the rest."""
    return tuple(Level(ber, erasure, on_error, max_retries) for ber in geometric_bers(count, worst, best))
