"""One node's stream, as the emulator sees it: what waits to be written, and how much of it is payload."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from edge.v1 import packet_pb2
from emulator.network import Part
from emulator.v1 import data_plane_pb2

BATCH_BYTES = 256 * 1024  # measured best size of a message (docs/performance.md)
HIGH_WATER_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Control:
    """A frame that is there already: a message's head or end."""

    frame: packet_pb2.Frame
    size_bytes: int = 0

    def write(self, frame: packet_pb2.Frame) -> None:
        frame.CopyFrom(self.frame)


Outgoing = Control | Part


class Attachment:
    """Outgoing queue of one node. Frames are coalesced into batches; order is kept."""

    def __init__(self, node: str, instance: str) -> None:
        self.node = node
        self.instance = instance
        self._waiting: deque[data_plane_pb2.AttachResponse | Outgoing] = deque()
        self._changed = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self.payload_bytes = 0
        self.closed = False

    def send(self, response: data_plane_pb2.AttachResponse) -> None:
        """Queues a control message."""
        self._waiting.append(response)
        self._changed.set()

    def send_frame(self, outgoing: Outgoing) -> None:
        """Queues a part of a message."""
        self._waiting.append(outgoing)
        self.payload_bytes += outgoing.size_bytes
        if self.payload_bytes > HIGH_WATER_BYTES:
            self._drained.clear()
        self._changed.set()

    def close(self) -> None:
        """Nothing more will be written: the stream is gone, or the daemon stops after what is queued."""
        self.closed = True
        self._changed.set()
        self._drained.set()

    @property
    def idle(self) -> bool:
        return not self._waiting

    @property
    def congested(self) -> bool:
        """The node reads more slowly than its links deliver."""
        return not self._drained.is_set()

    async def wait_drained(self) -> None:
        """Returns when the node has caught up, or is gone."""
        await self._drained.wait()

    async def next(self) -> data_plane_pb2.AttachResponse | None:
        """The next response to write; None when closed and everything is written."""
        while not self._waiting:
            if self.closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        if isinstance(self._waiting[0], data_plane_pb2.AttachResponse):
            response = self._waiting.popleft()
            assert isinstance(response, data_plane_pb2.AttachResponse)
            return response
        return self._batch()

    def _batch(self) -> data_plane_pb2.AttachResponse:
        """The frames at the head of the queue, as many as make a good batch."""
        response = data_plane_pb2.AttachResponse()
        size = 0
        while self._waiting and size < BATCH_BYTES and isinstance(self._waiting[0], Outgoing):
            outgoing = self._waiting.popleft()
            assert isinstance(outgoing, Outgoing)
            outgoing.write(response.batch.frames.add())
            size += outgoing.size_bytes
        self.payload_bytes -= size
        if self.payload_bytes <= HIGH_WATER_BYTES:
            self._drained.set()
        return response
