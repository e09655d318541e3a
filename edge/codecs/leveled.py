"""What a codec may offer beside the contract: how reliably it needs each level of its bits carried.

The announcement of a session tells it to the network (Split DeepJSCC, section II: the multi-level reliability
interface), which chooses how to carry the bits; it learns nothing else of the codec.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class AsksForLevels(Protocol):
    """A codec whose segments of BITS were made for a bit error rate a level."""

    @property
    def level_bers(self) -> Sequence[float]:
        """Bit error rate that each level was made for, from level 0; in [0, 0.5], not increasing."""
        ...

    @property
    def level_shares(self) -> Sequence[float]:
        """Each level's share of the bits of a message; their sum is 1."""
        ...
