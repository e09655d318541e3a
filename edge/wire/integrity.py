"""Checksums: CRC-32 over a run's header, and over each packet's payload where bytes must arrive intact."""

from __future__ import annotations

import struct
import zlib

from edge.v1 import packet_pb2

HEADER = struct.Struct("<QIIQII")


class WireError(ValueError):
    """Something on the wire that cannot be what a correct peer sends; the message says what."""


def header_crc(run: packet_pb2.PacketRun) -> int:
    """CRC-32 of the UTF-8 session name, then message_id, segment, level, offset, count, packet_elements (HEADER)."""
    fields = HEADER.pack(run.message_id, run.segment, run.level, run.offset, run.count, run.packet_elements)
    return zlib.crc32(fields, zlib.crc32(run.session.encode()))


def check_header(run: packet_pb2.PacketRun) -> None:
    """Raises WireError when the header is not the one that its sender wrote."""
    if header_crc(run) != run.header_crc:
        raise WireError(
            f"packet of session '{run.session}' message {run.message_id} segment {run.segment} offset {run.offset}: "
            "header CRC does not match; the packet is refused"
        )


def payload_crcs(payload: bytes, packet_bytes: int) -> list[int]:
    """CRC-32 of each packet_bytes of the payload."""
    view = memoryview(payload)
    return [zlib.crc32(view[i : i + packet_bytes]) for i in range(0, len(view), packet_bytes)]
