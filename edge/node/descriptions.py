"""Codec descriptions and receipts between their Protobuf form and what the node works with."""

from __future__ import annotations

from edge.codecs.contract import CodecDescription
from edge.v1 import codec_pb2, packet_pb2

MAX_REASON = 2000  # characters; a reason is a sentence, not a log


def to_proto(description: CodecDescription) -> codec_pb2.CodecDescription:
    return codec_pb2.CodecDescription(
        name=description.name, options=dict(description.options), knowledge=description.knowledge
    )


def from_proto(description: codec_pb2.CodecDescription) -> CodecDescription:
    return CodecDescription(description.name, dict(description.options), description.knowledge)


def mismatch(session: str, here: str, own: CodecDescription, there: str, other: CodecDescription) -> str:
    """The sentence that refuses a session whose two ends hold different codecs."""
    return (
        f"session '{session}': {here} has {own} but {there} has {other}; give both ends the same codec, options and "
        "weights"
    )


def failed_receipt(
    session: str, message_id: int, destination: str, reason: str, transit: packet_pb2.Transit | None = None
) -> packet_pb2.Receipt:
    """A receipt for a message that gave no picture."""
    return packet_pb2.Receipt(
        session=session,
        message_id=message_id,
        destination=destination,
        status=packet_pb2.RECEIPT_STATUS_FAILED,
        reason=reason[:MAX_REASON],
        transit=transit,
    )
