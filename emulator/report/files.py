"""What a report's folder holds, and in which order it is written. report.json comes last: where it is, the rest is too.

report.json  report.html  pictures.png  quality.png  timeline.png
originals/NAME.png
received/RECEIVER/NUMBER-NAME.png
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edge.images import ImageError, decode, png_bytes
from emulator.report.schema import Report, ReportError, parse
from emulator.report.scoring import Picture, ReceivedKey, key

REPORT_NAME = "report.json"


def _slug(name: str) -> str:
    """A name as part of a file name: the last part of a path, no suffix, nothing that file systems or URLs mind."""
    last = re.split(r"[/\\:]", name)[-1]
    stem = re.sub(r"\.(png|jpe?g|webp|bmp|ppm|tiff?)$", "", last, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._")[:80] or "unnamed"


class _Paths:
    """Hands out paths that differ even where file systems ignore case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, folder: str, stem: str, suffix: str = ".png") -> str:
        path, number = f"{folder}/{stem}{suffix}", 2
        while path.casefold() in self._taken:
            path, number = f"{folder}/{stem}-{number}{suffix}", number + 1
        self._taken.add(path.casefold())
        return path


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a whole file or none: readers see the old one or the new one."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(path)


def _write_picture(out: Path, relative: str, picture: Picture) -> None:
    path = out / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes(picture))


def save_pictures(
    report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture], out: Path
) -> None:
    """Writes originals and received pictures as PNG and notes their paths in the report's messages, in place."""
    paths = _Paths()
    destinations = dict.fromkeys(message.destination for message in report.messages)
    folders = {name: paths.take("received", _slug(name), suffix="") for name in destinations}
    places = {name: paths.take("originals", _slug(name)) for name in originals}
    for name, picture in originals.items():
        _write_picture(out, places[name], picture)
    for message in report.messages:
        message.original = places.get(message.image)
        message.picture = None
        if (decoded := received.get(key(message))) is not None:
            place = paths.take(folders[message.destination], f"{message.message_id:04d}-{_slug(message.image)}")
            _write_picture(out, place, decoded)
            message.picture = place


def read_report(out: Path) -> Report:
    """DIR/report.json. Raises ReportError, one sentence, when it is missing, foreign or damaged."""
    path = out / REPORT_NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ReportError(f"{path}: no such file; give a folder that `edge-emulator run` wrote and finished") from error
    except OSError as error:
        raise ReportError(
            f"{path}: cannot be read ({error.strerror}); give a folder that `edge-emulator run` wrote"
        ) from error
    return parse(data, str(path))


def load_pictures(report: Report, out: Path) -> tuple[dict[str, Picture], dict[ReceivedKey, Picture]]:
    """The originals and received pictures that a report names. Raises ReportError when one is missing or damaged."""
    originals: dict[str, Picture] = {}
    received: dict[ReceivedKey, Picture] = {}
    for message in report.messages:
        if message.original is not None and message.image not in originals:
            originals[message.image] = _read_picture(out, message.original)
        if message.picture is not None:
            received[key(message)] = _read_picture(out, message.picture)
    return originals, received


def _read_picture(out: Path, relative: str) -> Picture:
    path = out / relative
    try:
        return np.ascontiguousarray(decode(path.read_bytes(), str(path)))
    except FileNotFoundError as error:
        raise ReportError(f"{path}: no such picture, but report.json names it; copy the whole folder") from error
    except (OSError, ImageError) as error:
        raise ReportError(f"{path}: cannot be read ({error}); copy the whole folder again") from error
