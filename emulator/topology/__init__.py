"""The topology file: reading it, checking it, and telling the emulator.

    scenario = load("ftsc-downlink", ["plan.scale=2"])
    scenario.to_proto()

source.py reads YAML with line numbers, schema.py says what may be written, checks.py what must agree, routes.py which
way traffic goes, placement.py where receivers stand, lowering.py what the emulator is told.
"""

from __future__ import annotations

from emulator.topology.loading import load, loads, locate, names
from emulator.topology.placement import distance_m, link_gain
from emulator.topology.planning import planned_links, planned_source
from emulator.topology.routes import paths
from emulator.topology.schema import Scenario, SetLink, Step, Transmit, Wait
from emulator.topology.source import Fault, TopologyError

__all__ = [
    "Fault",
    "Scenario",
    "SetLink",
    "Step",
    "TopologyError",
    "Transmit",
    "Wait",
    "distance_m",
    "link_gain",
    "load",
    "loads",
    "locate",
    "names",
    "paths",
    "planned_links",
    "planned_source",
]
