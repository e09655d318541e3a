"""What a run found, beside theory."""

from __future__ import annotations

import numpy as np
import pytest

from edge.v1 import node_pb2, packet_pb2
from emulator.findings import Sent, link_reports, message_reports
from emulator.pictures_to_send import Shot
from emulator.v1 import control_pb2 as pb

SHOT = Shot("a.png", np.zeros((16, 16, 3), np.uint8), b"", label=7)


def fixed(name: str, source: str, to: str, rate_bps: float, **fields: object) -> pb.Link:
    rate = pb.LinkRate(fixed=pb.FixedRate(rate_bps=rate_bps))
    return pb.Link(name=name, source=source, destinations=[to], rate=rate, **fields)  # type: ignore[arg-type]


def sent(links: list[pb.Link], transit: packet_pb2.Transit | None, symbols: int = 0) -> Sent:
    message = Sent("s", 0, "tx", ("rx",), SHOT, 5_000_000_000, links, 0)
    message.news = node_pb2.MessageSent(message_id=0, size_bits=0 if symbols else 1000, channel_uses=symbols)
    if transit is not None:
        message.receipts["rx"] = packet_pb2.Receipt(
            destination="rx",
            status=packet_pb2.RECEIPT_STATUS_PARTIAL,
            reason="lost some",
            transit=transit,
            decode_s=0.5,
        )
    return message


TRANSIT = packet_pb2.Transit(
    sent_ns=6_000_000_000, received_ns=6_600_000_000, size_bits=1000, packets=10, packets_lost=2, element_errors=3
)


def test_a_message_tells_times_counts_and_rate() -> None:
    (entry,) = message_reports([sent([fixed("l", "tx", "rx", 2000.0, delay_s=0.1)], TRANSIT)])
    assert entry.status == "partial"
    assert entry.reason == "lost some"
    assert (entry.offered_s, entry.sent_s, entry.received_s) == pytest.approx((5.0, 6.0, 6.6))
    assert entry.transfer_s == pytest.approx(0.6)
    assert entry.theoretical_transfer_s == pytest.approx(1000 / 2000 + 0.1)
    assert entry.rho == 1000 / (8 * 768)
    assert (entry.packets, entry.packets_lost, entry.element_errors) == (10, 2, 3)
    assert entry.source_bits == 6144
    assert (entry.label, entry.predicted) == (7, None)


def test_symbols_are_counted_in_channel_uses_per_value() -> None:
    (entry,) = message_reports([sent([fixed("l", "tx", "rx", 2000.0)], None, symbols=64)])
    assert entry.status == "pending"
    assert entry.rho == 64 / 768
    assert entry.transfer_s is None


def test_theory_pipelines_the_links_of_a_path() -> None:
    links = [fixed("fast", "tx", "hop", 10_000.0, delay_s=0.01), fixed("slow", "hop", "rx", 1000.0, delay_s=0.02)]
    (entry,) = message_reports([sent(links, TRANSIT)])
    # the slow link carries everything, the fast one adds a tenth of the message: one of ten packets
    assert entry.theoretical_transfer_s == pytest.approx(1.0 + 0.1 / 10 + 0.03)


def test_a_links_counters_stand_beside_its_theory() -> None:
    link = fixed("l", "tx", "rx", 2000.0, levels=[pb.ReliabilityLevel(ber=0.01)])
    counters = [
        pb.LinkCounters(
            link="l",
            destination="rx",
            busy_ns=500_000_000,
            levels=[pb.LevelCounters(level=0, packets=10, size_bits=1000, bit_errors=12)],
        )
    ]
    (row,) = link_reports([link], counters, message_reports([sent([link], TRANSIT)]))
    assert row.theoretical_rate_bps == 2000
    assert row.measured_rate_bps == pytest.approx(2000)
    assert row.levels[0].ber_configured == 0.01
    assert row.levels[0].ber_measured == pytest.approx(0.012)
    assert row.measured_delay_s == pytest.approx(0.6)


@pytest.mark.parametrize(
    "bearer", [pb.Bearer(uncoded_qam=pb.UncodedQam(order=4, snr_db=9)), pb.Bearer(learned_mapper=pb.LearnedMapper())]
)
def test_a_levels_error_rate_is_not_told_where_something_else_carries_the_bits(bearer: pb.Bearer) -> None:
    link = fixed("l", "tx", "rx", 2000.0, levels=[pb.ReliabilityLevel(ber=0.01)], bearers=[bearer])
    levels = [pb.LevelCounters(level=0, packets=3, packets_filled=2, size_bits=100, bit_errors=3)]
    (row,) = link_reports([link], [pb.LinkCounters(link="l", destination="rx", levels=levels)], [])
    assert (row.levels[0].ber_configured, row.levels[0].ber_measured) == (None, 0.03)
    assert row.levels[0].packets_filled == 2


def test_packets_that_a_link_filled_in_are_told() -> None:
    transit = packet_pb2.Transit(packets=10, packets_filled=4)
    (entry,) = message_reports([sent([fixed("l", "tx", "rx", 2000.0)], transit)])
    assert entry.packets_filled == 4


@pytest.mark.parametrize("rate", [pb.FixedRate(symbol_rate_hz=1000), pb.FixedRate(rate_bps=5e3, symbol_rate_hz=1000)])
def test_modulated_bits_take_the_time_of_their_symbols(rate: pb.FixedRate) -> None:
    qam = pb.Bearer(uncoded_qam=pb.UncodedQam(order=4, snr_db=9))
    link = pb.Link(name="l", source="tx", destinations=["rx"], rate=pb.LinkRate(fixed=rate), bearers=[qam])
    transit = packet_pb2.Transit(sent_ns=0, received_ns=0, size_bits=1000, channel_uses=500, packets=1)
    (entry,) = message_reports([sent([link], transit)])
    assert entry.theoretical_transfer_s == pytest.approx(0.5)
    assert (entry.size_bits, entry.channel_uses, entry.rho) == (1000, 500, 1000 / (8 * 768))


QAM = pb.Bearer(uncoded_qam=pb.UncodedQam(order=4, snr_db=9))


def radio(name: str, source: str, to: str, *bearers: pb.Bearer) -> pb.Link:
    rate = pb.LinkRate(fixed=pb.FixedRate(rate_bps=5e3, symbol_rate_hz=1000))
    return pb.Link(name=name, source=source, destinations=[to], rate=rate, bearers=bearers)


def theory(links: list[pb.Link], transit: packet_pb2.Transit) -> float | None:
    (entry,) = message_reports([sent(links, transit)])
    return entry.theoretical_transfer_s


def test_theory_is_unknown_when_only_one_of_two_radio_links_modulates() -> None:
    bits = packet_pb2.Transit(sent_ns=0, received_ns=0, size_bits=1000, packets=1)  # as the first link counts them
    modulated = packet_pb2.Transit(sent_ns=0, received_ns=0, size_bits=1000, channel_uses=500, packets=1)
    wire, air = fixed("wire", "tx", "hop", 10_000.0), radio("air", "hop", "rx", QAM)
    assert theory([wire, air], bits) is None  # not 1000 bits / 5 kbit/s: the air takes 500 symbols at 1 kHz
    assert theory([radio("air", "tx", "hop", QAM), radio("plain", "hop", "rx")], modulated) is None
    # what the first link made of it costs no time on a wire
    assert theory([radio("air", "tx", "hop", QAM), fixed("wire", "hop", "rx", 10_000.0)], modulated) == pytest.approx(
        0.5 + 0.1
    )
    # and two alike take as many symbols
    assert theory([radio("one", "tx", "hop", QAM), radio("two", "hop", "rx", QAM)], modulated) == pytest.approx(1.0)


def test_symbols_stay_symbols_on_every_link() -> None:
    symbols = packet_pb2.Transit(sent_ns=0, received_ns=0, channel_uses=64, packets=1)
    path = [radio("one", "tx", "hop"), radio("two", "hop", "rx", QAM)]
    assert theory(path, symbols) == pytest.approx(2 * 0.064)
