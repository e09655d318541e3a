from edge.v1 import codec_pb2 as _codec_pb2
from edge.v1 import packet_pb2 as _packet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NodeRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_ROLE_UNSPECIFIED: _ClassVar[NodeRole]
    NODE_ROLE_TX: _ClassVar[NodeRole]
    NODE_ROLE_RX: _ClassVar[NodeRole]
NODE_ROLE_UNSPECIFIED: NodeRole
NODE_ROLE_TX: NodeRole
NODE_ROLE_RX: NodeRole

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("name", "role", "version", "codecs", "sessions", "attached", "resident_bytes", "network_modules", "pictures_encoded", "messages_decoded", "capacity")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    ATTACHED_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    NETWORK_MODULES_FIELD_NUMBER: _ClassVar[int]
    PICTURES_ENCODED_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_DECODED_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: NodeRole
    version: str
    codecs: _containers.RepeatedScalarFieldContainer[str]
    sessions: _containers.RepeatedCompositeFieldContainer[SessionDescription]
    attached: bool
    resident_bytes: int
    network_modules: _containers.RepeatedScalarFieldContainer[str]
    pictures_encoded: int
    messages_decoded: int
    capacity: Capacity
    def __init__(self, name: _Optional[str] = ..., role: _Optional[_Union[NodeRole, str]] = ..., version: _Optional[str] = ..., codecs: _Optional[_Iterable[str]] = ..., sessions: _Optional[_Iterable[_Union[SessionDescription, _Mapping]]] = ..., attached: _Optional[bool] = ..., resident_bytes: _Optional[int] = ..., network_modules: _Optional[_Iterable[str]] = ..., pictures_encoded: _Optional[int] = ..., messages_decoded: _Optional[int] = ..., capacity: _Optional[_Union[Capacity, _Mapping]] = ...) -> None: ...

class Capacity(_message.Message):
    __slots__ = ("flops_per_s", "memory_bytes", "measured")
    FLOPS_PER_S_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    flops_per_s: float
    memory_bytes: int
    measured: bool
    def __init__(self, flops_per_s: _Optional[float] = ..., memory_bytes: _Optional[int] = ..., measured: _Optional[bool] = ...) -> None: ...

class SessionDescription(_message.Message):
    __slots__ = ("session", "codec", "weights_digest", "level_bers", "highest_level", "layered", "heads", "etas", "parts", "decoder", "epoch")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    LEVEL_BERS_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_LEVEL_FIELD_NUMBER: _ClassVar[int]
    LAYERED_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    ETAS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    DECODER_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    session: str
    codec: _codec_pb2.CodecDescription
    weights_digest: str
    level_bers: _containers.RepeatedScalarFieldContainer[float]
    highest_level: int
    layered: bool
    heads: _containers.RepeatedScalarFieldContainer[str]
    etas: _containers.RepeatedScalarFieldContainer[float]
    parts: _containers.RepeatedScalarFieldContainer[str]
    decoder: str
    epoch: int
    def __init__(self, session: _Optional[str] = ..., codec: _Optional[_Union[_codec_pb2.CodecDescription, _Mapping]] = ..., weights_digest: _Optional[str] = ..., level_bers: _Optional[_Iterable[float]] = ..., highest_level: _Optional[int] = ..., layered: _Optional[bool] = ..., heads: _Optional[_Iterable[str]] = ..., etas: _Optional[_Iterable[float]] = ..., parts: _Optional[_Iterable[str]] = ..., decoder: _Optional[str] = ..., epoch: _Optional[int] = ...) -> None: ...

class ConfigureRequest(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[SessionConfig]
    def __init__(self, sessions: _Optional[_Iterable[_Union[SessionConfig, _Mapping]]] = ...) -> None: ...

class SessionConfig(_message.Message):
    __slots__ = ("session", "source", "destinations", "codec", "peer_codec", "highest_levels")
    class HighestLevelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    PEER_CODEC_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_LEVELS_FIELD_NUMBER: _ClassVar[int]
    session: str
    source: str
    destinations: _containers.RepeatedScalarFieldContainer[str]
    codec: CodecConfig
    peer_codec: _codec_pb2.CodecDescription
    highest_levels: _containers.ScalarMap[str, int]
    def __init__(self, session: _Optional[str] = ..., source: _Optional[str] = ..., destinations: _Optional[_Iterable[str]] = ..., codec: _Optional[_Union[CodecConfig, _Mapping]] = ..., peer_codec: _Optional[_Union[_codec_pb2.CodecDescription, _Mapping]] = ..., highest_levels: _Optional[_Mapping[str, int]] = ...) -> None: ...

class CodecConfig(_message.Message):
    __slots__ = ("name", "options")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    options: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., options: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ConfigureResponse(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[SessionDescription]
    def __init__(self, sessions: _Optional[_Iterable[_Union[SessionDescription, _Mapping]]] = ...) -> None: ...

class TransmitRequest(_message.Message):
    __slots__ = ("session", "images", "first_message_id", "first_offered_ns", "interval_ns", "deadline_ns", "refine", "heads", "head_names")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    FIRST_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_OFFERED_NS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_NS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_NS_FIELD_NUMBER: _ClassVar[int]
    REFINE_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    HEAD_NAMES_FIELD_NUMBER: _ClassVar[int]
    session: str
    images: _containers.RepeatedCompositeFieldContainer[ImagePayload]
    first_message_id: int
    first_offered_ns: int
    interval_ns: int
    deadline_ns: int
    refine: RefinementRule
    heads: _containers.RepeatedScalarFieldContainer[int]
    head_names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, session: _Optional[str] = ..., images: _Optional[_Iterable[_Union[ImagePayload, _Mapping]]] = ..., first_message_id: _Optional[int] = ..., first_offered_ns: _Optional[int] = ..., interval_ns: _Optional[int] = ..., deadline_ns: _Optional[int] = ..., refine: _Optional[_Union[RefinementRule, _Mapping]] = ..., heads: _Optional[_Iterable[int]] = ..., head_names: _Optional[_Iterable[str]] = ...) -> None: ...

class RefinementRule(_message.Message):
    __slots__ = ("layer", "head", "below_confidence", "classes", "head_name")
    LAYER_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    BELOW_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    HEAD_NAME_FIELD_NUMBER: _ClassVar[int]
    layer: int
    head: int
    below_confidence: float
    classes: _containers.RepeatedScalarFieldContainer[int]
    head_name: str
    def __init__(self, layer: _Optional[int] = ..., head: _Optional[int] = ..., below_confidence: _Optional[float] = ..., classes: _Optional[_Iterable[int]] = ..., head_name: _Optional[str] = ...) -> None: ...

class ImagePayload(_message.Message):
    __slots__ = ("name", "png")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PNG_FIELD_NUMBER: _ClassVar[int]
    name: str
    png: bytes
    def __init__(self, name: _Optional[str] = ..., png: _Optional[bytes] = ...) -> None: ...

class TransmitResponse(_message.Message):
    __slots__ = ("sent", "receipt", "refused")
    SENT_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    sent: MessageSent
    receipt: _packet_pb2.Receipt
    refused: RefinementRefused
    def __init__(self, sent: _Optional[_Union[MessageSent, _Mapping]] = ..., receipt: _Optional[_Union[_packet_pb2.Receipt, _Mapping]] = ..., refused: _Optional[_Union[RefinementRefused, _Mapping]] = ...) -> None: ...

class RefinementRefused(_message.Message):
    __slots__ = ("message_id", "destination", "reason")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    message_id: int
    destination: str
    reason: str
    def __init__(self, message_id: _Optional[int] = ..., destination: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RefineRequest(_message.Message):
    __slots__ = ("session", "message_id", "destination", "layer", "head", "head_name")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    HEAD_NAME_FIELD_NUMBER: _ClassVar[int]
    session: str
    message_id: int
    destination: str
    layer: int
    head: int
    head_name: str
    def __init__(self, session: _Optional[str] = ..., message_id: _Optional[int] = ..., destination: _Optional[str] = ..., layer: _Optional[int] = ..., head: _Optional[int] = ..., head_name: _Optional[str] = ...) -> None: ...

class RefineResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _packet_pb2.Receipt
    def __init__(self, receipt: _Optional[_Union[_packet_pb2.Receipt, _Mapping]] = ...) -> None: ...

class MessageSent(_message.Message):
    __slots__ = ("message_id", "size_bits", "channel_uses", "encode_s", "refines", "destination")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_BITS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_USES_FIELD_NUMBER: _ClassVar[int]
    ENCODE_S_FIELD_NUMBER: _ClassVar[int]
    REFINES_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    message_id: int
    size_bits: int
    channel_uses: int
    encode_s: float
    refines: int
    destination: str
    def __init__(self, message_id: _Optional[int] = ..., size_bits: _Optional[int] = ..., channel_uses: _Optional[int] = ..., encode_s: _Optional[float] = ..., refines: _Optional[int] = ..., destination: _Optional[str] = ...) -> None: ...

class CollectRequest(_message.Message):
    __slots__ = ("session", "without_images")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_IMAGES_FIELD_NUMBER: _ClassVar[int]
    session: str
    without_images: bool
    def __init__(self, session: _Optional[str] = ..., without_images: _Optional[bool] = ...) -> None: ...

class CollectResponse(_message.Message):
    __slots__ = ("session", "message_id", "png", "receipt", "label", "confidence", "level", "first", "refinement", "kept", "decoder", "epoch")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PNG_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    REFINEMENT_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    DECODER_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    session: str
    message_id: int
    png: bytes
    receipt: _packet_pb2.Receipt
    label: int
    confidence: float
    level: int
    first: FirstDecoding
    refinement: _packet_pb2.Receipt
    kept: _containers.RepeatedCompositeFieldContainer[KeptSegment]
    decoder: str
    epoch: int
    def __init__(self, session: _Optional[str] = ..., message_id: _Optional[int] = ..., png: _Optional[bytes] = ..., receipt: _Optional[_Union[_packet_pb2.Receipt, _Mapping]] = ..., label: _Optional[int] = ..., confidence: _Optional[float] = ..., level: _Optional[int] = ..., first: _Optional[_Union[FirstDecoding, _Mapping]] = ..., refinement: _Optional[_Union[_packet_pb2.Receipt, _Mapping]] = ..., kept: _Optional[_Iterable[_Union[KeptSegment, _Mapping]]] = ..., decoder: _Optional[str] = ..., epoch: _Optional[int] = ...) -> None: ...

class FirstDecoding(_message.Message):
    __slots__ = ("png", "label", "confidence", "level")
    PNG_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    png: bytes
    label: int
    confidence: float
    level: int
    def __init__(self, png: _Optional[bytes] = ..., label: _Optional[int] = ..., confidence: _Optional[float] = ..., level: _Optional[int] = ...) -> None: ...

class KeptSegment(_message.Message):
    __slots__ = ("head", "payload", "present", "csi")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    CSI_FIELD_NUMBER: _ClassVar[int]
    head: _packet_pb2.SegmentHead
    payload: bytes
    present: bytes
    csi: bytes
    def __init__(self, head: _Optional[_Union[_packet_pb2.SegmentHead, _Mapping]] = ..., payload: _Optional[bytes] = ..., present: _Optional[bytes] = ..., csi: _Optional[bytes] = ...) -> None: ...
