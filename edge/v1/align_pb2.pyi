from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AlignPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALIGN_PHASE_UNSPECIFIED: _ClassVar[AlignPhase]
    ALIGN_PHASE_ASKED: _ClassVar[AlignPhase]
    ALIGN_PHASE_DOWNLOADING: _ClassVar[AlignPhase]
    ALIGN_PHASE_TUNING: _ClassVar[AlignPhase]
    ALIGN_PHASE_UPLOADING: _ClassVar[AlignPhase]
    ALIGN_PHASE_SWITCHING: _ClassVar[AlignPhase]

class TransferDirection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSFER_DIRECTION_UNSPECIFIED: _ClassVar[TransferDirection]
    TRANSFER_DIRECTION_DOWN: _ClassVar[TransferDirection]
    TRANSFER_DIRECTION_UP: _ClassVar[TransferDirection]
ALIGN_PHASE_UNSPECIFIED: AlignPhase
ALIGN_PHASE_ASKED: AlignPhase
ALIGN_PHASE_DOWNLOADING: AlignPhase
ALIGN_PHASE_TUNING: AlignPhase
ALIGN_PHASE_UPLOADING: AlignPhase
ALIGN_PHASE_SWITCHING: AlignPhase
TRANSFER_DIRECTION_UNSPECIFIED: TransferDirection
TRANSFER_DIRECTION_DOWN: TransferDirection
TRANSFER_DIRECTION_UP: TransferDirection

class AlignSettings(_message.Message):
    __slots__ = ("freeze", "steps", "batch", "learning_rate", "commitment", "checkpoint_steps", "seed", "pilots", "classifier", "shared")
    FREEZE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_STEPS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    PILOTS_FIELD_NUMBER: _ClassVar[int]
    CLASSIFIER_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    freeze: int
    steps: int
    batch: int
    learning_rate: float
    commitment: float
    checkpoint_steps: int
    seed: int
    pilots: int
    classifier: bool
    shared: bool
    def __init__(self, freeze: _Optional[int] = ..., steps: _Optional[int] = ..., batch: _Optional[int] = ..., learning_rate: _Optional[float] = ..., commitment: _Optional[float] = ..., checkpoint_steps: _Optional[int] = ..., seed: _Optional[int] = ..., pilots: _Optional[int] = ..., classifier: _Optional[bool] = ..., shared: _Optional[bool] = ...) -> None: ...

class OwnData(_message.Message):
    __slots__ = ("source", "limit")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    source: str
    limit: int
    def __init__(self, source: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ComputeModel(_message.Message):
    __slots__ = ("flops_per_s", "measured")
    FLOPS_PER_S_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    flops_per_s: float
    measured: bool
    def __init__(self, flops_per_s: _Optional[float] = ..., measured: _Optional[bool] = ...) -> None: ...

class AlignRequest(_message.Message):
    __slots__ = ("session", "settings", "data", "first_message_id", "first_offered_ns", "compute")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    FIRST_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_OFFERED_NS_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_FIELD_NUMBER: _ClassVar[int]
    session: str
    settings: AlignSettings
    data: OwnData
    first_message_id: int
    first_offered_ns: int
    compute: ComputeModel
    def __init__(self, session: _Optional[str] = ..., settings: _Optional[_Union[AlignSettings, _Mapping]] = ..., data: _Optional[_Union[OwnData, _Mapping]] = ..., first_message_id: _Optional[int] = ..., first_offered_ns: _Optional[int] = ..., compute: _Optional[_Union[ComputeModel, _Mapping]] = ...) -> None: ...

class AlignResponse(_message.Message):
    __slots__ = ("progress", "crossover", "transfer", "tuning", "verdict")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    CROSSOVER_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    TUNING_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    progress: AlignProgress
    crossover: CrossoverEstimate
    transfer: ParameterTransfer
    tuning: FineTuning
    verdict: AlignVerdict
    def __init__(self, progress: _Optional[_Union[AlignProgress, _Mapping]] = ..., crossover: _Optional[_Union[CrossoverEstimate, _Mapping]] = ..., transfer: _Optional[_Union[ParameterTransfer, _Mapping]] = ..., tuning: _Optional[_Union[FineTuning, _Mapping]] = ..., verdict: _Optional[_Union[AlignVerdict, _Mapping]] = ...) -> None: ...

class AlignProgress(_message.Message):
    __slots__ = ("phase", "step", "steps", "loss", "bytes", "size_bytes", "reason")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    phase: AlignPhase
    step: int
    steps: int
    loss: float
    bytes: int
    size_bytes: int
    reason: str
    def __init__(self, phase: _Optional[_Union[AlignPhase, str]] = ..., step: _Optional[int] = ..., steps: _Optional[int] = ..., loss: _Optional[float] = ..., bytes: _Optional[int] = ..., size_bytes: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class CrossoverEstimate(_message.Message):
    __slots__ = ("pilots", "errors", "crossover", "low", "high", "confidence")
    PILOTS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    CROSSOVER_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    pilots: int
    errors: int
    crossover: float
    low: float
    high: float
    confidence: float
    def __init__(self, pilots: _Optional[int] = ..., errors: _Optional[int] = ..., crossover: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., confidence: _Optional[float] = ...) -> None: ...

class ParameterTransfer(_message.Message):
    __slots__ = ("direction", "names", "tensor_bytes", "file_bytes", "size_bits", "sent_ns", "received_ns", "resumed_at_bytes", "digest", "wall_s")
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    TENSOR_BYTES_FIELD_NUMBER: _ClassVar[int]
    FILE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BITS_FIELD_NUMBER: _ClassVar[int]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_NS_FIELD_NUMBER: _ClassVar[int]
    RESUMED_AT_BYTES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    WALL_S_FIELD_NUMBER: _ClassVar[int]
    direction: TransferDirection
    names: _containers.RepeatedScalarFieldContainer[str]
    tensor_bytes: int
    file_bytes: int
    size_bits: int
    sent_ns: int
    received_ns: int
    resumed_at_bytes: _containers.RepeatedScalarFieldContainer[int]
    digest: str
    wall_s: float
    def __init__(self, direction: _Optional[_Union[TransferDirection, str]] = ..., names: _Optional[_Iterable[str]] = ..., tensor_bytes: _Optional[int] = ..., file_bytes: _Optional[int] = ..., size_bits: _Optional[int] = ..., sent_ns: _Optional[int] = ..., received_ns: _Optional[int] = ..., resumed_at_bytes: _Optional[_Iterable[int]] = ..., digest: _Optional[str] = ..., wall_s: _Optional[float] = ...) -> None: ...

class FineTuning(_message.Message):
    __slots__ = ("steps", "flops", "wall_s", "flops_per_s", "mse_before", "mse_after", "pictures", "model_s", "resumed_at_step")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    FLOPS_FIELD_NUMBER: _ClassVar[int]
    WALL_S_FIELD_NUMBER: _ClassVar[int]
    FLOPS_PER_S_FIELD_NUMBER: _ClassVar[int]
    MSE_BEFORE_FIELD_NUMBER: _ClassVar[int]
    MSE_AFTER_FIELD_NUMBER: _ClassVar[int]
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    MODEL_S_FIELD_NUMBER: _ClassVar[int]
    RESUMED_AT_STEP_FIELD_NUMBER: _ClassVar[int]
    steps: int
    flops: float
    wall_s: float
    flops_per_s: float
    mse_before: float
    mse_after: float
    pictures: int
    model_s: float
    resumed_at_step: int
    def __init__(self, steps: _Optional[int] = ..., flops: _Optional[float] = ..., wall_s: _Optional[float] = ..., flops_per_s: _Optional[float] = ..., mse_before: _Optional[float] = ..., mse_after: _Optional[float] = ..., pictures: _Optional[int] = ..., model_s: _Optional[float] = ..., resumed_at_step: _Optional[int] = ...) -> None: ...

class AlignVerdict(_message.Message):
    __slots__ = ("adopted", "reason", "digest_before", "digest_after", "recovery_model_s", "elapsed_s")
    ADOPTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DIGEST_BEFORE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_AFTER_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_MODEL_S_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_S_FIELD_NUMBER: _ClassVar[int]
    adopted: bool
    reason: str
    digest_before: str
    digest_after: str
    recovery_model_s: float
    elapsed_s: float
    def __init__(self, adopted: _Optional[bool] = ..., reason: _Optional[str] = ..., digest_before: _Optional[str] = ..., digest_after: _Optional[str] = ..., recovery_model_s: _Optional[float] = ..., elapsed_s: _Optional[float] = ...) -> None: ...
