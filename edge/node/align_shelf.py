"""What each end keeps of an alignment, so that it can go on after a kill: in a folder, or in memory.

    tx    ASKED -> TUNED -> COMMITTING -> ENDED    the downloaded decoder, the training's checkpoint, its result
    rx    AGREED -> ENDED                          what has come of the upload

Files are written whole or not at all; nothing unpickles.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.codecs.tensors import TensorError
from edge.node.align_messages import FIRST_PIECE
from edge.node.parameters import TensorFile, read_tensors
from edge.node.piece_shelf import PieceShelf, write_whole
from edge.node.transfer import Crossed

RECORD = "alignment.json"
CHECKPOINT = "checkpoint"
ENCODER = "encoder.safetensors"
CHANGED = "changed.safetensors"
UPLOADED = "uploaded"

Tensors = dict[str, NDArray[Any]]


class Phase(Enum):
    ASKED = "asked"  # the decoder comes
    TUNED = "tuned"  # the result is here, the upload goes on
    COMMITTING = "committing"  # the receiver may have put it in force: it must be asked before pictures are sent
    ENDED = "ended"


@dataclass(frozen=True)
class TxRecord:
    """number: of the alignment. settings: JSON. before, after: digests of the receiver's decoder. state: under which id
    the new encoder is kept. crossover, downloaded, tuned, uploaded: events, as align_events keeps them, for telling
    again what happened. download_cuts, upload_cuts: where transfers went on, in bytes. upload_ns: model time at which
    the upload is offered. began_s, upload_began_s, ended_s: since 1970."""

    number: int
    settings: str
    began_s: float
    first_offered_ns: int
    phase: Phase = Phase.ASKED
    crossover: str = ""
    downloaded: str = ""
    tuned: str = ""
    uploaded: str = ""
    tuning_wall_s: float = 0.0
    upload_ns: int = 0
    upload_began_s: float = 0.0
    ended_s: float = 0.0
    before: str = ""
    after: str = ""
    state: str = ""
    download_cuts: tuple[int, ...] = ()
    upload_cuts: tuple[int, ...] = ()


class TxShelf:
    """One alignment at its tx. Slow where there is a folder: not for the event loop."""

    def __init__(self, folder: Path | None, record: TxRecord) -> None:
        self.record = record
        self.download = PieceShelf(None if folder is None else folder / "download")
        self.uploaded: dict[int, Crossed] = {}  # messages of the upload that have receipts, by number
        self._folder = folder
        self._encoder: Tensors = {}
        self._changed: Tensors = {}

    @classmethod
    def begin(cls, folder: Path | None, record: TxRecord) -> TxShelf:
        """An empty shelf; what the folder held before is removed. Raises OSError."""
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        shelf = cls(folder, record)
        shelf.note()
        return shelf

    @classmethod
    def found(cls, folder: Path | None) -> TxShelf | None:
        """The shelf that a folder holds; None when it holds none that can be used."""
        body = _read_record(folder)
        if folder is None or body is None:
            return None
        try:
            cuts = {name: tuple(body[name]) for name in ("download_cuts", "upload_cuts")}
            shelf = cls(folder, TxRecord(**{**body, "phase": Phase(body["phase"]), **cuts}))
            if (folder / UPLOADED).exists():
                for line in (folder / UPLOADED).read_text().splitlines():
                    number, *met = map(int, line.split())
                    shelf.uploaded[number] = Crossed(*met)
        except (OSError, KeyError, TypeError, ValueError):
            return None
        return shelf

    @property
    def checkpoint(self) -> Path | None:
        """Where the training's checkpoint goes; None without a folder."""
        return None if self._folder is None else self._folder / CHECKPOINT

    def note(self, **changes: Any) -> None:
        """Changes fields of the record. Raises OSError."""
        self.record = replace(self.record, **changes)
        if self._folder is not None:
            body = {**asdict(self.record), "phase": self.record.phase.value}
            write_whole(self._folder / RECORD, json.dumps(body).encode())

    def keep_result(self, encoder: Mapping[str, NDArray[Any]], changed: Mapping[str, NDArray[Any]]) -> None:
        """Keeps what fine-tuning made. Raises OSError."""
        self._encoder, self._changed = dict(encoder), dict(changed)
        if self._folder is not None:
            write_whole(self._folder / ENCODER, TensorFile.of(encoder).data)
            write_whole(self._folder / CHANGED, TensorFile.of(changed).data)

    def encoder(self) -> Tensors:
        """The tx's half as it was tuned. Raises TensorError and OSError."""
        return self._encoder or self._read(ENCODER)

    def changed(self) -> Tensors:
        """Tensors of the receiver's decoder that were changed. Raises TensorError and OSError."""
        return self._changed or self._read(CHANGED)

    def decoder(self) -> Tensors:
        """The decoder as it was downloaded. Raises TensorError, AdaptError and OSError."""
        return read_tensors(self.download.file())

    def was_uploaded(self, number: int, met: Crossed) -> None:
        """Notes a message of the upload that has its receipt. Raises OSError."""
        self.uploaded[number] = met
        if self._folder is not None:
            with (self._folder / UPLOADED).open("a") as log:
                log.write(f"{number} {met.sent_ns} {met.received_ns} {met.size_bits}\n")

    @property
    def uploaded_pieces(self) -> set[int]:
        return {number - FIRST_PIECE for number in self.uploaded if number >= FIRST_PIECE}

    def forget_upload(self) -> None:
        """All of it is to be sent again. Raises OSError."""
        self.uploaded.clear()
        if self._folder is not None:
            (self._folder / UPLOADED).unlink(missing_ok=True)

    def end(self, state: str) -> None:
        """It is in force. Keeps the record, and forgets the files. Raises OSError."""
        self.note(phase=Phase.ENDED, state=state, ended_s=time.time())
        self._drop_files()

    def remove(self) -> None:
        """Forgets everything. Raises OSError."""
        self._drop_files()
        if self._folder is not None:
            (self._folder / RECORD).unlink(missing_ok=True)

    def _drop_files(self) -> None:
        self._encoder, self._changed = {}, {}
        self.download.clear()
        if self._folder is not None:
            for path in [self._folder / ENCODER, self._folder / CHANGED, *self._folder.glob(f"{CHECKPOINT}*")]:
                path.unlink(missing_ok=True)

    def _read(self, name: str) -> Tensors:
        if self._folder is None:
            return {}
        try:
            return read_tensors((self._folder / name).read_bytes())
        except TensorError as error:
            raise TensorError(f"{name}: {error}") from error


@dataclass(frozen=True)
class RxRecord:
    """number: of the alignment. settings: JSON. freeze: layers that stay. offered_ns: model time at which what the
    receiver sends is offered. ended: why, when it is over."""

    number: int
    settings: str
    offered_ns: int
    over: bool = False
    ended: str = ""


@dataclass(eq=False)
class RxShelf:
    """One alignment at its receiver. Slow where there is a folder: not for the event loop."""

    folder: Path | None
    record: RxRecord
    upload: PieceShelf = field(init=False)

    def __post_init__(self) -> None:
        self.upload = PieceShelf(None if self.folder is None else self.folder / "upload")

    @classmethod
    def begin(cls, folder: Path | None, record: RxRecord) -> RxShelf:
        """An empty shelf; what the folder held before is removed. Raises OSError."""
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        shelf = cls(folder, record)
        shelf.note()
        return shelf

    @classmethod
    def found(cls, folder: Path | None) -> RxShelf | None:
        """The shelf that a folder holds; None when it holds none that can be used."""
        body = _read_record(folder)
        if body is None:
            return None
        try:
            return cls(folder, RxRecord(**body))
        except TypeError:
            return None

    def note(self, **changes: Any) -> None:
        """Changes fields of the record. Raises OSError."""
        self.record = replace(self.record, **changes)
        if self.folder is not None:
            write_whole(self.folder / RECORD, json.dumps(asdict(self.record)).encode())

    def end(self, reason: str) -> None:
        """It is over: reason says why, empty when it was put in force. Raises OSError."""
        self.note(over=True, ended=reason)
        self.upload.clear()


def _read_record(folder: Path | None) -> dict[str, Any] | None:
    if folder is None or not (folder / RECORD).exists():
        return None
    try:
        body = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    return body if isinstance(body, dict) else None


def finite(tensors: Mapping[str, NDArray[Any]]) -> None:
    """Raises TensorError when a tensor holds what is not a finite number."""
    for name, tensor in tensors.items():
        if tensor.dtype.kind not in "fiu" or not np.isfinite(tensor).all():
            raise TensorError(f"tensors.{name}: holds values that are not finite numbers; send finite ones")
