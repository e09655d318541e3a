"""Carries one throw-away message, so that the first real one does not pay for what Python does only once."""

from __future__ import annotations

import numpy as np

from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.packets import message_head, packetize
from emulator.network import Network
from emulator.v1 import control_pb2


def warm_up() -> None:
    """Takes some 40 ms, of which the second message would take one."""
    link = control_pb2.Link(
        name="link",
        source="tx",
        destinations=["rx"],
        rate=control_pb2.LinkRate(fixed=control_pb2.FixedRate(rate_bps=1e6)),
        levels=[control_pb2.ReliabilityLevel(ber=1e-3)],
    )
    clock = control_pb2.Clock(mode=control_pb2.CLOCK_MODE_REAL)
    network = Network(control_pb2.Topology(name="warm-up", clock=clock, nodes=["tx", "rx"], links=[link]))
    session = network.open_session("warm-up", "tx", ["rx"])
    part = Segment(Kind.BITS, np.zeros(32_768, np.uint8))
    network.open_message(session, message_head("warm-up", 0, [part]))
    for run in packetize("warm-up", 0, [part]):
        for delivery in network.carry(session, run, run.payload).deliveries:
            for arrived in delivery.parts:
                arrived.write(packet_pb2.Frame())
    network.close_message(session, 0)
