"""Messages across whole networks: chains, multicast trees, accounting."""

from __future__ import annotations

import numpy as np
import pytest

from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.integrity import WireError
from edge.wire.packets import message_head, packetize
from edge.wire.reassembly import Reassembler, ReceivedMessage
from emulator.link_config import TopologyError
from emulator.network import MAX_OPEN_MESSAGES, Network
from emulator.v1 import control_pb2 as pb


def fixed(rate_bps: float) -> pb.LinkRate:
    return pb.LinkRate(fixed=pb.FixedRate(rate_bps=rate_bps))


def network(*links: pb.Link, clock: int = pb.CLOCK_MODE_VIRTUAL, seed: int = 5) -> Network:
    nodes = sorted({node for link in links for node in (link.source, *link.destinations)})
    return Network(pb.Topology(name="n", seed=seed, clock=pb.Clock(mode=clock), nodes=nodes, links=links))  # type: ignore[arg-type]


def send(
    net: Network, destinations: list[str], part: Segment, offered_ns: int = 0, number: int = 0
) -> dict[str, ReceivedMessage]:
    """What each destination gets of one message."""
    session = net.open_session("s", "server", destinations)
    head = message_head("s", number, [part], offered_ns)
    net.open_message(session, head)
    receivers = {name: Reassembler() for name in destinations}
    for reassembler in receivers.values():
        reassembler.head(head)
    for run in packetize("s", number, [part]):
        for delivery in net.carry(session, run, run.payload).deliveries:
            for arrived in delivery.parts:
                frame = packet_pb2.Frame()
                arrived.write(frame)
                receivers[delivery.destination].run(frame.run)
    transits = net.close_message(session, number)
    got = {}
    for name, reassembler in receivers.items():
        message = reassembler.end(packet_pb2.MessageEnd(session="s", message_id=number, transit=transits[name]))
        assert message is not None
        got[name] = message
    return got


BYTES = Segment(Kind.OPAQUE, np.arange(20_000, dtype=np.uint32).astype(np.uint8))


def test_a_chain_pipelines_packets_and_adds_delays() -> None:
    net = network(
        pb.Link(name="wire", source="server", destinations=["bs"], rate=fixed(8e6), delay_s=0.001),
        pb.Link(name="air", source="bs", destinations=["device"], rate=fixed(2e6), delay_s=0.01),
    )
    message = send(net, ["device"], BYTES)["device"]
    np.testing.assert_array_equal(message.segments[0].values, BYTES.values)
    # the slow link is never idle once the first packet of 1024 bytes has crossed the fast one
    expected = 1024 * 8 / 8e6 + 0.001 + 20_000 * 8 / 2e6 + 0.01
    assert message.transit.received_ns == round(expected * 1e9)
    assert message.transit.sent_ns == 0


def test_losses_add_up_along_a_chain_and_lost_packets_cost_the_next_link_nothing() -> None:
    lossy = pb.PacketLoss(independent=pb.IndependentLoss(probability=0.5))
    net = network(
        pb.Link(name="wire", source="server", destinations=["bs"], rate=fixed(8e6), loss=lossy),
        pb.Link(name="air", source="bs", destinations=["device"], rate=fixed(2e6), loss=lossy),
    )
    message = send(net, ["device"], BYTES)["device"]
    counts = {row.link: row.levels[0] for row in net.counters()}
    assert counts["wire"].packets == 20
    assert counts["air"].packets == 20 - counts["wire"].packets_lost
    assert message.transit.packets_lost == counts["wire"].packets_lost + counts["air"].packets_lost
    assert not message.complete
    assert net.links["air"].busy_ns == pytest.approx(counts["air"].size_bits / 2e6 * 1e9)


def test_multicast_serves_each_link_once() -> None:
    net = network(
        pb.Link(name="wire", source="server", destinations=["bs"], rate=fixed(8e6)),
        pb.Link(name="air", source="bs", destinations=["x", "y"], rate=fixed(2e6)),
    )
    got = send(net, ["x", "y"], BYTES)
    assert got["x"].complete
    assert got["y"].complete
    assert net.links["wire"].busy_ns == pytest.approx(20_000 * 8 / 8e6 * 1e9)
    assert net.links["air"].busy_ns == pytest.approx(20_000 * 8 / 2e6 * 1e9)


def test_errors_of_all_links_are_counted_for_each_destination() -> None:
    noisy = [pb.ReliabilityLevel(ber=0.01)]
    net = network(
        pb.Link(name="wire", source="server", destinations=["bs"], levels=noisy),
        pb.Link(name="air", source="bs", destinations=["x", "y"], levels=noisy),
    )
    bits = Segment(Kind.BITS, np.zeros(100_000, np.uint8))
    got = send(net, ["x", "y"], bits)
    counted = {(row.link, row.destination): row.levels[0].bit_errors for row in net.counters()}
    for name in ("x", "y"):
        assert got[name].transit.element_errors == counted["wire", "bs"] + counted["air", name]
    assert not np.array_equal(got["x"].segments[0].values, got["y"].segments[0].values)


def test_the_same_seed_gives_the_same_errors_after_a_restart_and_another_seed_others() -> None:
    def received(seed: int, offered_ns: int) -> bytes:
        net = network(
            pb.Link(name="air", source="server", destinations=["x"], levels=[pb.ReliabilityLevel(ber=0.1)]), seed=seed
        )
        part = Segment(Kind.BITS, np.zeros(50_000, np.uint8))
        return send(net, ["x"], part, offered_ns)["x"].segments[0].values.tobytes()

    assert received(1, 0) == received(1, 10**9)
    assert received(1, 0) != received(2, 0)


def test_paced_deliveries_are_cut_where_time_passes_and_ordered_by_arrival() -> None:
    net = network(
        pb.Link(name="air", source="server", destinations=["x"], rate=fixed(2e6), jitter_s=0.05),
        clock=pb.CLOCK_MODE_REAL,
    )
    session = net.open_session("s", "server", ["x"])
    net.open_message(session, message_head("s", 0, [BYTES]))
    (run,) = packetize("s", 0, [BYTES])
    due = [arrived.due_ns for arrived in net.carry(session, run, run.payload).deliveries[0].parts]
    assert len(due) > 10
    assert due == sorted(due)


def test_a_run_without_head_and_too_many_open_messages_are_refused() -> None:
    net = network(pb.Link(name="air", source="server", destinations=["x"]))
    session = net.open_session("s", "server", ["x"])
    (run,) = packetize("s", 0, [BYTES])
    with pytest.raises(WireError, match="has no head"):
        net.carry(session, run, run.payload)
    for number in range(MAX_OPEN_MESSAGES):
        net.open_message(session, message_head("s", number, [BYTES]))
    with pytest.raises(WireError, match="messages under way"):
        net.open_message(session, message_head("s", MAX_OPEN_MESSAGES, [BYTES]))
    net.abandon(session)
    assert not session.open


@pytest.mark.parametrize(
    ("topology", "sentence"),
    [
        (pb.Topology(nodes=["a"]), "clock.mode: not set"),
        (pb.Topology(clock=pb.Clock(mode=pb.CLOCK_MODE_SCALED)), "clock.factor: must be > 0"),
        (
            pb.Topology(
                clock=pb.Clock(mode=pb.CLOCK_MODE_REAL),
                nodes=["a"],
                links=[pb.Link(name="l", source="a", destinations=["b"])],
            ),
            r"links\[l\]: node 'b' is not among the nodes",
        ),
        (
            pb.Topology(
                clock=pb.Clock(mode=pb.CLOCK_MODE_REAL),
                nodes=["a", "b"],
                links=[pb.Link(name="l", source="a", destinations=["b"])] * 2,
            ),
            r"links\[1\].name: 'l' is taken",
        ),
    ],
)
def test_a_wrong_topology_is_refused_with_the_field(topology: pb.Topology, sentence: str) -> None:
    with pytest.raises(TopologyError, match=sentence):
        Network(topology)


def test_a_modulated_message_tells_its_channel_uses_on_the_first_link() -> None:
    # 160 000 bits at 16-QAM 3/4, 8424 + 24 bits a block at most: 19 blocks of 8422 + 24, each of 2816 symbols
    level = pb.CodedLevel(order=16, code_rate=0.75)
    coded = pb.LdpcQam(kinds=[packet_pb2.SEGMENT_KIND_OPAQUE], snr_db=40, levels=[level])
    net = network(
        pb.Link(name="wire", source="server", destinations=["bs"], rate=fixed(8e6)),
        pb.Link(name="air", source="bs", destinations=["a"], bearers=[pb.Bearer(ldpc_qam=coded)]),
        pb.Link(name="direct", source="server", destinations=["b"], bearers=[pb.Bearer(ldpc_qam=coded)]),
    )
    over_wire = send(net, ["a"], BYTES)["a"]
    assert (over_wire.transit.size_bits, over_wire.transit.channel_uses) == (160_000, 0)
    direct = send(net, ["b"], BYTES)["b"]
    assert direct.complete
    assert np.array_equal(direct.segments[0].values, BYTES.values)
    assert (direct.transit.size_bits, direct.transit.channel_uses) == (160_000, 19 * -(-8446 * 4 // 3 // 4))
    served = {row.link: sum(level.channel_uses for level in row.levels) for row in net.counters()}
    assert served == {"wire": 0, "air": direct.transit.channel_uses, "direct": direct.transit.channel_uses}
