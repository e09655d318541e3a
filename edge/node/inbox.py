"""What a receiver has delivered: a picture (and its class) and a receipt a message, so that none is delivered twice.

In memory, or in a folder: then a delivery is on the disk before its receipt leaves, and a receiver that is killed
(SIGKILL) and started again still knows everything it has answered for. Files are written whole or not at all, but not
synced: they survive the process, not a power failure. The oldest deliveries give way when there are too many.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from edge.v1 import node_pb2, packet_pb2

log = logging.getLogger(__name__)

MAX_DELIVERIES = 100_000
MAX_MEMORY_BYTES = 256 * 1024 * 1024
MAX_FOLDER_BYTES = 4 * 1024 * 1024 * 1024
SUFFIX = ".delivery"

Key = tuple[str, int]
Delivery = node_pb2.CollectResponse


class InboxError(ValueError):
    """A folder that cannot be used; the message names it and the fix."""


def key_of(delivery: Delivery) -> Key:
    return delivery.session, delivery.message_id


class Inbox:
    """Deliveries by session and message number.

    `write` may run in any thread; everything else belongs to the event loop.
    """

    def __init__(
        self, folder: Path | None = None, max_deliveries: int = MAX_DELIVERIES, max_bytes: int | None = None
    ) -> None:
        """folder: where deliveries are kept and, when it holds some, read from. Raises InboxError."""
        self._folder = folder
        self._max_deliveries = max_deliveries
        self._max_bytes = max_bytes or (MAX_MEMORY_BYTES if folder is None else MAX_FOLDER_BYTES)
        self._receipts: dict[Key, packet_pb2.Receipt] = {}
        self._sizes: dict[Key, int] = {}
        self._briefs: dict[Key, Delivery] = {}  # without receipts, pictures and what arrived
        self._whole: dict[Key, Delivery] = {}  # only without a folder
        self.messages_decoded = 0  # by this process; counted by the receiver
        self._bytes = 0
        self._lock: int | None = None
        if folder is not None:
            self._open(folder)

    def __len__(self) -> int:
        return len(self._receipts)

    def receipt(self, key: Key) -> packet_pb2.Receipt | None:
        """The receipt given for a message; None when it was not delivered."""
        return self._receipts.get(key)

    def write(self, delivery: Delivery) -> None:
        """Puts a delivery on the disk, whole or not at all; does nothing without a folder. Raises OSError."""
        if self._folder is None:
            return
        body = delivery.SerializeToString()
        path = self._path(key_of(delivery))
        part = path.with_suffix(".part")
        part.write_bytes(hashlib.sha256(body).digest() + body)
        part.replace(path)

    def record(self, delivery: Delivery) -> None:
        """Remembers a delivery (written before, when there is a folder). The first one for a message counts."""
        key = key_of(delivery)
        if key in self._receipts:
            return
        receipt = self._receipts[key] = packet_pb2.Receipt()
        receipt.CopyFrom(delivery.receipt)  # a reference would keep the whole delivery, picture and all
        self._hold(delivery)
        while len(self._receipts) > self._max_deliveries or (self._bytes > self._max_bytes and len(self._receipts) > 1):
            self._forget(next(iter(self._receipts)))

    def replace(self, delivery: Delivery) -> None:
        """Remembers a delivery anew, after its picture was refined (written before, when there is a folder); its
        receipt stays."""
        key = key_of(delivery)
        if key in self._receipts:
            self._bytes -= self._sizes.pop(key)
            self._hold(delivery)

    def _hold(self, delivery: Delivery) -> None:
        key = key_of(delivery)
        self._briefs[key] = _brief(delivery)
        self._sizes[key] = len(delivery.png) + len(delivery.first.png) + sum(len(s.payload) for s in delivery.kept)
        self._bytes += self._sizes[key]
        if self._folder is None:
            self._whole[key] = delivery

    def whole(self, key: Key) -> Delivery | None:
        """A delivery with all that it took to make it; None when it was not delivered, or was forgotten. Raises OSError
        and InboxError."""
        if key not in self._receipts:
            return None
        return self._whole[key] if self._folder is None else _read(self._path(key))

    def keys(self, session: str = "") -> list[Key]:
        """The messages of a session, or of all, in order of session and number."""
        return sorted(key for key in self._receipts if session in ("", key[0]))

    def load(self, key: Key, with_picture: bool) -> Delivery | None:
        """A delivery; None when it has been forgotten meanwhile."""
        receipt = self._receipts.get(key)
        if receipt is None:
            return None
        delivery = Delivery(receipt=receipt)
        delivery.MergeFrom(self._briefs[key])
        whole = self.whole(key) if with_picture else None
        if whole is not None:
            delivery.png = whole.png
            if whole.HasField("first"):
                delivery.first.png = whole.first.png
        return delivery

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _path(self, key: Key) -> Path:
        assert self._folder is not None
        name = hashlib.sha256(key[0].encode()).hexdigest()[:16]  # a session's name may not do as a file's
        return self._folder / f"{name}-{key[1]:020d}{SUFFIX}"

    def _open(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise InboxError(f"--state {folder}: another edge-node uses it; give each node its own folder") from error
        except OSError as error:
            raise InboxError(f"--state {folder}: {error.strerror}; give a folder that can be written") from error
        for leftover in folder.glob("*.part"):
            leftover.unlink()
        for delivery in _deliveries(folder):
            self.record(delivery)

    def _forget(self, key: Key) -> None:
        del self._receipts[key]
        self._bytes -= self._sizes.pop(key)
        del self._briefs[key]
        self._whole.pop(key, None)
        if self._folder is not None:
            self._path(key).unlink(missing_ok=True)


def _brief(delivery: Delivery) -> Delivery:
    """What can be said of a delivery in few bytes."""
    brief = Delivery(
        session=delivery.session, message_id=delivery.message_id, decoder=delivery.decoder, epoch=delivery.epoch
    )
    for name in ("label", "confidence", "level"):
        if delivery.HasField(name):
            setattr(brief, name, getattr(delivery, name))
    if delivery.HasField("refinement"):
        brief.refinement.CopyFrom(delivery.refinement)
    if delivery.HasField("first"):
        brief.first.CopyFrom(delivery.first)
        brief.first.png = b""
    return brief


def _deliveries(folder: Path) -> Iterator[Delivery]:
    """What a folder holds, oldest first."""
    for path in sorted(folder.glob(f"*{SUFFIX}"), key=lambda p: (p.stat().st_mtime_ns, p.name)):
        try:
            yield _read(path)
        except (OSError, InboxError) as error:
            log.warning("%s: left out, its message will be asked for again (%s)", path, error)


def _read(path: Path) -> Delivery:
    """Raises InboxError when the file is not what was written."""
    data = path.read_bytes()
    digest, body = data[:32], data[32:]
    if hashlib.sha256(body).digest() != digest:
        raise InboxError(f"{path.name}: its digest does not match; remove the file")
    delivery = Delivery()
    delivery.ParseFromString(body)
    return delivery
