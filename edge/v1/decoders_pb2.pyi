from edge.v1 import node_pb2 as _node_pb2
from edge.v1 import parameters_pb2 as _parameters_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChooseDecodersRequest(_message.Message):
    __slots__ = ("session", "target", "receivers")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    RECEIVERS_FIELD_NUMBER: _ClassVar[int]
    session: str
    target: _parameters_pb2.DecodeTarget
    receivers: _containers.RepeatedCompositeFieldContainer[ReceiverCapacity]
    def __init__(self, session: _Optional[str] = ..., target: _Optional[_Union[_parameters_pb2.DecodeTarget, _Mapping]] = ..., receivers: _Optional[_Iterable[_Union[ReceiverCapacity, _Mapping]]] = ...) -> None: ...

class ReceiverCapacity(_message.Message):
    __slots__ = ("receiver", "capacity")
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    receiver: str
    capacity: _node_pb2.Capacity
    def __init__(self, receiver: _Optional[str] = ..., capacity: _Optional[_Union[_node_pb2.Capacity, _Mapping]] = ...) -> None: ...

class ChooseDecodersResponse(_message.Message):
    __slots__ = ("choices",)
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    choices: _containers.RepeatedCompositeFieldContainer[DecoderChoice]
    def __init__(self, choices: _Optional[_Iterable[_Union[DecoderChoice, _Mapping]]] = ...) -> None: ...

class DecoderChoice(_message.Message):
    __slots__ = ("receiver", "decoder", "offers")
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    DECODER_FIELD_NUMBER: _ClassVar[int]
    OFFERS_FIELD_NUMBER: _ClassVar[int]
    receiver: str
    decoder: str
    offers: _containers.RepeatedCompositeFieldContainer[DecoderOffer]
    def __init__(self, receiver: _Optional[str] = ..., decoder: _Optional[str] = ..., offers: _Optional[_Iterable[_Union[DecoderOffer, _Mapping]]] = ...) -> None: ...

class DecoderOffer(_message.Message):
    __slots__ = ("decoder", "memory_bytes", "flops", "latency_s", "fits")
    DECODER_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    FLOPS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_S_FIELD_NUMBER: _ClassVar[int]
    FITS_FIELD_NUMBER: _ClassVar[int]
    decoder: str
    memory_bytes: int
    flops: int
    latency_s: float
    fits: bool
    def __init__(self, decoder: _Optional[str] = ..., memory_bytes: _Optional[int] = ..., flops: _Optional[int] = ..., latency_s: _Optional[float] = ..., fits: _Optional[bool] = ...) -> None: ...

class DownloadDecoderRequest(_message.Message):
    __slots__ = ("session", "receiver", "decoder")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    DECODER_FIELD_NUMBER: _ClassVar[int]
    session: str
    receiver: str
    decoder: str
    def __init__(self, session: _Optional[str] = ..., receiver: _Optional[str] = ..., decoder: _Optional[str] = ...) -> None: ...

class DownloadDecoderResponse(_message.Message):
    __slots__ = ("chunk", "offset_bytes", "size_bytes", "digest")
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    OFFSET_BYTES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    offset_bytes: int
    size_bytes: int
    digest: str
    def __init__(self, chunk: _Optional[bytes] = ..., offset_bytes: _Optional[int] = ..., size_bytes: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class DistillRequest(_message.Message):
    __slots__ = ("session", "receiver", "decoder", "teacher", "snr_db", "images", "steps", "batch", "crop", "learning_rate", "alpha", "transfer", "validation", "judge_steps", "seed")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    DECODER_FIELD_NUMBER: _ClassVar[int]
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    JUDGE_STEPS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    session: str
    receiver: str
    decoder: str
    teacher: str
    snr_db: float
    images: _containers.RepeatedCompositeFieldContainer[_node_pb2.ImagePayload]
    steps: int
    batch: int
    crop: int
    learning_rate: float
    alpha: float
    transfer: bool
    validation: float
    judge_steps: int
    seed: int
    def __init__(self, session: _Optional[str] = ..., receiver: _Optional[str] = ..., decoder: _Optional[str] = ..., teacher: _Optional[str] = ..., snr_db: _Optional[float] = ..., images: _Optional[_Iterable[_Union[_node_pb2.ImagePayload, _Mapping]]] = ..., steps: _Optional[int] = ..., batch: _Optional[int] = ..., crop: _Optional[int] = ..., learning_rate: _Optional[float] = ..., alpha: _Optional[float] = ..., transfer: _Optional[bool] = ..., validation: _Optional[float] = ..., judge_steps: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class DistillResponse(_message.Message):
    __slots__ = ("progress", "verdict")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    progress: DistillProgress
    verdict: DistillVerdict
    def __init__(self, progress: _Optional[_Union[DistillProgress, _Mapping]] = ..., verdict: _Optional[_Union[DistillVerdict, _Mapping]] = ...) -> None: ...

class DistillProgress(_message.Message):
    __slots__ = ("step", "steps", "loss", "validation_db")
    STEP_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_DB_FIELD_NUMBER: _ClassVar[int]
    step: int
    steps: int
    loss: float
    validation_db: float
    def __init__(self, step: _Optional[int] = ..., steps: _Optional[int] = ..., loss: _Optional[float] = ..., validation_db: _Optional[float] = ...) -> None: ...

class DistillVerdict(_message.Message):
    __slots__ = ("better", "reason", "before_db", "after_db", "teacher_db", "teacher", "elapsed_s")
    BETTER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BEFORE_DB_FIELD_NUMBER: _ClassVar[int]
    AFTER_DB_FIELD_NUMBER: _ClassVar[int]
    TEACHER_DB_FIELD_NUMBER: _ClassVar[int]
    TEACHER_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_S_FIELD_NUMBER: _ClassVar[int]
    better: bool
    reason: str
    before_db: float
    after_db: float
    teacher_db: float
    teacher: str
    elapsed_s: float
    def __init__(self, better: _Optional[bool] = ..., reason: _Optional[str] = ..., before_db: _Optional[float] = ..., after_db: _Optional[float] = ..., teacher_db: _Optional[float] = ..., teacher: _Optional[str] = ..., elapsed_s: _Optional[float] = ...) -> None: ...
