"""What counters and processes say, in the report: bearers side by side, and who held what."""

from __future__ import annotations

import pytest

from edge.v1 import codec_pb2, node_pb2, packet_pb2
from emulator.bearer_findings import (
    StepWatched,
    bearer_holdings,
    bearer_reports,
    node_holdings,
    scheme,
    separation,
    where_bits_meet_anything,
)
from emulator.report.schema import BearerReport, HoldingReport
from emulator.sessions import Session
from emulator.v1 import control_pb2 as pb

BERS = (0.4, 0.01)


def link(name: str, source: str, to: list[str], *bearers: pb.Bearer, **fields: object) -> pb.Link:
    return pb.Link(name=name, source=source, destinations=to, bearers=bearers, **fields)  # type: ignore[arg-type]


def session(to: str = "rx", bers: tuple[float, ...] = BERS) -> Session:
    return Session(f"tx->{to}", "tx", (to,), None, level_bers=bers)


def counters(name: str, end: str, *levels: dict[str, int]) -> pb.LinkCounters:
    return pb.LinkCounters(link=name, destination=end, levels=[pb.LevelCounters(**level) for level in levels])


def watched(
    bearers: list[pb.Bearer],
    before: list[pb.LinkCounters],
    after: list[pb.LinkCounters],
    told: pb.DescribeBearersResponse | None = None,
    **air: object,
) -> StepWatched:
    links = [link("wire", "tx", ["bs"]), link("air", "bs", ["rx"], *bearers, **air)]
    return StepWatched(3, [session()], 4, links, before, after, told or pb.DescribeBearersResponse())


def of_air(step: StepWatched) -> BearerReport:
    return next(row for row in bearer_reports(step) if row.link == "air")


LEARNED = pb.Bearer(learned_mapper=pb.LearnedMapper(weights="/there/mapper-k128-snr10", snr_db=5))
MAPPER = pb.MapperDescription(
    weights="mapper-k128-snr10.safetensors", digest="h" * 64, demapper_digest="g" * 64, symbols=128, trained_snr_db=10
)
TOLD = pb.DescribeBearersResponse(
    links=[pb.LinkBearer(link="air", snr_db=5, learned_mapper=MAPPER)],
    network_modules=["emulator.bearers.mapper_network"],
)


def test_a_step_gets_what_was_counted_during_it() -> None:
    before = [counters("air", "rx", {"level": 0, "packets": 10, "size_bits": 1000, "bit_errors": 400})]
    after = [
        counters(
            "air",
            "rx",
            {"level": 0, "packets": 14, "size_bits": 1400, "bit_errors": 500, "channel_uses": 256},
            {"level": 1, "packets": 4, "size_bits": 400, "bit_errors": 2, "channel_uses": 256, "packets_filled": 1},
        )
    ]
    row = of_air(watched([LEARNED], before, after, TOLD))
    assert (row.step, row.bearer, row.detail) == (3, "learned", "mapper-k128-snr10.safetensors")
    assert (row.symbols, row.snr_db, row.trained_snr_db, row.channel_uses) == (128, 5, 10, 512 / 4)
    assert row.receivers == ["rx"]
    assert [(use.level, use.ber_asked, use.ber_measured) for use in row.levels] == [(0, 0.4, 0.25), (1, 0.01, 0.005)]
    assert [use.packets_filled for use in row.levels] == [0, 1]


def test_a_new_emulator_counts_from_zero() -> None:
    before = [counters("air", "rx", {"level": 0, "packets": 10, "size_bits": 1000, "bit_errors": 400})]
    after = [counters("air", "rx", {"level": 0, "packets": 3, "size_bits": 300, "bit_errors": 6})]
    (use,) = of_air(watched([LEARNED], before, after, TOLD)).levels
    assert (use.packets, use.size_bits, use.ber_measured) == (3, 300, 0.02)


def test_a_silent_emulator_leaves_what_the_scenario_says() -> None:
    row = of_air(watched([LEARNED], [], []))
    assert (row.bearer, row.detail, row.snr_db) == ("learned", "mapper-k128-snr10", 5)
    assert (row.symbols, row.channel_uses, row.levels) == (None, None, [])


@pytest.mark.parametrize(
    ("bearers", "levels", "expected"),
    [
        ([], [], ("ideal", "", None)),
        ([pb.Bearer(leveled_bits=pb.LeveledBits())], [pb.ReliabilityLevel(ber=0.1)], ("levels", "", None)),
        ([pb.Bearer(uncoded_qam=pb.UncodedQam(order=4, snr_db=7))], [], ("qam", "QPSK, uncoded", 7)),
        (
            [
                pb.Bearer(
                    ldpc_qam=pb.LdpcQam(
                        kinds=[packet_pb2.SEGMENT_KIND_BITS],
                        snr_db=9,
                        levels=[pb.CodedLevel(order=16, code_rate=0.5), pb.CodedLevel(order=4, code_rate=1 / 3)],
                    )
                )
            ],
            [],
            ("ldpc", "16-QAM, rate 0.5, QPSK, rate 0.333", 9),
        ),
        ([pb.Bearer(ldpc_qam=pb.LdpcQam(kinds=[packet_pb2.SEGMENT_KIND_OPAQUE]))], [], ("ideal", "", None)),
        ([pb.Bearer(unequal_protection=pb.UnequalProtection(symbols=64, snr_db=3))], [], ("unequal", "", 3)),
    ],
)
def test_every_bearer_is_named(
    bearers: list[pb.Bearer], levels: list[pb.ReliabilityLevel], expected: tuple[str, str, float | None]
) -> None:
    row = of_air(watched(bearers, [], [], levels=levels))
    assert (row.bearer, row.detail, row.snr_db) == expected


def test_the_radios_own_snr_is_told_where_the_bearer_has_none() -> None:
    radio = pb.RadioRate(bandwidth_hz=1e6, power_w=1, gain=1e-9, noise_w_per_hz=1e-16)
    qam = pb.Bearer(uncoded_qam=pb.UncodedQam(order=16))
    assert of_air(watched([qam], [], [], rate=pb.LinkRate(radio=radio))).snr_db == pytest.approx(10)


def test_unequal_protection_tells_its_choice_a_level() -> None:
    chosen = [pb.ProtectedLevel(level=0), pb.ProtectedLevel(level=1, order=16, code_rate=0.5)]
    protection = pb.ProtectionDescription(symbols=64, messages=[pb.ProtectedMessage(levels=chosen)])
    told = pb.DescribeBearersResponse(links=[pb.LinkBearer(link="air", snr_db=3, unequal_protection=protection)])
    after = [counters("air", "rx", {"level": 0, "packets": 4, "packets_lost": 4}, {"level": 1, "packets": 4})]
    row = of_air(watched([pb.Bearer(unequal_protection=pb.UnequalProtection(symbols=64))], [], after, told))
    assert (row.snr_db, row.symbols) == (3, 64)
    assert [(use.scheme, use.packets_lost, use.ber_measured) for use in row.levels] == [
        ("not sent", 4, None),
        ("16-QAM, rate 0.5", 0, None),
    ]
    assert scheme(64) == "64-QAM, uncoded"


def test_lost_packets_are_no_bits_without_errors() -> None:
    after = [counters("air", "rx", {"level": 0, "packets": 4, "packets_lost": 3, "size_bits": 400, "bit_errors": 10})]
    (use,) = of_air(watched([pb.Bearer(uncoded_qam=pb.UncodedQam(order=4, snr_db=3))], [], after)).levels
    assert use.ber_measured == pytest.approx(0.1)


def test_receivers_behind_one_link_share_its_row_and_what_they_ask_differently_is_not_told() -> None:
    links = [link("wire", "tx", ["bs"]), link("a", "bs", ["rx1"]), link("b", "bs", ["rx2"])]
    after = [counters("wire", "bs", {"level": 0, "packets": 4, "channel_uses": 800})]
    sessions = [session("rx1"), session("rx2", (0.3, 0.01))]
    rows = bearer_reports(StepWatched(0, sessions, 4, links, [], after, pb.DescribeBearersResponse()))
    assert [(row.link, row.receivers) for row in rows] == [("wire", ["rx1", "rx2"]), ("a", ["rx1"]), ("b", ["rx2"])]
    assert rows[0].levels[0].ber_asked is None
    assert rows[0].channel_uses == 100


def test_links_that_carry_everything_as_it_is_are_left_out() -> None:
    lossy = counters("wire", "bs", {"level": 0, "packets": 4, "packets_lost": 1})
    quiet = bearer_reports(watched([LEARNED], [], [], TOLD))
    assert [row.link for row in where_bits_meet_anything(quiet)] == ["air"]
    loud = bearer_reports(watched([], [], [lossy]))
    assert [row.link for row in where_bits_meet_anything(loud)] == ["wire"]
    # a link that did something in one step is told of in all, so that steps can be compared
    assert [row.link for row in where_bits_meet_anything([*quiet, *loud])] == ["wire", "air", "wire", "air"]


# --- who held what ----------------------------------------------------------------------------------------------------


def node(role: node_pb2.NodeRole, digest: str, *modules: str) -> node_pb2.DescribeResponse:
    half = node_pb2.SessionDescription(
        session="s", codec=codec_pb2.CodecDescription(name="split"), weights_digest=digest
    )
    return node_pb2.DescribeResponse(role=role, sessions=[half], network_modules=modules)


TX, RX = node_pb2.NODE_ROLE_TX, node_pb2.NODE_ROLE_RX
NETWORK = "edge.codecs.split_network"


def held(step: int, f: str = "f", g: str = "g" * 64, network: str = NETWORK) -> list[HoldingReport]:
    return [
        *node_holdings(step, "server", node(TX, f, network)),
        *node_holdings(step, "device", node(RX, g, NETWORK)),
        *bearer_holdings(step, TOLD),
    ]


def test_holdings_tell_halves_and_bearers() -> None:
    encoder, decoder, bearer = held(0)
    assert (encoder.part, encoder.digest, encoder.name) == ("encoder", "f", "split")
    assert (decoder.part, decoder.digest, decoder.networks) == ("decoder", "g" * 64, [NETWORK])
    assert (bearer.holder, bearer.place, bearer.digest, bearer.trained_for) == ("emulator", "air", "h" * 64, "g" * 64)
    (none,) = bearer_holdings(1, pb.DescribeBearersResponse(network_modules=["edge.codecs.raw"]))
    assert (none.place, none.digest, none.networks) == ("", "", ["edge.codecs.raw"])


def test_one_pair_of_halves_served_every_step() -> None:
    found = separation([*held(0), *held(1)])
    assert found is not None
    assert found.codecs_constant
    assert found.nodes_without_bearers
    assert found.emulator_without_codecs
    assert found.bearers_fit
    assert separation([]) is None
    without = separation([each for each in held(0) if each.part != "bearer"])
    assert without is not None
    assert without.bearers_fit is None


def test_what_breaks_the_separation_is_seen() -> None:
    changed = separation([*held(0), *held(1, f="other")])
    assert changed is not None
    assert not changed.codecs_constant
    foreign = separation(held(0, network="emulator.bearers.mapper_network"))
    assert foreign is not None
    assert not foreign.nodes_without_bearers
    codec = pb.DescribeBearersResponse(network_modules=["edge.codecs.split"])
    leaking = separation([*held(0), *bearer_holdings(1, codec)])
    assert leaking is not None
    assert not leaking.emulator_without_codecs
    other = separation(held(0, g="x" * 64))
    assert other is not None
    assert other.bearers_fit is False
