"""A scenario in the emulator's terms: topology, links and link changes as protobuf messages.

Imported only when something is to be sent: it needs protobuf and, for the geometric rule, NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge.v1 import packet_pb2
from emulator.channels.levels import geometric_bers
from emulator.topology.placement import link_gain
from emulator.topology.planning import planned_names
from emulator.topology.resolve import resolve_levels
from emulator.topology.schema import (
    Bearers,
    BitBearer,
    Clock,
    CodedLevel,
    GeometricLevels,
    IndexBearer,
    Ldpc,
    Learned,
    Level,
    Link,
    LinkLevels,
    Loss,
    OwnSymbolBearer,
    Qam,
    Rician,
    Scenario,
    SetLink,
    SymbolBearer,
    Unequal,
)
from emulator.v1 import control_pb2

CLOCK_MODES = {
    "virtual": control_pb2.CLOCK_MODE_VIRTUAL,
    "real": control_pb2.CLOCK_MODE_REAL,
    "scaled": control_pb2.CLOCK_MODE_SCALED,
}
QUEUE_POLICIES = {"block": control_pb2.QUEUE_POLICY_BLOCK, "drop": control_pb2.QUEUE_POLICY_DROP}
FAILURE_POLICIES = {
    "deliver": control_pb2.FAILURE_POLICY_DELIVER,
    "drop": control_pb2.FAILURE_POLICY_DROP,
    "retransmit": control_pb2.FAILURE_POLICY_RETRANSMIT,
}
COHERENCES = {"message": control_pb2.COHERENCE_MESSAGE, "packet": control_pb2.COHERENCE_PACKET}


@dataclass(frozen=True)
class PlannedRadio:
    """What the plan decided for one link. Hz, W, linear power gain."""

    bandwidth_hz: float
    power_w: float
    gain: float


Plan = Mapping[str, PlannedRadio]
"""Planned radios by link name."""


def topology(scenario: Scenario, plan: Plan | None = None) -> control_pb2.Topology:
    """The whole network. A planned link that `plan` lacks keeps its own numbers, else an equal share of the budget."""
    plan = {} if plan is None else plan
    return control_pb2.Topology(
        name=scenario.name,
        seed=scenario.seed,
        clock=clock(scenario.clock),
        nodes=list(scenario.nodes),
        links=[link_message(scenario, link, plan.get(link.name)) for link in scenario.links],
    )


def clock(value: Clock) -> control_pb2.Clock:
    factor = value.factor if value.mode == "scaled" else 0.0
    return control_pb2.Clock(mode=CLOCK_MODES[value.mode], factor=factor)


def link_message(scenario: Scenario, link: Link, planned: PlannedRadio | None = None) -> control_pb2.Link:
    """One link, with the plan's radio when there is one."""
    rate = _rate(scenario, link, planned)
    message = control_pb2.Link(
        name=link.name,
        source=link.source,
        destinations=link.destinations,
        rate=rate,
        delay_s=link.delay_s,
        jitter_s=link.jitter_s,
        queue_bytes=link.queue_bytes,
        queue_policy=QUEUE_POLICIES[link.queue_policy],
        levels=_levels(scenario, link.levels, rate.radio),
        bearers=_bearers(link.bearers),
        header_bits=link.header_bits,
        code_rates=link.code_rates,
    )
    if link.loss is not None:
        message.loss.CopyFrom(_loss(link.loss))
    return message


def link_change(scenario: Scenario, step: SetLink, current: control_pb2.Link) -> control_pb2.UpdateLinkRequest:
    """What a set_link step asks of the link as it now is (earlier changes and the plan's radio included)."""
    request = control_pb2.UpdateLinkRequest(name=step.link, delay_s=step.delay_s)
    rate = control_pb2.LinkRate()
    rate.CopyFrom(current.rate)
    if step.radio is not None:
        for field in step.radio.model_fields_set - {"distance_m"}:
            setattr(rate.radio, field, getattr(step.radio, field))
        if step.radio.distance_m is not None:
            link = next(link for link in scenario.links if link.name == step.link)
            rate.radio.gain = link_gain(scenario, link.model_copy(update={"radio": step.radio}))
        request.rate.CopyFrom(rate)
    if step.rate_bps is not None:
        rate.fixed.rate_bps = step.rate_bps
        request.rate.CopyFrom(rate)
    if step.symbol_rate_hz is not None:
        rate.fixed.symbol_rate_hz = step.symbol_rate_hz
        request.rate.CopyFrom(rate)
    if step.levels is not None:
        request.levels.extend(_levels(scenario, step.levels, rate.radio))
    if step.bearers is not None:
        # none at all would keep the old ones; `ideal` contradicts levels that flip bits, so these carry it as well
        request.bearers.extend(_bearers(step.bearers) or [control_pb2.Bearer(leveled_bits=control_pb2.LeveledBits())])
    if step.loss is not None:
        request.loss.CopyFrom(_loss(step.loss))
    return request


# --- rate ----------------------------------------------------------------------------------------------------------


def _rate(scenario: Scenario, link: Link, planned: PlannedRadio | None) -> control_pb2.LinkRate:
    if link.radio is None:
        fixed = control_pb2.FixedRate(rate_bps=link.rate_bps or 0.0, symbol_rate_hz=link.symbol_rate_hz or 0.0)
        return control_pb2.LinkRate(fixed=fixed)
    resources, decided = scenario.resources, planned_names(scenario)
    if planned is None:
        share = max(1, len(decided))
        planned = PlannedRadio(
            bandwidth_hz=link.radio.bandwidth_hz or resources.total_bandwidth_hz / share,
            power_w=link.radio.power_w or resources.total_power_w / share,
            gain=link_gain(scenario, link),
        )
    return control_pb2.LinkRate(
        radio=control_pb2.RadioRate(
            bandwidth_hz=planned.bandwidth_hz,
            power_w=planned.power_w,
            gain=planned.gain,
            noise_w_per_hz=resources.noise_w_per_hz if link.name in decided else link.radio.noise_w_per_hz,
        )
    )


# --- levels --------------------------------------------------------------------------------------------------------


def _levels(
    scenario: Scenario, levels: LinkLevels | None, radio: control_pb2.RadioRate
) -> list[control_pb2.ReliabilityLevel]:
    table = resolve_levels(scenario, levels)
    if table is None:
        return []
    if table == "from_plan":
        return [_level(Level(ber=uncoded_ber(radio)))]
    if isinstance(table, GeometricLevels):
        rule = table.geometric
        bers = geometric_bers(rule.count, rule.worst, rule.best)
        rest = {"erasure": rule.erasure, "on_failure": rule.on_failure, "max_retransmissions": rule.max_retransmissions}
        return [_level(Level.model_validate({"ber": ber, **rest})) for ber in bers]
    assert isinstance(table, list)
    return [_level(level) for level in table]


def _level(level: Level) -> control_pb2.ReliabilityLevel:
    return control_pb2.ReliabilityLevel(
        ber=level.ber,
        erasure=level.erasure,
        on_failure=FAILURE_POLICIES[level.on_failure],
        max_retransmissions=level.max_retransmissions,
    )


def uncoded_ber(radio: control_pb2.RadioRate) -> float:
    """Bit error rate of uncoded Gray-mapped QPSK at the radio's Es/N0: Q(sqrt(Es/N0))."""
    snr = radio.power_w * radio.gain / (radio.noise_w_per_hz * radio.bandwidth_hz)
    return 0.5 * math.erfc(math.sqrt(snr / 2.0))


# --- loss and bearers ----------------------------------------------------------------------------------------------


def _loss(loss: Loss) -> control_pb2.PacketLoss:
    if loss.gilbert_elliott is not None:
        chain = loss.gilbert_elliott
        return control_pb2.PacketLoss(
            gilbert_elliott=control_pb2.GilbertElliottLoss(
                good_to_bad=chain.good_to_bad,
                bad_to_good=chain.bad_to_good,
                loss_good=chain.loss_good,
                loss_bad=chain.loss_bad,
            )
        )
    return control_pb2.PacketLoss(independent=control_pb2.IndependentLoss(probability=loss.independent or 0.0))


def _bearers(bearers: Bearers) -> list[control_pb2.Bearer]:
    """In an order where later ones win: what carries BITS carries INDICES too, unless those have their own."""
    messages: list[control_pb2.Bearer] = []
    if bearers.bits == "levels":
        messages.append(control_pb2.Bearer(leveled_bits=control_pb2.LeveledBits()))
    elif isinstance(bearers.bits, BitBearer) and bearers.bits.qam is not None:
        messages.append(control_pb2.Bearer(uncoded_qam=_qam(bearers.bits.qam)))
    elif isinstance(bearers.bits, BitBearer) and bearers.bits.learned is not None:
        messages.append(control_pb2.Bearer(learned_mapper=_learned(bearers.bits.learned)))
    elif isinstance(bearers.bits, BitBearer) and bearers.bits.unequal is not None:
        messages.append(control_pb2.Bearer(unequal_protection=_unequal(bearers.bits.unequal)))
    for kind, bearer in _coded(bearers):
        messages.append(control_pb2.Bearer(ldpc_qam=_ldpc(kind, bearer)))
    crossover = _crossover(bearers)
    if crossover is not None:
        messages.append(control_pb2.Bearer(index_channel=control_pb2.IndexChannel(crossover_probability=crossover)))
    if isinstance(bearers.symbols, SymbolBearer):
        for receiver, own in (bearers.symbols.per_receiver or {"": bearers.symbols}).items():
            messages.append(control_pb2.Bearer(analog_symbols=_analog(own), receiver=receiver))
    return messages


def _crossover(bearers: Bearers) -> float | None:
    """Of the channel that INDICES need of their own; None where they ride as the bits do."""
    if isinstance(bearers.indices, IndexBearer):
        return bearers.indices.dmc
    rides = bearers.bits == "levels" or (isinstance(bearers.bits, BitBearer) and bearers.bits.qam is not None)
    return 0.0 if bearers.indices == "ideal" and rides else None


def _coded(bearers: Bearers) -> Iterator[tuple[packet_pb2.SegmentKind, Ldpc]]:
    """Each kind that has a code, with it."""
    for kind, bearer in (
        (packet_pb2.SEGMENT_KIND_BITS, bearers.bits),
        (packet_pb2.SEGMENT_KIND_INDICES, bearers.indices),
        (packet_pb2.SEGMENT_KIND_OPAQUE, bearers.opaque),
    ):
        if not isinstance(bearer, str) and bearer.ldpc is not None:
            yield kind, bearer.ldpc


def _ldpc(kind: packet_pb2.SegmentKind, ldpc: Ldpc) -> control_pb2.LdpcQam:
    levels = ldpc.levels or []
    if ldpc.order is not None and ldpc.code_rate is not None:
        levels = [CodedLevel(order=ldpc.order, code_rate=ldpc.code_rate)]
    return control_pb2.LdpcQam(
        kinds=[kind],
        snr_db=None if ldpc.snr_db == "from_radio" else ldpc.snr_db,
        levels=[control_pb2.CodedLevel(order=level.order, code_rate=level.code_rate) for level in levels],
        block_bits=ldpc.block_bits,
    )


def _qam(qam: Qam) -> control_pb2.UncodedQam:
    return control_pb2.UncodedQam(order=qam.order, snr_db=None if qam.snr_db == "from_radio" else qam.snr_db)


def _learned(learned: Learned) -> control_pb2.LearnedMapper:
    snr_db = None if learned.snr_db == "from_radio" else learned.snr_db
    return control_pb2.LearnedMapper(weights=learned.file, snr_db=snr_db, collect_s=learned.collect_s)


def _unequal(unequal: Unequal) -> control_pb2.UnequalProtection:
    snr_db = None if unequal.snr_db == "from_radio" else unequal.snr_db
    return control_pb2.UnequalProtection(symbols=unequal.symbols, snr_db=snr_db, collect_s=unequal.collect_s)


def _analog(symbols: OwnSymbolBearer) -> control_pb2.AnalogSymbols:
    fading = symbols.rician if symbols.rician is not None else symbols.rayleigh
    snr_db = symbols.awgn if fading is None else fading.snr_db
    message = control_pb2.AnalogSymbols(snr_db=None if snr_db == "from_radio" else snr_db)
    if fading is not None:
        rician = isinstance(fading, Rician)
        message.fading.model = control_pb2.FADING_MODEL_RICIAN if rician else control_pb2.FADING_MODEL_RAYLEIGH
        message.fading.k_factor = fading.k_factor if isinstance(fading, Rician) else 0.0
        message.fading.coherence = COHERENCES[fading.coherence]
    return message
