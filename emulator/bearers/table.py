"""Which bearer carries which kind on a link, from its configuration."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from edge.segment import Kind
from edge.wire.packets import FROM_PROTO
from emulator.bearers.analog_symbols import FadedSymbols, NoisySymbols
from emulator.bearers.bearer import Bearer, MessageBearer
from emulator.bearers.ideal import Ideal
from emulator.bearers.index_channel import IndexChannel
from emulator.bearers.ldpc_qam import CARRIED, LdpcBlocks
from emulator.bearers.leveled_bits import LeveledBits
from emulator.bearers.uncoded_qam import QamBits
from emulator.bearers.unequal_protection import UnequalProtection
from emulator.channels.ldpc import MAX_BLOCK_BITS, Mcs
from emulator.channels.ldpc_code import LdpcMissingError
from emulator.link_config import LinkConfig, TopologyError
from emulator.v1 import control_pb2

COLLECT_S = 0.1
WHOLE_MESSAGES = ("learned_mapper", "unequal_protection")


@dataclass(frozen=True)
class BearerTable:
    """by_kind: a bearer for every kind. whole_bits: what takes the BITS of whole messages in its place, or None.
    by_end: in place of by_kind's, for one end of the link alone."""

    by_kind: dict[Kind, Bearer]
    whole_bits: MessageBearer | None = None
    by_end: dict[tuple[str, Kind], Bearer] = field(default_factory=dict)


def bearer_table(config: LinkConfig) -> BearerTable:
    """The bearers of a link. Raises TopologyError, naming the link and the bearer."""
    table: dict[Kind, Bearer] = {
        Kind.BITS: LeveledBits(),
        Kind.INDICES: Ideal(),
        Kind.SYMBOLS: Ideal(),
        Kind.OPAQUE: Ideal(),
    }
    by_end: dict[tuple[str, Kind], Bearer] = {}
    whole_bits: MessageBearer | None = None
    for i, choice in enumerate(config.proto.bearers):
        where = f"links[{config.name}].bearers[{i}]"
        try:
            if choice.receiver:
                by_end.update(_of_one_end(choice, config, where))
                continue
            if choice.WhichOneof("bearer") in WHOLE_MESSAGES:
                whole_bits = _whole_bits(choice, config, where)
                continue
            for kind, bearer in _bearers(choice, config, where):
                table[kind] = bearer
                whole_bits = None if kind is Kind.BITS else whole_bits
        except TopologyError:
            raise
        except ValueError as error:
            raise TopologyError(f"{where}.{error}") from error
    return BearerTable(table, whole_bits, by_end)


def load_networks(bearers: Iterable[control_pb2.Bearer]) -> None:
    """Loads ahead what a table of these takes seconds for: torch, and the files of networks, which are then kept.

    For any thread. What is wrong with a file is for `bearer_table` to say, with the link's name.
    """
    for choice in bearers:
        if choice.HasField("learned_mapper"):
            from emulator.bearers import learned_mapper  # torch: only where a link asks for it

            with contextlib.suppress(ValueError):
                learned_mapper.open_mapper(choice.learned_mapper.weights)


def _of_one_end(choice: control_pb2.Bearer, config: LinkConfig, where: str) -> dict[tuple[str, Kind], Bearer]:
    """A bearer for one end alone: SYMBOLS, which take as long whatever noise they meet."""
    if choice.receiver not in config.destinations:
        raise TopologyError(f"{where}.receiver: '{choice.receiver}' is not an end of the link; name one, or none")
    if choice.WhichOneof("bearer") != "analog_symbols":
        raise TopologyError(f"{where}.receiver: only analog_symbols may differ from end to end; leave it out")
    return {(choice.receiver, Kind.SYMBOLS): _analog(choice.analog_symbols, config, where)}


def _whole_bits(choice: control_pb2.Bearer, config: LinkConfig, where: str) -> MessageBearer:
    name = choice.WhichOneof("bearer")
    chosen = choice.learned_mapper if name == "learned_mapper" else choice.unequal_protection
    if config.loses_packets:
        raise TopologyError(
            f"{where}.{name}: takes whole messages, but links[{config.name}] loses single packets; leave out its loss, "
            "queue_policy drop, and its levels' erasure and on_failure"
        )
    if config.code_rates:
        raise TopologyError(
            f"{where}.{name}: has codes and symbols of its own, but links[{config.name}] has code_rates; leave one out"
        )
    collect_s = chosen.collect_s if chosen.HasField("collect_s") else COLLECT_S
    if not (math.isfinite(collect_s) and collect_s >= 0):
        raise TopologyError(f"{where}.{name}.collect_s: must be >= 0 and finite (seconds), got {collect_s}")
    snr_db = _snr_db(chosen.snr_db if chosen.HasField("snr_db") else None, config, f"{where}.{name}")
    try:
        if isinstance(chosen, control_pb2.UnequalProtection):
            return UnequalProtection(chosen.symbols, snr_db, collect_s)
        from emulator.bearers import learned_mapper  # torch: only where a link asks for it

        return learned_mapper.LearnedBits(learned_mapper.open_mapper(chosen.weights), snr_db, collect_s)
    except ValueError as error:
        raise TopologyError(f"{where}.{name}: {error}") from error


def _bearers(choice: control_pb2.Bearer, config: LinkConfig, where: str) -> list[tuple[Kind, Bearer]]:
    chosen = choice.WhichOneof("bearer")
    if chosen == "leveled_bits":
        leveled = LeveledBits()
        return [(Kind.BITS, leveled), (Kind.INDICES, leveled)]
    if chosen == "index_channel":
        return [(Kind.INDICES, IndexChannel(choice.index_channel.crossover_probability))]
    if chosen == "analog_symbols":
        return [(Kind.SYMBOLS, _analog(choice.analog_symbols, config, where))]
    if chosen == "uncoded_qam":
        qam = choice.uncoded_qam
        modem = QamBits(qam.order, _snr_db(qam.snr_db if qam.HasField("snr_db") else None, config, where))
        return [(Kind.BITS, modem), (Kind.INDICES, modem)]
    if chosen == "ldpc_qam":
        return _coded(choice.ldpc_qam, config, where)
    raise TopologyError(
        f"{where}: no bearer is set; choose leveled_bits, index_channel, analog_symbols, uncoded_qam, ldpc_qam, "
        "learned_mapper or unequal_protection"
    )


def _coded(coded: control_pb2.LdpcQam, config: LinkConfig, where: str) -> list[tuple[Kind, Bearer]]:
    kinds = [FROM_PROTO.get(kind) for kind in coded.kinds]
    if not kinds or any(kind not in CARRIED for kind in kinds):
        raise TopologyError(f"{where}.kinds: must be some of BITS, INDICES and OPAQUE; give one at least")
    levels = [_scheme(level, f"{where}.levels[{i}]") for i, level in enumerate(coded.levels)]
    snr_db = _snr_db(coded.snr_db if coded.HasField("snr_db") else None, config, where)
    try:
        bearer = LdpcBlocks(snr_db, levels, coded.block_bits or MAX_BLOCK_BITS)
    except LdpcMissingError as error:
        raise TopologyError(f"{where}: {error}") from error
    return [(kind, bearer) for kind in kinds if kind is not None]


def _scheme(level: control_pb2.CodedLevel, where: str) -> Mcs | None:
    if (level.order == 0) != (level.code_rate == 0):
        raise TopologyError(f"{where}: order and code_rate go together; give both, or neither for the best at the SNR")
    return Mcs(level.order, level.code_rate) if level.order else None


def _analog(analog: control_pb2.AnalogSymbols, config: LinkConfig, where: str) -> Bearer:
    snr_db = _snr_db(analog.snr_db if analog.HasField("snr_db") else None, config, where)
    if analog.fading.model == control_pb2.FADING_MODEL_UNSPECIFIED:
        return NoisySymbols(snr_db)
    k_factor = analog.fading.k_factor if analog.fading.model == control_pb2.FADING_MODEL_RICIAN else 0.0
    by_packet = analog.fading.coherence == control_pb2.COHERENCE_PACKET
    return FadedSymbols(k_factor, snr_db, "packet" if by_packet else "message")


def _snr_db(given: float | None, config: LinkConfig, where: str) -> float:
    snr_db = config.rate.es_n0_db if given is None else given
    if snr_db is None:
        raise TopologyError(f"{where}.snr_db: not set, and the link has no radio to take it from; give snr_db in dB")
    return snr_db
