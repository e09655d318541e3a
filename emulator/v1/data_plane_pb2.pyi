from edge.v1 import codec_pb2 as _codec_pb2
from edge.v1 import packet_pb2 as _packet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AttachRequest(_message.Message):
    __slots__ = ("hello", "announcement", "answer", "batch", "receipt")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCEMENT_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    announcement: Announcement
    answer: Answer
    batch: _packet_pb2.Batch
    receipt: _packet_pb2.Receipt
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., announcement: _Optional[_Union[Announcement, _Mapping]] = ..., answer: _Optional[_Union[Answer, _Mapping]] = ..., batch: _Optional[_Union[_packet_pb2.Batch, _Mapping]] = ..., receipt: _Optional[_Union[_packet_pb2.Receipt, _Mapping]] = ...) -> None: ...

class AttachResponse(_message.Message):
    __slots__ = ("welcome", "announcement", "answer", "batch", "receipt", "credit", "resume")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCEMENT_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    announcement: Announcement
    answer: Answer
    batch: _packet_pb2.Batch
    receipt: _packet_pb2.Receipt
    credit: Credit
    resume: Resume
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., announcement: _Optional[_Union[Announcement, _Mapping]] = ..., answer: _Optional[_Union[Answer, _Mapping]] = ..., batch: _Optional[_Union[_packet_pb2.Batch, _Mapping]] = ..., receipt: _Optional[_Union[_packet_pb2.Receipt, _Mapping]] = ..., credit: _Optional[_Union[Credit, _Mapping]] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("node", "instance")
    NODE_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    node: str
    instance: str
    def __init__(self, node: _Optional[str] = ..., instance: _Optional[str] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("scenario", "max_batch_bytes", "instance")
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCH_BYTES_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    scenario: str
    max_batch_bytes: int
    instance: str
    def __init__(self, scenario: _Optional[str] = ..., max_batch_bytes: _Optional[int] = ..., instance: _Optional[str] = ...) -> None: ...

class Announcement(_message.Message):
    __slots__ = ("session", "source", "destinations", "codec", "level_bers", "level_shares", "highest_levels")
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
    LEVEL_BERS_FIELD_NUMBER: _ClassVar[int]
    LEVEL_SHARES_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_LEVELS_FIELD_NUMBER: _ClassVar[int]
    session: str
    source: str
    destinations: _containers.RepeatedScalarFieldContainer[str]
    codec: _codec_pb2.CodecDescription
    level_bers: _containers.RepeatedScalarFieldContainer[float]
    level_shares: _containers.RepeatedScalarFieldContainer[float]
    highest_levels: _containers.ScalarMap[str, int]
    def __init__(self, session: _Optional[str] = ..., source: _Optional[str] = ..., destinations: _Optional[_Iterable[str]] = ..., codec: _Optional[_Union[_codec_pb2.CodecDescription, _Mapping]] = ..., level_bers: _Optional[_Iterable[float]] = ..., level_shares: _Optional[_Iterable[float]] = ..., highest_levels: _Optional[_Mapping[str, int]] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("session", "destination", "accepted", "reason")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    session: str
    destination: str
    accepted: bool
    reason: str
    def __init__(self, session: _Optional[str] = ..., destination: _Optional[str] = ..., accepted: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("session", "size_bytes")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    session: str
    size_bytes: int
    def __init__(self, session: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class Resume(_message.Message):
    __slots__ = ("session", "destination")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    session: str
    destination: str
    def __init__(self, session: _Optional[str] = ..., destination: _Optional[str] = ...) -> None: ...
