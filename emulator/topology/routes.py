"""Which links lead from one node to another: the fewest, and among equals the ones listed first."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from emulator.topology.schema import Link, Scenario


def shortest(links: Sequence[Link], source: str, destination: str) -> list[Link] | None:
    """The links on the way, in order; empty when both are the same node, None when there is no way."""
    leaving: dict[str, list[Link]] = {}
    for link in links:
        leaving.setdefault(link.source, []).append(link)
    came_by: dict[str, Link | None] = {source: None}
    waiting = deque([source])
    while waiting and destination not in came_by:
        for link in leaving.get(waiting.popleft(), []):
            for node in link.destinations:
                if node not in came_by:
                    came_by[node] = link
                    waiting.append(node)
    if destination not in came_by:
        return None
    way: list[Link] = []
    last = came_by[destination]
    while last is not None:
        way.append(last)
        last = came_by[last.source]
    return way[::-1]


def paths(scenario: Scenario, source: str, destination: str) -> list[Link]:
    """The links from source to destination, in order. Raises ValueError when there is no way."""
    way = shortest(scenario.links, source, destination)
    if way is None:
        raise ValueError(f"no links lead from {source} to {destination}; add a link or change the destination")
    return way
