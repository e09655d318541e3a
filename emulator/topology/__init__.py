"""The topology file: reading it, checking it, and telling the emulator.

    scenario = load("ftsc-downlink", ["plan.scale=2"])
    scenario.to_proto()

source.py reads YAML with line numbers, schema.py says what may be written, checks.py what must agree, resolve.py what
keys left out mean, routes.py which way traffic goes, placement.py where receivers stand. lowering.py (what the emulator
is told) and asking.py (what the optimizer is asked) are imported by whoever needs them.
"""

from __future__ import annotations

from emulator.topology.loading import load, loads, locate, names
from emulator.topology.placement import link_gain, position
from emulator.topology.planning import planned_links, planned_source
from emulator.topology.resolve import (
    CodecChoice,
    receiver_codec,
    receivers,
    sender_codec,
    senders,
    told_snr_db,
    transmit_destinations,
    transmit_source,
)
from emulator.topology.routes import paths
from emulator.topology.schema import (
    Adapt,
    Align,
    Distill,
    Equip,
    Replan,
    RollBack,
    Scenario,
    SetLink,
    Step,
    Transmit,
    Wait,
)
from emulator.topology.source import Fault, TopologyError

__all__ = [
    "Adapt",
    "Align",
    "CodecChoice",
    "Distill",
    "Equip",
    "Fault",
    "Replan",
    "RollBack",
    "Scenario",
    "SetLink",
    "Step",
    "TopologyError",
    "Transmit",
    "Wait",
    "link_gain",
    "load",
    "loads",
    "locate",
    "names",
    "paths",
    "planned_links",
    "planned_source",
    "position",
    "receiver_codec",
    "receivers",
    "sender_codec",
    "senders",
    "told_snr_db",
    "transmit_destinations",
    "transmit_source",
]
