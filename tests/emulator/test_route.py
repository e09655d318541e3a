"""Routes: fewest links, shared transmissions."""

from __future__ import annotations

import pytest

from emulator.link_config import LinkConfig, TopologyError
from emulator.route import route, shortest_path
from emulator.v1 import control_pb2 as pb


def links(*ends: tuple[str, str, str]) -> list[LinkConfig]:
    """(name, source, destinations separated by commas) each."""
    return [
        LinkConfig.from_proto(pb.Link(name=name, source=source, destinations=to.split(",")))
        for name, source, to in ends
    ]


def test_the_path_with_the_fewest_links_wins_and_the_first_declared_among_equals() -> None:
    network = links(("a", "s", "m"), ("b", "m", "d"), ("c", "s", "d"), ("e", "s", "d"))
    assert shortest_path(network, "s", "d") == [("c", "d")]


def test_a_chain_is_followed_to_its_end() -> None:
    network = links(("wire", "server", "hop"), ("fibre", "hop", "bs"), ("air", "bs", "device"))
    assert shortest_path(network, "server", "device") == [("wire", "hop"), ("fibre", "bs"), ("air", "device")]


def test_destinations_behind_one_link_share_its_transmission() -> None:
    network = links(("wire", "s", "bs"), ("air", "bs", "x,y,z"))
    (root,) = route(network, "s", ["x", "z"])
    assert root.link == "wire"
    (at_base,) = root.branches
    assert not at_base.is_destination
    (air,) = at_base.hops
    assert [(b.receiver, b.is_destination) for b in air.branches] == [("x", True), ("z", True)]


def test_a_destination_may_also_pass_on() -> None:
    network = links(("first", "s", "m"), ("second", "m", "d"))
    (root,) = route(network, "s", ["m", "d"])
    assert root.branches[0].is_destination
    assert root.branches[0].hops[0].branches[0].is_destination


@pytest.mark.parametrize(("source", "destination"), [("d", "s"), ("s", "nobody"), ("s", "s")])
def test_no_path_is_said_with_both_ends(source: str, destination: str) -> None:
    with pytest.raises(TopologyError, match=f"no path of links from '{source}' to '{destination}'"):
        shortest_path(links(("a", "s", "d")), source, destination)
