"""What fine-tuning left: decoders (and codebooks) that were or are in force, saved, listed, and gone back to.

A store belongs to one session of one node. With a folder it survives the process; without one it lives in memory.
A state is one safetensors file whose metadata describes it, so a store can be read by any tool and nothing unpickles.
The initial state is saved like any other (method `initial`); the caller does that before the first change.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from edge.adapt.errors import AdaptError
from edge.codecs.tensors import Tensors

MAX_STATES = 16  # kept in a store; the oldest that is neither in force nor the first goes
SUFFIX = ".safetensors"
ACTIVE = "active.json"


@dataclass(frozen=True)
class Origin:
    """Where a state comes from. digest: the codec's knowledge with it. before, after: judgements in `unit`."""

    digest: str
    method: str
    before: float | None = None
    after: float | None = None
    unit: str = "dB"


@dataclass(frozen=True)
class State(Origin):
    """One saved state. id: unique in its store. number: 0 for the first. created: UTC, ISO 8601."""

    id: str = ""
    number: int = 0
    created: str = ""


class StateStore:
    """Save, list, load, and remember which is in force. For one thread."""

    def __init__(self, folder: Path | None, limit: int = MAX_STATES) -> None:
        """folder: made when missing; what it holds already is found again. Raises AdaptError when it cannot be used."""
        if limit < 2:
            raise AdaptError(f"states: a store must keep at least 2, got {limit}; raise the limit")
        self._folder = folder
        self._limit = limit
        self._states: dict[str, State] = {}
        self._memory: dict[str, dict[str, NDArray[Any]]] = {}
        self._history: list[str] = []  # ids in the order in which they came in force; the last is in force
        if folder is not None:
            self._find(folder)

    @property
    def active_id(self) -> str:
        """The state in force; empty before the first `activate`."""
        return self._history[-1] if self._history else ""

    def list(self) -> list[State]:
        """All states, oldest first."""
        return sorted(self._states.values(), key=lambda state: state.number)

    def save(self, tensors: Tensors, origin: Origin) -> State:
        """Adds a state; a killed writer leaves none. May drop an old one. It is not in force yet."""
        number = max((state.number for state in self._states.values()), default=-1) + 1
        state = State(
            **asdict(origin),
            id=f"{number:04d}-{secrets.token_hex(3)}",
            number=number,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        kept = {name: np.array(tensor, order="C") for name, tensor in tensors.items()}
        if self._folder is None:
            self._memory[state.id] = kept
        else:
            _write(self._folder / f"{state.id}{SUFFIX}", save(kept, {"state": json.dumps(asdict(state))}))
        self._states[state.id] = state
        self._bound(keep=state.id)
        return state

    def load(self, state_id: str) -> dict[str, NDArray[Any]]:
        """The tensors of a state. Raises AdaptError when there is none of that id or its file is damaged."""
        self.get(state_id)
        if self._folder is None:
            return {name: tensor.copy() for name, tensor in self._memory[state_id].items()}
        path = self._folder / f"{state_id}{SUFFIX}"
        try:
            with safe_open(path, framework="numpy") as archive:
                return {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise AdaptError(f"state {state_id}: its file cannot be read ({error}); choose another state") from error

    def get(self, state_id: str) -> State:
        """Raises AdaptError when there is none of that id."""
        if state_id not in self._states:
            known = ", ".join(state.id for state in self.list()) or "none"
            raise AdaptError(f"state '{state_id}': there is no such state (there are: {known}); choose one of them")
        return self._states[state_id]

    def by_knowledge(self, digest: str) -> State | None:
        """The state to be in when the other end has this knowledge: the one in force if it fits, else the latest that
        does, else None."""
        fitting = [state for state in self.list() if state.digest == digest]
        in_force = [state for state in fitting if state.id == self.active_id]
        return next(reversed(in_force or fitting), None)

    def activate(self, state_id: str) -> None:
        """Notes that a state is in force now; the caller has put its tensors there."""
        self.get(state_id)
        if self.active_id != state_id:
            self._history.append(state_id)
            self._note()

    def previous(self) -> State:
        """The state that was in force before the present one. Raises AdaptError when there was none."""
        for state_id in reversed(self._history[:-1]):
            if state_id in self._states and state_id != self.active_id:
                return self._states[state_id]
        raise AdaptError("roll back: there is no earlier state; give the id of one that is listed")

    def roll_back(self, state_id: str = "") -> State:
        """Notes a return to `state_id`, or to the previous state: what came in force after it is forgotten as history
        (the states stay), so that rolling back twice goes two steps back. The caller loads and applies the tensors."""
        target = self.get(state_id) if state_id else self.previous()
        if target.id in self._history:
            last = len(self._history) - 1 - self._history[::-1].index(target.id)
            self._history = self._history[: last + 1]
        else:
            self._history.append(target.id)
        self._note()
        return replace(target)

    def _bound(self, keep: str) -> None:
        """Drops the oldest states beyond the limit, except the first, the one in force and the newest."""
        for state in self.list()[1:]:
            if len(self._states) <= self._limit:
                break
            if state.id in (keep, self.active_id):
                continue
            del self._states[state.id]
            self._memory.pop(state.id, None)
            if self._folder is not None:
                (self._folder / f"{state.id}{SUFFIX}").unlink(missing_ok=True)

    def _note(self) -> None:
        self._history = self._history[-4 * self._limit :]
        if self._folder is not None:
            _write(self._folder / ACTIVE, json.dumps(self._history).encode())

    def _find(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files = sorted(folder.glob(f"*{SUFFIX}"))
            noted = (folder / ACTIVE).read_text() if (folder / ACTIVE).exists() else "[]"
        except OSError as error:
            raise AdaptError(f"state folder: {folder} cannot be used ({error.strerror}); choose another") from error
        for file in files:
            state = _described(file)
            if state is not None:
                self._states[state.id] = state
        try:
            history: Any = json.loads(noted)
        except ValueError:
            history = []
        if isinstance(history, list):
            self._history = [state_id for state_id in history if state_id in self._states]


def _described(file: Path) -> State | None:
    """The state a file holds; None for a file that is damaged or somebody else's: it must not stop the node."""
    try:
        with safe_open(file, framework="numpy") as archive:
            metadata: Mapping[str, str] = archive.metadata() or {}
        state = State(**json.loads(metadata.get("state", "")))
    except (SafetensorError, OSError, ValueError, TypeError):
        return None
    return state if state.id == file.name.removesuffix(SUFFIX) else None


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
