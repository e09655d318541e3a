"""Where receivers stand and how strong their radio links are: drawn distances, and path loss without fading.

The optimizer draws fading and decides bandwidth and power; this is what holds before (and without) a plan.
"""

from __future__ import annotations

import math
import random

from emulator.topology.schema import Link, Node, Radio, Scenario

REFERENCE_GAIN = 1e-3
"""beta_0: power gain at 1 m, -30 dB."""

PATH_LOSS_EXPONENT = 2.0
SMALLEST_GAIN = 1e-30


def path_gain(distance_m: float) -> float:
    """Mean linear power gain at a distance (FTSC, eq. 23, without fading)."""
    return max(REFERENCE_GAIN * math.pow(distance_m, -PATH_LOSS_EXPONENT), SMALLEST_GAIN)


def draw_distance_m(scenario: Scenario, node: str) -> float:
    """Uniform within resources.distances; the same for one seed and name, whoever else is in the file."""
    distances = scenario.resources.distances
    return random.Random(f"distance {scenario.seed} {node}").uniform(distances.min_m, distances.max_m)


def distance_m(scenario: Scenario, node: str) -> float | None:
    """A node's distance: as given, else drawn; None where its gain is given instead."""
    found = scenario.nodes[node]
    if found.gain is not None:
        return None
    return draw_distance_m(scenario, node) if found.distance_m is None else found.distance_m


def _own_gain(node: Node) -> float | None:
    if node.gain is not None:
        return node.gain
    return None if node.distance_m is None else path_gain(node.distance_m)


def link_gain(scenario: Scenario, link: Link) -> float:
    """Linear power gain of a radio link: its own, else that of the node at its end, else at its start, else drawn."""
    radio = link.radio if link.radio is not None else Radio()
    if radio.gain is not None:
        return radio.gain
    if radio.distance_m is not None:
        return path_gain(radio.distance_m)
    for name in (*link.destinations, link.source):
        own = _own_gain(scenario.nodes[name])
        if own is not None:
            return own
    return path_gain(draw_distance_m(scenario, link.destinations[0]))
