"""Which bearer carries which kind on a link, from its configuration."""

from __future__ import annotations

from edge.segment import Kind
from edge.wire.packets import FROM_PROTO
from emulator.bearers.analog_symbols import FadedSymbols, NoisySymbols
from emulator.bearers.bearer import Bearer
from emulator.bearers.ideal import Ideal
from emulator.bearers.index_channel import IndexChannel
from emulator.bearers.ldpc_qam import CARRIED, LdpcBlocks
from emulator.bearers.leveled_bits import LeveledBits
from emulator.bearers.uncoded_qam import QamBits
from emulator.channels.ldpc import MAX_BLOCK_BITS, Mcs
from emulator.channels.ldpc_code import LdpcMissingError
from emulator.link_config import LinkConfig, TopologyError
from emulator.v1 import control_pb2

BearerTable = dict[Kind, Bearer]


def bearer_table(config: LinkConfig) -> BearerTable:
    """A bearer for every kind. Raises TopologyError, naming the link and the bearer."""
    table: BearerTable = {
        Kind.BITS: LeveledBits(),
        Kind.INDICES: Ideal(),
        Kind.SYMBOLS: Ideal(),
        Kind.OPAQUE: Ideal(),
    }
    for i, choice in enumerate(config.proto.bearers):
        where = f"links[{config.name}].bearers[{i}]"
        try:
            for kind, bearer in _bearers(choice, config, where):
                table[kind] = bearer
        except TopologyError:
            raise
        except ValueError as error:
            raise TopologyError(f"{where}.{error}") from error
    return table


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
        f"{where}: no bearer is set; choose leveled_bits, index_channel, analog_symbols, uncoded_qam or ldpc_qam"
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
