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
    __slots__ = ("name", "role", "version", "codecs", "sessions", "attached", "resident_bytes", "network_modules")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    ATTACHED_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    NETWORK_MODULES_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: NodeRole
    version: str
    codecs: _containers.RepeatedScalarFieldContainer[str]
    sessions: _containers.RepeatedCompositeFieldContainer[SessionDescription]
    attached: bool
    resident_bytes: int
    network_modules: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., role: _Optional[_Union[NodeRole, str]] = ..., version: _Optional[str] = ..., codecs: _Optional[_Iterable[str]] = ..., sessions: _Optional[_Iterable[_Union[SessionDescription, _Mapping]]] = ..., attached: _Optional[bool] = ..., resident_bytes: _Optional[int] = ..., network_modules: _Optional[_Iterable[str]] = ...) -> None: ...

class SessionDescription(_message.Message):
    __slots__ = ("session", "codec", "weights_digest", "level_bers")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    LEVEL_BERS_FIELD_NUMBER: _ClassVar[int]
    session: str
    codec: _codec_pb2.CodecDescription
    weights_digest: str
    level_bers: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, session: _Optional[str] = ..., codec: _Optional[_Union[_codec_pb2.CodecDescription, _Mapping]] = ..., weights_digest: _Optional[str] = ..., level_bers: _Optional[_Iterable[float]] = ...) -> None: ...

class ConfigureRequest(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[SessionConfig]
    def __init__(self, sessions: _Optional[_Iterable[_Union[SessionConfig, _Mapping]]] = ...) -> None: ...

class SessionConfig(_message.Message):
    __slots__ = ("session", "source", "destinations", "codec", "peer_codec")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    PEER_CODEC_FIELD_NUMBER: _ClassVar[int]
    session: str
    source: str
    destinations: _containers.RepeatedScalarFieldContainer[str]
    codec: CodecConfig
    peer_codec: _codec_pb2.CodecDescription
    def __init__(self, session: _Optional[str] = ..., source: _Optional[str] = ..., destinations: _Optional[_Iterable[str]] = ..., codec: _Optional[_Union[CodecConfig, _Mapping]] = ..., peer_codec: _Optional[_Union[_codec_pb2.CodecDescription, _Mapping]] = ...) -> None: ...

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
    __slots__ = ("session", "images", "first_message_id", "first_offered_ns", "interval_ns", "deadline_ns")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    FIRST_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_OFFERED_NS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_NS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_NS_FIELD_NUMBER: _ClassVar[int]
    session: str
    images: _containers.RepeatedCompositeFieldContainer[ImagePayload]
    first_message_id: int
    first_offered_ns: int
    interval_ns: int
    deadline_ns: int
    def __init__(self, session: _Optional[str] = ..., images: _Optional[_Iterable[_Union[ImagePayload, _Mapping]]] = ..., first_message_id: _Optional[int] = ..., first_offered_ns: _Optional[int] = ..., interval_ns: _Optional[int] = ..., deadline_ns: _Optional[int] = ...) -> None: ...

class ImagePayload(_message.Message):
    __slots__ = ("name", "png")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PNG_FIELD_NUMBER: _ClassVar[int]
    name: str
    png: bytes
    def __init__(self, name: _Optional[str] = ..., png: _Optional[bytes] = ...) -> None: ...

class TransmitResponse(_message.Message):
    __slots__ = ("sent", "receipt")
    SENT_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    sent: MessageSent
    receipt: _packet_pb2.Receipt
    def __init__(self, sent: _Optional[_Union[MessageSent, _Mapping]] = ..., receipt: _Optional[_Union[_packet_pb2.Receipt, _Mapping]] = ...) -> None: ...

class MessageSent(_message.Message):
    __slots__ = ("message_id", "size_bits", "channel_uses", "encode_s")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_BITS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_USES_FIELD_NUMBER: _ClassVar[int]
    ENCODE_S_FIELD_NUMBER: _ClassVar[int]
    message_id: int
    size_bits: int
    channel_uses: int
    encode_s: float
    def __init__(self, message_id: _Optional[int] = ..., size_bits: _Optional[int] = ..., channel_uses: _Optional[int] = ..., encode_s: _Optional[float] = ...) -> None: ...

class CollectRequest(_message.Message):
    __slots__ = ("session", "without_images")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_IMAGES_FIELD_NUMBER: _ClassVar[int]
    session: str
    without_images: bool
    def __init__(self, session: _Optional[str] = ..., without_images: _Optional[bool] = ...) -> None: ...

class CollectResponse(_message.Message):
    __slots__ = ("session", "message_id", "png", "receipt", "label")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PNG_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    session: str
    message_id: int
    png: bytes
    receipt: _packet_pb2.Receipt
    label: int
    def __init__(self, session: _Optional[str] = ..., message_id: _Optional[int] = ..., png: _Optional[bytes] = ..., receipt: _Optional[_Union[_packet_pb2.Receipt, _Mapping]] = ..., label: _Optional[int] = ...) -> None: ...
