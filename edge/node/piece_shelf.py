"""Where the pieces of one file wait for the others: in a folder, where they survive the process, or in memory.

A piece is on the disk, whole or not at all, before anybody answers for it. What is here is checked as a whole only when
all of it has come.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from dataclasses import asdict
from pathlib import Path

from edge.adapt.errors import AdaptError
from edge.node.adapt_messages import LessonError
from edge.node.align_messages import Offer
from edge.node.transfer import Crossed

OFFER = "offer.json"
SUFFIX = ".piece"
MET = struct.Struct("<qqq")  # Crossed, before the bytes of a piece


class PieceShelf:
    """One file that comes in pieces. Slow where there is a folder: not for the event loop."""

    def __init__(self, folder: Path | None) -> None:
        """What the folder holds already is found again."""
        self.offer: Offer | None = None
        self.opened: Crossed | None = None  # what the offer met
        self._folder = folder
        self._met: dict[int, Crossed] = {}
        self._pieces: dict[int, bytes] = {}  # only without a folder
        if folder is not None and (folder / OFFER).exists():
            self._find(folder)

    def begin(self, offer: Offer, met: Crossed) -> None:
        """Makes ready for a file; keeps what is here of it, and drops what is here of another."""
        if self.offer is None or (self.offer.digest, self.offer.piece_bytes) != (offer.digest, offer.piece_bytes):
            self.clear()
        self.offer, self.opened = offer, met
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._folder / OFFER, json.dumps({"offer": asdict(offer), "met": asdict(met)}).encode())

    def put(self, piece: int, data: bytes, met: Crossed) -> None:
        """Keeps a piece; the first one counts. Raises AdaptError when no such piece was announced."""
        if self.offer is None:
            raise AdaptError(f"piece {piece}: comes before the file was offered; offer it first")
        if not 0 <= piece < self.offer.pieces or len(data) != self.offer.size_of(piece):
            raise AdaptError(
                f"piece {piece}: {len(data)} bytes do not fit a file of {self.offer.size_bytes} bytes in pieces of "
                f"{self.offer.piece_bytes}; use one version on both ends"
            )
        if piece in self._met:
            return
        if self._folder is None:
            self._pieces[piece] = data
        else:
            write_whole(self._path(piece), MET.pack(met.sent_ns, met.received_ns, met.size_bits) + data)
        self._met[piece] = met

    @property
    def held_bytes(self) -> int:
        return 0 if self.offer is None else sum(self.offer.size_of(piece) for piece in self._met)

    @property
    def missing(self) -> list[int]:
        """Pieces that have not come."""
        return [] if self.offer is None else [n for n in range(self.offer.pieces) if n not in self._met]

    @property
    def complete(self) -> bool:
        return self.offer is not None and not self.missing

    @property
    def met(self) -> Crossed | None:
        """What offer and pieces met."""
        return Crossed.all([*([self.opened] if self.opened is not None else []), *self._met.values()])

    def file(self) -> bytes:
        """The whole file. Raises AdaptError when pieces are missing or its digest is another."""
        if self.offer is None:
            raise AdaptError("no file was offered; send it first")
        if self.missing:
            raise AdaptError(
                f"{len(self.missing)} of {self.offer.pieces} pieces of the file have not come (the first is "
                f"{self.missing[0]}); send them too"
            )
        data = b"".join(self._data(piece) for piece in range(self.offer.pieces))
        digest = hashlib.sha256(data).hexdigest()
        if digest != self.offer.digest:
            raise AdaptError(f"digest: the file's SHA-256 is {digest}, not '{self.offer.digest}'; send it again")
        return data

    def clear(self) -> None:
        """Forgets everything."""
        self.offer = self.opened = None
        self._met.clear()
        self._pieces.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _data(self, piece: int) -> bytes:
        return self._pieces[piece] if self._folder is None else self._path(piece).read_bytes()[MET.size :]

    def _path(self, piece: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{piece:05d}{SUFFIX}"

    def _find(self, folder: Path) -> None:
        try:
            body = json.loads((folder / OFFER).read_bytes())
            offer = Offer.of(body["offer"])
            opened = Crossed(**body["met"])
            met = {}
            for path in folder.glob(f"*{SUFFIX}"):
                data = path.read_bytes()
                if len(data) == MET.size + offer.size_of(int(path.stem)):
                    met[int(path.stem)] = Crossed(*MET.unpack_from(data))
        except (OSError, ValueError, KeyError, TypeError, struct.error, LessonError):
            return  # written by another version: it will be sent again
        self.offer, self.opened, self._met = offer, opened, met


def write_whole(path: Path, data: bytes) -> None:
    """Writes a whole file or none."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
