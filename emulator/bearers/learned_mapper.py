"""Carries the BITS of a message through a learned channel mapper, AWGN and the demapper (Split DeepJSCC, eq. 14).

    bits, 0.5 where missing --> h --> K symbols of average power 1 --> AWGN --> q --> bits

The networks are in mapper_network.py, which needs torch: import this module only where a link has such a bearer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from emulator.bearers import shipped_mappers
from emulator.bearers.bearer import AskedLevel, CarriedGroup, Draws, Group, GroupForm
from emulator.bearers.mapper_network import LearnedMapper, MapperError
from emulator.channels.awgn import AWGN
from emulator.v1 import control_pb2

EQUAL = 1e-6  # shares of levels that differ by no more are equal


@dataclass(frozen=True)
class OpenMapper:
    """A loaded mapper. name: of its file, without folder; digest: SHA-256 over its tensors, in hex."""

    name: str
    mapper: LearnedMapper
    digest: str


def open_mapper(weights: str) -> OpenMapper:
    """A mapper by its shipped name or its path; a file that has not changed is read once. Raises MapperError."""
    torch.set_num_threads(1)  # a message is too little work for more, and sums come out alike everywhere
    path = shipped_mappers.path_of(weights)
    if not path.is_file() and path.parent == shipped_mappers.folder():
        raise MapperError(shipped_mappers.unknown(weights))
    try:
        state = path.stat()
    except OSError as error:
        raise MapperError(f"{weights}: cannot be read ({error.strerror}); give a .safetensors file") from error
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, changed_ns: int, size_bytes: int) -> OpenMapper:  # noqa: ARG001  (they are part of the key)
    mapper = LearnedMapper.load(path)
    return OpenMapper(path.name, mapper, tensors_digest(mapper))


def tensors_digest(mapper: LearnedMapper) -> str:
    """SHA-256 over the names, shapes and values of h and q, in hex."""
    hashed = hashlib.sha256()
    for name, tensor in sorted(mapper.pair.state_dict().items()):
        values = tensor.contiguous().numpy()
        hashed.update(f"{name} {values.dtype} {values.shape}".encode() + values.tobytes())
    return hashed.hexdigest()


class LearnedBits:
    """Messages one by one, so that each comes out the same whatever travels beside it.

    A bit that did not arrive is 0.5 at h's input and comes out as q guesses it, so every packet is delivered.
    """

    def __init__(self, opened: OpenMapper, snr_db: float, collect_s: float) -> None:
        """snr_db: Es/N0 in dB. Raises ValueError for one out of range."""
        self.opened = opened
        self.collect_s = collect_s
        self._channel = AWGN(snr_db)
        self._mapper = opened.mapper
        self._levels = opened.mapper.shape.levels

    def objection(self, asked: Sequence[AskedLevel]) -> str:
        shares = [level.share for level in asked]
        if not asked or (len(asked) == self._levels and max(shares) - min(shares) <= EQUAL):
            return ""
        got = " and ".join(sorted({f"{share:.3g}" for share in shares}))
        return (
            f"{len(asked)} levels with shares of {got} are announced, but {self._name} is for {self._levels} equal ones"
        )

    def check(self, forms: Sequence[GroupForm]) -> None:
        shapes = {form.shape for form in forms}
        per_level = self._mapper.shape.bits // self._levels
        fits = sorted(form.level for form in forms) == list(range(self._levels)) and len(shapes) == 1
        if not fits or len(shape := shapes.pop()) != 3 or shape[2] != per_level:
            got = ", ".join(f"{form.level}: {list(form.shape)}" for form in forms)
            raise ValueError(
                f"{self._name} takes bits [h, w, {per_level}] of each level 0 to {self._levels - 1}, got {{{got}}}; "
                "use the codec that it was trained for, or another bearer"
            )
        self._mapper.symbols_for(shape[0], shape[1])

    def channel_uses(self, forms: Sequence[GroupForm]) -> list[int]:
        symbols, count = self._mapper.symbols_for(*self._grid(forms)), len(forms)
        edges = [symbols * i // count for i in range(count + 1)]
        return [edges[i + 1] - edges[i] for i in range(count)]

    def carry(self, groups: Sequence[Group], receivers: Sequence[Draws]) -> list[list[CarriedGroup]]:
        grid = self._grid([group.form for group in groups])
        order = sorted(range(len(groups)), key=lambda i: groups[i].form.level)
        bits = np.concatenate([groups[i].bits for i in order])[None]
        present = np.concatenate([groups[i].present for i in order])[None]
        symbols = self._mapper.map(bits, grid, None if present.all() else present)[0]
        whole = np.ones(bits.size // len(groups), np.bool_)
        passages = []
        for draws in receivers:
            received = self._channel(symbols, 0, draws(groups[order[0]].form.segment))
            guessed = np.split(self._mapper.demap(received[None], grid)[0], len(groups))
            place = dict(zip(order, guessed, strict=True))
            passages.append([CarriedGroup(place[i], whole) for i in range(len(groups))])
        return passages

    def describe(self) -> control_pb2.LinkBearer:
        shape, metadata = self._mapper.shape, self._mapper.metadata
        description = control_pb2.MapperDescription(
            weights=self.opened.name,
            digest=self.opened.digest,
            demapper_digest=metadata.get("demapper", ""),
            symbols=shape.symbols,
            bits=shape.side**2 * shape.bits,
            trained_snr_db=float(metadata.get("snr_db", "nan")),
        )
        return control_pb2.LinkBearer(snr_db=self._channel.snr_db, learned_mapper=description)

    @property
    def _name(self) -> str:
        return f"the learned mapper {self.opened.name}"

    @staticmethod
    def _grid(forms: Sequence[GroupForm]) -> tuple[int, int]:
        return forms[0].shape[0], forms[0].shape[1]
