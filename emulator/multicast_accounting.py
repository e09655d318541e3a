"""How many channel uses a multicast to receivers of several tiers costs, by the three strategies of SMRC's section I.

Pure arithmetic: no codec, no link, no clock. Where sizes are differential encodings measured on a trained codec and
rates those of its links, the same functions say what was, or would have been, on the air.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Tier:
    """Receivers that want the same quality, worst tier first in every list of them.

    size: of the whole encoding at this quality, in symbols (or bits). rate: that the weakest receiver of the tier
    supports without errors: what is sent takes size / rate channel uses.
    """

    size: float
    rate: float


@dataclass(frozen=True)
class Costs:
    """Channel uses by each strategy of section I."""

    each_tier: float
    """(a): every tier gets an encoding of its own, at the rate of its own weakest receiver."""
    best_to_all: float
    """(b): one encoding, the best tier's, at the rate of the weakest receiver of all."""
    layered: float
    """(c): the first tier's encoding, and for every better tier what it lacks, each at its tier's rate."""


def each_tier(tiers: Sequence[Tier]) -> float:
    """Strategy (a)."""
    _check(tiers)
    return sum(tier.size / tier.rate for tier in tiers)


def best_to_all(tiers: Sequence[Tier]) -> float:
    """Strategy (b)."""
    _check(tiers)
    return max(tier.size for tier in tiers) / min(tier.rate for tier in tiers)


def layered(first: Tier, differentials: Sequence[Tier]) -> float:
    """Strategy (c). first: the first tier; differentials: for each better one, the size of its sub-block alone and the
    rate at which that is sent: that of the weakest receiver that takes it."""
    _check([first, *differentials])
    return first.size / first.rate + sum(layer.size / layer.rate for layer in differentials)


def differentials(tiers: Sequence[Tier], eta: float) -> list[Tier]:
    """What every tier but the first lacks: eta times the difference in size to the tier before. eta: >= 1, what a
    differential encoding costs beside the difference of two whole ones."""
    _check(tiers)
    if not 1 <= eta < math.inf:
        raise ValueError(f"eta: must be finite and at least 1, got {eta}; give what a sub-block costs over the ideal")
    for place in range(1, len(tiers)):
        if tiers[place].size < tiers[place - 1].size:
            raise ValueError(
                f"tiers[{place}].size: must not be below the {tiers[place - 1].size:g} of the tier before, got "
                f"{tiers[place].size:g}; order the tiers from the worst to the best"
            )
    return [Tier(eta * (better.size - worse.size), better.rate) for worse, better in pairwise(tiers)]


def costs(tiers: Sequence[Tier], eta: float) -> Costs:
    """All three strategies for the same tiers."""
    return Costs(each_tier(tiers), best_to_all(tiers), layered(tiers[0], differentials(tiers, eta)))


def weakest_rates(rates: Sequence[Sequence[float]]) -> list[float]:
    """Rates of every tier's receivers -> for each layer the rate of the weakest that takes it: a receiver of tier t
    takes the layers of tiers 1 to t. (The paper's example has better tiers on better links, where this is the weakest
    of the layer's own tier.)"""
    if not rates or not all(rates):
        raise ValueError("rates: every tier must have a receiver; leave empty tiers out")
    own = [min(tier) for tier in rates]
    return [min(own[place:]) for place in range(len(own))]


def measured_eta(sub_block: float, better: float, worse: float) -> float:
    """eta of one layer: what its sub-block costs over the difference of two single encodings of the same qualities.

    better, worse: sizes of single encodings that reach what the receiver has with and without the sub-block: see
    `single_size`.
    """
    if not (sub_block > 0 and better > worse >= 0):
        raise ValueError(
            f"eta: needs a sub-block and a better encoding larger than the worse, got {sub_block}, {better}, {worse}"
        )
    return sub_block / (better - worse)


def single_size(quality_db: float, singles: Mapping[float, float]) -> float:
    """What a single encoding of this quality takes, between those that were trained.

    singles: quality in dB, which must grow with the size, by size. Interpolated: quality is taken as linear in the
    logarithm of the size. Raises ValueError for a quality that none or all of them reach: nothing is extrapolated.
    """
    trained = sorted(singles.items())
    for (small, low_db), (large, high_db) in pairwise(trained):
        if not (small > 0 and low_db < high_db):
            raise ValueError(f"singles: {large:g} must be better than {small:g}, got {high_db} and {low_db} dB")
        if low_db <= quality_db <= high_db:
            share = (quality_db - low_db) / (high_db - low_db)
            return float(small ** (1 - share) * large**share)
    reached = f"{trained[0][1]:.2f} to {trained[-1][1]:.2f} dB" if trained else "nothing"
    raise ValueError(
        f"quality_db: {quality_db:.2f} is outside the {reached} that single encodings reach; train one of another size"
    )


def _check(tiers: Sequence[Tier]) -> None:
    if not tiers:
        raise ValueError("tiers: there is none; give at least one")
    for place, tier in enumerate(tiers):
        if not 0 <= tier.size < math.inf:
            raise ValueError(f"tiers[{place}].size: must be finite and >= 0, got {tier.size}; give symbols or bits")
        if not 0 < tier.rate < math.inf:
            raise ValueError(f"tiers[{place}].rate: must be finite and > 0, got {tier.rate}; give the supported rate")
