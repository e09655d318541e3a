"""The sub-blocks of a tx node's latest pictures, for receivers that ask for more of one of them later.

Bounded in bytes: the oldest pictures give way. In memory only: a sender that dies takes its transmission with it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from edge.segment import Segment

KEEP_BYTES = 16 * 1024 * 1024
MAX_PICTURES = 100_000


class NotKeptError(ValueError):
    """A sub-block that is not, or no longer, here; the message says what is."""


class Shelf:
    """Segments by session and message."""

    def __init__(self, keep_bytes: int = KEEP_BYTES) -> None:
        self._keep_bytes = keep_bytes
        self._kept: OrderedDict[tuple[str, int], Sequence[Segment]] = OrderedDict()
        self._bytes = 0

    def put(self, session: str, message_id: int, segments: Sequence[Segment]) -> None:
        """Keeps what was made of a picture, in place of what was kept under its number before."""
        self._drop((session, message_id))
        self._kept[session, message_id] = segments
        self._bytes += _size(segments)
        while self._kept and (self._bytes > self._keep_bytes or len(self._kept) > MAX_PICTURES):
            self._drop(next(iter(self._kept)))

    def get(self, session: str, message_id: int, level: int) -> Segment:
        """The sub-block of a level. Raises NotKeptError."""
        segments = self._kept.get((session, message_id))
        found = [segment for segment in segments or () if segment.level == level]
        if not found:
            raise NotKeptError(
                f"session '{session}' message {message_id}: its sub-block of level {level} is not kept here; "
                f"{self._what_is(session, message_id)}"
            )
        return found[0]

    def _what_is(self, session: str, message_id: int) -> str:
        """What may be asked for instead."""
        if (session, message_id) in self._kept:
            levels = sorted(segment.level for segment in self._kept[session, message_id])
            return f"ask for one of the levels {', '.join(map(str, levels))}"
        numbers = [number for name, number in self._kept if name == session]
        if not numbers:
            return "no message of the session is kept; ask sooner, or start the node with a larger --keep"
        return (
            f"kept are {len(numbers)} messages from {min(numbers)} to {max(numbers)}; ask sooner, or start the node "
            "with a larger --keep"
        )

    def _drop(self, key: tuple[str, int]) -> None:
        self._bytes -= _size(self._kept.pop(key, ()))


def _size(segments: Sequence[Segment]) -> int:
    return sum(segment.values.nbytes for segment in segments)
