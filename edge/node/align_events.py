"""What an alignment tells its caller, put together; and kept as text, for telling it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from edge.codecs.tensors import Tensors
from edge.node.transfer import Crossed
from edge.v1 import align_pb2

Message = TypeVar("Message", align_pb2.CrossoverEstimate, align_pb2.ParameterTransfer, align_pb2.FineTuning)


def kept(event: align_pb2.CrossoverEstimate | align_pb2.ParameterTransfer | align_pb2.FineTuning) -> str:
    """An event as text."""
    text: str = event.SerializeToString().hex()
    return text


def told(kind: type[Message], text: str) -> Message:
    """An event that was kept."""
    event = kind()
    event.ParseFromString(bytes.fromhex(text))
    return event


def progress(phase: align_pb2.AlignPhase, **fields: Any) -> align_pb2.AlignProgress:
    """A step forward; fields: as in AlignProgress."""
    return align_pb2.AlignProgress(phase=phase, **fields)


def transfer(
    direction: align_pb2.TransferDirection, names: Sequence[str], tensors: Tensors, file_bytes: int, digest: str
) -> align_pb2.ParameterTransfer:
    """What is transferred. names: in the order of the file."""
    return align_pb2.ParameterTransfer(
        direction=direction,
        names=names,
        tensor_bytes=sum(tensor.nbytes for tensor in tensors.values()),
        file_bytes=file_bytes,
        digest=digest,
    )


def transferred(
    what: align_pb2.ParameterTransfer, met: Crossed, cuts: Sequence[int], wall_s: float
) -> align_pb2.ParameterTransfer:
    """The same, with how it went. cuts: where it went on, in bytes."""
    event = align_pb2.ParameterTransfer(
        size_bits=met.size_bits,
        sent_ns=met.sent_ns,
        received_ns=met.received_ns,
        resumed_at_bytes=cuts,
        wall_s=wall_s,
    )
    event.MergeFrom(what)
    return event
