"""Where receivers stand and how strong their radio links are: drawn distances, and path loss without fading.

The optimizer draws fading and decides bandwidth and power; this is what it is asked with, and what holds without it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from emulator.topology.schema import Link, Node, Radio, Scenario

SMALLEST_GAIN = 1e-30


@dataclass(frozen=True)
class Position:
    """How well a radio link is heard: its linear power gain, or the distance in metres that a gain follows from."""

    gain: float | None = None
    distance_m: float | None = None


def draw_distance_m(scenario: Scenario, node: str) -> float:
    """Uniform within resources.distances; the same for one seed and name, whoever else is in the file."""
    distances = scenario.resources.distances
    return random.Random(f"distance {scenario.seed} {node}").uniform(distances.min_m, distances.max_m)


def position(scenario: Scenario, link: Link) -> Position:
    """Of a radio link: as its radio says, else the node at its end, else the one at its start, else drawn."""
    stated: list[Radio | Node] = [] if link.radio is None else [link.radio]
    stated += [scenario.nodes[name] for name in (*link.destinations, link.source)]
    for place in stated:
        if place.gain is not None or place.distance_m is not None:
            return Position(place.gain, place.distance_m)
    return Position(distance_m=draw_distance_m(scenario, link.destinations[0]))


def link_gain(scenario: Scenario, link: Link) -> float:
    """Linear power gain of a radio link: given, or mean path loss at its distance (FTSC, eq. 23, without fading)."""
    place = position(scenario, link)
    if place.gain is not None:
        return place.gain
    assert place.distance_m is not None
    fading = scenario.resources.fading
    return max(fading.reference_gain * math.pow(place.distance_m, -fading.path_loss_exponent), SMALLEST_GAIN)
