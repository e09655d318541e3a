from edge.v1 import packet_pb2 as _packet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClockMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLOCK_MODE_UNSPECIFIED: _ClassVar[ClockMode]
    CLOCK_MODE_VIRTUAL: _ClassVar[ClockMode]
    CLOCK_MODE_REAL: _ClassVar[ClockMode]
    CLOCK_MODE_SCALED: _ClassVar[ClockMode]

class QueuePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUEUE_POLICY_UNSPECIFIED: _ClassVar[QueuePolicy]
    QUEUE_POLICY_BLOCK: _ClassVar[QueuePolicy]
    QUEUE_POLICY_DROP: _ClassVar[QueuePolicy]

class FailurePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_POLICY_UNSPECIFIED: _ClassVar[FailurePolicy]
    FAILURE_POLICY_DELIVER: _ClassVar[FailurePolicy]
    FAILURE_POLICY_DROP: _ClassVar[FailurePolicy]
    FAILURE_POLICY_RETRANSMIT: _ClassVar[FailurePolicy]

class FadingModel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FADING_MODEL_UNSPECIFIED: _ClassVar[FadingModel]
    FADING_MODEL_RAYLEIGH: _ClassVar[FadingModel]
    FADING_MODEL_RICIAN: _ClassVar[FadingModel]

class Coherence(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COHERENCE_UNSPECIFIED: _ClassVar[Coherence]
    COHERENCE_MESSAGE: _ClassVar[Coherence]
    COHERENCE_PACKET: _ClassVar[Coherence]
CLOCK_MODE_UNSPECIFIED: ClockMode
CLOCK_MODE_VIRTUAL: ClockMode
CLOCK_MODE_REAL: ClockMode
CLOCK_MODE_SCALED: ClockMode
QUEUE_POLICY_UNSPECIFIED: QueuePolicy
QUEUE_POLICY_BLOCK: QueuePolicy
QUEUE_POLICY_DROP: QueuePolicy
FAILURE_POLICY_UNSPECIFIED: FailurePolicy
FAILURE_POLICY_DELIVER: FailurePolicy
FAILURE_POLICY_DROP: FailurePolicy
FAILURE_POLICY_RETRANSMIT: FailurePolicy
FADING_MODEL_UNSPECIFIED: FadingModel
FADING_MODEL_RAYLEIGH: FadingModel
FADING_MODEL_RICIAN: FadingModel
COHERENCE_UNSPECIFIED: Coherence
COHERENCE_MESSAGE: Coherence
COHERENCE_PACKET: Coherence

class Topology(_message.Message):
    __slots__ = ("name", "seed", "clock", "nodes", "links")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    name: str
    seed: int
    clock: Clock
    nodes: _containers.RepeatedScalarFieldContainer[str]
    links: _containers.RepeatedCompositeFieldContainer[Link]
    def __init__(self, name: _Optional[str] = ..., seed: _Optional[int] = ..., clock: _Optional[_Union[Clock, _Mapping]] = ..., nodes: _Optional[_Iterable[str]] = ..., links: _Optional[_Iterable[_Union[Link, _Mapping]]] = ...) -> None: ...

class Clock(_message.Message):
    __slots__ = ("mode", "factor")
    MODE_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    mode: ClockMode
    factor: float
    def __init__(self, mode: _Optional[_Union[ClockMode, str]] = ..., factor: _Optional[float] = ...) -> None: ...

class Link(_message.Message):
    __slots__ = ("name", "source", "destinations", "rate", "delay_s", "jitter_s", "queue_bytes", "queue_policy", "loss", "levels", "bearers", "header_bits", "code_rates")
    class CodeRatesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    DELAY_S_FIELD_NUMBER: _ClassVar[int]
    JITTER_S_FIELD_NUMBER: _ClassVar[int]
    QUEUE_BYTES_FIELD_NUMBER: _ClassVar[int]
    QUEUE_POLICY_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    BEARERS_FIELD_NUMBER: _ClassVar[int]
    HEADER_BITS_FIELD_NUMBER: _ClassVar[int]
    CODE_RATES_FIELD_NUMBER: _ClassVar[int]
    name: str
    source: str
    destinations: _containers.RepeatedScalarFieldContainer[str]
    rate: LinkRate
    delay_s: float
    jitter_s: float
    queue_bytes: int
    queue_policy: QueuePolicy
    loss: PacketLoss
    levels: _containers.RepeatedCompositeFieldContainer[ReliabilityLevel]
    bearers: _containers.RepeatedCompositeFieldContainer[Bearer]
    header_bits: int
    code_rates: _containers.ScalarMap[str, float]
    def __init__(self, name: _Optional[str] = ..., source: _Optional[str] = ..., destinations: _Optional[_Iterable[str]] = ..., rate: _Optional[_Union[LinkRate, _Mapping]] = ..., delay_s: _Optional[float] = ..., jitter_s: _Optional[float] = ..., queue_bytes: _Optional[int] = ..., queue_policy: _Optional[_Union[QueuePolicy, str]] = ..., loss: _Optional[_Union[PacketLoss, _Mapping]] = ..., levels: _Optional[_Iterable[_Union[ReliabilityLevel, _Mapping]]] = ..., bearers: _Optional[_Iterable[_Union[Bearer, _Mapping]]] = ..., header_bits: _Optional[int] = ..., code_rates: _Optional[_Mapping[str, float]] = ...) -> None: ...

class LinkRate(_message.Message):
    __slots__ = ("fixed", "radio")
    FIXED_FIELD_NUMBER: _ClassVar[int]
    RADIO_FIELD_NUMBER: _ClassVar[int]
    fixed: FixedRate
    radio: RadioRate
    def __init__(self, fixed: _Optional[_Union[FixedRate, _Mapping]] = ..., radio: _Optional[_Union[RadioRate, _Mapping]] = ...) -> None: ...

class FixedRate(_message.Message):
    __slots__ = ("rate_bps", "symbol_rate_hz")
    RATE_BPS_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    rate_bps: float
    symbol_rate_hz: float
    def __init__(self, rate_bps: _Optional[float] = ..., symbol_rate_hz: _Optional[float] = ...) -> None: ...

class RadioRate(_message.Message):
    __slots__ = ("bandwidth_hz", "power_w", "gain", "noise_w_per_hz")
    BANDWIDTH_HZ_FIELD_NUMBER: _ClassVar[int]
    POWER_W_FIELD_NUMBER: _ClassVar[int]
    GAIN_FIELD_NUMBER: _ClassVar[int]
    NOISE_W_PER_HZ_FIELD_NUMBER: _ClassVar[int]
    bandwidth_hz: float
    power_w: float
    gain: float
    noise_w_per_hz: float
    def __init__(self, bandwidth_hz: _Optional[float] = ..., power_w: _Optional[float] = ..., gain: _Optional[float] = ..., noise_w_per_hz: _Optional[float] = ...) -> None: ...

class PacketLoss(_message.Message):
    __slots__ = ("independent", "gilbert_elliott")
    INDEPENDENT_FIELD_NUMBER: _ClassVar[int]
    GILBERT_ELLIOTT_FIELD_NUMBER: _ClassVar[int]
    independent: IndependentLoss
    gilbert_elliott: GilbertElliottLoss
    def __init__(self, independent: _Optional[_Union[IndependentLoss, _Mapping]] = ..., gilbert_elliott: _Optional[_Union[GilbertElliottLoss, _Mapping]] = ...) -> None: ...

class IndependentLoss(_message.Message):
    __slots__ = ("probability",)
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    probability: float
    def __init__(self, probability: _Optional[float] = ...) -> None: ...

class GilbertElliottLoss(_message.Message):
    __slots__ = ("good_to_bad", "bad_to_good", "loss_good", "loss_bad")
    GOOD_TO_BAD_FIELD_NUMBER: _ClassVar[int]
    BAD_TO_GOOD_FIELD_NUMBER: _ClassVar[int]
    LOSS_GOOD_FIELD_NUMBER: _ClassVar[int]
    LOSS_BAD_FIELD_NUMBER: _ClassVar[int]
    good_to_bad: float
    bad_to_good: float
    loss_good: float
    loss_bad: float
    def __init__(self, good_to_bad: _Optional[float] = ..., bad_to_good: _Optional[float] = ..., loss_good: _Optional[float] = ..., loss_bad: _Optional[float] = ...) -> None: ...

class ReliabilityLevel(_message.Message):
    __slots__ = ("ber", "erasure", "on_failure", "max_retransmissions")
    BER_FIELD_NUMBER: _ClassVar[int]
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    ON_FAILURE_FIELD_NUMBER: _ClassVar[int]
    MAX_RETRANSMISSIONS_FIELD_NUMBER: _ClassVar[int]
    ber: float
    erasure: float
    on_failure: FailurePolicy
    max_retransmissions: int
    def __init__(self, ber: _Optional[float] = ..., erasure: _Optional[float] = ..., on_failure: _Optional[_Union[FailurePolicy, str]] = ..., max_retransmissions: _Optional[int] = ...) -> None: ...

class Bearer(_message.Message):
    __slots__ = ("leveled_bits", "index_channel", "analog_symbols", "uncoded_qam", "ldpc_qam", "learned_mapper", "unequal_protection", "receiver")
    LEVELED_BITS_FIELD_NUMBER: _ClassVar[int]
    INDEX_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ANALOG_SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    UNCODED_QAM_FIELD_NUMBER: _ClassVar[int]
    LDPC_QAM_FIELD_NUMBER: _ClassVar[int]
    LEARNED_MAPPER_FIELD_NUMBER: _ClassVar[int]
    UNEQUAL_PROTECTION_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    leveled_bits: LeveledBits
    index_channel: IndexChannel
    analog_symbols: AnalogSymbols
    uncoded_qam: UncodedQam
    ldpc_qam: LdpcQam
    learned_mapper: LearnedMapper
    unequal_protection: UnequalProtection
    receiver: str
    def __init__(self, leveled_bits: _Optional[_Union[LeveledBits, _Mapping]] = ..., index_channel: _Optional[_Union[IndexChannel, _Mapping]] = ..., analog_symbols: _Optional[_Union[AnalogSymbols, _Mapping]] = ..., uncoded_qam: _Optional[_Union[UncodedQam, _Mapping]] = ..., ldpc_qam: _Optional[_Union[LdpcQam, _Mapping]] = ..., learned_mapper: _Optional[_Union[LearnedMapper, _Mapping]] = ..., unequal_protection: _Optional[_Union[UnequalProtection, _Mapping]] = ..., receiver: _Optional[str] = ...) -> None: ...

class LeveledBits(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class IndexChannel(_message.Message):
    __slots__ = ("crossover_probability",)
    CROSSOVER_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    crossover_probability: float
    def __init__(self, crossover_probability: _Optional[float] = ...) -> None: ...

class AnalogSymbols(_message.Message):
    __slots__ = ("snr_db", "fading")
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    FADING_FIELD_NUMBER: _ClassVar[int]
    snr_db: float
    fading: Fading
    def __init__(self, snr_db: _Optional[float] = ..., fading: _Optional[_Union[Fading, _Mapping]] = ...) -> None: ...

class Fading(_message.Message):
    __slots__ = ("model", "k_factor", "coherence")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    K_FACTOR_FIELD_NUMBER: _ClassVar[int]
    COHERENCE_FIELD_NUMBER: _ClassVar[int]
    model: FadingModel
    k_factor: float
    coherence: Coherence
    def __init__(self, model: _Optional[_Union[FadingModel, str]] = ..., k_factor: _Optional[float] = ..., coherence: _Optional[_Union[Coherence, str]] = ...) -> None: ...

class UncodedQam(_message.Message):
    __slots__ = ("order", "snr_db")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    order: int
    snr_db: float
    def __init__(self, order: _Optional[int] = ..., snr_db: _Optional[float] = ...) -> None: ...

class LdpcQam(_message.Message):
    __slots__ = ("kinds", "snr_db", "levels", "block_bits")
    KINDS_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    BLOCK_BITS_FIELD_NUMBER: _ClassVar[int]
    kinds: _containers.RepeatedScalarFieldContainer[_packet_pb2.SegmentKind]
    snr_db: float
    levels: _containers.RepeatedCompositeFieldContainer[CodedLevel]
    block_bits: int
    def __init__(self, kinds: _Optional[_Iterable[_Union[_packet_pb2.SegmentKind, str]]] = ..., snr_db: _Optional[float] = ..., levels: _Optional[_Iterable[_Union[CodedLevel, _Mapping]]] = ..., block_bits: _Optional[int] = ...) -> None: ...

class CodedLevel(_message.Message):
    __slots__ = ("order", "code_rate")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    CODE_RATE_FIELD_NUMBER: _ClassVar[int]
    order: int
    code_rate: float
    def __init__(self, order: _Optional[int] = ..., code_rate: _Optional[float] = ...) -> None: ...

class LearnedMapper(_message.Message):
    __slots__ = ("weights", "snr_db", "collect_s")
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    COLLECT_S_FIELD_NUMBER: _ClassVar[int]
    weights: str
    snr_db: float
    collect_s: float
    def __init__(self, weights: _Optional[str] = ..., snr_db: _Optional[float] = ..., collect_s: _Optional[float] = ...) -> None: ...

class UnequalProtection(_message.Message):
    __slots__ = ("symbols", "snr_db", "collect_s")
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    COLLECT_S_FIELD_NUMBER: _ClassVar[int]
    symbols: int
    snr_db: float
    collect_s: float
    def __init__(self, symbols: _Optional[int] = ..., snr_db: _Optional[float] = ..., collect_s: _Optional[float] = ...) -> None: ...

class ApplyTopologyRequest(_message.Message):
    __slots__ = ("topology",)
    TOPOLOGY_FIELD_NUMBER: _ClassVar[int]
    topology: Topology
    def __init__(self, topology: _Optional[_Union[Topology, _Mapping]] = ...) -> None: ...

class ApplyTopologyResponse(_message.Message):
    __slots__ = ("digest",)
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: str
    def __init__(self, digest: _Optional[str] = ...) -> None: ...

class UpdateLinkRequest(_message.Message):
    __slots__ = ("name", "rate", "delay_s", "levels", "bearers", "loss")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    DELAY_S_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    BEARERS_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    name: str
    rate: LinkRate
    delay_s: float
    levels: _containers.RepeatedCompositeFieldContainer[ReliabilityLevel]
    bearers: _containers.RepeatedCompositeFieldContainer[Bearer]
    loss: PacketLoss
    def __init__(self, name: _Optional[str] = ..., rate: _Optional[_Union[LinkRate, _Mapping]] = ..., delay_s: _Optional[float] = ..., levels: _Optional[_Iterable[_Union[ReliabilityLevel, _Mapping]]] = ..., bearers: _Optional[_Iterable[_Union[Bearer, _Mapping]]] = ..., loss: _Optional[_Union[PacketLoss, _Mapping]] = ...) -> None: ...

class UpdateLinkResponse(_message.Message):
    __slots__ = ("link",)
    LINK_FIELD_NUMBER: _ClassVar[int]
    link: Link
    def __init__(self, link: _Optional[_Union[Link, _Mapping]] = ...) -> None: ...

class GetCountersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCountersResponse(_message.Message):
    __slots__ = ("links",)
    LINKS_FIELD_NUMBER: _ClassVar[int]
    links: _containers.RepeatedCompositeFieldContainer[LinkCounters]
    def __init__(self, links: _Optional[_Iterable[_Union[LinkCounters, _Mapping]]] = ...) -> None: ...

class WatchCountersRequest(_message.Message):
    __slots__ = ("interval_s",)
    INTERVAL_S_FIELD_NUMBER: _ClassVar[int]
    interval_s: float
    def __init__(self, interval_s: _Optional[float] = ...) -> None: ...

class WatchCountersResponse(_message.Message):
    __slots__ = ("links",)
    LINKS_FIELD_NUMBER: _ClassVar[int]
    links: _containers.RepeatedCompositeFieldContainer[LinkCounters]
    def __init__(self, links: _Optional[_Iterable[_Union[LinkCounters, _Mapping]]] = ...) -> None: ...

class LinkCounters(_message.Message):
    __slots__ = ("link", "destination", "levels", "busy_ns", "free_at_ns", "rate_bps")
    LINK_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    BUSY_NS_FIELD_NUMBER: _ClassVar[int]
    FREE_AT_NS_FIELD_NUMBER: _ClassVar[int]
    RATE_BPS_FIELD_NUMBER: _ClassVar[int]
    link: str
    destination: str
    levels: _containers.RepeatedCompositeFieldContainer[LevelCounters]
    busy_ns: int
    free_at_ns: int
    rate_bps: float
    def __init__(self, link: _Optional[str] = ..., destination: _Optional[str] = ..., levels: _Optional[_Iterable[_Union[LevelCounters, _Mapping]]] = ..., busy_ns: _Optional[int] = ..., free_at_ns: _Optional[int] = ..., rate_bps: _Optional[float] = ...) -> None: ...

class LevelCounters(_message.Message):
    __slots__ = ("level", "packets", "packets_lost", "retransmissions", "size_bits", "channel_uses", "bit_errors", "index_errors", "packets_filled")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    PACKETS_LOST_FIELD_NUMBER: _ClassVar[int]
    RETRANSMISSIONS_FIELD_NUMBER: _ClassVar[int]
    SIZE_BITS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_USES_FIELD_NUMBER: _ClassVar[int]
    BIT_ERRORS_FIELD_NUMBER: _ClassVar[int]
    INDEX_ERRORS_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FILLED_FIELD_NUMBER: _ClassVar[int]
    level: int
    packets: int
    packets_lost: int
    retransmissions: int
    size_bits: int
    channel_uses: int
    bit_errors: int
    index_errors: int
    packets_filled: int
    def __init__(self, level: _Optional[int] = ..., packets: _Optional[int] = ..., packets_lost: _Optional[int] = ..., retransmissions: _Optional[int] = ..., size_bits: _Optional[int] = ..., channel_uses: _Optional[int] = ..., bit_errors: _Optional[int] = ..., index_errors: _Optional[int] = ..., packets_filled: _Optional[int] = ...) -> None: ...

class DescribeBearersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DescribeBearersResponse(_message.Message):
    __slots__ = ("links", "network_modules")
    LINKS_FIELD_NUMBER: _ClassVar[int]
    NETWORK_MODULES_FIELD_NUMBER: _ClassVar[int]
    links: _containers.RepeatedCompositeFieldContainer[LinkBearer]
    network_modules: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, links: _Optional[_Iterable[_Union[LinkBearer, _Mapping]]] = ..., network_modules: _Optional[_Iterable[str]] = ...) -> None: ...

class LinkBearer(_message.Message):
    __slots__ = ("link", "snr_db", "learned_mapper", "unequal_protection")
    LINK_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    LEARNED_MAPPER_FIELD_NUMBER: _ClassVar[int]
    UNEQUAL_PROTECTION_FIELD_NUMBER: _ClassVar[int]
    link: str
    snr_db: float
    learned_mapper: MapperDescription
    unequal_protection: ProtectionDescription
    def __init__(self, link: _Optional[str] = ..., snr_db: _Optional[float] = ..., learned_mapper: _Optional[_Union[MapperDescription, _Mapping]] = ..., unequal_protection: _Optional[_Union[ProtectionDescription, _Mapping]] = ...) -> None: ...

class MapperDescription(_message.Message):
    __slots__ = ("weights", "digest", "demapper_digest", "symbols", "bits", "trained_snr_db")
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    DEMAPPER_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    TRAINED_SNR_DB_FIELD_NUMBER: _ClassVar[int]
    weights: str
    digest: str
    demapper_digest: str
    symbols: int
    bits: int
    trained_snr_db: float
    def __init__(self, weights: _Optional[str] = ..., digest: _Optional[str] = ..., demapper_digest: _Optional[str] = ..., symbols: _Optional[int] = ..., bits: _Optional[int] = ..., trained_snr_db: _Optional[float] = ...) -> None: ...

class ProtectionDescription(_message.Message):
    __slots__ = ("symbols", "messages")
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    symbols: int
    messages: _containers.RepeatedCompositeFieldContainer[ProtectedMessage]
    def __init__(self, symbols: _Optional[int] = ..., messages: _Optional[_Iterable[_Union[ProtectedMessage, _Mapping]]] = ...) -> None: ...

class ProtectedMessage(_message.Message):
    __slots__ = ("levels",)
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    levels: _containers.RepeatedCompositeFieldContainer[ProtectedLevel]
    def __init__(self, levels: _Optional[_Iterable[_Union[ProtectedLevel, _Mapping]]] = ...) -> None: ...

class ProtectedLevel(_message.Message):
    __slots__ = ("level", "size_bits", "target_ber", "expected_ber", "order", "code_rate", "symbols")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SIZE_BITS_FIELD_NUMBER: _ClassVar[int]
    TARGET_BER_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_BER_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    CODE_RATE_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    level: int
    size_bits: int
    target_ber: float
    expected_ber: float
    order: int
    code_rate: float
    symbols: int
    def __init__(self, level: _Optional[int] = ..., size_bits: _Optional[int] = ..., target_ber: _Optional[float] = ..., expected_ber: _Optional[float] = ..., order: _Optional[int] = ..., code_rate: _Optional[float] = ..., symbols: _Optional[int] = ...) -> None: ...
