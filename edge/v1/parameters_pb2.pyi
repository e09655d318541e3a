from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListParametersRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    def __init__(self, session: _Optional[str] = ...) -> None: ...

class ListParametersResponse(_message.Message):
    __slots__ = ("tensors", "digest", "size_bytes")
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    tensors: _containers.RepeatedCompositeFieldContainer[TensorHead]
    digest: str
    size_bytes: int
    def __init__(self, tensors: _Optional[_Iterable[_Union[TensorHead, _Mapping]]] = ..., digest: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class TensorHead(_message.Message):
    __slots__ = ("name", "dtype", "shape")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    dtype: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., dtype: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ...) -> None: ...

class DownloadParametersRequest(_message.Message):
    __slots__ = ("session", "names", "offset_bytes", "digest")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    OFFSET_BYTES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    session: str
    names: _containers.RepeatedScalarFieldContainer[str]
    offset_bytes: int
    digest: str
    def __init__(self, session: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., offset_bytes: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class DownloadParametersResponse(_message.Message):
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

class UploadParametersRequest(_message.Message):
    __slots__ = ("head", "chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    head: UploadHead
    chunk: bytes
    def __init__(self, head: _Optional[_Union[UploadHead, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class UploadHead(_message.Message):
    __slots__ = ("session", "size_bytes", "digest", "target")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    session: str
    size_bytes: int
    digest: str
    target: DecodeTarget
    def __init__(self, session: _Optional[str] = ..., size_bytes: _Optional[int] = ..., digest: _Optional[str] = ..., target: _Optional[_Union[DecodeTarget, _Mapping]] = ...) -> None: ...

class DecodeTarget(_message.Message):
    __slots__ = ("latency_s", "height", "width")
    LATENCY_S_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    latency_s: float
    height: int
    width: int
    def __init__(self, latency_s: _Optional[float] = ..., height: _Optional[int] = ..., width: _Optional[int] = ...) -> None: ...

class UploadParametersResponse(_message.Message):
    __slots__ = ("names", "digest")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    digest: str
    def __init__(self, names: _Optional[_Iterable[str]] = ..., digest: _Optional[str] = ...) -> None: ...
