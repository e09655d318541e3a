"""Carries everything as it is. The smallest bearer: begin here when you write another."""

from __future__ import annotations

from emulator.bearers.bearer import Carried, Freight
from emulator.channels.noise import SegmentNoise


class Ideal:
    """No error, no loss."""

    def carry(self, freight: Freight, draw: SegmentNoise) -> Carried:  # noqa: ARG002  (an ideal channel draws nothing)
        return Carried(freight.payload)
