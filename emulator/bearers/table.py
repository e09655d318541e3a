"""Which bearer carries which kind on a link, from its configuration."""

from __future__ import annotations

from edge.segment import Kind
from emulator.bearers.analog_symbols import FadedSymbols, NoisySymbols
from emulator.bearers.bearer import Bearer
from emulator.bearers.ideal import Ideal
from emulator.bearers.index_channel import IndexChannel
from emulator.bearers.leveled_bits import LeveledBits
from emulator.bearers.uncoded_qam import QamBits
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
    raise TopologyError(f"{where}: no bearer is set; choose leveled_bits, index_channel, analog_symbols or uncoded_qam")


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
