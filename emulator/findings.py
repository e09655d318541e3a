"""What a run found, put into the report: links beside theory, messages, nodes. Pure bookkeeping, no RPC."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge import metrics
from edge.v1 import node_pb2, packet_pb2
from emulator.bearer_findings import bits_bearer
from emulator.link_config import LinkConfig
from emulator.pictures_to_send import Shot
from emulator.report.schema import LevelReport, LinkReport, MessageReport, Status
from emulator.route import shortest_path
from emulator.v1 import control_pb2

STATUSES: dict[int, Status] = {
    packet_pb2.RECEIPT_STATUS_COMPLETE: "complete",
    packet_pb2.RECEIPT_STATUS_PARTIAL: "partial",
    packet_pb2.RECEIPT_STATUS_FAILED: "failed",
}
NS = 1e-9


@dataclass
class Sent:
    """One message and what came back: its receipts by destination. links: as they were when it was sent; step: the
    index of the workload step that sent it."""

    session: str
    message_id: int
    source: str
    destinations: tuple[str, ...]
    shot: Shot
    offered_ns: int
    links: Sequence[control_pb2.Link]
    step: int
    news: node_pb2.MessageSent | None = None
    receipts: dict[str, packet_pb2.Receipt] = field(default_factory=dict)


def message_reports(sent: Iterable[Sent]) -> list[MessageReport]:
    """One entry a message and destination, with the time that theory asks for on the links as they were then."""
    return [_message_report(message, destination) for message in sent for destination in message.destinations]


def _message_report(message: Sent, destination: str) -> MessageReport:
    receipt = message.receipts.get(destination)
    source_values = message.shot.pixels.size
    entry = MessageReport(
        session=message.session,
        message_id=message.message_id,
        source=message.source,
        destination=destination,
        image=message.shot.name,
        step=message.step,
        label=message.shot.label,
        status="pending" if receipt is None else STATUSES.get(receipt.status, "failed"),
        source_bits=8 * source_values,
        offered_s=message.offered_ns * NS,
    )
    if message.news is not None:
        entry.size_bits, entry.channel_uses = message.news.size_bits, message.news.channel_uses
        entry.encode_wall_s = message.news.encode_s
        bits, uses = message.news.size_bits, message.news.channel_uses
        # bits beside symbols are side information, charged at one channel use each (edge.metrics.compression_rate)
        entry.rho = (uses + bits) / source_values if uses else bits / (8 * source_values)
    if receipt is not None:
        transit = receipt.transit
        entry.channel_uses = transit.channel_uses or entry.channel_uses
        entry.reason = receipt.reason
        entry.sent_s, entry.received_s = transit.sent_ns * NS, transit.received_ns * NS
        entry.transfer_s = (transit.received_ns - transit.sent_ns) * NS
        links = [LinkConfig.from_proto(link) for link in message.links]
        entry.theoretical_transfer_s = theoretical_transfer_s(message.source, destination, transit, links)
        entry.packets, entry.packets_lost = transit.packets, transit.packets_lost
        entry.packets_filled = transit.packets_filled
        entry.element_errors, entry.retransmissions = transit.element_errors, transit.retransmissions
        entry.decode_wall_s = receipt.decode_s
    return entry


def note_decoding(entry: MessageReport, delivery: node_pb2.CollectResponse, original: NDArray[np.uint8]) -> None:
    """What its receiver made of a message, and had made of it before it was refined."""
    entry.predicted = delivery.label if delivery.HasField("label") else None
    entry.confidence = delivery.confidence if delivery.HasField("confidence") else None
    entry.level = delivery.level if delivery.HasField("level") else None
    entry.decoder, entry.epoch = delivery.decoder, delivery.epoch
    if delivery.HasField("first"):
        first = delivery.first
        entry.refined = True
        entry.first_predicted = first.label if first.HasField("label") else None
        entry.first_confidence = first.confidence if first.HasField("confidence") else None
        before = metrics.psnr(original, pixels(first.png))
        entry.first_psnr_db = before if math.isfinite(before) else None


def pixels(png: bytes) -> NDArray[np.uint8]:
    """A PNG file -> [H, W, 3]."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def theoretical_transfer_s(
    source: str, destination: str, transit: packet_pb2.Transit, links: list[LinkConfig]
) -> float | None:
    """Size over rate plus delay, summed over the path for what is not pipelined: the slowest link carries the whole
    message, the others add one packet each. None when it is unknown how the message was cut, or how many symbols a link
    after the first made of it: what is counted are the channel uses of the first."""
    if transit.packets == 0:
        return None
    by_name = {link.name: link for link in links}
    path = [by_name[name] for name, _ in shortest_path(links, source, destination)]
    if any(link.code_rates for link in (path if transit.size_bits else path[1:])):
        return None  # at which rate depends on who else took it
    if transit.size_bits and not all(_takes_as_many_symbols(path[0], link) for link in path[1:]):
        return None
    whole = [_service_s(link, transit) for link in path]
    return max(whole) + (sum(whole) - max(whole)) / transit.packets + sum(link.delay_s for link in path)


def _takes_as_many_symbols(first: LinkConfig, later: LinkConfig) -> bool:
    """Whether a message takes the symbols of the first link on a later one too, or whether they cost no time there."""
    if math.isinf(later.rate.symbols_per_s) or not (first.modulates or later.modulates):
        return True
    same_noise = first.rate.es_n0_db == later.rate.es_n0_db  # an LDPC bearer may choose its scheme by it
    return same_noise and list(first.proto.bearers) == list(later.proto.bearers)


def _service_s(link: LinkConfig, transit: packet_pb2.Transit) -> float:
    bits = link.header_bits * transit.packets
    if not (link.modulates and transit.channel_uses and math.isfinite(link.rate.symbols_per_s)):
        bits += transit.size_bits  # else they take the time of their symbols
    return bits / link.rate.bits_per_s + transit.channel_uses / link.rate.symbols_per_s


def link_reports(
    links: Sequence[control_pb2.Link],
    counters: Sequence[control_pb2.LinkCounters],
    messages: Sequence[MessageReport],
) -> list[LinkReport]:
    """One entry a link and destination: its configuration, its counters, and measurement beside theory."""
    counted = {(row.link, row.destination): row for row in counters}
    reports = []
    for link in links:
        config = LinkConfig.from_proto(link)
        for destination in config.destinations:
            row = counted.get((config.name, destination), control_pb2.LinkCounters())
            reports.append(_link_report(config, destination, row, messages))
    return reports


def _link_report(
    config: LinkConfig, destination: str, row: control_pb2.LinkCounters, messages: Sequence[MessageReport]
) -> LinkReport:
    rate = None if math.isinf(config.rate.bits_per_s) else config.rate.bits_per_s
    symbol_rate = None if math.isinf(config.rate.symbols_per_s) else config.rate.symbols_per_s
    entry = LinkReport(
        name=config.name,
        source=config.source,
        destination=destination,
        rate_bps=rate,
        symbol_rate_hz=symbol_rate,
        delay_s=config.delay_s,
        jitter_s=config.jitter_s,
        levels=[_level_report(config, level) for level in row.levels],
        busy_s=row.busy_ns * NS,
        theoretical_rate_bps=rate,
    )
    if config.proto.rate.WhichOneof("rate") == "radio":
        entry.bandwidth_hz = config.proto.rate.radio.bandwidth_hz
        entry.power_w = config.proto.rate.radio.power_w
        entry.snr_db = config.rate.es_n0_db
    served = sum(level.size_bits for level in row.levels)
    retries = sum(level.retransmissions for level in row.levels)
    if row.busy_ns and served and not retries:
        headers = config.header_bits * sum(level.packets for level in row.levels)
        entry.measured_rate_bps = (served + headers) / (row.busy_ns * NS)
    alone = [m for m in messages if m.destination == destination and m.source == config.source and m.transfer_s]
    if alone:  # messages that crossed this link and no other
        entry.measured_delay_s = math.fsum(m.transfer_s or 0.0 for m in alone) / len(alone)
        expected = [m.theoretical_transfer_s for m in alone if m.theoretical_transfer_s is not None]
        entry.theoretical_delay_s = math.fsum(expected) / len(expected) if expected else None
    return entry


def _level_report(config: LinkConfig, level: control_pb2.LevelCounters) -> LevelReport:
    leveled = bits_bearer(config).name in ("levels", "ideal")
    return LevelReport(
        level=level.level,
        ber_configured=config.level(level.level).ber if leveled else None,
        packets=level.packets,
        packets_lost=level.packets_lost,
        packets_filled=level.packets_filled,
        retransmissions=level.retransmissions,
        size_bits=level.size_bits,
        channel_uses=level.channel_uses,
        bit_errors=level.bit_errors,
        index_errors=level.index_errors,
        ber_measured=level.bit_errors / level.size_bits if level.size_bits else None,
    )
