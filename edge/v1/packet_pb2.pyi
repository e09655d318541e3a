from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SegmentKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEGMENT_KIND_UNSPECIFIED: _ClassVar[SegmentKind]
    SEGMENT_KIND_BITS: _ClassVar[SegmentKind]
    SEGMENT_KIND_INDICES: _ClassVar[SegmentKind]
    SEGMENT_KIND_SYMBOLS: _ClassVar[SegmentKind]
    SEGMENT_KIND_OPAQUE: _ClassVar[SegmentKind]

class MessagePurpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MESSAGE_PURPOSE_UNSPECIFIED: _ClassVar[MessagePurpose]
    MESSAGE_PURPOSE_PICTURE: _ClassVar[MessagePurpose]
    MESSAGE_PURPOSE_LESSON: _ClassVar[MessagePurpose]
    MESSAGE_PURPOSE_ROUND: _ClassVar[MessagePurpose]
    MESSAGE_PURPOSE_FINISH: _ClassVar[MessagePurpose]
    MESSAGE_PURPOSE_ALIGN: _ClassVar[MessagePurpose]
    MESSAGE_PURPOSE_PARAMETERS: _ClassVar[MessagePurpose]
    MESSAGE_PURPOSE_PILOTS: _ClassVar[MessagePurpose]
    MESSAGE_PURPOSE_REFINEMENT: _ClassVar[MessagePurpose]

class ReceiptStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECEIPT_STATUS_UNSPECIFIED: _ClassVar[ReceiptStatus]
    RECEIPT_STATUS_COMPLETE: _ClassVar[ReceiptStatus]
    RECEIPT_STATUS_PARTIAL: _ClassVar[ReceiptStatus]
    RECEIPT_STATUS_FAILED: _ClassVar[ReceiptStatus]
SEGMENT_KIND_UNSPECIFIED: SegmentKind
SEGMENT_KIND_BITS: SegmentKind
SEGMENT_KIND_INDICES: SegmentKind
SEGMENT_KIND_SYMBOLS: SegmentKind
SEGMENT_KIND_OPAQUE: SegmentKind
MESSAGE_PURPOSE_UNSPECIFIED: MessagePurpose
MESSAGE_PURPOSE_PICTURE: MessagePurpose
MESSAGE_PURPOSE_LESSON: MessagePurpose
MESSAGE_PURPOSE_ROUND: MessagePurpose
MESSAGE_PURPOSE_FINISH: MessagePurpose
MESSAGE_PURPOSE_ALIGN: MessagePurpose
MESSAGE_PURPOSE_PARAMETERS: MessagePurpose
MESSAGE_PURPOSE_PILOTS: MessagePurpose
MESSAGE_PURPOSE_REFINEMENT: MessagePurpose
RECEIPT_STATUS_UNSPECIFIED: ReceiptStatus
RECEIPT_STATUS_COMPLETE: ReceiptStatus
RECEIPT_STATUS_PARTIAL: ReceiptStatus
RECEIPT_STATUS_FAILED: ReceiptStatus

class SegmentHead(_message.Message):
    __slots__ = ("kind", "level", "alphabet", "shape", "withheld")
    KIND_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    ALPHABET_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_FIELD_NUMBER: _ClassVar[int]
    kind: SegmentKind
    level: int
    alphabet: int
    shape: _containers.RepeatedScalarFieldContainer[int]
    withheld: bool
    def __init__(self, kind: _Optional[_Union[SegmentKind, str]] = ..., level: _Optional[int] = ..., alphabet: _Optional[int] = ..., shape: _Optional[_Iterable[int]] = ..., withheld: _Optional[bool] = ...) -> None: ...

class RefinementOffer(_message.Message):
    __slots__ = ("level", "below_confidence", "classes")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    BELOW_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    level: int
    below_confidence: float
    classes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, level: _Optional[int] = ..., below_confidence: _Optional[float] = ..., classes: _Optional[_Iterable[int]] = ...) -> None: ...

class MessageHead(_message.Message):
    __slots__ = ("session", "message_id", "segments", "offered_ns", "deadline_ns", "purpose", "destinations", "refines", "offer")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    OFFERED_NS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_NS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    REFINES_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    session: str
    message_id: int
    segments: _containers.RepeatedCompositeFieldContainer[SegmentHead]
    offered_ns: int
    deadline_ns: int
    purpose: MessagePurpose
    destinations: _containers.RepeatedScalarFieldContainer[str]
    refines: int
    offer: RefinementOffer
    def __init__(self, session: _Optional[str] = ..., message_id: _Optional[int] = ..., segments: _Optional[_Iterable[_Union[SegmentHead, _Mapping]]] = ..., offered_ns: _Optional[int] = ..., deadline_ns: _Optional[int] = ..., purpose: _Optional[_Union[MessagePurpose, str]] = ..., destinations: _Optional[_Iterable[str]] = ..., refines: _Optional[int] = ..., offer: _Optional[_Union[RefinementOffer, _Mapping]] = ...) -> None: ...

class PacketRun(_message.Message):
    __slots__ = ("session", "message_id", "segment", "level", "offset", "count", "packet_elements", "payload", "header_crc", "payload_crcs", "arrivals_ns", "gains")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PACKET_ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    HEADER_CRC_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_CRCS_FIELD_NUMBER: _ClassVar[int]
    ARRIVALS_NS_FIELD_NUMBER: _ClassVar[int]
    GAINS_FIELD_NUMBER: _ClassVar[int]
    session: str
    message_id: int
    segment: int
    level: int
    offset: int
    count: int
    packet_elements: int
    payload: bytes
    header_crc: int
    payload_crcs: _containers.RepeatedScalarFieldContainer[int]
    arrivals_ns: bytes
    gains: bytes
    def __init__(self, session: _Optional[str] = ..., message_id: _Optional[int] = ..., segment: _Optional[int] = ..., level: _Optional[int] = ..., offset: _Optional[int] = ..., count: _Optional[int] = ..., packet_elements: _Optional[int] = ..., payload: _Optional[bytes] = ..., header_crc: _Optional[int] = ..., payload_crcs: _Optional[_Iterable[int]] = ..., arrivals_ns: _Optional[bytes] = ..., gains: _Optional[bytes] = ...) -> None: ...

class MessageEnd(_message.Message):
    __slots__ = ("session", "message_id", "transit")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSIT_FIELD_NUMBER: _ClassVar[int]
    session: str
    message_id: int
    transit: Transit
    def __init__(self, session: _Optional[str] = ..., message_id: _Optional[int] = ..., transit: _Optional[_Union[Transit, _Mapping]] = ...) -> None: ...

class Transit(_message.Message):
    __slots__ = ("sent_ns", "received_ns", "size_bits", "channel_uses", "packets", "packets_lost", "element_errors", "retransmissions", "packets_filled")
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_NS_FIELD_NUMBER: _ClassVar[int]
    SIZE_BITS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_USES_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    PACKETS_LOST_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_ERRORS_FIELD_NUMBER: _ClassVar[int]
    RETRANSMISSIONS_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FILLED_FIELD_NUMBER: _ClassVar[int]
    sent_ns: int
    received_ns: int
    size_bits: int
    channel_uses: int
    packets: int
    packets_lost: int
    element_errors: int
    retransmissions: int
    packets_filled: int
    def __init__(self, sent_ns: _Optional[int] = ..., received_ns: _Optional[int] = ..., size_bits: _Optional[int] = ..., channel_uses: _Optional[int] = ..., packets: _Optional[int] = ..., packets_lost: _Optional[int] = ..., element_errors: _Optional[int] = ..., retransmissions: _Optional[int] = ..., packets_filled: _Optional[int] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("frames",)
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    def __init__(self, frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("head", "run", "end")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    head: MessageHead
    run: PacketRun
    end: MessageEnd
    def __init__(self, head: _Optional[_Union[MessageHead, _Mapping]] = ..., run: _Optional[_Union[PacketRun, _Mapping]] = ..., end: _Optional[_Union[MessageEnd, _Mapping]] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("session", "message_id", "destination", "status", "reason", "transit", "decode_s", "purpose", "asks_level", "refines")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TRANSIT_FIELD_NUMBER: _ClassVar[int]
    DECODE_S_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    ASKS_LEVEL_FIELD_NUMBER: _ClassVar[int]
    REFINES_FIELD_NUMBER: _ClassVar[int]
    session: str
    message_id: int
    destination: str
    status: ReceiptStatus
    reason: str
    transit: Transit
    decode_s: float
    purpose: MessagePurpose
    asks_level: int
    refines: int
    def __init__(self, session: _Optional[str] = ..., message_id: _Optional[int] = ..., destination: _Optional[str] = ..., status: _Optional[_Union[ReceiptStatus, str]] = ..., reason: _Optional[str] = ..., transit: _Optional[_Union[Transit, _Mapping]] = ..., decode_s: _Optional[float] = ..., purpose: _Optional[_Union[MessagePurpose, str]] = ..., asks_level: _Optional[int] = ..., refines: _Optional[int] = ...) -> None: ...
