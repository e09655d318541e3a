"""One link: time to the nanosecond, levels, loss, retransmission, multicast."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.segment import Kind
from edge.v1.packet_pb2 import SEGMENT_KIND_BITS, SEGMENT_KIND_OPAQUE, SEGMENT_KIND_SYMBOLS
from edge.wire.packing import pack, packed_size
from emulator.bearers.bearer import Freight
from emulator.link import Link, Passage, Train
from emulator.link_config import LinkConfig, TopologyError
from emulator.v1 import control_pb2 as pb


def make(seed: int = 1, **fields: object) -> Link:
    rate = fields.pop("rate", pb.LinkRate(fixed=pb.FixedRate(rate_bps=2e6, symbol_rate_hz=1e5)))
    link = pb.Link(name="air", source="tx", destinations=["rx", "ry"], rate=rate, **fields)  # type: ignore[arg-type]
    return Link(LinkConfig.from_proto(link), seed)


def train(
    payload: bytes,
    kind: Kind = Kind.BITS,
    packet_elements: int = 8192,
    offset: int = 0,
    count: int | None = None,
    alphabet: int = 2,
    level: int = 0,
    message: int = 0,
    offered_ns: float = 0.0,
) -> Train:
    if count is None:
        count = len(payload) // 8 if kind is Kind.SYMBOLS else len(payload) * (1 if kind is Kind.OPAQUE else 8)
    freight = Freight(kind, alphabet, offset, count, packet_elements, np.frombuffer(payload, np.uint8), 0.0)
    return Train("s", message, 0, level, freight, np.full(freight.packets, offered_ns), np.ones(freight.packets, bool))


def random_bytes(count: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, count).astype(np.uint8).tobytes()


def one(link: Link, cargo: Train) -> Passage:
    return link.serve(cargo, ["rx"])[0]


def test_114000_bytes_over_2_mbit_and_20_ms_take_476_ms_to_the_nanosecond() -> None:
    link = make(delay_s=0.02)
    payload = random_bytes(114_000)
    last = 0.0
    for start in range(0, 114_000, 65536):
        part = payload[start : start + 65536]
        last = one(link, train(part, Kind.OPAQUE, 1024, start)).train.times_ns[-1]
    assert last == 476_000_000
    assert link.busy_ns == 456_000_000


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=6), st.floats(1e3, 1e9))
def test_time_does_not_depend_on_how_a_message_is_cut_into_runs(cuts: list[int], rate: float) -> None:
    rates = pb.LinkRate(fixed=pb.FixedRate(rate_bps=rate))
    whole, cut = make(rate=rates), make(rate=rates)
    payload = bytes(64 * sum(cuts))
    expected = one(whole, train(payload, Kind.OPAQUE, 64)).train.times_ns
    got, start = [], 0
    for packets in cuts:
        part = train(payload[: 64 * packets], Kind.OPAQUE, 64, start)
        got.append(one(cut, part).train.times_ns)
        start += 64 * packets
    np.testing.assert_allclose(np.concatenate(got), expected, rtol=1e-12)


def test_a_shannon_rate_is_bandwidth_times_log2_of_one_plus_snr() -> None:
    radio = pb.RadioRate(bandwidth_hz=1000, power_w=2, gain=1e-9, noise_w_per_hz=3.98e-21)
    link = make(rate=pb.LinkRate(radio=radio))
    rate = 1000 * math.log2(1 + 2e-9 / 3.98e-18)
    assert link.config.rate.bits_per_s == pytest.approx(rate, rel=1e-12)
    arrived = one(link, train(bytes(1024))).train
    assert arrived.times_ns[0] == pytest.approx(8192e9 / rate, rel=1e-12)
    symbols = np.ones(128, np.complex64).tobytes()
    assert one(make(rate=pb.LinkRate(radio=radio)), train(symbols, Kind.SYMBOLS, 128)).train.times_ns[0] == 128e6


def test_packets_wait_for_each_other_and_an_idle_link_serves_at_once() -> None:
    link = make()
    first = one(link, train(bytes(1024))).train.times_ns[0]
    second = one(link, train(bytes(1024), message=1, offered_ns=0)).train.times_ns[0]
    third = one(link, train(bytes(1024), message=2, offered_ns=1e9)).train.times_ns[0]
    assert (first, second, third) == (4_096_000, 8_192_000, 1_004_096_000)


def test_header_bits_cost_time_for_every_packet() -> None:
    link = make(header_bits=808)
    assert one(link, train(bytes(2048))).train.times_ns.tolist() == [4_500_000, 9_000_000]


def test_levels_meet_their_bit_error_rates_and_the_last_serves_those_beyond() -> None:
    bers = [0.3, 0.01, 0.0]
    link = make(levels=[pb.ReliabilityLevel(ber=ber) for ber in bers])
    bits = 8 * 262_144
    for level, ber in [(0, 0.3), (1, 0.01), (2, 0.0), (7, 0.0)]:
        errors = one(link, train(bytes(bits // 8), level=level, message=level)).element_errors
        assert abs(errors - bits * ber) <= 4 * math.sqrt(bits * ber * (1 - ber))
        assert link.counts["rx", level].bit_errors == errors


def test_erasures_leave_gaps_at_their_rate() -> None:
    link = make(levels=[pb.ReliabilityLevel(erasure=0.1)])
    arrived = one(link, train(bytes(20_000 * 8), packet_elements=64)).train
    lost = int((~arrived.alive).sum())
    assert abs(lost - 2000) <= 4 * math.sqrt(20_000 * 0.1 * 0.9)
    assert link.counts["rx", 0].packets_lost == lost
    assert link.counts["rx", 0].packets == 20_000


def test_dropping_levels_lose_every_packet_with_an_error_and_no_other() -> None:
    ber = 1e-4
    link = make(levels=[pb.ReliabilityLevel(ber=ber, on_failure=pb.FAILURE_POLICY_DROP)])
    passage = one(link, train(bytes(4000 * 128), packet_elements=1024))
    chance = 1 - (1 - ber) ** 1024
    lost = int((~passage.train.alive).sum())
    assert abs(lost - 4000 * chance) <= 4 * math.sqrt(4000 * chance * (1 - chance))
    assert passage.element_errors == 0


def test_retransmission_delivers_clean_packets_and_costs_link_time_for_each_try() -> None:
    chance, packets = 0.3, 4000
    levels = [pb.ReliabilityLevel(erasure=chance, on_failure=pb.FAILURE_POLICY_RETRANSMIT, max_retransmissions=50)]
    link = make(levels=levels)
    payload = random_bytes(packets * 128)
    passage = one(link, train(payload, packet_elements=1024))
    assert passage.train.alive.all()
    assert passage.train.freight.payload.tobytes() == payload
    expected = packets * chance / (1 - chance)
    assert abs(passage.retransmissions - expected) <= 4 * math.sqrt(packets * chance / (1 - chance) ** 2)
    assert link.busy_ns == pytest.approx((packets + passage.retransmissions) * 1024 / 2e6 * 1e9)


def test_retransmission_gives_up_after_its_tries() -> None:
    levels = [pb.ReliabilityLevel(erasure=1.0, on_failure=pb.FAILURE_POLICY_RETRANSMIT, max_retransmissions=3)]
    link = make(levels=levels)
    passage = one(link, train(bytes(1280), packet_elements=1024))
    assert not passage.train.alive.any()
    assert passage.retransmissions == 30
    assert link.busy_ns == pytest.approx(40 * 1024 / 2e6 * 1e9)


def test_retransmitted_bit_errors_are_repaired() -> None:
    levels = [pb.ReliabilityLevel(ber=1e-4, on_failure=pb.FAILURE_POLICY_RETRANSMIT, max_retransmissions=100)]
    payload = random_bytes(256 * 1024)
    passage = one(make(levels=levels), train(payload))
    assert passage.train.freight.payload.tobytes() == payload
    assert passage.retransmissions > 100


def test_multicast_is_one_transmission_with_own_noise_for_each() -> None:
    link = make(levels=[pb.ReliabilityLevel(ber=0.1)])
    left, right = link.serve(train(bytes(65536)), ["rx", "ry"])
    assert link.busy_ns == pytest.approx(65536 * 8 / 2e6 * 1e9)
    a, b = (np.unpackbits(p.train.freight.payload).astype(float) for p in (left, right))
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / math.sqrt(a.size)


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from([2, 512]),
    st.integers(1, 40),
    st.lists(st.integers(0, 39), max_size=5),
    st.sampled_from([0.001, 0.2]),
)
def test_noise_does_not_depend_on_packet_size_or_runs(alphabet: int, blocks: int, cuts: list[int], p: float) -> None:
    indices = np.random.default_rng(blocks).integers(0, alphabet, blocks * 512).astype(np.uint16)
    kind = Kind.INDICES if alphabet > 2 else Kind.BITS
    values = indices if kind is Kind.INDICES else indices.astype(np.uint8)
    payload = pack(kind, alphabet, values)
    choice = pb.Bearer(index_channel=pb.IndexChannel(crossover_probability=p))

    def send(packet_elements: int, edges: list[int]) -> bytes:
        link = make(bearers=[choice], levels=[pb.ReliabilityLevel(ber=p)])
        out = b""
        for low, high in itertools.pairwise(edges):
            part = payload[packed_size(kind, alphabet, low) : packed_size(kind, alphabet, high)]
            cargo = train(part, kind, packet_elements, low, high - low, alphabet)
            out += one(link, cargo).train.freight.payload.tobytes()
        return out

    total = blocks * 512
    edges = sorted({0, total, *(512 * c for c in cuts if c < blocks)})
    assert send(512, edges) == send(64, [0, total])


def test_uncoded_64_qam_takes_packets_that_do_not_end_with_its_symbols() -> None:
    qam = pb.Bearer(uncoded_qam=pb.UncodedQam(order=64, snr_db=60))
    payload = random_bytes(4096)
    link = make(bearers=[qam])
    first = one(link, train(payload[:1024])).train.freight.payload.tobytes()
    second = one(link, train(payload[1024:], offset=8192)).train.freight.payload.tobytes()
    assert first + second == payload


def coded(kinds: list[int], snr_db: float, block_bits: int = 1024) -> pb.Bearer:
    """QPSK 1/2; some of its blocks of 1024 bits fail at 0.8 dB."""
    level = pb.CodedLevel(order=4, code_rate=0.5)
    return pb.Bearer(ldpc_qam=pb.LdpcQam(kinds=kinds, snr_db=snr_db, levels=[level], block_bits=block_bits))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [Kind.BITS, Kind.OPAQUE])
def test_modulated_bits_take_the_time_of_their_symbols_and_are_counted_in_them(kind: Kind) -> None:
    # 16 000 bits in 16 blocks of 1000 + 24 bits at 1/2 by QPSK: 16 * 1024 symbols at 100 000 a second
    link = make(bearers=[coded([SEGMENT_KIND_BITS, SEGMENT_KIND_OPAQUE], 60.0)])
    arrived = one(link, train(random_bytes(2000), kind, 128)).train
    assert arrived.times_ns[-1] == pytest.approx(16 * 1024 * 1e9 / 1e5, rel=1e-12)
    assert link.busy_ns == arrived.times_ns[-1]
    count = link.counts["rx", 0]
    assert (count.size_bits, count.channel_uses, count.bit_errors) == (16_000, 16 * 1024, 0)


def test_uncoded_symbols_are_counted_too() -> None:
    link = make(bearers=[pb.Bearer(uncoded_qam=pb.UncodedQam(order=64, snr_db=60))])
    arrived = one(link, train(random_bytes(1000), packet_elements=256)).train
    assert link.counts["rx", 0].channel_uses == -(-8000 // 6)
    assert arrived.times_ns[-1] == pytest.approx(1334 * 1e9 / 1e5, rel=1e-12)


def test_without_a_symbol_rate_modulated_bits_take_their_bits_time() -> None:
    rate = pb.LinkRate(fixed=pb.FixedRate(rate_bps=1e6))
    link = make(rate=rate, bearers=[coded([SEGMENT_KIND_BITS], 60.0)])
    assert one(link, train(random_bytes(2000))).train.times_ns[-1] == pytest.approx(16e6, rel=1e-12)
    assert link.counts["rx", 0].channel_uses == 16 * 1024


def test_opaque_packets_in_failed_blocks_are_lost_or_sent_again() -> None:
    payload, bearer = random_bytes(4000), coded([SEGMENT_KIND_OPAQUE], 0.8)
    plain = make(bearers=[bearer])
    arrived = one(plain, train(payload, Kind.OPAQUE, 200)).train
    lost = int((~arrived.alive).sum())
    assert 0 < lost < 20
    assert plain.counts["rx", 0].packets_lost == lost
    assert plain.counts["rx", 0].bit_errors == 0
    again = make(
        bearers=[bearer],
        levels=[pb.ReliabilityLevel(on_failure=pb.FAILURE_POLICY_RETRANSMIT, max_retransmissions=50)],
    )
    passage = one(again, train(payload, Kind.OPAQUE, 200))
    assert passage.train.alive.all()
    assert passage.train.freight.payload.tobytes() == payload
    assert passage.retransmissions >= lost
    assert again.busy_ns > plain.busy_ns


def test_bits_in_failed_blocks_are_delivered_with_their_errors() -> None:
    link = make(bearers=[coded([SEGMENT_KIND_BITS], 0.8)])
    payload = random_bytes(4000)
    passage = one(link, train(payload))
    arrived = np.frombuffer(payload, np.uint8) ^ passage.train.freight.payload
    assert passage.train.alive.all()
    assert passage.element_errors == np.unpackbits(arrived).sum() == link.counts["rx", 0].bit_errors > 0


def test_a_full_dropping_queue_drops_what_arrives() -> None:
    link = make(queue_bytes=4096, queue_policy=pb.QUEUE_POLICY_DROP)
    arrived = one(link, train(bytes(16384))).train
    assert arrived.alive.sum() == 5  # one in service and four waiting
    assert link.counts["rx", 0].packets_lost == 11


def test_jitter_stays_within_its_bound_and_moves_packets() -> None:
    link = make(jitter_s=0.01, delay_s=0.5, rate=pb.LinkRate())
    times = one(link, train(bytes(100 * 1024))).train.times_ns
    assert times.min() >= 0.5e9
    assert times.max() < 0.51e9
    assert np.unique(times).size == 100


def test_fading_tells_each_packets_gain() -> None:
    fading = pb.Fading(model=pb.FADING_MODEL_RAYLEIGH, coherence=pb.COHERENCE_PACKET)
    link = make(bearers=[pb.Bearer(analog_symbols=pb.AnalogSymbols(snr_db=60, fading=fading))])
    arrived = one(link, train(np.ones(512, np.complex64).tobytes(), Kind.SYMBOLS, 128)).train
    assert arrived.gains is not None
    received = arrived.freight.payload.view(np.complex64).reshape(4, 128)
    np.testing.assert_allclose(received.mean(axis=1), arrived.gains, atol=1e-3)
    assert np.unique(arrived.gains).size == 4


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"delay_s": -1.0}, r"links\[air\].delay_s: must be >= 0 and finite \(seconds\), got -1.0"),
        ({"jitter_s": math.nan}, r"links\[air\].jitter_s"),
        ({"rate": pb.LinkRate(fixed=pb.FixedRate(rate_bps=-5))}, r"rate.fixed.rate_bps: must be >= 0"),
        ({"rate": pb.LinkRate(radio=pb.RadioRate(bandwidth_hz=1))}, r"rate.radio.power_w: must be > 0"),
        ({"levels": [pb.ReliabilityLevel(ber=0.6)]}, r"levels\[0\].ber"),
        ({"loss": pb.PacketLoss(independent=pb.IndependentLoss(probability=2))}, r"loss.probability"),
        ({"bearers": [pb.Bearer(analog_symbols=pb.AnalogSymbols())]}, r"bearers\[0\].snr_db: not set"),
        ({"bearers": [pb.Bearer(uncoded_qam=pb.UncodedQam(order=5, snr_db=1))]}, r"bearers\[0\].order"),
        ({"bearers": [pb.Bearer()]}, r"no bearer is set"),
        ({"bearers": [pb.Bearer(ldpc_qam=pb.LdpcQam(snr_db=1))]}, r"bearers\[0\].kinds: must be some of BITS"),
        ({"bearers": [coded([SEGMENT_KIND_SYMBOLS], 1)]}, r"bearers\[0\].kinds: must be some of BITS"),
        ({"bearers": [coded([SEGMENT_KIND_BITS], 1, 9000)]}, r"bearers\[0\].block_bits: must be an integer in"),
        (
            {"bearers": [pb.Bearer(ldpc_qam=pb.LdpcQam(kinds=[SEGMENT_KIND_BITS], levels=[pb.CodedLevel(order=4)]))]},
            r"bearers\[0\].levels\[0\]: order and code_rate go together",
        ),
        ({"bearers": [pb.Bearer(ldpc_qam=pb.LdpcQam(kinds=[SEGMENT_KIND_BITS]))]}, r"bearers\[0\].snr_db: not set"),
    ],
)
def test_bad_configuration_is_one_sentence_with_link_and_field(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(TopologyError, match=sentence):
        make(**fields)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.lists(st.floats(0, 1e8), min_size=40, max_size=40), st.floats(0, 1e8))
def test_where_nothing_is_lost_the_short_way_gives_what_the_long_way_gives(
    packets: int, offered: list[float], free_at_ns: float
) -> None:
    never = pb.PacketLoss(independent=pb.IndependentLoss(probability=0.0))
    short, long = make(levels=[pb.ReliabilityLevel(ber=0.01)]), make(levels=[pb.ReliabilityLevel(ber=0.01)], loss=never)
    results = []
    for link in (short, long):
        link.free_at_ns = free_at_ns
        cargo = replace(train(bytes(128 * packets), packet_elements=1024), times_ns=np.array(offered[:packets]))
        passages = link.serve(cargo, ["rx", "ry"])
        results.append(
            [
                (p.train.times_ns.tolist(), p.train.freight.payload.tobytes(), p.start_ns, p.element_errors)
                for p in passages
            ]
            + [link.free_at_ns, link.busy_ns, link.counts]
        )
    assert results[0] == results[1]
