"""What a source announces of its reliability levels, checked, and whether its messages keep to it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from edge.segment import Kind
from edge.wire.integrity import WireError
from edge.wire.packing import bits_on_wire
from edge.wire.reassembly import SegmentLayout
from emulator.bearers.bearer import AskedLevel
from emulator.v1 import data_plane_pb2

SUM_ERROR = 1e-6
COUNTED = (Kind.BITS, Kind.INDICES)  # kinds whose bits have a reliability; OPAQUE has to arrive intact at any level


class AnnouncementError(ValueError):
    """An announcement of levels that cannot be; the message names the field and the fix."""


def announced_levels(announcement: data_plane_pb2.Announcement) -> tuple[AskedLevel, ...]:
    """The levels asked for, the least reliable first; none where the source asks for none. Raises AnnouncementError."""
    where = f"session '{announcement.session}'"
    bers, shares = list(announcement.level_bers), list(announcement.level_shares)
    if len(bers) != len(shares):
        raise AnnouncementError(
            f"{where}: level_bers and level_shares: must be as many, got {len(bers)} and {len(shares)}; give both for "
            "every level, or neither"
        )
    for level, (ber, share) in enumerate(zip(bers, shares, strict=True)):
        if not 0 <= ber <= 0.5:
            raise AnnouncementError(
                f"{where}: level_bers[{level}]: must be in [0, 0.5], got {ber:g}; give a bit error rate"
            )
        if not 0 <= share <= 1:
            raise AnnouncementError(
                f"{where}: level_shares[{level}]: must be in [0, 1], got {share:g}; give the level's share of the bits"
            )
    for level, (before, ber) in enumerate(itertools.pairwise(bers), start=1):
        if ber > before:
            raise AnnouncementError(
                f"{where}: level_bers[{level}]: must not exceed level {level - 1}'s {before:g}, got {ber:g}; order the "
                "levels from the least reliable to the most"
            )
    if shares and abs(math.fsum(shares) - 1) > SUM_ERROR:
        raise AnnouncementError(f"{where}: level_shares: must have sum 1, got {math.fsum(shares):g}; state every level")
    return tuple(AskedLevel(ber, share) for ber, share in zip(bers, shares, strict=True))


def check_message(where: str, layouts: Sequence[SegmentLayout], asked: Sequence[AskedLevel]) -> None:
    """Raises WireError when a message's segments do not keep to the announced levels. A bit of rounding is allowed."""
    if not asked:
        return
    sizes = [0] * len(asked)
    for index, layout in enumerate(layouts):
        if layout.level >= len(asked):
            raise WireError(
                f"{where}: segment {index} has level {layout.level}, but {len(asked)} levels were announced; use "
                f"levels 0 to {len(asked) - 1}"
            )
        if layout.kind in COUNTED:
            sizes[layout.level] += layout.elements * bits_on_wire(layout.kind, layout.alphabet)
    total = sum(sizes)
    for level, (size, one) in enumerate(zip(sizes, asked, strict=True)):
        if abs(size - one.share * total) > 1:
            raise WireError(
                f"{where}: level {level} has {size} of {total} bits, but a share of {one.share:g} was announced; "
                "announce the shares that are sent"
            )
