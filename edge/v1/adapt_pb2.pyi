from edge.v1 import node_pb2 as _node_pb2
from edge.v1 import packet_pb2 as _packet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AdaptMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADAPT_METHOD_UNSPECIFIED: _ClassVar[AdaptMethod]
    ADAPT_METHOD_DFT: _ClassVar[AdaptMethod]
    ADAPT_METHOD_LSDFT: _ClassVar[AdaptMethod]

class AdaptPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADAPT_PHASE_UNSPECIFIED: _ClassVar[AdaptPhase]
    ADAPT_PHASE_IDLE: _ClassVar[AdaptPhase]
    ADAPT_PHASE_LESSONS: _ClassVar[AdaptPhase]
    ADAPT_PHASE_ROUNDS: _ClassVar[AdaptPhase]
    ADAPT_PHASE_TUNING: _ClassVar[AdaptPhase]
    ADAPT_PHASE_ENDED: _ClassVar[AdaptPhase]
ADAPT_METHOD_UNSPECIFIED: AdaptMethod
ADAPT_METHOD_DFT: AdaptMethod
ADAPT_METHOD_LSDFT: AdaptMethod
ADAPT_PHASE_UNSPECIFIED: AdaptPhase
ADAPT_PHASE_IDLE: AdaptPhase
ADAPT_PHASE_LESSONS: AdaptPhase
ADAPT_PHASE_ROUNDS: AdaptPhase
ADAPT_PHASE_TUNING: AdaptPhase
ADAPT_PHASE_ENDED: AdaptPhase

class AdaptSettings(_message.Message):
    __slots__ = ("method", "rounds", "steps", "batch", "crop", "learning_rate", "codebook_rate", "validation", "checkpoint_steps", "seed", "denoise", "equivariance")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    CODEBOOK_RATE_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_STEPS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    DENOISE_FIELD_NUMBER: _ClassVar[int]
    EQUIVARIANCE_FIELD_NUMBER: _ClassVar[int]
    method: AdaptMethod
    rounds: int
    steps: int
    batch: int
    crop: int
    learning_rate: float
    codebook_rate: float
    validation: float
    checkpoint_steps: int
    seed: int
    denoise: bool
    equivariance: float
    def __init__(self, method: _Optional[_Union[AdaptMethod, str]] = ..., rounds: _Optional[int] = ..., steps: _Optional[int] = ..., batch: _Optional[int] = ..., crop: _Optional[int] = ..., learning_rate: _Optional[float] = ..., codebook_rate: _Optional[float] = ..., validation: _Optional[float] = ..., checkpoint_steps: _Optional[int] = ..., seed: _Optional[int] = ..., denoise: _Optional[bool] = ..., equivariance: _Optional[float] = ...) -> None: ...

class TeachRequest(_message.Message):
    __slots__ = ("session", "settings", "images", "first_message_id", "first_offered_ns")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    FIRST_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_OFFERED_NS_FIELD_NUMBER: _ClassVar[int]
    session: str
    settings: AdaptSettings
    images: _containers.RepeatedCompositeFieldContainer[_node_pb2.ImagePayload]
    first_message_id: int
    first_offered_ns: int
    def __init__(self, session: _Optional[str] = ..., settings: _Optional[_Union[AdaptSettings, _Mapping]] = ..., images: _Optional[_Iterable[_Union[_node_pb2.ImagePayload, _Mapping]]] = ..., first_message_id: _Optional[int] = ..., first_offered_ns: _Optional[int] = ...) -> None: ...

class TeachResponse(_message.Message):
    __slots__ = ("sent", "receipt", "round", "verdict")
    SENT_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    sent: _node_pb2.MessageSent
    receipt: _packet_pb2.Receipt
    round: CodebookRound
    verdict: TeachVerdict
    def __init__(self, sent: _Optional[_Union[_node_pb2.MessageSent, _Mapping]] = ..., receipt: _Optional[_Union[_packet_pb2.Receipt, _Mapping]] = ..., round: _Optional[_Union[CodebookRound, _Mapping]] = ..., verdict: _Optional[_Union[TeachVerdict, _Mapping]] = ...) -> None: ...

class CodebookRound(_message.Message):
    __slots__ = ("round", "digest", "quantization_loss")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    QUANTIZATION_LOSS_FIELD_NUMBER: _ClassVar[int]
    round: int
    digest: str
    quantization_loss: float
    def __init__(self, round: _Optional[int] = ..., digest: _Optional[str] = ..., quantization_loss: _Optional[float] = ...) -> None: ...

class TeachVerdict(_message.Message):
    __slots__ = ("adopted", "reason", "destinations", "digest", "elapsed_s")
    ADOPTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_S_FIELD_NUMBER: _ClassVar[int]
    adopted: bool
    reason: str
    destinations: _containers.RepeatedCompositeFieldContainer[DestinationVerdict]
    digest: str
    elapsed_s: float
    def __init__(self, adopted: _Optional[bool] = ..., reason: _Optional[str] = ..., destinations: _Optional[_Iterable[_Union[DestinationVerdict, _Mapping]]] = ..., digest: _Optional[str] = ..., elapsed_s: _Optional[float] = ...) -> None: ...

class DestinationVerdict(_message.Message):
    __slots__ = ("destination", "better", "reason")
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    BETTER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    destination: str
    better: bool
    reason: str
    def __init__(self, destination: _Optional[str] = ..., better: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("session", "first_message_id")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    FIRST_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    session: str
    first_message_id: int
    def __init__(self, session: _Optional[str] = ..., first_message_id: _Optional[int] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("phase", "lessons", "round", "rounds", "step", "steps", "loss", "validation_before", "validation", "unit", "resumed_at_step", "digest", "elapsed_s", "adopted", "reason", "first_message_id")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    LESSONS_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_BEFORE_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    RESUMED_AT_STEP_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_S_FIELD_NUMBER: _ClassVar[int]
    ADOPTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIRST_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    phase: AdaptPhase
    lessons: int
    round: int
    rounds: int
    step: int
    steps: int
    loss: float
    validation_before: float
    validation: float
    unit: str
    resumed_at_step: int
    digest: str
    elapsed_s: float
    adopted: bool
    reason: str
    first_message_id: int
    def __init__(self, phase: _Optional[_Union[AdaptPhase, str]] = ..., lessons: _Optional[int] = ..., round: _Optional[int] = ..., rounds: _Optional[int] = ..., step: _Optional[int] = ..., steps: _Optional[int] = ..., loss: _Optional[float] = ..., validation_before: _Optional[float] = ..., validation: _Optional[float] = ..., unit: _Optional[str] = ..., resumed_at_step: _Optional[int] = ..., digest: _Optional[str] = ..., elapsed_s: _Optional[float] = ..., adopted: _Optional[bool] = ..., reason: _Optional[str] = ..., first_message_id: _Optional[int] = ...) -> None: ...

class ListStatesRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    def __init__(self, session: _Optional[str] = ...) -> None: ...

class ListStatesResponse(_message.Message):
    __slots__ = ("states",)
    STATES_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedCompositeFieldContainer[CodecState]
    def __init__(self, states: _Optional[_Iterable[_Union[CodecState, _Mapping]]] = ...) -> None: ...

class CodecState(_message.Message):
    __slots__ = ("id", "method", "digest", "created_s", "before", "after", "unit", "active")
    ID_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    CREATED_S_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    id: str
    method: str
    digest: str
    created_s: float
    before: float
    after: float
    unit: str
    active: bool
    def __init__(self, id: _Optional[str] = ..., method: _Optional[str] = ..., digest: _Optional[str] = ..., created_s: _Optional[float] = ..., before: _Optional[float] = ..., after: _Optional[float] = ..., unit: _Optional[str] = ..., active: _Optional[bool] = ...) -> None: ...

class RollBackRequest(_message.Message):
    __slots__ = ("session", "state_id")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    STATE_ID_FIELD_NUMBER: _ClassVar[int]
    session: str
    state_id: str
    def __init__(self, session: _Optional[str] = ..., state_id: _Optional[str] = ...) -> None: ...

class RollBackResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: CodecState
    def __init__(self, state: _Optional[_Union[CodecState, _Mapping]] = ...) -> None: ...
