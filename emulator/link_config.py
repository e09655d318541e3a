"""A link's configuration: what emulator/v1/control.proto says, checked, in terms that the link computes with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from emulator.channels.erasure import GilbertElliott, IndependentErasure
from emulator.channels.levels import Level, OnError
from emulator.v1 import control_pb2

DEFAULT_QUEUE_BYTES = 256 * 1024
MAX_LINKS = 4096
MAX_LEVELS = 256
MODULATING = ("uncoded_qam", "ldpc_qam", "learned_mapper", "unequal_protection")  # bearers that make symbols of bits

POLICIES: dict[int, OnError] = {
    control_pb2.FAILURE_POLICY_UNSPECIFIED: "deliver",
    control_pb2.FAILURE_POLICY_DELIVER: "deliver",
    control_pb2.FAILURE_POLICY_DROP: "drop",
    control_pb2.FAILURE_POLICY_RETRANSMIT: "retransmit",
}


class TopologyError(ValueError):
    """A topology or a link that cannot be; the message names the field and the fix."""


def _finite(where: str, value: float, unit: str, *, above_zero: bool = False) -> float:
    if not math.isfinite(value) or value < 0 or (above_zero and value == 0):
        raise TopologyError(f"{where}: must be {'>' if above_zero else '>='} 0 and finite ({unit}), got {value}")
    return value


@dataclass(frozen=True)
class Rate:
    """How fast a link serves. bits_per_s for BITS, INDICES, OPAQUE; symbols_per_s for SYMBOLS; infinite for no limit.

    es_n0_db: the radio's own signal-to-noise ratio; None where the rate is given rather than Shannon's.
    """

    bits_per_s: float = math.inf
    symbols_per_s: float = math.inf
    es_n0_db: float | None = None

    @classmethod
    def from_proto(cls, rate: control_pb2.LinkRate, where: str) -> Self:
        if rate.WhichOneof("rate") == "radio":
            radio = rate.radio
            bandwidth = _finite(f"{where}.radio.bandwidth_hz", radio.bandwidth_hz, "hertz", above_zero=True)
            power = _finite(f"{where}.radio.power_w", radio.power_w, "watts", above_zero=True)
            gain = _finite(f"{where}.radio.gain", radio.gain, "linear power gain", above_zero=True)
            noise = _finite(f"{where}.radio.noise_w_per_hz", radio.noise_w_per_hz, "watts per hertz", above_zero=True)
            snr = power * gain / (noise * bandwidth)
            return cls(bandwidth * math.log2(1.0 + snr), bandwidth, 10.0 * math.log10(snr))
        bits = _finite(f"{where}.fixed.rate_bps", rate.fixed.rate_bps, "bit/s")
        symbols = _finite(f"{where}.fixed.symbol_rate_hz", rate.fixed.symbol_rate_hz, "symbols/s")
        return cls(bits or math.inf, symbols or math.inf)


@dataclass(frozen=True)
class LinkConfig:
    """One link. Times in seconds, sizes as their names say. `proto` is what it was made from."""

    name: str
    source: str
    destinations: tuple[str, ...]
    rate: Rate
    proto: control_pb2.Link
    delay_s: float = 0.0
    jitter_s: float = 0.0
    queue_bytes: int = DEFAULT_QUEUE_BYTES
    drop_when_full: bool = False
    header_bits: int = 0
    loss: IndependentErasure | GilbertElliott | None = None
    levels: tuple[Level, ...] = field(default_factory=lambda: (Level(),))
    code_rates: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_proto(cls, link: control_pb2.Link) -> Self:
        """Raises TopologyError, naming the link and the field."""
        where = f"links[{link.name}]"
        if not link.name or not link.source or not link.destinations:
            raise TopologyError(f"{where}: name, source and destinations must be set")
        if len(set(link.destinations)) != len(link.destinations) or link.source in link.destinations:
            raise TopologyError(f"{where}.destinations: must be distinct, and none of them the source")
        if len(link.levels) > MAX_LEVELS:
            raise TopologyError(f"{where}.levels: at most {MAX_LEVELS}, got {len(link.levels)}")
        return cls(
            name=link.name,
            source=link.source,
            destinations=tuple(link.destinations),
            rate=Rate.from_proto(link.rate, f"{where}.rate"),
            proto=link,
            delay_s=_finite(f"{where}.delay_s", link.delay_s, "seconds"),
            jitter_s=_finite(f"{where}.jitter_s", link.jitter_s, "seconds"),
            queue_bytes=link.queue_bytes or DEFAULT_QUEUE_BYTES,
            drop_when_full=link.queue_policy == control_pb2.QUEUE_POLICY_DROP,
            header_bits=link.header_bits,
            loss=_loss(link.loss, f"{where}.loss"),
            levels=tuple(_level(level, f"{where}.levels[{i}]") for i, level in enumerate(link.levels)) or (Level(),),
            code_rates=_code_rates(link, f"{where}.code_rates"),
        )

    @property
    def modulates(self) -> bool:
        """Whether a bearer makes symbols of bits."""
        return any(each.WhichOneof("bearer") in MODULATING for each in self.proto.bearers)

    @property
    def loses_packets(self) -> bool:
        """Whether single packets may be lost, dropped or sent again here."""
        by_level = any(level.erasure or level.on_error != "deliver" for level in self.levels)
        return by_level or self.loss is not None or self.drop_when_full

    def level(self, index: int) -> Level:
        """The level that a segment of this level index meets; beyond the list, the last."""
        return self.levels[min(index, len(self.levels) - 1)]

    def code_rate(self, ends: Sequence[str]) -> float:
        """Rate at which something is sent that these ends take: what the weakest of them supports."""
        return min((self.code_rates.get(end, 1.0) for end in ends), default=1.0)

    def updated(self, change: control_pb2.UpdateLinkRequest) -> LinkConfig:
        """This configuration with what the request sets. Raises TopologyError."""
        link = control_pb2.Link()
        link.CopyFrom(self.proto)
        if change.HasField("rate"):
            link.rate.CopyFrom(change.rate)
        if change.HasField("delay_s"):
            link.delay_s = change.delay_s
        if change.HasField("loss"):
            link.loss.CopyFrom(change.loss)
        if change.levels:
            del link.levels[:]
            link.levels.extend(change.levels)
        if change.bearers:
            del link.bearers[:]
            link.bearers.extend(change.bearers)
        return LinkConfig.from_proto(link)


def _code_rates(link: control_pb2.Link, where: str) -> dict[str, float]:
    for end, rate in sorted(link.code_rates.items()):
        if end not in link.destinations:
            raise TopologyError(f"{where}: '{end}' is not an end of the link; leave it out")
        if not 0 < rate <= 1:
            raise TopologyError(f"{where}[{end}]: must be in (0, 1], got {rate}; give the rate that it supports")
    return dict(link.code_rates)


def _loss(loss: control_pb2.PacketLoss, where: str) -> IndependentErasure | GilbertElliott | None:
    try:
        if loss.WhichOneof("model") == "independent":
            return IndependentErasure(loss.independent.probability) if loss.independent.probability else None
        if loss.WhichOneof("model") == "gilbert_elliott":
            chain = loss.gilbert_elliott
            return GilbertElliott(chain.good_to_bad, chain.bad_to_good, chain.loss_good, chain.loss_bad)
    except ValueError as error:
        raise TopologyError(f"{where}.{error}") from error
    return None


def _level(level: control_pb2.ReliabilityLevel, where: str) -> Level:
    try:
        return Level(level.ber, level.erasure, POLICIES[level.on_failure], level.max_retransmissions)
    except ValueError as error:
        raise TopologyError(f"{where}.{error}") from error
