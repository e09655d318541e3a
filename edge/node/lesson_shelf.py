"""Where a receiver keeps the lessons of one adaptation until it is over: in a folder, or in memory.

In a folder they survive the process: they have receipts, so nobody will send them again. Files are written whole or not
at all. What is here is the receiver's own; nothing unpickles.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.adapt.lessons import Lesson
from edge.node.adapt_messages import LessonError, Opening, read_original
from edge.segment import Kind, Segment

MAX_BYTES = 256 * 1024 * 1024
OPENING = "opening.json"
ENDED = "ended.json"
CHECKPOINT = "checkpoint"
SUFFIX = ".lesson"


@dataclass(frozen=True)
class Ended:
    """How an adaptation ended. reason: why it was not adopted; empty when it was. digest: the codec's knowledge with
    the result. state: under which name the node keeps the result; empty when there is none."""

    reason: str
    digest: str
    state: str = ""


class LessonShelf:
    """One adaptation's opening, lessons, checkpoint and end. Slow where there is a folder: not for the event loop."""

    def __init__(self, folder: Path | None, first_message_id: int, opening: Opening) -> None:
        self.first_message_id = first_message_id
        self.opening = opening
        self.ended: Ended | None = None
        self._folder = folder
        self._sizes: dict[int, int] = {}
        self._files: dict[int, bytes] = {}  # only without a folder

    @classmethod
    def begin(cls, folder: Path | None, first_message_id: int, opening: Opening) -> LessonShelf:
        """An empty shelf; what the folder held before is removed. Raises OSError."""
        shelf = cls(folder, first_message_id, opening)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            body = {"first_message_id": first_message_id, **asdict(opening)}
            _write(folder / OPENING, json.dumps(body).encode())
        return shelf

    @classmethod
    def found(cls, folder: Path | None) -> LessonShelf | None:
        """The shelf that a folder holds; None when it holds none that can be used."""
        if folder is None or not (folder / OPENING).exists():
            return None
        try:
            body = json.loads((folder / OPENING).read_bytes())
            shelf = cls(folder, body["first_message_id"], Opening(body["settings"], body["images"]))
            if (folder / ENDED).exists():
                shelf.ended = Ended(**json.loads((folder / ENDED).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        for path in folder.glob(f"*{SUFFIX}"):
            shelf._sizes[int(path.stem)] = path.stat().st_size
        return shelf

    @property
    def checkpoint(self) -> Path | None:
        """Where the training's checkpoint goes; None without a folder."""
        return None if self._folder is None else self._folder / CHECKPOINT

    def __len__(self) -> int:
        return len(self._sizes)

    def put(self, number: int, segments: list[Segment], original: Segment | None) -> None:
        """Keeps a lesson. Raises LessonError when there is no room, OSError when it cannot be written."""
        data = _pack([*segments, *([original] if original is not None else [])], original is not None)
        if sum(self._sizes.values()) + len(data) > MAX_BYTES:
            raise LessonError(f"lessons: take more than {MAX_BYTES} bytes; send fewer or smaller images")
        if self._folder is None:
            self._files[number] = data
        else:
            _write(self._path(number), data)
        self._sizes[number] = len(data)

    def get(self, numbers: tuple[int, ...]) -> list[Lesson]:
        """Those lessons, in order. Raises LessonError when one is not here."""
        missing = [n for n in numbers if n not in self._sizes]
        if missing:
            raise LessonError(
                f"lessons: {len(missing)} of {len(numbers)} are not here (the first is {missing[0]}); "
                "start the receiver with --state, so that it keeps them when it is replaced, and adapt again"
            )
        return [_unpack(self._files[n] if self._folder is None else self._path(n).read_bytes()) for n in numbers]

    def end(self, ended: Ended) -> None:
        """Keeps how it ended, and forgets everything else but the opening. Raises OSError."""
        self.ended = ended
        if self._folder is not None:
            _write(self._folder / ENDED, json.dumps(asdict(ended)).encode())
            for path in [*self._folder.glob(f"*{SUFFIX}"), *self._folder.glob(f"{CHECKPOINT}*")]:
                path.unlink(missing_ok=True)
        self._sizes.clear()
        self._files.clear()

    def _path(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{number:05d}{SUFFIX}"


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def _pack(segments: list[Segment], with_original: bool) -> bytes:
    """Segments as one .npz file."""
    heads = [{"kind": s.kind.value, "level": s.level, "alphabet": s.alphabet} for s in segments]
    arrays: dict[str, NDArray[Any]] = {
        "heads": np.frombuffer(json.dumps({"segments": heads, "original": with_original}).encode(), np.uint8)
    }
    for i, segment in enumerate(segments):
        arrays[f"values{i}"] = segment.values
        if segment.present is not None:
            arrays[f"present{i}"] = segment.present
        if segment.csi is not None:
            arrays[f"csi{i}"] = segment.csi
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpack(data: bytes) -> Lesson:
    with np.load(BytesIO(data), allow_pickle=False) as arrays:
        heads = json.loads(arrays["heads"].tobytes())
        segments = [
            Segment(
                Kind(head["kind"]),
                arrays[f"values{i}"],
                head["level"],
                head["alphabet"],
                arrays.get(f"present{i}"),
                arrays.get(f"csi{i}"),
            )
            for i, head in enumerate(heads["segments"])
        ]
    original = read_original(segments.pop()) if heads["original"] else None
    return Lesson(segments, original)
