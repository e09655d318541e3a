"""On what terms a receiver aligns: all that the command line needs to know of alignment."""

from __future__ import annotations

from dataclasses import dataclass

PATIENCE_S = 600.0


@dataclass(frozen=True)
class Terms:
    """allowed: whether others may change this node's decoder at all. patience_s: how long a transmitter that it aligns
    with may be silent while others wait, in seconds; then it loses its turn."""

    allowed: bool = True
    patience_s: float = PATIENCE_S
