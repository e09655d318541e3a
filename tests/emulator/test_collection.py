"""Links that collect the BITS of whole messages: deadlines, order, losses on the way, several receivers and hops."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.integrity import WireError, header_crc
from edge.wire.packets import message_head, packetize
from edge.wire.reassembly import Reassembler, ReceivedMessage
from emulator.bearers.bearer import AskedLevel
from emulator.bearers.mapper_network import LearnedMapper
from emulator.channels.awgn import AWGN
from emulator.channels.noise import NoiseKey, SegmentNoise
from emulator.link_config import TopologyError
from emulator.network import Crossing, Network, SessionRoute
from emulator.v1 import control_pb2 as pb

ASKED = [AskedLevel(ber, 0.25) for ber in (0.4, 0.1, 0.01, 0.001)]
SEED = 5
AIR_RATE = pb.LinkRate(fixed=pb.FixedRate(symbol_rate_hz=1000.0))


def learned(path: Path, **fields: float) -> pb.Bearer:
    return pb.Bearer(learned_mapper=pb.LearnedMapper(weights=str(path), **{"snr_db": 3.0} | fields))  # type: ignore[arg-type]


def unequal(symbols: int = 200, **fields: float) -> pb.Bearer:
    settings = {"snr_db": 30.0} | fields
    return pb.Bearer(unequal_protection=pb.UnequalProtection(symbols=symbols, **settings))  # type: ignore[arg-type]


def air(bearer: pb.Bearer, **fields: object) -> pb.Link:
    settings = {"source": "bs", "destinations": ["device"], "rate": AIR_RATE} | fields
    return pb.Link(name="air", bearers=[bearer], **settings)  # type: ignore[arg-type]


def wire(rate_bps: float = 0.0, **fields: object) -> pb.Link:
    rate = pb.LinkRate(fixed=pb.FixedRate(rate_bps=rate_bps))
    return pb.Link(name="wire", source="server", destinations=["bs"], rate=rate, **fields)  # type: ignore[arg-type]


def network(*links: pb.Link, clock: int = pb.CLOCK_MODE_VIRTUAL) -> Network:
    nodes = sorted({node for link in links for node in (link.source, *link.destinations)})
    return Network(pb.Topology(name="n", seed=SEED, clock=pb.Clock(mode=clock), nodes=nodes, links=links))  # type: ignore[arg-type]


def message(side: int = 4) -> list[Segment]:
    generator = np.random.default_rng(3)
    return [
        Segment(Kind.BITS, generator.integers(0, 2, (side, side, 4), dtype=np.uint8), level=level) for level in range(4)
    ]


def all_bits(segments: Sequence[Segment]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.concatenate([segment.values.reshape(-1) for segment in segments]).astype(np.uint8)


class Sending:
    """One message on its way, and what its destinations get."""

    def __init__(self, net: Network, session: SessionRoute, segments: list[Segment], number: int = 0) -> None:
        self.net, self.session, self.number = net, session, number
        self.head = message_head(session.session, number, segments)
        net.open_message(session, self.head)
        self.receivers = {name: Reassembler() for name in session.destinations}
        for reassembler in self.receivers.values():
            reassembler.head(self.head)
        self.deliveries = 0

    def run(self, run: packet_pb2.PacketRun) -> Crossing:
        return self._take(self.net.carry(self.session, run, run.payload))

    def _take(self, crossing: Crossing) -> Crossing:
        for delivery in crossing.deliveries:
            self.deliveries += 1
            for part in delivery.parts:
                frame = packet_pb2.Frame()
                part.write(frame)
                self.receivers[delivery.destination].run(frame.run)
        return crossing

    def end(self) -> dict[str, ReceivedMessage]:
        released = self.net.release(self.session, self.number)
        if released is not None:
            self._take(released)
        got = {}
        for name, transit in self.net.close_message(self.session, self.number).items():
            end = packet_pb2.MessageEnd(session=self.session.session, message_id=self.number, transit=transit)
            received = self.receivers[name].end(end)
            assert received is not None
            got[name] = received
        return got


Order = Callable[[list[packet_pb2.PacketRun]], list[packet_pb2.PacketRun]]


def send(
    net: Network,
    segments: list[Segment],
    source: str = "server",
    destinations: Sequence[str] = ("device",),
    packet_bytes: int = 1024,
    order: Order = lambda runs: runs,
) -> dict[str, ReceivedMessage]:
    session = net.open_session("s", source, list(destinations), ASKED)
    sending = Sending(net, session, segments)
    for run in order(list(packetize("s", 0, segments, packet_bytes, run_bytes=packet_bytes))):
        sending.run(run)
    return sending.end()


def through_the_mapper(
    path: Path, segments: Sequence[Segment], present: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None = None
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """What the device must get at 3 dB."""
    mapper = LearnedMapper.load(path)
    grid = segments[0].values.shape[:2]
    mask = None if present is None else present[None]
    symbols = mapper.map(all_bits(segments)[None], (grid[0], grid[1]), mask)[0]
    draw = SegmentNoise(NoiseKey(SEED, "air", "device", "s", "payload"), 0, 0)
    return mapper.demap(AWGN(3.0)(symbols, 0, draw)[None], (grid[0], grid[1]))[0]


def test_a_message_is_collected_mapped_and_sent_in_the_time_of_its_symbols(mapper_file: Path) -> None:
    net = network(wire(delay_s=0.02), air(learned(mapper_file), delay_s=0.005))
    received = send(net, message())["device"]
    np.testing.assert_array_equal(all_bits(received.segments), through_the_mapper(mapper_file, message()))
    assert received.complete
    # 32 symbols at 1000 a second, once the last group is there
    assert received.transit.received_ns == round((0.02 + 0.032 + 0.005) * 1e9)
    errors = int((all_bits(received.segments) != all_bits(message())).sum())
    assert received.transit.element_errors == errors > 0
    assert (received.transit.packets_filled, received.transit.packets_lost) == (0, 0)
    assert net.links["air"].busy_ns == pytest.approx(0.032e9)
    rows = {row.level: row for row in next(r for r in net.counters() if r.link == "air").levels}
    assert [(rows[i].packets, rows[i].size_bits, rows[i].channel_uses) for i in range(4)] == [(1, 64, 8)] * 4
    assert sum(row.bit_errors for row in rows.values()) == errors


@pytest.mark.parametrize("make", [learned, lambda _: unequal(snr_db=8.0)], ids=["learned", "unequal"])
def test_cutting_and_order_change_nothing(mapper_file: Path, make: Callable[[Path], pb.Bearer]) -> None:
    def crossed(packet_bytes: int, order: Order) -> tuple[bytes, int, int]:
        net = network(wire(delay_s=0.02, jitter_s=0.05), air(make(mapper_file)))
        got = send(net, message(8), packet_bytes=packet_bytes, order=order)["device"]
        rows = [(row.level, row.size_bits, row.bit_errors) for r in net.counters() for row in r.levels]
        return all_bits(got.segments).tobytes(), got.transit.element_errors, hash(tuple(rows))

    def shuffled(runs: list[packet_pb2.PacketRun]) -> list[packet_pb2.PacketRun]:
        return [runs[i] for i in np.random.default_rng(1).permutation(len(runs))]

    outcomes = [
        crossed(size, order) for size in (1024, 8, 1) for order in (lambda runs: runs, lambda r: r[::-1], shuffled)
    ]
    assert len(set(outcomes)) == 1


def test_model_times_do_not_depend_on_the_order_of_arrival(mapper_file: Path) -> None:
    def times(order: Order) -> int:
        net = network(wire(jitter_s=0.05), air(learned(mapper_file)))
        return send(net, message(8), packet_bytes=4, order=order)["device"].transit.received_ns

    assert times(lambda runs: runs) == times(lambda runs: runs[::-1])


def lossy(probability: float) -> pb.PacketLoss:
    return pb.PacketLoss(independent=pb.IndependentLoss(probability=probability))


def test_packets_lost_on_the_way_are_erasures_at_the_deadline_and_arrive_as_guesses(mapper_file: Path) -> None:
    net = network(wire(delay_s=0.02, loss=lossy(0.4)), air(learned(mapper_file, collect_s=0.25)))
    received = send(net, message(), packet_bytes=2)["device"]
    (row,) = [row for row in net.counters() if row.link == "wire"]
    lost = sum(level.packets_lost for level in row.levels)
    assert 0 < lost < 16
    assert received.complete
    assert (received.transit.packets_filled, received.transit.packets_lost) == (lost, 0)
    assert received.transit.received_ns == round((0.02 + 0.25 + 0.032) * 1e9)
    # which came is seen where nothing fills them in
    plain = send(
        network(wire(loss=lossy(0.4)), air(pb.Bearer(leveled_bits=pb.LeveledBits()))), message(), packet_bytes=2
    )
    present = np.concatenate([s.present.reshape(-1) for s in plain["device"].segments if s.present is not None])
    assert present.sum() == 256 - 16 * lost
    expected = through_the_mapper(mapper_file, message(), present)
    np.testing.assert_array_equal(all_bits(received.segments), expected)
    counts = [level for row in net.counters() if row.link == "air" for level in row.levels]
    assert sum(level.packets_filled for level in counts) == lost
    assert sum(level.size_bits for level in counts) == 256 - 16 * lost
    judged = int(((expected != all_bits(message())) & present).sum())
    assert sum(level.bit_errors for level in counts) == received.transit.element_errors == judged


def test_what_comes_after_the_deadline_is_filled_in(mapper_file: Path) -> None:
    # 64 bits a group at 640 bit/s: groups arrive at 0.1, 0.2, 0.3 and 0.4 s, and the deadline is 0.25 s
    net = network(wire(rate_bps=640.0), air(learned(mapper_file, collect_s=0.15)))
    received = send(net, message())["device"]
    assert received.transit.packets_filled == 2
    assert received.transit.received_ns == round((0.25 + 0.032) * 1e9)
    present = np.repeat([True, True, False, False], 64)
    np.testing.assert_array_equal(all_bits(received.segments), through_the_mapper(mapper_file, message(), present))


def test_unequal_protection_leaves_missing_what_is_late(mapper_file: Path) -> None:
    net = network(wire(rate_bps=640.0), air(unequal(symbols=400, collect_s=0.15)))
    received = send(net, message())["device"]
    assert not received.complete
    assert [segment.present is None for segment in received.segments] == [True, True, False, False]
    assert (received.transit.packets_filled, received.transit.packets_lost) == (0, 2)


def test_a_group_that_is_never_sent_is_an_erasure_when_the_message_ends(mapper_file: Path) -> None:
    net = network(wire(), air(learned(mapper_file)))
    session = net.open_session("s", "server", ["device"], ASKED)
    sending = Sending(net, session, message())
    for run in list(packetize("s", 0, message()))[1:]:
        sending.run(run)
    assert sending.deliveries == 0
    received = sending.end()["device"]
    assert sending.deliveries == 3
    assert received.segments[0].present is not None  # nothing to fill: the source never cut it into packets
    present = np.repeat([False, True, True, True], 64)
    expected = through_the_mapper(mapper_file, message(), present)
    np.testing.assert_array_equal(all_bits(received.segments)[64:], expected[64:])
    assert received.transit.received_ns == round((0.1 + 0.032) * 1e9)


def test_a_message_of_which_nothing_comes_is_lost_and_costs_the_link_nothing(mapper_file: Path) -> None:
    net = network(wire(loss=lossy(1.0)), air(learned(mapper_file)))
    received = send(net, message())["device"]
    assert (received.transit.packets, received.transit.packets_lost) == (4, 4)
    assert net.links["air"].busy_ns == 0
    assert not received.complete


def test_other_kinds_pass_while_bits_wait(mapper_file: Path) -> None:
    net = network(wire(), air(learned(mapper_file)))
    session = net.open_session("s", "server", ["device"], ASKED)
    note = Segment(Kind.OPAQUE, np.arange(9, dtype=np.uint8))
    parts = [*message(), note]
    sending = Sending(net, session, parts)
    runs = list(packetize("s", 0, parts))
    for run in [runs[0], runs[4], runs[1], runs[2]]:
        sending.run(run)
    assert sending.deliveries == 1
    sending.run(runs[3])
    assert sending.deliveries == 5
    assert sending.end()["device"].complete


def test_receivers_of_a_multicast_get_noise_of_their_own_for_one_transmission(mapper_file: Path) -> None:
    net = network(wire(), air(learned(mapper_file), destinations=["device", "other"]))
    got = send(net, message(), destinations=["device", "other"])
    np.testing.assert_array_equal(all_bits(got["device"].segments), through_the_mapper(mapper_file, message()))
    assert (all_bits(got["device"].segments) != all_bits(got["other"].segments)).any()
    assert net.links["air"].busy_ns == pytest.approx(0.032e9)


def test_a_chain_of_two_collecting_links_collects_twice(mapper_file: Path) -> None:
    first = pb.Link(
        name="first", source="server", destinations=["bs"], rate=AIR_RATE, bearers=[learned(mapper_file, snr_db=9.0)]
    )
    net = network(
        first, air(learned(mapper_file)), pb.Link(name="wire", source="device", destinations=["end"], delay_s=1)
    )
    received = send(net, message(), destinations=["end"])["end"]
    assert received.complete
    assert received.transit.received_ns == round(1.064e9)
    assert (received.transit.sent_ns, received.transit.channel_uses) == (0, 32)


def test_the_first_link_is_charged_and_says_when_it_began(mapper_file: Path) -> None:
    net = network(air(learned(mapper_file)))
    session = net.open_session("s", "bs", ["device"], ASKED)
    for number in range(2):  # the second waits for the first
        sending = Sending(net, session, message(), number)
        held = [sending.run(run) for run in packetize("s", number, message())]
        assert [crossing.start_ns for crossing in held] == [number * 32e6] * 4
        transit = sending.end()["device"].transit
        assert (transit.sent_ns, transit.received_ns) == (number * 32_000_000, (number + 1) * 32_000_000)
        assert (transit.channel_uses, transit.size_bits, transit.packets) == (32, 256, 4)


def test_without_a_symbol_rate_a_message_takes_the_time_of_its_bits(mapper_file: Path) -> None:
    rate = pb.LinkRate(fixed=pb.FixedRate(rate_bps=1000.0))
    received = send(network(wire(), air(learned(mapper_file), rate=rate, header_bits=10)), message())["device"]
    assert received.transit.received_ns == round((0.256 + 0.04) * 1e9)


def test_messages_under_way_keep_the_bearer_that_they_began_with(mapper_file: Path) -> None:
    net = network(wire(), air(learned(mapper_file)))
    session = net.open_session("s", "server", ["device"], ASKED)
    leveled = pb.UpdateLinkRequest(name="air", bearers=[pb.Bearer(leveled_bits=pb.LeveledBits())])
    back = pb.UpdateLinkRequest(name="air", bearers=[learned(mapper_file, snr_db=-9.0)])
    sending = Sending(net, session, message())
    runs = list(packetize("s", 0, message()))
    sending.run(runs[0])
    net.update_link(leveled, [session])
    for run in runs[1:]:
        sending.run(run)
    received = sending.end()["device"]
    np.testing.assert_array_equal(all_bits(received.segments), through_the_mapper(mapper_file, message()))

    sending = Sending(net, session, message(), 1)
    runs = list(packetize("s", 1, message()))
    sending.run(runs[0])
    net.update_link(back, [session])
    for run in runs[1:]:
        sending.run(run)
    received = sending.end()["device"]
    np.testing.assert_array_equal(all_bits(received.segments), all_bits(message()))  # levels without errors


def test_what_waits_of_a_session_that_begins_again_is_dropped(mapper_file: Path) -> None:
    net = network(wire(), air(learned(mapper_file)))
    session = net.open_session("s", "server", ["device"], ASKED)
    sending = Sending(net, session, message())
    sending.run(next(packetize("s", 0, message())))
    net.abandon(session)
    assert net.release(session, 0) is None
    assert net.links["air"].busy_ns == 0
    again = send(net, message())["device"]
    np.testing.assert_array_equal(all_bits(again.segments), through_the_mapper(mapper_file, message()))


def test_packets_that_come_twice_or_are_cut_anew_are_refused(mapper_file: Path) -> None:
    net = network(air(learned(mapper_file)))
    sending = Sending(net, net.open_session("s", "bs", ["device"], ASKED), message())
    first = next(packetize("s", 0, message()))
    sending.run(first)
    with pytest.raises(WireError, match=r"segment 0 has these elements \(0 to 64\) already; send each once"):
        sending.run(first)
    sending.run(next(itertools.islice(packetize("s", 0, message(), packet_bytes=2, run_bytes=2), 4, None)))
    other = next(itertools.islice(packetize("s", 0, message()), 1, None))
    with pytest.raises(WireError, match="in packets of one size"):
        sending.run(other)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"asked": ASKED[:2]}, "2 levels with shares of 0.25 are announced, but the learned mapper tiny.safetensors"),
        ({"segments": message(6)[:3]}, r"message 0: level 0 has 144 of 432 bits, but a share of 0.25 was announced"),
        ({"segments": message(3)}, "link 'air': grid: 3x3 positions are not a positive multiple of 2"),
        ({"segments": message()[:3], "asked": []}, r"takes bits \[h, w, 4\] of each level 0 to 3, got {0: \[4, 4, 4\]"),
        ({"level": 4}, "segment 3 has level 4, but 4 levels were announced; use levels 0 to 3"),
        ({"segments": message(1024)}, "link 'air': takes messages of at most 4194304 bits, got 16777216; send less"),
    ],
    ids=["announced", "shares", "too small", "not announced", "level", "too large"],
)
def test_messages_that_do_not_fit_are_refused(mapper_file: Path, change: dict[str, object], sentence: str) -> None:
    net = network(air(learned(mapper_file)))
    segments = change.get("segments", message())
    assert isinstance(segments, list)
    if "level" in change:
        segments[3] = Segment(Kind.BITS, segments[3].values, level=4)
    with pytest.raises((WireError, TopologyError), match=sentence):
        net.open_message(
            net.open_session("s", "bs", ["device"], change.get("asked", ASKED)),  # type: ignore[arg-type]
            message_head("s", 0, segments),
        )


def test_unequal_protection_needs_an_announcement(mapper_file: Path) -> None:
    net = network(air(unequal()))
    session = net.open_session("s", "bs", ["device"])
    with pytest.raises(WireError, match="link 'air': unequal protection needs the bit error rates of the levels"):
        net.open_message(session, message_head("s", 0, message()))
    net.open_message(session, message_head("s", 0, [Segment(Kind.OPAQUE, np.zeros(9, np.uint8))]))


def test_a_bearer_that_cannot_serve_an_open_session_is_not_swapped_in(mapper_file: Path) -> None:
    net = network(wire(), air(pb.Bearer(leveled_bits=pb.LeveledBits())))
    session = net.open_session("s", "server", ["device"], [AskedLevel(0.1, 0.5), AskedLevel(0.01, 0.5)])
    swap = pb.UpdateLinkRequest(name="air", bearers=[learned(mapper_file)])
    with pytest.raises(TopologyError, match=r"session 's' over link 'air': 2 levels with shares of 0.5 are"):
        net.update_link(swap, [session])
    assert net.links["air"].whole_bits is None
    assert not net.message_bearers()
    elsewhere = net.open_session("t", "server", ["bs"], [AskedLevel(0.1, 1.0)])
    net.update_link(swap, [elsewhere])
    assert [row.link for row in net.message_bearers()] == ["air"]


@pytest.mark.parametrize(
    "fields",
    [
        {"loss": lossy(0.1)},
        {"queue_policy": pb.QUEUE_POLICY_DROP},
        {"levels": [pb.ReliabilityLevel(erasure=0.1)]},
        {"levels": [pb.ReliabilityLevel(on_failure=pb.FAILURE_POLICY_DROP)]},
    ],
)
def test_a_link_that_loses_single_packets_cannot_take_whole_messages(fields: dict[str, object]) -> None:
    with pytest.raises(TopologyError, match=r"links\[air\].bearers\[0\].unequal_protection: takes whole messages, but"):
        network(air(unequal(), **fields))
    network(air(unequal(), loss=lossy(0.0), levels=[pb.ReliabilityLevel(ber=0.1)]))


@pytest.mark.parametrize(
    ("bearer", "sentence"),
    [
        (unequal(0), r"links\[air\].bearers\[0\].unequal_protection: symbols: must be at least 1, got 0"),
        (unequal(collect_s=-1.0), r"unequal_protection.collect_s: must be >= 0 and finite \(seconds\), got -1"),
        (pb.Bearer(unequal_protection=pb.UnequalProtection(symbols=9)), "unequal_protection.snr_db: not set, and the"),
        (learned(Path("mapper-k3-snr4")), "learned_mapper: mapper-k3-snr4 is not shipped"),
        (learned(Path("/nowhere/m.safetensors")), r"learned_mapper: /nowhere/m.safetensors: cannot be read \(No such"),
    ],
)
def test_bad_settings_are_refused_by_name(bearer: pb.Bearer, sentence: str) -> None:
    with pytest.raises(TopologyError, match=sentence):
        network(air(bearer))


def test_a_bearer_without_an_snr_takes_the_radios(mapper_file: Path) -> None:
    radio = pb.LinkRate(radio=pb.RadioRate(bandwidth_hz=1e3, power_w=2.0, gain=1e-3, noise_w_per_hz=1e-7))
    for bearer in (
        pb.Bearer(learned_mapper=pb.LearnedMapper(weights=str(mapper_file))),
        pb.Bearer(unequal_protection=pb.UnequalProtection(symbols=9)),
    ):
        (row,) = network(air(bearer, rate=radio)).message_bearers()
        assert row.snr_db == pytest.approx(10 * np.log10(20))


def test_a_packet_that_claims_more_elements_than_there_are_costs_no_more(mapper_file: Path) -> None:
    net = network(air(learned(mapper_file)))
    sending = Sending(net, net.open_session("s", "bs", ["device"], ASKED), message())
    for run in packetize("s", 0, message()):
        run.packet_elements = 2**31
        run.header_crc = header_crc(run)
        sending.net.carry(sending.session, run, run.payload)
    assert net.links["air"].busy_ns == pytest.approx(0.032e9)


PROCESS = """
import json, sys
import emulator.server
from emulator.bearers.table import bearer_table
from emulator.link_config import LinkConfig
from emulator.v1 import control_pb2 as pb
before = sorted(sys.modules)
link = pb.Link(name="air", source="a", destinations=["b"])
link.bearers.add().learned_mapper.CopyFrom(pb.LearnedMapper(weights=sys.argv[1], snr_db=3))
bearer_table(LinkConfig.from_proto(link))
print(json.dumps([before, sorted(sys.modules)]))
"""


def test_torch_comes_with_a_learned_bearer_and_the_applications_codecs_never(mapper_file: Path) -> None:
    command = [sys.executable, "-c", PROCESS, str(mapper_file)]
    before, after = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=100).stdout)
    assert "torch" not in before
    assert "emulator.bearers.mapper_network" not in before
    assert {"torch", "emulator.bearers.mapper_network"} <= set(after)
    assert not [name for name in after if name.startswith(("edge.codecs", "edge.train", "edge.adapt"))]


def test_a_run_whose_header_was_altered_is_refused_before_it_waits(mapper_file: Path) -> None:
    net = network(air(learned(mapper_file)))
    sending = Sending(net, net.open_session("s", "bs", ["device"], ASKED), message())
    run = next(packetize("s", 0, message()))
    run.offset = 64
    run.header_crc = header_crc(run)
    with pytest.raises(WireError, match="elements 64 to 128 do not fit 64"):
        sending.run(run)
