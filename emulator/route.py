"""From a source to its destinations: the tree of links that a session's packets take."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from emulator.link_config import LinkConfig, TopologyError


@dataclass
class Branch:
    """One receiver of a link: perhaps a destination, perhaps the start of further links, perhaps both."""

    receiver: str
    is_destination: bool = False
    hops: list[Hop] = field(default_factory=list)


@dataclass
class Hop:
    """One link used once, whatever the number of its receivers."""

    link: str
    branches: list[Branch] = field(default_factory=list)

    @property
    def ends(self) -> list[str]:
        """The ends of the link that are served."""
        return [branch.receiver for branch in self.branches]

    def branch(self, receiver: str) -> Branch:
        for branch in self.branches:
            if branch.receiver == receiver:
                return branch
        self.branches.append(Branch(receiver))
        return self.branches[-1]


def shortest_path(links: Iterable[LinkConfig], source: str, destination: str) -> list[tuple[str, str]]:
    """(link, receiver) hops from source to destination, fewest links first, links in their order of declaration.

    Raises TopologyError when there is none.
    """
    outgoing: dict[str, list[LinkConfig]] = {}
    for link in links:
        outgoing.setdefault(link.source, []).append(link)
    reached: dict[str, tuple[str, str]] = {source: ("", "")}
    waiting = deque([source])
    while waiting and destination not in reached:
        node = waiting.popleft()
        for link in outgoing.get(node, []):
            for receiver in link.destinations:
                if receiver not in reached:
                    reached[receiver] = (link.name, node)
                    waiting.append(receiver)
    if destination not in reached or destination == source:
        raise TopologyError(f"no path of links from '{source}' to '{destination}'; add a link, or name another node")
    path: list[tuple[str, str]] = []
    node = destination
    while node != source:
        link_name, before = reached[node]
        path.append((link_name, node))
        node = before
    return path[::-1]


def route(links: Sequence[LinkConfig], source: str, destinations: Sequence[str]) -> list[Hop]:
    """The tree that reaches every destination; paths that share links share their transmissions."""
    roots: list[Hop] = []
    for destination in destinations:
        hops = roots
        branch: Branch | None = None
        for link, receiver in shortest_path(links, source, destination):
            hop = next((h for h in hops if h.link == link), None)
            if hop is None:
                hop = Hop(link)
                hops.append(hop)
            branch = hop.branch(receiver)
            hops = branch.hops
        assert branch is not None  # a path has at least one hop
        branch.is_destination = True
    return roots
