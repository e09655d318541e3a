"""Layers of a multicast: each is served where somebody takes it, at the rate of the weakest who does."""

from __future__ import annotations

import numpy as np
import pytest

from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.integrity import WireError
from edge.wire.packets import message_head, packetize
from edge.wire.reassembly import Reassembler, ReceivedMessage
from emulator.announced import AnnouncementError
from emulator.link_config import TopologyError
from emulator.network import Network
from emulator.subscriptions import announced_subscriptions, head_for
from emulator.v1 import control_pb2 as pb
from emulator.v1 import data_plane_pb2

SYMBOL_RATE = 1000.0
TIERS = ["low", "mid", "top"]
HIGHEST = {"low": 0, "mid": 1}  # top takes all three
SIZES = [12, 24, 36]
RATES = {"low": 1 / 3, "mid": 1 / 2, "top": 3 / 4}


def layers(kind: Kind = Kind.SYMBOLS) -> list[Segment]:
    if kind is Kind.BITS:
        return [Segment(kind, np.ones(size, np.uint8), level) for level, size in enumerate(SIZES)]
    return [Segment(kind, np.ones(size, np.complex64), level) for level, size in enumerate(SIZES)]


def air(**fields: object) -> pb.Link:
    rate = pb.LinkRate(fixed=pb.FixedRate(symbol_rate_hz=SYMBOL_RATE, rate_bps=SYMBOL_RATE))
    return pb.Link(name="air", source="ap", destinations=TIERS, rate=rate, **fields)  # type: ignore[arg-type]


def network(*links: pb.Link) -> Network:
    nodes = sorted({node for link in links for node in (link.source, *link.destinations)})
    clock = pb.Clock(mode=pb.CLOCK_MODE_VIRTUAL)
    return Network(pb.Topology(name="n", seed=5, clock=clock, nodes=nodes, links=links))


def send(
    net: Network,
    segments: list[Segment],
    highest: dict[str, int] | None = None,
    only: tuple[str, ...] = (),
    packet_bytes: int = 1024,
) -> dict[str, ReceivedMessage]:
    """What each destination gets of one message from ap."""
    session = net.open_session("s", "ap", TIERS, highest=highest)
    head = message_head("s", 0, segments)
    head.destinations.extend(only)
    net.open_message(session, head)
    receivers = {name: Reassembler() for name in only or TIERS}
    for name, reassembler in receivers.items():
        reassembler.head(head_for(head, (highest or {}).get(name, 255)))
    for run in packetize("s", 0, segments, packet_bytes):
        for delivery in net.carry(session, run, run.payload).deliveries:
            for arrived in delivery.parts:
                frame = packet_pb2.Frame()
                arrived.write(frame)
                receivers[delivery.destination].run(frame.run)
    transits = net.close_message(session, 0)
    assert set(transits) == set(receivers)
    got = {}
    for name, reassembler in receivers.items():
        message = reassembler.end(packet_pb2.MessageEnd(session="s", message_id=0, transit=transits[name]))
        assert message is not None
        got[name] = message
    return got


def uses_by_level(net: Network, link: str, end: str) -> dict[int, int]:
    row = next(row for row in net.counters() if (row.link, row.destination) == (link, end))
    return {level.level: level.channel_uses for level in row.levels}


def test_each_destination_gets_the_layers_it_takes_and_its_message_is_whole() -> None:
    got = send(network(air()), layers(), HIGHEST)
    assert {name: [s.level for s in message.segments] for name, message in got.items()} == {
        "low": [0],
        "mid": [0, 1],
        "top": [0, 1, 2],
    }
    assert all(message.complete for message in got.values())
    assert {name: message.transit.channel_uses for name, message in got.items()} == {"low": 12, "mid": 36, "top": 72}
    assert {name: message.transit.packets for name, message in got.items()} == {"low": 1, "mid": 2, "top": 3}


def test_a_layer_costs_the_rate_of_the_weakest_that_takes_it() -> None:
    net = network(air(code_rates=RATES))
    send(net, layers(), HIGHEST)
    assert uses_by_level(net, "air", "top") == {0: 36, 1: 48, 2: 48}  # 12 / (1/3), 24 / (1/2), 36 / (3/4)
    assert uses_by_level(net, "air", "low") == {0: 36}
    assert net.links["air"].busy_ns == pytest.approx((36 + 48 + 48) / SYMBOL_RATE * 1e9)


def test_without_subscriptions_all_goes_at_the_rate_of_the_weakest_of_all() -> None:
    net = network(air(code_rates=RATES))
    send(net, layers())
    assert net.links["air"].busy_ns == pytest.approx(3 * sum(SIZES) / SYMBOL_RATE * 1e9)


def test_bits_take_time_by_the_rate_too() -> None:
    net = network(air(code_rates=RATES))
    got = send(net, layers(Kind.BITS), HIGHEST)
    assert net.links["air"].busy_ns == pytest.approx((36 + 48 + 48) / SYMBOL_RATE * 1e9)
    assert got["mid"].transit.size_bits == 36  # bits carried, not what coding makes of them


def test_small_packets_cost_the_same_where_their_share_is_whole() -> None:
    net = network(air(code_rates=RATES))
    send(net, layers(), HIGHEST, packet_bytes=64)  # 8 symbols a packet: 12 is 8 + 4
    assert uses_by_level(net, "air", "top")[0] == 36


def test_a_link_that_leads_to_nobody_who_takes_a_layer_is_not_served() -> None:
    hub = pb.Link(name="hub", source="ap", destinations=["near", "far"])
    net = network(
        hub,
        pb.Link(name="to-low", source="near", destinations=["low"]),
        pb.Link(name="to-others", source="far", destinations=["mid", "top"]),
    )
    send(net, layers(), HIGHEST)
    assert uses_by_level(net, "hub", "near") == {0: 12}
    assert uses_by_level(net, "to-low", "low") == {0: 12}
    assert uses_by_level(net, "to-others", "mid") == {0: 12, 1: 24}


def test_a_layer_that_nobody_takes_costs_nothing() -> None:
    net = network(air())
    got = send(net, layers(), dict.fromkeys(TIERS, 1))
    assert got["top"].complete
    assert uses_by_level(net, "air", "top") == {0: 12, 1: 24}


def test_what_others_take_changes_nobodys_noise() -> None:
    noisy = pb.Bearer(analog_symbols=pb.AnalogSymbols(snr_db=3.0))
    alone = send(network(air(bearers=[noisy])), layers(), HIGHEST)
    everybody = send(network(air(bearers=[noisy])), layers())
    np.testing.assert_array_equal(alone["low"].segments[0].values, everybody["low"].segments[0].values)


def test_a_message_for_one_destination_reaches_it_alone() -> None:
    net = network(air(code_rates=RATES))
    got = send(net, layers()[:1], only=("top",))
    assert got["top"].complete
    assert uses_by_level(net, "air", "top") == {0: 16}  # at its own rate
    assert uses_by_level(net, "air", "low") == {}


def test_a_message_for_a_stranger_is_refused() -> None:
    net = network(air())
    session = net.open_session("s", "ap", TIERS)
    head = message_head("s", 0, layers())
    head.destinations.append("nobody")
    with pytest.raises(WireError, match="'nobody' is not among the session's"):
        net.open_message(session, head)


def test_each_end_of_a_multicast_has_its_own_snr() -> None:
    big = [Segment(Kind.SYMBOLS, np.ones(20_000, np.complex64))]
    snrs = {"low": 0.0, "top": 20.0}
    own = [pb.Bearer(analog_symbols=pb.AnalogSymbols(snr_db=snr_db), receiver=end) for end, snr_db in snrs.items()]
    got = send(network(air(bearers=own)), big)
    for end, snr_db in snrs.items():
        power = float(np.mean(np.abs(got[end].segments[0].values - 1) ** 2))
        assert power == pytest.approx(10 ** (-snr_db / 10), rel=0.05)  # 4 sigma of 20000 exponentials are 0.028
    np.testing.assert_array_equal(got["mid"].segments[0].values, big[0].values)  # it was given no noise


def test_each_layer_meets_its_own_fading_and_each_end_another() -> None:
    fading = pb.Fading(model=pb.FADING_MODEL_RAYLEIGH, coherence=pb.COHERENCE_PACKET)
    own = [pb.Bearer(analog_symbols=pb.AnalogSymbols(snr_db=30, fading=fading), receiver=end) for end in ("mid", "top")]
    got = send(network(air(bearers=own)), layers())
    gains = []
    for end in ("mid", "top"):
        for segment in got[end].segments:
            assert segment.csi is not None
            assert len(set(segment.csi)) == 1  # one packet, one gain
            gains.append(complex(segment.csi[0]))
    assert len(set(gains)) == 6


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"code_rates": {"low": 0.0}}, r"code_rates\[low\]: must be in \(0, 1\], got 0.0; give the rate"),
        ({"code_rates": {"low": 1.5}}, r"code_rates\[low\]: must be in \(0, 1\], got 1.5; give the rate"),
        ({"code_rates": {"x": 0.5}}, "code_rates: 'x' is not an end of the link; leave it out"),
        (
            {"bearers": [pb.Bearer(analog_symbols=pb.AnalogSymbols(snr_db=1), receiver="x")]},
            "receiver: 'x' is not an end of the link; name one, or none",
        ),
        (
            {"bearers": [pb.Bearer(uncoded_qam=pb.UncodedQam(order=4, snr_db=1), receiver="low")]},
            "receiver: only analog_symbols may differ from end to end",
        ),
        (
            {
                "code_rates": {"low": 0.5},
                "bearers": [pb.Bearer(unequal_protection=pb.UnequalProtection(symbols=8, snr_db=1))],
            },
            "has codes and symbols of its own, but .* has code_rates; leave one out",
        ),
    ],
)
def test_bad_links_are_refused(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(TopologyError, match=sentence):
        network(air(**fields))


def test_a_link_that_takes_whole_messages_refuses_sessions_with_layers() -> None:
    net = network(air(bearers=[pb.Bearer(unequal_protection=pb.UnequalProtection(symbols=8, snr_db=1))]))
    with pytest.raises(TopologyError, match="takes whole messages, but 'low' takes levels 0 to 0 only"):
        net.open_session("s", "ap", TIERS, highest=HIGHEST)


@pytest.mark.parametrize(
    ("highest", "sentence"),
    [
        ({"x": 0}, "'x' is not a destination of the session; leave it out"),
        ({"low": 256}, r"highest_levels\[low\]: must be at most 255, got 256"),
    ],
)
def test_bad_subscriptions_are_refused(highest: dict[str, int], sentence: str) -> None:
    announcement = data_plane_pb2.Announcement(session="s", destinations=TIERS, highest_levels=highest)
    with pytest.raises(AnnouncementError, match=sentence):
        announced_subscriptions(announcement)


def test_a_packet_of_a_layer_that_was_withheld_is_refused_by_the_receiver() -> None:
    reassembler = Reassembler()
    reassembler.head(head_for(message_head("s", 0, layers()), 0))
    run = list(packetize("s", 0, layers()))[1]
    with pytest.raises(WireError, match="segment 1 was withheld"):
        reassembler.run(run)
