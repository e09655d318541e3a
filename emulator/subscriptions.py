"""Who takes which reliability levels of a session, and what that leaves of its tree of links.

A destination takes levels 0 to its highest, so levels with a gap between them cannot be said. What it does not take is
not served on links that lead to nobody else, and its message's head marks it as withheld. Segments stay in the head,
so that a packet's segment number means the same to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.v1 import packet_pb2
from emulator.announced import AnnouncementError
from emulator.route import Branch, Hop
from emulator.v1 import data_plane_pb2

MAX_LEVEL = 255


def announced_subscriptions(announcement: data_plane_pb2.Announcement) -> dict[str, int]:
    """Highest level taken, by destination; those that take all are left out. Raises AnnouncementError."""
    where = f"session '{announcement.session}': highest_levels"
    for destination, level in announcement.highest_levels.items():
        if destination not in announcement.destinations:
            raise AnnouncementError(f"{where}: '{destination}' is not a destination of the session; leave it out")
        if level > MAX_LEVEL:
            raise AnnouncementError(f"{where}[{destination}]: must be at most {MAX_LEVEL}, got {level}; give a level")
    return dict(announcement.highest_levels)


def takers(destinations: Sequence[str], level: int, highest: Mapping[str, int]) -> frozenset[str]:
    """Those of the destinations that take this level."""
    return frozenset(name for name in destinations if level <= highest.get(name, MAX_LEVEL))


def pruned(hops: Sequence[Hop], wanted: frozenset[str]) -> list[Hop]:
    """The part of a tree that leads to these destinations."""
    kept = []
    for hop in hops:
        branches = []
        for branch in hop.branches:
            following = pruned(branch.hops, wanted)
            wants = branch.is_destination and branch.receiver in wanted
            if wants or following:
                branches.append(Branch(branch.receiver, wants, following))
        if branches:
            kept.append(Hop(hop.link, branches))
    return kept


def head_for(head: packet_pb2.MessageHead, highest: int) -> packet_pb2.MessageHead:
    """The head as a destination gets it that takes levels up to `highest`."""
    own = packet_pb2.MessageHead()
    own.CopyFrom(head)
    for segment in own.segments:
        segment.withheld = segment.level > highest
    return own
